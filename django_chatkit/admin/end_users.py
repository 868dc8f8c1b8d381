"""End users: whose they are, how the sync stands with them, their sessions and their threads."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .. import queue
from ..models import ChatSession, ChatThread, EndUser, Erasure
from ..models.fields import unless_sealed
from . import actions, columns, filters, notices
from .people import PersonAdmin, notices_of
from .readonly import may_view, may_view_transcripts
from .syncs import last_syncs
from .titles import title_of, with_opening
from .visible import one_line

# Rows of each kind on an end user's page; the list behind the link has all.
MOST_SHOWN = 20


@admin.register(EndUser)
class EndUserAdmin(PersonAdmin):
    """List end users by last activity; show one with the newest of its sessions and threads."""

    list_display = ("name", "owner_name", "state", "last_activity", "live_until", "looked_at", "error")
    list_display_links = ("name",)
    list_filter = (filters.EndUserState, filters.HasOwner)
    list_select_related = ("owner",)
    search_fields = ("id", "former_owner")
    search_help_text = _("Search id and owner, or a day of the last session's end as 2026-11-03.")
    day_field = "live_until"
    owner_path = "owner__"
    actions = ("sync_now", "hold", "lift", "erase")
    page_actions = {
        "sync_now": _("Sync now"),
        "hold": _("Hold…"),
        "lift": _("Lift the hold…"),
        "erase": _("Erase…"),
    }
    readonly_fields = ("id_word", "owner_link", "state", "last_activity")
    fields = (
        ("id_word", "owner_link"),
        ("state", "last_activity"),
        ("live_until", "due_at", "leased_until", "looked_at"),
    )

    # Reading

    def get_queryset(self, request: HttpRequest) -> QuerySet[EndUser]:
        """Read end users with their holds, and the moment at which one of their threads was last active."""
        # The last entry of an index for each end user, not the greatest of all their threads.
        active = ChatThread.objects.filter(end_user=OuterRef("pk"), last_activity_at__isnull=False)
        latest = active.order_by("-last_activity_at").values("last_activity_at")[:1]
        erasures = Erasure.objects.pending().filter(pending_for=OuterRef("pk"))
        rows = EndUser.objects.select_related("owner", "hold").annotate(
            active_at=Subquery(latest), is_being_erased=Exists(erasures)
        )
        return rows.order_by(*self.get_ordering(request))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Order by last activity, those without any by the end of their last session."""
        return (F("active_at").desc(nulls_last=True), F("live_until").desc(nulls_last=True), "id")

    def page_context(self, request: HttpRequest, row: EndUser) -> dict[str, Any]:
        """Add the newest sessions and threads, as far as the asker may view such."""
        return {
            **super().page_context(request, row),
            "notices": [
                *notices.of_pause(),
                *notices_of(row),
                *notices.of_end_user(row, now=timezone.now()),
            ],
            **last_syncs(self.admin_site, request, end_user=row.pk),
            "lists": [
                table
                for model, table in (
                    (ChatThread, self._threads(request, row)),
                    (ChatSession, self._sessions(row)),
                )
                if may_view(self.admin_site, request, model)
            ],
        }

    def _threads(self, request: HttpRequest, row: EndUser) -> dict[str, Any]:
        threads = ChatThread.objects.filter(end_user=row).defer(*unless_sealed("payload"))
        named = with_opening(threads) if may_view_transcripts(request) else threads
        rows = named.order_by(F("last_activity_at").desc(nulls_last=True), "-id")
        return {
            **self._table(ChatThread, row),
            "head": (_("Title"), _("State"), _("Last activity")),
            "rows": (
                (
                    columns.link(self.admin_site, thread, title_of(thread)),
                    columns.thread_state(thread),
                    thread.last_activity_at,
                )
                for thread in rows[:MOST_SHOWN]
            ),
        }

    def _sessions(self, row: EndUser) -> dict[str, Any]:
        rows = ChatSession.objects.filter(end_user=row).defer("payload").order_by("-created_at", "-id")
        return {
            **self._table(ChatSession, row),
            "head": (_("Session"), _("State"), _("Created")),
            "rows": (
                (
                    columns.link(self.admin_site, session, session.pk),
                    columns.session_state(session, now=timezone.now()),
                    session.created_at,
                )
                for session in rows[:MOST_SHOWN]
            ),
        }

    def _table(self, model: type[ChatThread] | type[ChatSession], row: EndUser) -> dict[str, Any]:
        ceiling = self.paginator.ceiling
        total = model._default_manager.filter(end_user=row).values("pk")[:ceiling].count()
        query = urlencode({filters.OfEndUser.parameter_name: row.pk})
        return {
            "noun": model._meta.verbose_name_plural,
            "slug": model._meta.model_name,
            "all": f"{columns.list_address(self.admin_site, model)}?{query}",
            "most": MOST_SHOWN,
            "total": total,
            "is_capped": total >= ceiling,
        }

    # Columns

    @admin.display(description=_("end user"), ordering="id")
    def name(self, row: EndUser) -> str:
        """Show the id."""
        return one_line(row.pk)

    @admin.display(description=_("owner"), ordering="owner")
    def owner_name(self, row: EndUser) -> str:
        """Name the owner."""
        return one_line(str(row.owner or row.former_owner or "–"))

    @admin.display(description=_("owner"))
    def owner_link(self, row: EndUser) -> SafeString | str:
        """Link to the owner, where accounts have pages here."""
        if row.owner is None or not self.admin_site.is_registered(type(row.owner)):
            return self.owner_name(row)
        return columns.link(self.admin_site, row.owner, str(row.owner))

    @admin.display(description=_("state"), ordering="due_at")
    def state(self, row: EndUser) -> SafeString | str:
        """Show what the sync thinks of the end user."""
        return columns.end_user_state(row, now=timezone.now())

    @admin.display(description=_("last activity"), ordering="active_at")
    def last_activity(self, row: Any) -> str:
        """Show when one of the threads was last active."""
        return columns.moment(row.active_at)

    @admin.display(description=_("last error"))
    def error(self, row: EndUser) -> str:
        """Show the error, cut."""
        return columns.error(row.last_error)

    # Actions

    @admin.action(description=_("Sync selected end users now"), permissions=["sync"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[EndUser]) -> HttpResponse | None:
        """Have a worker look at everything that each end user has upstream; its page tells how far that is."""
        return actions.hand_over(self, request, queryset, ask=_ask, did=_("Queued for a sync"))


def _ask(row: EndUser) -> bool:
    return queue.sync_user(row.pk)
