"""The overview: what happened on the last days, in plots that the server draws and a table of the same numbers."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import DailyCount, EndUser, Overview
from . import figures, notices
from .daily import Days
from .notices import Notice
from .readonly import ReadOnlyAdmin, Word
from .spans import span

PERIODS: dict[int, Word] = {
    7: gettext_lazy("7 days"),
    30: gettext_lazy("30 days"),
    90: gettext_lazy("90 days"),
    365: gettext_lazy("A year"),
}
USUAL = 30
# The days are counted each hour; what is older says that nobody does.
STALE = timedelta(hours=3)


@admin.register(Overview)
class OverviewAdmin(ReadOnlyAdmin):
    """Show one page, of numbers alone, to whoever may see threads."""

    class Media:
        """Name the stylesheet of the plots, beside the one of all our pages."""

        css = {"all": ["django_chatkit/overview.css"]}

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the asker may see threads: the page holds their number, and no word of them."""
        return request.user.has_perm("django_chatkit.view_chatthread")

    def get_urls(self) -> list[URLPattern]:
        """Serve the one page there is, where Django would serve the list."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        return [path("", self.admin_site.admin_view(self.changelist_view), name=name)]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the period that the address asks for; what it can't ask for is the usual one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Overview"),
            "subtitle": None,
            "opts": self.opts,
            "media": self.media,
            **_overview(_period(request.GET.get("days", "")), now=timezone.now()),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name  # as Django's own pages do
        return TemplateResponse(request, "admin/django_chatkit/overview.html", context)


def _period(asked: str) -> int:
    return next((days for days in PERIODS if str(days) == asked), USUAL)


def _overview(period: int, *, now: datetime) -> dict[str, Any]:
    today = now.astimezone(UTC).date()
    begin = today - timedelta(days=period - 1)
    counts = DailyCount.objects.between(begin, today).values_list("day", "metric", "type", "value")
    days = Days(begin, today, counts)
    sections = [
        ("conversations", _("Conversations"), figures.conversations(days)),
        ("sync", _("Sync"), figures.syncs(days)),
    ]
    shown = [figure for _slug, _heading, group in sections for figure in group]
    first, counted_at = DailyCount.objects.first_day(), DailyCount.objects.counted_at()
    return {
        "periods": [(str(days), word, days == period) for days, word in PERIODS.items()],
        "notices": [*notices.of_pause(), *_notices(counted_at, now)],
        "counted": "" if counted_at is None else span(now - counted_at),
        "waiting": span(lag) if (lag := _lag(now)) else "",
        "begin": begin,
        "today": today,
        "first": first if first and first > begin else None,
        "sections": sections if first else [],
        "head": [name for figure in shown for name, _words in figure.cells],
        "rows": list(figures.rows(days, shown, since=first or date.max)),
    }


def _notices(counted_at: datetime | None, now: datetime) -> list[Notice]:
    if counted_at is None or now - counted_at < STALE:
        return []
    heading = _("The days have not been counted for a while.")
    says = _(
        "Beat's task count_days does so each hour, and so does chatkit_cleanup: see that one of them runs."
    )
    return [Notice("bad", heading, says)]


def _lag(now: datetime) -> timedelta | None:
    """Return for how long the end user who waits longest is due and looked at by nobody."""
    waiting = EndUser.objects.due(now=now).unleased(now=now)
    due_at: datetime | None = waiting.order_by("due_at").values_list("due_at", flat=True).first()
    return None if due_at is None else now - due_at
