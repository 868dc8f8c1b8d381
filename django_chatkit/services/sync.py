"""The mirror kept fresh: looks at due end users, one thread, one end user, everything.

A look at a live end user covers the newest threads and those with recent items; the look after the window closed
covers all of that end user's threads. Everybody else costs nothing.
"""

from datetime import timedelta

from ..client import ChatKit
from ..models import SyncRun
from . import end_users, looks
from .looks import Clock, OnProgress, Pace, Run
from .reports import SyncReport

__all__ = ["Clock", "OnProgress", "Pace", "reconcile", "sync_due", "sync_thread", "sync_user"]

Kind = SyncRun.Kind

# The pace of a look at one thread, which is one job.
ALONE = Pace(interval=timedelta(seconds=15), grace=timedelta(), workers=1)


def sync_due(
    *,
    client: ChatKit,
    clock: Clock,
    pace: Pace,
    limit: int = 100,
    longest: timedelta | None = None,
    using: str = "default",
    on_progress: OnProgress | None = None,
) -> SyncReport:
    """Look at up to ``limit`` due end users, the longest due first. Nobody due: no request.

    After ``longest`` no further look is begun.

    Raises:
        AuthenticationError: upstream refused the key; those not looked at stay due.
    """
    run = Run(kind=Kind.DUE, client=client, clock=clock, using=using, pace=pace, on_progress=on_progress)
    leases = end_users.lease_due(clock=clock, limit=limit, longest=longest, using=using)
    return run.go(looks.at_leased(run, lease) for lease in leases)


def sync_user(
    *,
    client: ChatKit,
    clock: Clock,
    user: str,
    pace: Pace,
    deep: bool = False,
    using: str = "default",
    on_progress: OnProgress | None = None,
) -> SyncReport:
    """Bring all threads of one end user to what upstream has, whatever is due.

    With ``deep`` every item is read again, solid ground or not: it mends what was changed here by hand.

    Raises:
        AuthenticationError: upstream refused the key.
    """
    run = Run(
        kind=Kind.USER,
        subject=user,
        client=client,
        clock=clock,
        using=using,
        pace=pace,
        deep=deep,
        on_progress=on_progress,
    )
    return run.go([looks.at_end_user(run, user)])


def sync_thread(
    *,
    client: ChatKit,
    clock: Clock,
    thread_id: str,
    pace: Pace = ALONE,
    deep: bool = False,
    waits: bool = True,
    watched: bool = False,
    using: str = "default",
    on_progress: OnProgress | None = None,
) -> SyncReport:
    """Bring one thread to what upstream has; one that the mirror does not hold is fetched first.

    With ``deep`` every item is read again, solid ground or not. One that another run copies right now is waited for;
    without ``waits`` its end user is made due instead, and the report counts it as deferred. One that is ``watched`` has its
    row from the beginning on, news or not.

    Raises:
        AuthenticationError: upstream refused the key.
    """
    run = Run(
        kind=Kind.THREAD,
        subject=thread_id,
        client=client,
        clock=clock,
        using=using,
        pace=pace,
        deep=deep,
        waits=waits,
        watched=watched,
        on_progress=on_progress,
    )
    return run.go([looks.at_thread(run, thread_id)])


def reconcile(
    *,
    client: ChatKit,
    clock: Clock,
    pace: Pace,
    items: bool = True,
    deep: bool = False,
    using: str = "default",
    on_progress: OnProgress | None = None,
) -> SyncReport:
    """Walk upstream's whole list of threads, of all end users, mark who is missing, and sync the items of each.

    Without ``items`` only threads never copied whole, or with an item in progress or young, are read; with ``deep``
    every item of every thread is, solid ground or not.

    Raises:
        AuthenticationError: upstream refused the key.
    """
    run = Run(
        kind=Kind.RECONCILE,
        client=client,
        clock=clock,
        using=using,
        pace=pace,
        deep=deep,
        on_progress=on_progress,
        patient=True,
    )
    return run.go([looks.at_everything(run, items=items)])
