"""Examine Celery: the broker, the workers, and whether beat asks them for anything."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from celery import Celery, current_app
from celery.exceptions import CeleryError
from kombu.exceptions import KombuError, OperationalError

from .findings import Finding, unknown, well, wrong

TICK = "django_chatkit.tasks.sync_due_users"
TASKS = frozenset(
    f"django_chatkit.tasks.{name}"
    for name in (
        "sync_due_users",
        "sync_user",
        "sync_thread",
        "reconcile",
        "cancel_expired_sessions",
        "cancel_sessions",
        "cleanup",
        "count_days",
        "erase",
    )
)
PATIENCE = 3.0  # seconds that workers have to answer
LONGEST_WATCH, SHORTEST_WATCH = 60.0, 10.0  # seconds for beat to tick
PAUSE = 0.5  # seconds between two looks at what they have counted

# What an unreachable broker, an unknown transport or a missing library of one raises.
_NO_BROKER = (OperationalError, KombuError, CeleryError, OSError, ImportError, KeyError, ValueError)


def examine(*, patience: float | None, sleep: Callable[[float], None] = time.sleep) -> Iterator[Finding]:
    """Ask the workers who they are and what they know, then watch for ``patience`` seconds whether beat feeds them.

    None waits for two of the schedule's intervals, 0 does not ask about beat.
    """
    app = current_app
    if app.conf.task_always_eager:
        yield well("worker", "tasks run in the process that asks (task_always_eager): no worker is needed.")
        yield unknown("beat", "not asked for, because tasks run in the process that asks.")
        return
    try:
        names = _workers(app)
        yield _judge(app, names)
    except _NO_BROKER as error:
        names = []
        yield wrong(
            "worker",
            f"Celery's broker can't be reached: {_in_a_line(error)}",
            "Start the broker, or set CELERY_BROKER_URL right and install its library.",
        )
    if not names:
        yield unknown("beat", "can't be judged while no worker answers.")
    elif patience != 0:
        yield _beat(app, names, patience=_two_intervals(app) if patience is None else patience, sleep=sleep)


def _workers(app: Celery) -> list[str]:
    with app.connection_for_write() as connection:
        # Asking alone would try for ever to reach a broker that is down.
        connection.ensure_connection(max_retries=1, interval_start=0)
    replies = app.control.ping(timeout=PATIENCE) or []
    return sorted({name for reply in replies for name in reply})


def _judge(app: Celery, names: list[str]) -> Finding:
    if not names:
        return wrong(
            "worker",
            f"No Celery worker answered within {PATIENCE:.0f} seconds.",
            "Start one: celery -A <project> worker; it must use the same broker and be free to answer.",
        )
    known = app.control.inspect(names, timeout=PATIENCE).registered() or {}
    missing = TASKS.difference(*known.values())
    if missing:
        return wrong(
            "worker",
            f"{', '.join(names)}: no worker knows {', '.join(sorted(missing))}.",
            "Call app.autodiscover_tasks() in the Celery module, and restart the workers after an upgrade.",
        )
    return well("worker", f"{', '.join(names)} answered.")


def _beat(app: Celery, names: list[str], *, patience: float, sleep: Callable[[float], None]) -> Finding:
    before = _ticks(app, names)
    for _ in range(max(1, round(patience / PAUSE))):
        sleep(PAUSE)
        if _ticks(app, names) > before:
            return well("beat", f"{TICK} reached a worker while we watched.")
    return wrong(
        "beat",
        f"No {TICK} reached a worker within {patience:.0f} seconds.",
        "Run one beat: celery -A <project> beat, with app.conf.beat_schedule = {**BEAT_SCHEDULE}. Where cron runs "
        "chatkit_sync and chatkit_cleanup instead, give --skip beat.",
    )


def _ticks(app: Celery, names: list[str]) -> int:
    stats = app.control.inspect(names, timeout=PATIENCE).stats() or {}
    return sum(each.get("total", {}).get(TICK, 0) for each in stats.values())


def _two_intervals(app: Celery) -> float:
    for entry in app.conf.beat_schedule.values():
        if entry.get("task") == TICK:
            every = entry["schedule"]
            seconds = every.total_seconds() if isinstance(every, timedelta) else every
            return (
                min(2 * float(seconds) + PAUSE, LONGEST_WATCH)
                if isinstance(seconds, int | float)
                else LONGEST_WATCH
            )
    return SHORTEST_WATCH


def _in_a_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".") + "."
