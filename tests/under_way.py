"""What a live server is still answering. A database in memory can't be emptied while a request reads it."""

import threading
from typing import Any

from django.core.signals import request_finished, request_started

_changed = threading.Condition()
_at_work: set[threading.Thread] = set()


def _begin(**_: Any) -> None:
    with _changed:
        _at_work.add(threading.current_thread())


def _end(**_: Any) -> None:
    with _changed:
        _at_work.discard(threading.current_thread())
        _changed.notify_all()


def outlast(seconds: float) -> None:
    """Wait until the requests of other threads are answered; a test's own client answers in its own."""
    with _changed:
        _changed.wait_for(lambda: not any(_others()), seconds)


def _others() -> list[threading.Thread]:
    return [each for each in _at_work if each is not threading.current_thread() and each.is_alive()]


request_started.connect(_begin)
request_finished.connect(_end)
