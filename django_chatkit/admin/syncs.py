"""The last runs of the sync about one row, on that row's page: what was queued here is seen here."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from ..models import SyncRun
from . import columns
from .readonly import may_view

MOST_SHOWN = 5
# A run whose last word is younger is what somebody waits for.
FRESH = timedelta(minutes=2)


def last_syncs(
    site: admin.AdminSite, request: HttpRequest, *, thread: str = "", end_user: str = ""
) -> dict[str, Any]:
    """Return the last runs that set out for a thread or an end user, for those who may view runs.

    Of an end user also the last run that looked at everything, theirs too, without an error.
    """
    if not may_view(site, request, SyncRun):
        return {}
    now = timezone.now()
    runs = list(SyncRun.objects.about(thread=thread, end_user=end_user).newest_first()[:MOST_SHOWN])
    query = urlencode({"q": thread or end_user})
    return {
        "syncs": {
            "rows": [
                (
                    columns.link(site, run, columns.short_moment(run.started_at)),
                    columns.run_state(run, now=now),
                    columns.items_of_run(run),
                )
                for run in runs
            ],
            "whole": _whole(site) if end_user else "",
            "is_fresh": bool(runs) and now - runs[0].noted_at < FRESH,
            "all": f"{columns.list_address(site, SyncRun)}?{query}",
        }
    }


def _whole(site: admin.AdminSite) -> SafeString | str:
    """Link to the newest reconcile that did all that it set out to do, where there is one."""
    run = SyncRun.objects.filter(kind=SyncRun.Kind.RECONCILE).succeeded().newest_first().first()
    return columns.link(site, run, columns.short_moment(run.started_at)) if run else ""
