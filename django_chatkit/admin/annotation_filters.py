"""How threads are found by staff's own words, and who may see these."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Tag, ThreadNote, ThreadReview
from ..models.annotations import ThreadNoteQuerySet
from ..models.sealing import PREFIX, keyring
from .filters import ChoiceFilter
from .terms import Term
from .visible import one_line

# Threads that a search finds by notes, and by tags: the newest. Who looks for more of them has the filter.
MOST_MENTIONED = 1_000
# Tags to choose from in the list's filter.
MOST_TAGS_OFFERED = 100


def may(request: HttpRequest, codename: str) -> bool:
    """Tell whether the asker has one of the permissions on staff's own words."""
    return request.user.has_perm(f"django_chatkit.{codename}")


def may_view_reviews(request: HttpRequest) -> bool:
    """Tell whether the asker may see ratings and tags: whoever may view or change them."""
    return may(request, "view_threadreview") or may(request, "change_threadreview")


def mentioned(request: HttpRequest, term: str) -> Q:
    """Return what threads must meet that have a note or a tag that holds a term, as far as the asker sees such.

    They are few, for people wrote them one by one: as ids they change nothing about how the rest of a search is planned.
    """
    found = set[str]()
    if may(request, "view_threadnote"):
        notes = _in_clear(ThreadNote.objects.filter(text__icontains=term)).order_by("-pk")
        found |= set(notes.values_list("thread", flat=True)[:MOST_MENTIONED])
    if may_view_reviews(request):
        tagged = ThreadReview.objects.filter(tags__name__icontains=term.lower()).order_by("-reviewed_at")
        found |= set(tagged.values_list("pk", flat=True)[:MOST_MENTIONED])
    return Q(pk__in=sorted(found))


def mentions(request: HttpRequest, threads: Sequence[str], terms: Sequence[Term]) -> dict[str, str]:
    """Return of each thread its newest note that holds a term, or else such a tag, as far as the asker sees such."""
    found: dict[str, str] = {}
    if may_view_reviews(request):
        named = reduce(or_, (Q(tags__name__icontains=term.text.lower()) for term in terms))
        tagged = ThreadReview.objects.filter(named, pk__in=threads)
        found.update(tagged.values_list("pk", "tags__name"))
    if may(request, "view_threadnote"):
        said = reduce(or_, (Q(text__icontains=term.text) for term in terms))
        notes = _in_clear(ThreadNote.objects.filter(said, thread__in=threads)).order_by("-pk")
        found.update(reversed([*notes.values_list("thread", "text")[:MOST_MENTIONED]]))
    return found


def _in_clear(notes: ThreadNoteQuerySet) -> ThreadNoteQuerySet:
    """Leave sealed notes out, where there are such: their letters are nobody's words."""
    return notes.exclude(text__startswith=PREFIX) if keyring().is_in_use else notes


class OfRating(ChoiceFilter):
    """Filter threads by staff's rating."""

    title = _("rating")
    parameter_name = "rating"
    conditions = {
        "good": (_("Good"), lambda: Q(review__rating=ThreadReview.Rating.GOOD)),
        "mixed": (_("Mixed"), lambda: Q(review__rating=ThreadReview.Rating.MIXED)),
        "bad": (_("Bad"), lambda: Q(review__rating=ThreadReview.Rating.BAD)),
        "none": (_("Not rated"), lambda: Q(review__rating=None)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the choices for who may see ratings."""
        return super().lookups(request, model_admin) if may_view_reviews(request) else []


class OfTag(admin.SimpleListFilter):
    """Filter threads by one of the tags in use."""

    title = _("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the tags in use for who may see tags, in one query of a small table."""
        if not may_view_reviews(request):
            return []
        used = Tag.objects.filter(Exists(ThreadReview.tags.through.objects.filter(tag=OuterRef("pk"))))
        names = used.order_by("name").values_list("name", flat=True)[:MOST_TAGS_OFFERED]
        return [(name, one_line(name)) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the threads with the tag."""
        value = self.value()
        if value is None:
            return queryset
        return queryset.none() if "\0" in value else queryset.filter(review__tags__name=value)
