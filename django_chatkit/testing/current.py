"""The process-wide emulator that adapters without one of their own serve."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .emulator import Emulator

_lock = threading.Lock()
_current: list[Emulator] = []


def current() -> Emulator:
    """Return the current emulator; the first call makes an empty one."""
    with _lock:
        if not _current:
            _current.append(Emulator())
        return _current[-1]


@contextmanager
def use(emulator: Emulator) -> Iterator[Emulator]:
    """Make an emulator the current one for all threads while the block runs."""
    with _lock:
        _current.append(emulator)
    try:
        yield emulator
    finally:
        with _lock:
            _current.remove(emulator)
