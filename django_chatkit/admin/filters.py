"""Filters with fixed choices: none of them asks the database which values there are."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import ChatSession, Erasure, SyncRun
from ..models.runs import SILENCE
from ..services.bubbles import ROLE_OF_TYPE
from .readonly import Word
from .visible import one_line

if TYPE_CHECKING:  # the stubs' class has no such shape at run time
    from collections.abc import Iterable

Condition = Callable[[], Q]


class ChoiceFilter(admin.SimpleListFilter):
    """Filter by one of a few named conditions."""

    conditions: dict[str, tuple[Word, Condition]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> "Iterable[tuple[str, Word]]":  # type: ignore[override] # the stubs know no lazy words
        """Return the choices."""
        return [(key, word) for key, (word, _condition) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the choice; an unknown one keeps all."""
        chosen = self.conditions.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen[1]())


class RowFilter(admin.SimpleListFilter):
    """Filter by one row that another page links to; without it, the filter isn't shown."""

    path = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the one choice there is: what was asked for."""
        value = self.value()
        return [(value, one_line(value))] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows that belong to the one asked for."""
        value = self.value() or ""  # never empty here: a filter that isn't shown isn't asked
        # No id holds a NUL, and PostgreSQL refuses to be asked for one.
        return queryset.none() if "\0" in value else queryset.filter(**{self.path: value})


class OfEndUser(RowFilter):
    """Keep what belongs to one end user."""

    title = _("end user")
    parameter_name = "end_user"
    path = "end_user"


class OfThread(RowFilter):
    """Keep the items of one thread."""

    title = _("thread")
    parameter_name = "thread"
    path = "thread"


class EndUserState(ChoiceFilter):
    """Filter end users by what the sync thinks of them."""

    title = _("state")
    parameter_name = "state"
    conditions = {
        "live": (_("Live"), lambda: Q(live_until__gt=timezone.now())),
        "due": (_("Due"), lambda: Q(due_at__lte=timezone.now())),
        "leased": (_("Being synced"), lambda: Q(leased_until__gt=timezone.now())),
        "failing": (_("Sync failed"), lambda: Q(failures__gt=0)),
        "held": (_("On hold"), lambda: Q(hold__isnull=False)),
        "erasing": (
            _("Being erased"),
            lambda: Q(pk__in=Erasure.objects.pending().values("pending_for")),
        ),
    }


class HasOwner(ChoiceFilter):
    """Filter end users by whether their account is known."""

    title = _("owner")
    parameter_name = "owned"
    conditions = {
        "yes": (_("Known"), lambda: Q(owner__isnull=False)),
        "no": (_("Unknown"), lambda: Q(owner__isnull=True)),
    }


class SessionState(ChoiceFilter):
    """Filter sessions by their state."""

    title = _("state")
    parameter_name = "state"
    conditions = {
        "open": (_("Active"), lambda: Q(status=ChatSession.Status.ACTIVE, expires_at__gt=timezone.now())),
        "overdue": (
            _("Expired, not cancelled yet"),
            lambda: Q(status=ChatSession.Status.ACTIVE, expires_at__lte=timezone.now()),
        ),
        "expired": (_("Expired"), lambda: Q(status=ChatSession.Status.EXPIRED)),
        "cancelled": (_("Cancelled"), lambda: Q(status=ChatSession.Status.CANCELLED)),
        "failing": (_("Cancel failed"), lambda: Q(failures__gt=0)),
    }


class ThreadStatus(ChoiceFilter):
    """Filter threads by upstream's status."""

    title = _("status")
    parameter_name = "status"
    conditions = {
        "active": (_("Active"), lambda: Q(status="active")),
        "locked": (_("Locked"), lambda: Q(status="locked")),
        "closed": (_("Closed"), lambda: Q(status="closed")),
        "other": (_("Other"), lambda: ~Q(status__in=("active", "locked", "closed"))),
    }


class ThreadCopy(ChoiceFilter):
    """Filter threads by how good our copy is."""

    title = _("copy")
    parameter_name = "copy"
    conditions = {
        "whole": (_("Whole"), lambda: Q(synced_at__isnull=False)),
        "under-way": (_("Under way"), lambda: Q(synced_at__isnull=True)),
        "failing": (_("Sync of the end user failed"), lambda: Q(end_user__failures__gt=0)),
    }


class Presence(ChoiceFilter):
    """Filter by whether upstream still has it."""

    title = _("upstream")
    parameter_name = "upstream"
    conditions = {
        "present": (_("Present"), lambda: Q(gone_at__isnull=True)),
        "gone": (_("Gone"), lambda: Q(gone_at__isnull=False)),
    }


def _unusual(condition: Q) -> Q:
    # To be no message goes without saying, and is what the index of unusual types is about.
    return condition & ~Q(type="chatkit.user_message") & ~Q(type="chatkit.assistant_message")


class ItemType(ChoiceFilter):
    """Filter items by type."""

    title = _("type")
    parameter_name = "type"
    conditions = {
        "user_message": (_("Message of the end user"), lambda: Q(type="chatkit.user_message")),
        "assistant_message": (_("Message of the assistant"), lambda: Q(type="chatkit.assistant_message")),
        "client_tool_call": (_("Tool call"), lambda: _unusual(Q(type="chatkit.client_tool_call"))),
        "widget": (_("Widget"), lambda: _unusual(Q(type="chatkit.widget"))),
        "task": (_("Task"), lambda: _unusual(Q(type="chatkit.task"))),
        "task_group": (_("Task group"), lambda: _unusual(Q(type="chatkit.task_group"))),
        "other": (_("Other"), lambda: _unusual(~Q(type__in=ROLE_OF_TYPE))),
    }


def word_of_type(type: str) -> Word:
    """Return what the filter calls a type of items; what it doesn't know stays as upstream calls it."""
    if type not in ROLE_OF_TYPE:
        return one_line(type)
    word, _condition = ItemType.conditions[type.removeprefix("chatkit.")]
    return word


class ItemSettled(ChoiceFilter):
    """Filter items by whether they may still change."""

    title = _("settled")
    parameter_name = "settled"
    conditions = {
        "yes": (_("Settled"), lambda: Q(settled=True)),
        "no": (_("In progress"), lambda: Q(settled=False)),
    }


class RunKind(ChoiceFilter):
    """Filter sync runs by what they set out to do."""

    title = _("kind")
    parameter_name = "kind"
    conditions = {
        "due": (_("Due end users"), lambda: Q(kind=SyncRun.Kind.DUE)),
        "user": (_("One end user"), lambda: Q(kind=SyncRun.Kind.USER)),
        "thread": (_("One thread"), lambda: Q(kind=SyncRun.Kind.THREAD)),
        "reconcile": (_("Everything"), lambda: Q(kind=SyncRun.Kind.RECONCILE)),
    }


class RunState(ChoiceFilter):
    """Filter sync runs by what became of them."""

    title = _("state")
    parameter_name = "state"
    conditions = {
        "running": (_("Running"), lambda: Q(ended_at=None, noted_at__gt=timezone.now() - SILENCE)),
        "ended": (_("Ended"), lambda: Q(ended_at__isnull=False, stopped=False)),
        "stopped": (_("Stopped by an error"), lambda: Q(stopped=True)),
        "broken-off": (_("Broken off"), lambda: Q(ended_at=None, noted_at__lte=timezone.now() - SILENCE)),
    }


class RunErrors(ChoiceFilter):
    """Filter sync runs by whether anything failed in them."""

    title = _("errors")
    parameter_name = "errors"
    conditions = {
        "yes": (_("With errors"), lambda: Q(errors__gt=0)),
        "no": (_("Without errors"), lambda: Q(errors=0)),
    }
