"""Ask Celery for work by the tasks' stable names, so that no surface imports another.

What is asked for twice before a worker took it is asked for once: a key in Django's cache stands for it. Where the
cache is not shared with the workers (the local-memory one) the key just runs out.
"""

from hashlib import sha256
from typing import Any

from celery import current_app, signature
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS
from kombu.exceptions import OperationalError

# Seconds for which a request stands when no worker takes it back: short, for a cache that no worker sees.
STANDS_FOR = 3
# Seconds after which a pass that no worker took is worth nothing: beat's ticks ask anew. They leave room for clocks that
# disagree.
PASS_EXPIRES = 30
# Seconds for which a worker may hold a message whose time has not come. It is not acknowledged meanwhile, and a broker
# gives it to another worker where that lasts: see docs/decisions/0009.
LONGEST_HOLD = 600
# Seconds after which there is nothing left to cancel: no session lives longer.
LONGEST_TERM = 600


class Unavailable(Exception):
    """The broker can't be reached, so nothing was queued. Start it, or set ``CELERY_BROKER_URL`` right."""


def sync_thread(thread_id: str, *, watched: bool = False) -> bool:
    """Queue a sync of one thread, and tell whether it was not queued already.

    One that is ``watched`` leaves a row of its run, news or not.

    Raises:
        Unavailable: when the broker can't be reached.
    """
    if watched:
        said = {"thread_id": thread_id, "watched": True}
        return _ask_once("sync_thread", thread_id, "watched", kwargs=said)
    return _ask_once("sync_thread", thread_id, kwargs={"thread_id": thread_id})


def sync_user(user: str) -> bool:
    """Queue a sync of all that one end user has, and tell whether it was not queued already.

    Raises:
        Unavailable: when the broker can't be reached.
    """
    return _ask_once("sync_user", user, kwargs={"user": user})


def sync_due_users(*, part: int = 0, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Queue a pass over the due end users, and tell whether it was not queued already.

    Passes that are to run side by side have different ``part``s.

    Raises:
        Unavailable: when the broker can't be reached.
    """
    said: dict[str, Any] = {"part": part} if part else {}
    if using != DEFAULT_DB_ALIAS:
        said["using"] = using
    stands_for = PASS_EXPIRES if part else STANDS_FOR
    return _ask_once("sync_due_users", part, using, kwargs=said, stands_for=stands_for, expires=PASS_EXPIRES)


def reconcile(
    *, again: tuple[int, int], wait: int, items: bool = True, using: str = DEFAULT_DB_ALIAS
) -> bool:
    """Queue a reconcile that comes again in ``wait`` seconds, and tell whether none was waiting already.

    ``again`` is for the task. Its message is held for ten minutes at most and then says the same anew: see `LONGEST_HOLD`.
    Where tasks run in the process that asks nothing can wait, and nothing is queued.

    Raises:
        Unavailable: when the broker can't be reached.
    """
    if current_app.conf.task_always_eager:
        return False
    said: dict[str, Any] = {"items": items, "again": again}
    if using != DEFAULT_DB_ALIAS:
        said["using"] = using
    held = min(wait, LONGEST_HOLD)
    return _ask_once("reconcile", items, using, kwargs=said, stands_for=held + STANDS_FOR, countdown=held)


def cancel_sessions(user: str, *, before: int, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Queue a cancel of an end user's live sessions that were opened before a moment, in seconds since 1970.

    Tell whether it was not queued already.

    Raises:
        Unavailable: when the broker can't be reached.
    """
    said: dict[str, Any] = {"user": user, "before": before}
    if using != DEFAULT_DB_ALIAS:
        said["using"] = using
    return _ask_once("cancel_sessions", user, before, using, kwargs=said, expires=LONGEST_TERM)


def erase(user: str, *, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Queue the work on an erasure that was asked for, and tell whether it was not queued already.

    Raises:
        Unavailable: when the broker can't be reached. Beat's next tick takes it up.
    """
    said: dict[str, Any] = {"user": user}
    if using != DEFAULT_DB_ALIAS:
        said["using"] = using
    return _ask_once("erase", user, using, kwargs=said)


def taken(task: str, *subject: object) -> None:
    """Note that a worker has begun: what is asked for from now on is queued anew."""
    cache.delete(_key(task, *subject))


def _ask_once(
    task: str,
    *subject: object,
    kwargs: dict[str, Any],
    stands_for: int = STANDS_FOR,
    **options: Any,
) -> bool:
    key = _key(task, *subject)
    if not cache.add(key, True, timeout=stands_for):
        return False
    try:
        signature(f"django_chatkit.tasks.{task}", kwargs=kwargs).apply_async(**options)
    except OperationalError as error:
        cache.delete(key)
        raise Unavailable("The Celery broker can't be reached, so nothing was queued.") from error
    except Exception:  # a broker that nobody set up right, or an eager task that failed
        cache.delete(key)
        raise
    return True


def _key(task: str, *subject: object) -> str:
    # Memcached takes no control characters and 250 bytes: upstream's ids promise neither. `repr` takes any character.
    digest = sha256(repr(subject).encode()).hexdigest()
    return f"django_chatkit:{task}:{digest}"
