"""The last runs of the sync about one row, on that row's page: what was queued here is seen here."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode

from ..models import SyncRun
from . import columns
from .readonly import may_view

MOST_SHOWN = 5
# A run whose last word is younger is what somebody waits for.
FRESH = timedelta(minutes=2)


def last_syncs(
    site: admin.AdminSite, request: HttpRequest, *, thread: str = "", end_user: str = ""
) -> dict[str, Any]:
    """Return the last runs that set out for a thread or an end user, for those who may view runs."""
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
            "is_fresh": bool(runs) and now - runs[0].noted_at < FRESH,
            "all": f"{columns.list_address(site, SyncRun)}?{query}",
        }
    }
