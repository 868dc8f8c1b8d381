"""Items: each with all that upstream said of it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import ChatThread, ChatThreadItem
from ..models.fields import unless_sealed
from ..services.bubbles import describe
from . import columns, filters, rendering
from .audit import record
from .finding import FindingAdmin, is_one, items_named
from .readonly import Word, may_view_transcripts
from .search import Words
from .snippets import snippet
from .terms import Term, parse
from .visible import one_line


@admin.register(ChatThreadItem)
class ChatThreadItemAdmin(FindingAdmin):
    """List items, the newest first; show one whole, however long."""

    list_display = ("words", "said_at", "end_user_link", "type_word", "state")
    # The words bring two links of their own.
    list_display_links = None
    list_filter = (
        filters.OfThread,
        filters.ItemType,
        filters.ItemSettled,
        filters.Presence,
        ("created_at", admin.DateFieldListFilter),
    )
    list_select_related = ("thread__end_user__owner",)
    ordering = ("-created_at", "-id")
    search_fields = ("text",)
    search_help_text = _(
        'Search words, "a phrase", the id of an item, a thread or an end user, or a day as 2026-11-03.'
    )
    sealed_help_text = _(
        "What was said is encrypted here and can't be searched. Search the id of an item, a thread or an end user, or a day "
        "as 2026-11-03."
    )
    # By what else would be sorted, no index leads.
    sortable_by = ("said_at",)
    readonly_fields = ("id_word", "whole_type", "thread_link", "end_user_link", "state", "payload_json")
    fields = (
        ("id_word", "whole_type"),
        ("thread_link", "end_user_link"),
        ("created_at", "position", "state"),
        "payload_json",
    )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the asker may view items: all that they hold is what was said."""
        return super().has_view_permission(request, obj) and may_view_transcripts(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatThreadItem]:
        """Read items with their thread and its end user; the payload, if the item's page asks for it."""
        rows = ChatThreadItem.objects.select_related("thread__end_user__owner")
        rows = rows.defer(*unless_sealed("payload"), "thread__payload")
        return rows.order_by(*self.get_ordering(request))

    def page_context(self, request: HttpRequest, row: ChatThreadItem) -> dict[str, Any]:
        """Add the item as a bubble, uncut."""
        did = _("Opened item %(id)s of the transcript") % {"id": one_line(row.pk, limit=200)}
        record(request, ChatThread, [row.thread_id], did)
        return {**super().page_context(request, row), "bubble": describe(row, rendering.of_one_item())}

    # Finding

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Note whose list of a thread's items this is: to ask for these is to read the thread."""
        changelist = super().get_changelist_instance(request)
        if _asks_for_threads(request):
            threads = sorted({item.thread_id for item in changelist.result_list})
            record(request, ChatThread, threads, _("Opened the transcript as a list of items"))
        return changelist

    def named(self, request: HttpRequest, id: str) -> Q | None:
        """Find an item by its id, or those of a thread or of an end user."""
        return items_named(id)

    def having(self, request: HttpRequest, terms: Sequence[Term], words: Words) -> Q:
        """Find items that say all the terms."""
        return words.in_items(terms)

    def marked(self, request: HttpRequest, rows: list[Any], terms: list[Term], words: Words) -> list[Any]:
        """Tell each item what was looked for."""
        for row in rows:
            row.terms = terms
        return rows

    # Columns

    @admin.display(description=_("type"))
    def type_word(self, item: ChatThreadItem) -> Word:
        """Show the type as the filter calls it, or as upstream does where the filter doesn't know it."""
        return filters.word_of_type(item.type) or columns.NOTHING

    @admin.display(description=_("type"))
    def whole_type(self, item: ChatThreadItem) -> SafeString:
        """Show the type as the filter calls it, and below it upstream's own word."""
        word, own = self.type_word(item), one_line(item.type)
        return columns.two_lines(word, "" if word == own else own)

    @admin.display(description=_("words"))
    def words(self, item: ChatThreadItem) -> SafeString:
        """Show the line that was found, or how the item begins, or its type where it says nothing; below it the thread."""
        terms = getattr(item, "terms", None)
        line = (snippet(item.text, terms) if terms else one_line(item.text)) or self.type_word(item)
        link = format_html('<a dir="auto" href="{}">{}</a>', columns.address(self.admin_site, item), line)
        return columns.two_lines(link, self.thread_link(item))

    @admin.display(description=_("state"))
    def state(self, item: ChatThreadItem) -> SafeString | str:
        """Show what is unusual: gone, in progress."""
        return columns.item_state(item)

    @admin.display(description=_("created at"), ordering="created_at")
    def said_at(self, item: ChatThreadItem) -> str:
        """Show when it was said."""
        return columns.short_moment(item.created_at)

    @admin.display(description=_("thread"))
    def thread_link(self, item: ChatThreadItem) -> SafeString:
        """Link to the place in the conversation."""
        query = urlencode({"item": item.pk})
        return columns.link(
            self.admin_site, item.thread, item.thread_id, place=f"?{query}#p{item.position}", limit=32
        )

    @admin.display(description=_("end user"))
    def end_user_link(self, item: ChatThreadItem) -> SafeString:
        """Link to the end user."""
        return columns.link(self.admin_site, item.thread.end_user, item.thread.end_user_id, limit=32)

    @admin.display(description=_("payload"))
    def payload_json(self, item: ChatThreadItem) -> SafeString:
        """Show the payload."""
        return columns.payload(item.payload)


def _asks_for_threads(request: HttpRequest) -> bool:
    """Tell whether an address narrows the list to threads: by the filter, a column, or an id that is searched."""
    if any(name.partition("__")[0] in ("thread", "thread_id") for name in request.GET):
        return True
    terms = parse(request.GET.get(SEARCH_VAR, ""))
    return len(terms) == 1 and is_one(ChatThread, terms[0].text)
