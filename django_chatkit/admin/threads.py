"""Threads, each as the conversation that it is."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .. import conf, queue
from ..client import ChatKit
from ..models import ChatThread, ChatThreadItem, EndUser
from ..models.fields import unless_sealed
from ..models.sealing import keyring
from ..services import threads as services
from . import actions, columns, filters, notices
from .annotation_filters import OfRating, OfTag, mentioned, mentions
from .annotations import AnnotatedAdmin
from .audit import record
from .conversation import conversation
from .export import ExportingAdmin
from .finding import FindingAdmin, thread_named
from .readonly import may_view, may_view_transcripts
from .search import Words
from .snippets import snippet
from .syncs import last_syncs
from .terms import Term
from .thread_filters import HasItems, HasTrouble, OfOwner, OfOwnership
from .titles import title_of, with_opening
from .visible import one_line

_OF_END_USER = "end_user__"
_WITHOUT_WORDS = _("Search title, end user, owner and id, or a day of last activity as 2026-11-03.")


@admin.register(ChatThread)
class ChatThreadAdmin(FindingAdmin, AnnotatedAdmin, ExportingAdmin):
    """List threads by last activity; show one as its conversation, a page at a time."""

    list_display = ("name", "last_activity", "state", "end_user_link", "owner")
    list_display_links = ("name",)
    list_filter = (
        filters.OfEndUser,
        OfOwner,
        OfOwnership,
        filters.ThreadStatus,
        filters.Presence,
        filters.ThreadCopy,
        HasItems,
        HasTrouble,
        ("last_activity_at", admin.DateFieldListFilter),
        ("created_at", admin.DateFieldListFilter),
        OfRating,
        OfTag,
    )
    list_select_related = ("end_user__owner",)
    ordering = ("-last_activity_at", "-id")
    search_fields = ("id", "title", "end_user__id")
    search_help_text = _(
        'Search words, "a phrase", title, end user, owner and id, or a day of last activity as 2026-11-03.'
    )
    sealed_help_text = _(
        "What was said, titles and notes are encrypted here and can't be searched. Search the id of a thread or an item, an "
        "end user, an owner, a tag, or a day of last activity as 2026-11-03."
    )
    day_field = "last_activity_at"
    owner_path = "end_user__owner__"
    actions = ("sync_now", "delete_upstream")
    page_actions = {"sync_now": _("Sync now"), "delete_upstream": _("Delete upstream…")}
    readonly_fields = ("id_word", "end_user_link", "owner", "state", "copied", "payload_json")
    fields = (
        ("id_word", "state"),
        ("end_user_link", "owner"),
        ("created_at", "last_activity_at", "copied"),
        "payload_json",
    )

    # Reading

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatThread]:
        """Read threads with what they are called and whose they are; the payload, if its page asks for it."""
        rows = ChatThread.objects.select_related("end_user__owner", "end_user__hold").defer(
            *unless_sealed("payload")
        )
        rows = rows.order_by(*self.get_ordering(request))
        return with_opening(rows) if may_view_transcripts(request) else rows

    def name_of(self, row: ChatThread) -> str:
        """Return the title, or the first words."""
        return title_of(row)

    def makes_sense(self, action: str, row: ChatThread) -> bool:
        """Tell whether there is something that may be deleted; to sync, always: upstream may have it again."""
        return action != "delete_upstream" or (row.gone_at is None and not hasattr(row.end_user, "hold"))

    def page_context(self, request: HttpRequest, row: ChatThread) -> dict[str, Any]:
        """Add the page of the conversation that the address asks for, if the asker may read it."""
        context = {
            **super().page_context(request, row),
            "notices": [
                *notices.of_pause(),
                *notices.of_hold(row.end_user),
                *notices.of_end_user(row.end_user, now=timezone.now()),
            ],
            **last_syncs(self.admin_site, request, thread=row.pk),
            "hides_content": conf.hides_content(),
        }
        if not may_view_transcripts(request):
            return context
        record(request, ChatThread, [row.pk], _("Opened the transcript"))
        return {
            **context,
            **conversation(ChatThreadItem.objects.along(row.pk), request.GET),
            "may_view_items": may_view(self.admin_site, request, ChatThreadItem),
        }

    # Finding

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Promise no search in words to who may not read them."""
        changelist = super().get_changelist_instance(request)
        if not may_view_transcripts(request) and not keyring().is_in_use:
            changelist.search_help_text = _WITHOUT_WORDS
        return changelist

    def named(self, request: HttpRequest, id: str) -> Q | None:
        """Find a thread by its id, or by that of one of its items."""
        return thread_named(request, id)

    def having(self, request: HttpRequest, terms: Sequence[Term], words: Words) -> Q:
        """Find threads of which each term is told or said: in what they are called, of whom they are, or within."""
        condition = Q()
        for term in terms:
            said = words.in_threads(term) if may_view_transcripts(request) else Q(pk__in=[])
            condition &= said | self._told(request, term) | mentioned(request, term.text)
        return condition

    def _told(self, request: HttpRequest, term: Term) -> Q:
        # Each end user is looked at once, not with each of their threads.
        names = (name for name in self.get_search_fields(request) if name.startswith(_OF_END_USER))
        people = (Q(**{f"{name.removeprefix(_OF_END_USER)}__icontains": term.text}) for name in names)
        of_people = Q(end_user__in=EndUser.objects.filter(reduce(or_, people)).order_by().values("pk"))
        return Q(pk__startswith=term.text) | Q(title__icontains=term.text) | of_people

    def marked(self, request: HttpRequest, rows: list[Any], terms: list[Term], words: Words) -> list[Any]:
        """Bring each thread's newest item that says what was looked for, or staff's own words that do."""
        hits = words.newest([row.pk for row in rows], terms)
        told = mentions(request, [row.pk for row in rows if row.pk not in hits], terms)
        for row in rows:
            row.hit, row.told, row.terms = hits.get(row.pk), told.get(row.pk), terms
        return rows

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        """Let a title that has a found line below it make its own link: Django would put both into one."""
        return None if self.shows_lines(request) else super().get_list_display_links(request, list_display)

    # Columns

    @admin.display(description=_("title"), ordering="title")
    def name(self, thread: ChatThread) -> SafeString | str:
        """Show the title, or the first words; of what was looked for, the line that says it below."""
        title = one_line(title_of(thread))
        if not hasattr(thread, "terms"):
            return title
        address = columns.address(self.admin_site, thread)
        marked = format_html('<a href="{}">{}</a>', address, snippet(title, thread.terms))
        return columns.two_lines(marked, self._found(thread))

    def _found(self, thread: Any) -> SafeString | str:
        """Return the line that says what was looked for, with the way to its place."""
        hit = thread.hit
        if hit is None:
            return self._told_by_staff(thread)
        query = urlencode({"item": hit.pk})
        place = f"{columns.address(self.admin_site, thread)}?{query}#p{hit.position}"
        line = snippet(hit.words, thread.terms) or filters.word_of_type(hit.type)
        return format_html('<a class="ck-found" dir="auto" href="{}">{}</a>', place, line or columns.NOTHING)

    def _told_by_staff(self, thread: Any) -> SafeString | str:
        if thread.told is None:
            return ""
        address = columns.address(self.admin_site, thread)
        line = snippet(thread.told, thread.terms)
        words = '<span class="ck-label">{}</span> <a class="ck-found" dir="auto" href="{}#staff">{}</a>'
        return format_html(words, _("Notes of staff"), address, line)

    @admin.display(description=_("end user"), ordering="end_user_id")
    def end_user_link(self, thread: ChatThread) -> SafeString:
        """Link to the end user."""
        return columns.link(self.admin_site, thread.end_user, thread.end_user_id, limit=32)

    @admin.display(description=_("owner"))
    def owner(self, thread: ChatThread) -> SafeString | str:
        """Name the owner, with the way to all of their threads."""
        owner = thread.end_user.owner
        if owner is None:
            return columns.NOTHING
        address = f"{columns.list_address(self.admin_site, ChatThread)}?{urlencode({'owner': owner.pk})}"
        return format_html('<a href="{}">{}</a>', address, one_line(str(owner)) or columns.NOTHING)

    @admin.display(description=_("state"), ordering="status")
    def state(self, thread: ChatThread) -> SafeString | str:
        """Show upstream's status, and what our copy lacks."""
        return columns.thread_state(thread)

    @admin.display(description=_("last activity"), ordering="last_activity_at")
    def last_activity(self, thread: ChatThread) -> str:
        """Show when something was said last."""
        return columns.short_moment(thread.last_activity_at)

    @admin.display(description=_("last change copied"))
    def copied(self, thread: ChatThread) -> str:
        """Show when a sync brought something last: one that finds nothing new leaves no trace here."""
        return columns.moment(thread.synced_at)

    @admin.display(description=_("payload"))
    def payload_json(self, thread: ChatThread) -> SafeString:
        """Show the payload, which holds no items: the mirror keeps none with a thread."""
        return columns.payload(thread.payload)

    # Actions

    @admin.action(description=_("Sync selected threads now"), permissions=["sync"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[ChatThread]) -> HttpResponse | None:
        """Have a worker look at each thread; its page tells how far that is."""
        return actions.hand_over(self, request, queryset, ask=_ask, did=_("Queued for a sync"))

    @admin.action(description=_("Delete selected threads upstream"), permissions=["delete_upstream"])
    def delete_upstream(self, request: HttpRequest, queryset: QuerySet[ChatThread]) -> HttpResponse | None:
        """Delete each thread at OpenAI, once it was confirmed."""
        if "confirmed" in request.POST:
            return actions.run(self, request, queryset, act=_delete, did=_("Deleted upstream"))
        chosen = list(queryset[: actions.MOST_AT_ONCE + 1])
        is_from_page = actions.FROM_PAGE in request.POST and len(chosen) == 1
        context = {
            **self.admin_site.each_context(request),
            "title": _("Delete upstream?"),
            "subtitle": None,
            "opts": self.opts,
            "media": self.media,
            "threads": [
                {
                    "title": columns.link(self.admin_site, thread, title_of(thread)),
                    "id": self.id_word(thread),
                    "end_user": one_line(thread.end_user_id),
                    "is_gone": thread.gone_at is not None,
                    "is_held": hasattr(thread.end_user, "hold"),
                }
                for thread in chosen
            ],
            "is_too_many": len(chosen) > actions.MOST_AT_ONCE,
            "too_many": actions.too_many(),
            "action": "delete_upstream",
            "ids": [thread.pk for thread in chosen],
            "yes": _("Yes, delete upstream"),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "from_page": is_from_page,
            "back": columns.address(self.admin_site, chosen[0]) if is_from_page else request.get_full_path(),
        }
        return TemplateResponse(request, "admin/django_chatkit/delete_upstream.html", context)


def _ask(thread: ChatThread) -> bool:
    return queue.sync_thread(thread.pk, watched=True)


def _delete(client: ChatKit, thread: ChatThread) -> None:
    services.delete(client=client, now=timezone.now(), thread=thread)
