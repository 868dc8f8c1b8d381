"""Erasures: who asked for whom, when, how much went, and what is not done yet."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import ErasedThread, Erasure, Hold
from . import columns
from .filters import ChoiceFilter
from .readonly import ReadOnlyAdmin
from .visible import one_line, visible

# Threads on an erasure's page, of those that are not done.
MOST_SHOWN = 100


class ErasureState(ChoiceFilter):
    """Filter by how an erasure stands."""

    title = _("state")
    parameter_name = "state"
    conditions = {
        Erasure.State.WAITING: (
            Erasure.State.WAITING.label,
            lambda: Q(finished_at=None, failures=0),
        ),
        Erasure.State.FAILING: (
            Erasure.State.FAILING.label,
            lambda: Q(finished_at=None, failures__gt=0),
        ),
        Erasure.State.DONE: (
            Erasure.State.DONE.label,
            lambda: Q(finished_at__isnull=False, here_only=False),
        ),
        Erasure.State.HERE: (
            Erasure.State.HERE.label,
            lambda: Q(finished_at__isnull=False, here_only=True),
        ),
    }


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """List erasures, the newest first."""

    list_display = ("name", "state_word", "asked", "threads", "done", "error")
    list_display_links = ("name",)
    list_filter = (ErasureState, ("asked_at", admin.DateFieldListFilter))
    ordering = ("-asked_at", "-id")
    search_fields = ("end_user", "asked_as")
    search_help_text = _("Search end user or who asked, or a day of asking as 2026-11-03.")
    day_field = "asked_at"
    readonly_fields = ("name", "state_word", "asked", "whole_error")
    fields = (
        ("name", "state_word"),
        ("asked", "finished_at"),
        ("sessions", "threads", "items"),
        ("notes", "reviews", "runs"),
        ("failures", "retry_at", "whole_error"),
    )

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Search the erasure's own columns: its end user's row is gone."""
        return [str(field) for field in self.search_fields]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Erasure]:
        """Read erasures, each with whether its end user is held."""
        return Erasure.objects.annotate(is_held=Exists(Hold.objects.filter(end_user=OuterRef("end_user"))))

    def name_of(self, row: Erasure) -> str:
        """Return whom it is about."""
        return row.end_user

    def page_context(self, request: HttpRequest, row: Erasure) -> dict[str, Any]:
        """Add the threads that are not done, with what went wrong with each."""
        left = ErasedThread.objects.left().filter(erasure=row).order_by("pk")
        shown = [(one_line(each.pk, limit=300), columns.error(each.last_error)) for each in left[:MOST_SHOWN]]
        total = left.count() if len(shown) == MOST_SHOWN else len(shown)
        return {**super().page_context(request, row), "left": shown, "left_total": total}

    # Columns

    @admin.display(description=_("end user"), ordering="end_user")
    def name(self, row: Erasure) -> str:
        """Show whom it is about."""
        return one_line(row.end_user, limit=600)

    @admin.display(description=_("state"), ordering="finished_at")
    def state_word(self, row: Erasure) -> SafeString | str:
        """Show how it stands."""
        return columns.erasure_state(row)

    @admin.display(description=_("asked for"), ordering="asked_at")
    def asked(self, row: Erasure) -> SafeString:
        """Show when it was asked for, and by whom."""
        return columns.two_lines(columns.short_moment(row.asked_at), one_line(row.asked_as, limit=150))

    @admin.display(description=_("done at"), ordering="finished_at")
    def done(self, row: Erasure) -> str:
        """Show when it was done."""
        return columns.short_moment(row.finished_at)

    @admin.display(description=_("last error"))
    def error(self, row: Erasure) -> str:
        """Show the error, cut."""
        return columns.error(row.last_error)

    @admin.display(description=_("last error"))
    def whole_error(self, row: Erasure) -> str:
        """Show the error whole."""
        return visible(row.last_error) or columns.NOTHING
