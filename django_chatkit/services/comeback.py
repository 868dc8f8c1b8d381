"""A reconcile whose list broke off comes again: after a minute, then after as long as it has been failing.

Moments are seconds since 1970, as messages carry them.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ..client import ChatKit
from ..models import SyncRun
from . import sync
from .reports import SyncReport
from .sync import Clock, Pace

# Seconds before it comes again. It has been failing twice as long each time.
SHORTEST, LONGEST = 60, 3600


@dataclass(frozen=True, slots=True)
class Again:
    """Say since when the list breaks off, when it is to be read again, and in how many seconds that is."""

    failed_at: int
    at: int
    wait: int = 0


def reconcile(
    *,
    client: ChatKit,
    clock: Clock,
    pace: Pace,
    items: bool = True,
    again: Again | None = None,
    using: str = "default",
) -> tuple[SyncReport, Again | None]:
    """Reconcile, and tell whether and when that is to be done again.

    One that comes again does nothing before its time, nor where another came through since the list first broke off.

    Raises:
        AuthenticationError: upstream refused the key.
    """
    began = _seconds(clock)
    if again is not None and _came_through_since(again.failed_at, using):
        return SyncReport(), None
    if again is not None and began < again.at:
        return SyncReport(), replace(again, wait=again.at - began)
    report = sync.reconcile(client=client, clock=clock, pace=pace, items=items, using=using)
    if report.is_list_whole:
        return report, None
    first, now = again.failed_at if again else began, _seconds(clock)
    wait = min(max(now - first, SHORTEST), LONGEST)
    return report, Again(first, now + wait, wait)


def _seconds(clock: Clock) -> int:
    return int(clock().timestamp())


def _came_through_since(moment: int, using: str) -> bool:
    full = SyncRun.objects.using(using).succeeded().filter(kind=SyncRun.Kind.RECONCILE)
    return full.filter(started_at__gt=datetime.fromtimestamp(moment, UTC)).exists()
