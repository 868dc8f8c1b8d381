"""Sync runs: what each did and found, and what became of it."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Case, Exists, OuterRef, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ..models import ChatThread, EndUser, SyncRun
from . import columns, filters, notices
from .readonly import ReadOnlyAdmin
from .spans import span
from .visible import one_line

# Whom or what a run of a kind is about.
_ABOUT: dict[str, type[EndUser] | type[ChatThread]] = {
    SyncRun.Kind.USER: EndUser,
    SyncRun.Kind.THREAD: ChatThread,
}


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    """List runs, the newest first."""

    list_display = ("began", "state", "run", "requests_made", "items")
    list_display_links = ("began",)
    list_filter = (
        filters.RunKind,
        filters.RunState,
        filters.RunErrors,
        ("started_at", admin.DateFieldListFilter),
    )
    ordering = ("-started_at", "-id")
    search_fields = ("subject", "last_error")
    search_help_text = _("Search end user or thread, last error, or a day of the start as 2026-11-03.")
    day_field = "started_at"
    readonly_fields = ("state", "about", "took", "stood_still", "requests_made", "counts")
    fields = (
        ("state", "about"),
        ("started_at", "ended_at"),
        ("took", "stood_still"),
        ("users", "requests_made", "errors"),
        "counts",
    )

    # Reading

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Search the run's own columns: it belongs to nobody."""
        return [str(field) for field in self.search_fields]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        """Read runs with whether the end user or thread that each is about has a page here."""
        has_page = Case(
            *(
                When(kind=kind, then=Exists(model.objects.filter(pk=OuterRef("subject"))))
                for kind, model in _ABOUT.items()
            ),
            default=Value(False),
            output_field=BooleanField(),
        )
        return SyncRun.objects.annotate(has_page=has_page).order_by(*self.get_ordering(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say first whether upstream makes all runs wait."""
        return super().changelist_view(request, {**(extra_context or {}), "notices": [*notices.of_pause()]})

    def page_context(self, request: HttpRequest, row: SyncRun) -> dict[str, Any]:
        """Say first what became of a run that is not through."""
        return {**super().page_context(request, row), "notices": notices.of_run(row, now=timezone.now())}

    def name_of(self, row: SyncRun) -> str:
        """Return what the run set out to do, and about whom."""
        return capfirst(super().name_of(row))

    # Columns

    @admin.display(description=_("state"), ordering="errors")
    def state(self, run: SyncRun) -> SafeString:
        """Show how the run stands and whether something failed; of one without an end, when it last said a word."""
        return columns.run_state(run, now=timezone.now())

    @admin.display(description=_("run"), ordering="kind")
    def run(self, run: SyncRun) -> SafeString:
        """Show what the run set out to do, and about whom."""
        return columns.two_lines(capfirst(run.get_kind_display()), self.about(run) if run.subject else "")

    @admin.display(description=_("about"))
    def about(self, run: Any) -> SafeString | str:
        """Link to the end user or the thread, where the run is about one and it is here."""
        model = _ABOUT.get(run.kind)
        if model is None or not run.has_page:
            return one_line(run.subject, limit=32) or columns.NOTHING
        return columns.link(self.admin_site, model(pk=run.subject), run.subject, limit=32)

    @admin.display(description=_("started"), ordering="started_at")
    def began(self, run: SyncRun) -> SafeString:
        """Show when the run began, how long it worked, and how long of that upstream made it wait."""
        words = _("took %(took)s, paused %(paused)s") if run.paused else _("took %(took)s")
        told = words % {"took": self.took(run), "paused": self.stood_still(run)}
        return columns.two_lines(columns.short_moment(run.started_at), told)

    @admin.display(description=_("took"))
    def took(self, run: SyncRun) -> str:
        """Show how long the run worked, as far as it told."""
        return span(run.duration)

    @admin.display(description=_("paused"))
    def stood_still(self, run: SyncRun) -> str:
        """Show for how long upstream made it wait."""
        return span(timedelta(seconds=run.paused)) if run.paused else columns.NOTHING

    @admin.display(description=_("requests"), ordering="requests")
    def requests_made(self, run: SyncRun) -> SafeString:
        """Count the requests."""
        return columns.count(run.requests)

    @admin.display(description=_("items"), ordering="items_new")
    def items(self, run: SyncRun) -> SafeString | str:
        """Count the items that were read, by what was found of each."""
        return columns.items_of_run(run)

    @admin.display(description=_("found"))
    def counts(self, run: SyncRun) -> SafeString:
        """Show what the run found, in a table."""
        threads = (run.threads, run.threads_new, run.threads_changed, run.threads_gone)
        items = (run.items_new, run.items_changed, run.items_gone, run.items_unchanged)
        rows = [
            (_("threads"), [*map(columns.count, threads), None]),
            (_("items"), [None, *map(columns.count, items)]),
        ]
        return render_to_string("admin/django_chatkit/includes/counts.html", {"rows": rows})
