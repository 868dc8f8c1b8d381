"""Celery tasks: they bring the client, the clock and the pace; the work itself is the services'.

Each task may run twice at once and at any moment: the services share the work by leases in the database. What fails
for one object is counted, logged and tried again later; only what stops all of them (no key, a key that upstream
refuses, no database) makes a task fail. A task's name and its arguments are stable, arguments are ids and never
secrets, and an argument that a newer release sends is ignored.

Note [Imported early]
Hosts take `BEAT_SCHEDULE` from here into their Celery module or their settings, which Python reads before Django has its
models. So the services, which need models, are imported where a task runs.

Note [Acknowledged late]
What is short is acknowledged when it is done, so that another worker takes it over when its own dies. A reconcile or a
cleanup may take longer than a broker waits for that; beat asks for them again, and a reconcile itself where the list broke
off. See docs/decisions/0009.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from celery import shared_task
from celery.schedules import crontab
from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from . import conf, queue, wiring
from .services.reports import ErasureReport, Report, SyncReport

if TYPE_CHECKING:
    from .services.comeback import Again
    from .services.sync import Pace

logger = logging.getLogger(__name__)

# A pass ends after so many end users or so long, and asks for another to go on: an unacknowledged message stays young.
BATCH = 100
LONGEST_PASS = timedelta(minutes=5)
# So many due end users are worth one more pass beside the others, up to so many.
SHARE = 25
MOST_PASSES = 32
# While upstream wants no request for longer than this, a pass would only keep a worker from other work: beat's next
# tick is soon enough.
LONGEST_STANDSTILL = 5.0  # seconds


@shared_task(
    name="django_chatkit.tasks.sync_due_users", ignore_result=True, acks_late=True, reject_on_worker_lost=True
)
def sync_due_users(*, part: int = 0, using: str = DEFAULT_DB_ALIAS, **_: Any) -> dict[str, Any]:
    """Look at the end users who are due; where many are, ask at once for passes beside this one.

    Beat's pass is part 0. Each pass takes whom it can lease and, where somebody is left over, asks for its successor.
    """
    from .services import sync  # noqa: PLC0415 -- Note [Imported early]

    queue.taken("sync_due_users", part, using)
    client, began = wiring.connect(), timezone.now()
    waiting = _waiting(began, using, up_to=SHARE * MOST_PASSES)
    if not waiting or wiring.paused_for() > LONGEST_STANDSTILL:
        return _told(SyncReport())
    if not part:
        _ask_for_passes(range(1, ceil(waiting / SHARE)), using)
    report = sync.sync_due(
        client=client, clock=timezone.now, pace=_pace(), limit=BATCH, longest=LONGEST_PASS, using=using
    )
    if report.users and _waiting(began, using, up_to=1):
        _ask_for_passes([part], using)
    return _told(report)


@shared_task(
    name="django_chatkit.tasks.sync_user", ignore_result=True, acks_late=True, reject_on_worker_lost=True
)
def sync_user(*, user: str, using: str = DEFAULT_DB_ALIAS, **_: Any) -> dict[str, Any]:
    """Sync all threads of one end user, whether due or not."""
    from .services import sync  # noqa: PLC0415 -- Note [Imported early]

    queue.taken("sync_user", user)
    return _told(
        sync.sync_user(client=wiring.connect(), clock=timezone.now, pace=_pace(), user=user, using=using)
    )


@shared_task(
    name="django_chatkit.tasks.sync_thread", ignore_result=True, acks_late=True, reject_on_worker_lost=True
)
def sync_thread(
    *, thread_id: str, watched: bool = False, using: str = DEFAULT_DB_ALIAS, **_: Any
) -> dict[str, Any]:
    """Sync one thread, as the browser's nudge asks for; or staff, who watches its row.

    Where that would have to wait, for upstream or for whoever copies the thread right now, its end user is due instead.
    """
    from .services import end_users, sync  # noqa: PLC0415 -- Note [Imported early]

    queue.taken("sync_thread", thread_id, *(["watched"] if watched else []))
    client = wiring.connect()
    if wiring.paused_for() > LONGEST_STANDSTILL:
        end_users.hasten(thread_id=thread_id, now=timezone.now(), using=using)
        return _told(SyncReport(deferred=1))
    return _told(
        sync.sync_thread(
            client=client,
            clock=timezone.now,
            thread_id=thread_id,
            waits=False,
            watched=watched,
            using=using,
        )
    )


@shared_task(name="django_chatkit.tasks.reconcile", ignore_result=True)
def reconcile(
    *, items: bool = True, again: Sequence[int] = (), using: str = DEFAULT_DB_ALIAS, **_: Any
) -> dict[str, Any]:
    """Compare upstream's whole list of threads with the mirror, and sync every thread; unless ``items`` says no.

    Where the list breaks off it comes again by itself. ``again`` then says since when it does so, and when it is to be read
    again: two moments in seconds since 1970.
    """
    from .services import comeback  # noqa: PLC0415 -- Note [Imported early]

    if again:
        queue.taken("reconcile", items, using)
    report, later = comeback.reconcile(
        client=wiring.connect(),
        clock=timezone.now,
        pace=_pace(),
        items=items,
        again=comeback.Again(*again) if again else None,
        using=using,
    )
    if later is not None:
        _ask_for_reconcile(later, items, using)
    return _told(report)


@shared_task(name="django_chatkit.tasks.cancel_expired_sessions", ignore_result=True)
def cancel_expired_sessions(*, using: str = DEFAULT_DB_ALIAS, **_: Any) -> dict[str, Any]:
    """Cancel upstream the sessions whose term is over, and settle them in the ledger."""
    from .services import sessions  # noqa: PLC0415 -- Note [Imported early]

    return _told(
        sessions.cancel_expired(
            client=wiring.connect(), clock=timezone.now, workers=conf.read().sync_concurrency, using=using
        )
    )


@shared_task(
    name="django_chatkit.tasks.cancel_sessions",
    ignore_result=True,
    acks_late=True,
    reject_on_worker_lost=True,
)
def cancel_sessions(
    *, user: str, before: int | None = None, using: str = DEFAULT_DB_ALIAS, **_: Any
) -> dict[str, Any]:
    """Cancel an end user's live sessions, as is asked for when its account signs out.

    Only those opened before a moment (seconds since 1970): who has come back since keeps the new ones.
    """
    from .services import sessions  # noqa: PLC0415 -- Note [Imported early]

    queue.taken("cancel_sessions", user, before, using)
    return _told(
        sessions.cancel_live(
            client=wiring.connect(),
            clock=timezone.now,
            user=user,
            before=timezone.now() if before is None else datetime.fromtimestamp(before, UTC),
            workers=conf.read().sync_concurrency,
            using=using,
        )
    )


@shared_task(name="django_chatkit.tasks.cleanup", ignore_result=True)
def cleanup(*, using: str = DEFAULT_DB_ALIAS, **_: Any) -> dict[str, Any]:
    """Cancel expired sessions, count the days unless they just were, then prune what ``RETENTION`` says."""
    from .services import cleanup as service  # noqa: PLC0415 -- Note [Imported early]

    settings = conf.read()
    return _told(
        service.run(
            client=wiring.connect(),
            clock=timezone.now,
            retention=settings.retention,
            workers=settings.sync_concurrency,
            using=using,
        )
    )


@shared_task(name="django_chatkit.tasks.erase", ignore_result=True)
def erase(*, user: str | None = None, using: str = DEFAULT_DB_ALIAS, **_: Any) -> dict[str, Any]:
    """Go on with the erasures that were asked for, upstream and here: one end user's, or all that are to be tried now."""
    from .services import erasing  # noqa: PLC0415 -- Note [Imported early]

    queue.taken("erase", user, using)
    if not _has_erasures(using):
        return _told(ErasureReport())
    return _told(
        erasing.carry_on(
            client=wiring.connect(),
            clock=timezone.now,
            user=user,
            workers=conf.read().sync_concurrency,
            using=using,
        )
    )


@shared_task(name="django_chatkit.tasks.count_days", ignore_result=True)
def count_days(*, whole: bool = False, using: str = DEFAULT_DB_ALIAS, **_: Any) -> dict[str, Any]:
    """Count the last days for the overview, and once a day all of them; not what was counted within the hour.

    With ``whole`` all of them now.
    """
    from .services import days  # noqa: PLC0415 -- Note [Imported early]

    now = timezone.now()
    report = (
        days.count(now=now, whole=True, using=using) if whole else days.count_if_due(now=now, using=using)
    )
    return _told(report)


# To merge into the host's: ``app.conf.beat_schedule = {**BEAT_SCHEDULE}``. A tick that no worker took in time expires,
# so that a worker that comes back is not met by a storm of them.
BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    f"chatkit-{task.replace('_', '-')}": {
        "task": f"django_chatkit.tasks.{task}",
        "schedule": schedule,
        "options": {"expires": expires},
    }
    for task, schedule, expires in (
        ("sync_due_users", 5.0, queue.PASS_EXPIRES),
        ("cancel_expired_sessions", 60.0, 60),
        ("reconcile", crontab(hour="3", minute="17"), 6 * 60 * 60),
        ("cleanup", crontab(hour="4", minute="41"), 6 * 60 * 60),
        ("erase", 60.0, 60),
        ("count_days", crontab(minute="7"), 60 * 60),
    )
}


def _pace() -> "Pace":
    from .services import sync  # noqa: PLC0415 -- Note [Imported early]

    settings = conf.read()
    return sync.Pace(
        interval=settings.sync_interval, grace=settings.sync_grace, workers=settings.sync_concurrency
    )


def _waiting(began: datetime, using: str, *, up_to: int) -> int:
    """Count the end users who were due at a moment and whom nobody is looking at."""
    from .models import EndUser  # noqa: PLC0415 -- Note [Imported early]

    waiting = EndUser.objects.using(using).due(now=began).unleased(now=timezone.now())
    return waiting[:up_to].count()


def _has_erasures(using: str) -> bool:
    from .models import Erasure  # noqa: PLC0415 -- Note [Imported early]

    return Erasure.objects.using(using).to_try(now=timezone.now()).exists()


def _ask_for_passes(parts: Iterable[int], using: str) -> None:
    try:
        for part in parts:
            queue.sync_due_users(part=part, using=using)
    except queue.Unavailable as error:
        logger.warning("%s Beat's next tick goes on with the end users who are due.", error)


def _ask_for_reconcile(again: "Again", items: bool, using: str) -> None:
    try:
        queue.reconcile(again=(again.failed_at, again.at), wait=again.wait, items=items, using=using)
    except queue.Unavailable as error:
        logger.warning("%s Beat's next reconcile reads the list.", error)


def _told(report: Report) -> dict[str, Any]:
    """Log how much a run could not do (the services have logged what), and return its counts."""
    if not report.ok:
        logger.warning("%d things are not done and are kept for next time.", len(report.failures))
    return report.as_dict()
