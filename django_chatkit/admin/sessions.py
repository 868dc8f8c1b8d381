"""Sessions: the ledger of what we opened."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..client import ChatKit
from ..models import ChatSession
from ..services import sessions as services
from . import actions, columns, filters
from .readonly import ReadOnlyAdmin
from .visible import one_line


@admin.register(ChatSession)
class ChatSessionAdmin(ReadOnlyAdmin):
    """List sessions, the newest first; cancel them."""

    list_display = (
        "id_word",
        "created_at",
        "state",
        "end_user_link",
        "owner",
        "workflow",
        "expires_at",
        "error",
    )
    list_filter = (filters.OfEndUser, filters.SessionState, ("created_at", admin.DateFieldListFilter))
    list_select_related = ("end_user__owner",)
    ordering = ("-created_at", "-id")
    search_fields = ("id", "end_user__id", "workflow_id")
    search_help_text = _("Search id, end user, owner and workflow, or a day of opening as 2026-11-03.")
    owner_path = "end_user__owner__"
    actions = ("cancel",)
    page_actions = {"cancel": _("Cancel session")}
    readonly_fields = (
        "id_word",
        "workflow",
        "end_user_link",
        "owner",
        "state",
        "whole_error",
        "payload_json",
    )
    fields = (
        ("id_word", "state"),
        ("end_user_link", "owner"),
        "workflow",
        ("created_at", "expires_at", "gone_at"),
        ("failures", "retry_at", "whole_error"),
        "payload_json",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatSession]:
        """Read sessions; the payload, if a session's page asks for it."""
        return ChatSession.objects.defer("payload").order_by(*self.get_ordering(request))

    def makes_sense(self, action: str, row: ChatSession) -> bool:
        """Tell whether the session is still to be cancelled."""
        return row.status == ChatSession.Status.ACTIVE

    # Columns

    @admin.display(description=_("end user"), ordering="end_user_id")
    def end_user_link(self, session: ChatSession) -> SafeString:
        """Link to the end user."""
        return columns.link(self.admin_site, session.end_user, session.end_user_id, limit=32)

    @admin.display(description=_("owner"))
    def owner(self, session: ChatSession) -> str:
        """Name the owner."""
        return one_line(str(session.end_user.owner or "–"))

    @admin.display(description=_("state"), ordering="status")
    def state(self, session: ChatSession) -> SafeString | str:
        """Show the status, and what is to be done."""
        return columns.session_state(session, now=timezone.now())

    @admin.display(description=_("workflow"), ordering="workflow_id")
    def workflow(self, session: ChatSession) -> str:
        """Name the workflow."""
        return one_line(session.workflow_id, limit=255) or columns.NOTHING

    @admin.display(description=_("last error"))
    def error(self, session: ChatSession) -> str:
        """Show the error, cut."""
        return columns.error(session.last_error)

    @admin.display(description=_("last error"))
    def whole_error(self, session: ChatSession) -> str:
        """Show the error whole."""
        return columns.whole_error(session.last_error)

    @admin.display(description=_("payload"))
    def payload_json(self, session: ChatSession) -> SafeString:
        """Show the payload."""
        return columns.payload(session.payload)

    # Actions

    @admin.action(description=_("Cancel selected sessions"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[ChatSession]) -> HttpResponse | None:
        """Cancel each session upstream and in the ledger."""
        return actions.run(self, request, queryset, act=_cancel, did=_("Cancelled"))


def _cancel(client: ChatKit, session: ChatSession) -> None:
    services.cancel(client=client, now=timezone.now(), session=session)
