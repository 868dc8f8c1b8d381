"""Lists that find their rows by what was said, and show the line."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import ChatThread, ChatThreadItem, EndUser
from ..models.sealing import keyring
from .days import day_of
from .readonly import CappedPaginator, ReadOnlyAdmin, Word, may_view_transcripts
from .search import Words
from .terms import Term, parse

_HINT = _(
    'Every word must be there. Of one with three or more letters the beginning suffices; words in "quotes" stand together, in '
    "this order. An accent counts."
)


class FoundPaginator(CappedPaginator):
    """Count what was found no further than twenty pages: nobody reads on there, and counting means finding."""

    ceiling = 1_000


class FindingAdmin(ReadOnlyAdmin):
    """Find rows by words, ids at once."""

    # What can be searched where words are encrypted at rest.
    sealed_help_text: Word

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the rows that have every term; the row of an id, without a search."""
        terms = parse(search_term)
        if not terms or day_of(search_term) is not None:
            return super().get_search_results(request, queryset, search_term if terms else "")
        if len(terms) == 1 and (named := self.named(request, terms[0].text)) is not None:
            return queryset.filter(named), False
        return queryset.filter(self.having(request, terms, Words(using=queryset.db))), False

    @abstractmethod
    def named(self, request: HttpRequest, id: str) -> Q | None:
        """Return the condition of the rows that an id names, None where it is nobody's."""
        ...

    @abstractmethod
    def having(self, request: HttpRequest, terms: Sequence[Term], words: Words) -> Q:
        """Return the condition of the rows that have all terms."""
        ...

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Bring along where the rows of the page say what was looked for."""
        changelist = super().get_changelist_instance(request)
        if keyring().is_in_use:
            changelist.search_help_text = str(self.sealed_help_text)
            changelist.is_sealed = bool(_terms(request))  # type: ignore[attr-defined] # for our template
        if self.shows_lines(request):
            terms, words = _terms(request), Words(using=changelist.queryset.db)
            changelist.search_hint = "" if keyring().is_in_use else _HINT  # type: ignore[attr-defined] # for our template
            changelist.leaves_out = words.leaves_out(terms)  # type: ignore[attr-defined] # for our template
            changelist.result_list = self.marked(request, list(changelist.result_list), terms, words)
        return changelist

    @abstractmethod
    def marked(self, request: HttpRequest, rows: list[Any], terms: list[Term], words: Words) -> list[Any]:
        """Return the page's rows, each with where it says what was looked for."""
        ...

    def shows_lines(self, request: HttpRequest) -> bool:
        """Tell whether the list shows what was said, because it is looked for and may be read."""
        return bool(_terms(request)) and may_view_transcripts(request)

    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **kwargs: Any
    ) -> Any:
        """Count less far where something is looked for."""
        paginator = FoundPaginator if _terms(request) else CappedPaginator
        return paginator(queryset, per_page, *args, **kwargs)


def is_one(model: type[Model], id: str) -> bool:
    """Tell whether there is a row of a model with this id."""
    return model._default_manager.filter(pk=id).exists()


def thread_named(request: HttpRequest, id: str) -> Q | None:
    """Return the condition of the thread with this id, or, for who may read it, with the item of this id."""
    if is_one(ChatThread, id):
        return Q(pk=id)
    if may_view_transcripts(request) and is_one(ChatThreadItem, id):
        return Q(pk__in=ChatThreadItem.objects.filter(pk=id).values("thread"))
    return None


def items_named(id: str) -> Q | None:
    """Return the condition of the item with this id, or of the items of the thread or the end user with it."""
    named = {ChatThreadItem: Q(pk=id), ChatThread: Q(thread=id), EndUser: Q(thread__end_user=id)}
    return next((condition for model, condition in named.items() if is_one(model, id)), None)


def _terms(request: HttpRequest) -> list[Term]:
    query = request.GET.get(SEARCH_VAR, "")
    return parse(query) if day_of(query) is None else []
