"""Filters of threads by what their items are, and by whose they are."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import ChatThreadItem
from .filters import ChoiceFilter, Condition, ItemType, RowFilter

# A tool call without an answer for so long has failed: nobody waits for it any more.
PATIENCE = timedelta(days=1)
# What nearly every thread has: quickly found in each.
_USUAL = ("user_message", "assistant_message")


class OfOwner(RowFilter):
    """Keep the threads of one owner, by the account's id."""

    title = _("owner")
    parameter_name = "owner"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the threads of the account; none where there can be no such id."""
        try:
            owners = get_user_model()._default_manager.filter(pk=self.value() or "")
        except (ValueError, ValidationError):
            return queryset.none()
        return queryset.filter(end_user__owner__in=owners.values("pk"))


class OfOwnership(ChoiceFilter):
    """Filter threads by whether the account of their end user is known."""

    title = _("owner")
    parameter_name = "owned"
    conditions = {
        "yes": (_("Known"), lambda: Q(end_user__owner__isnull=False)),
        "no": (_("Unknown"), lambda: Q(end_user__owner__isnull=True)),
    }


def _with_items(condition: Condition, *, usual: bool) -> Q:
    items = ChatThreadItem.objects.filter(condition())
    if usual:  # asked of each thread until a page is full
        return Q(Exists(items.filter(thread=OuterRef("pk"))))
    # Few: an index of the unusual types leads to them.
    return Q(pk__in=items.values("thread"))


class HasItems(ChoiceFilter):
    """Filter threads by the types of their items."""

    title = _("types of items")
    parameter_name = "has"
    conditions = {
        key: (word, partial(_with_items, condition, usual=key in _USUAL))
        for key, (word, condition) in ItemType.conditions.items()
    }


def _failed_call() -> Q:
    late = ChatThreadItem.objects.filter(
        type="chatkit.client_tool_call", settled=False, created_at__lte=timezone.now() - PATIENCE
    )
    return Q(pk__in=late.values("thread"))


class HasTrouble(ChoiceFilter):
    """Filter threads by what went wrong: with a tool, or with our copy."""

    title = _("trouble")
    parameter_name = "trouble"
    conditions = {
        "tool": (_("Tool failure"), _failed_call),
        "sync": (
            _("Unsynced or failed"),
            lambda: Q(synced_at__isnull=True) | Q(end_user__failures__gt=0),
        ),
    }
