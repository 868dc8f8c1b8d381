"""When to stand still: a refusal for pace closes a gate, and every call asks it before it goes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Gate(Protocol):
    """What calls ask before each attempt; shared by whoever is to pause together.

    Threads call both methods at once. Neither may raise: a gate that has lost its memory is open.
    """

    def seconds_left(self) -> float:
        """Return for how many seconds the gate stays closed; 0 or less when it is open."""
        ...

    def close_for(self, seconds: float) -> None:
        """Keep the gate closed for so many seconds from now; one that is closed for longer stays so."""
        ...


class MemoryGate:
    """A gate in this process's memory, for the threads of one client and its copies."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._opens_at: float | None = None
        self._lock = threading.Lock()

    def seconds_left(self) -> float:
        """Return for how many seconds the gate stays closed."""
        opens_at = self._opens_at
        return 0.0 if opens_at is None else max(0.0, opens_at - self._monotonic())

    def close_for(self, seconds: float) -> None:
        """Keep the gate closed for so many seconds from now; one that is closed for longer stays so."""
        opens_at = self._monotonic() + seconds
        with self._lock:
            if self._opens_at is None or opens_at > self._opens_at:
                self._opens_at = opens_at


class StandStill:
    """Add up how long a client stands still: `stood = StandStill(); client.with_options(on_wait=stood)`.

    As a clock on the wall sees it: while several threads wait, each second counts once.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._announced, self._until = 0.0, float("-inf")
        self._lock = threading.Lock()

    def __call__(self, seconds: float) -> None:
        """Note that a thread is about to wait; any thread may call this at any moment."""
        with self._lock:
            now = self._monotonic()
            until = max(now + seconds, self._until)
            self._announced += until - max(now, self._until)
            self._until = until

    @property
    def seconds(self) -> float:
        """Return the seconds stood still until now."""
        with self._lock:
            return self._announced - max(0.0, self._until - self._monotonic())
