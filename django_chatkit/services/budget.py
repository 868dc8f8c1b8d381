"""A budget of requests: how many there may be at all, and how many a second."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# Seconds after which somebody who waits for his turn looks whether anybody still wants it.
NAP = 0.25


class BudgetSpent(Exception):
    """No request is left."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """Hand out requests, to any thread: at most ``limit`` in all, and ``rate`` a second; None for no bound.

    `take` is called before each attempt of a call, and waits for its turn. ``sleep`` and ``monotonic`` are the world.
    """

    limit: int | None = None
    rate: float | None = None
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    is_over: Callable[[], bool] = lambda: False
    taken: int = 0
    _next: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> None:
        """Take a request out of the budget.

        Raises:
            BudgetSpent: none is left, or nobody wants the answer any more.
        """
        with self._lock:
            if self.limit is not None and self.taken >= self.limit:
                raise BudgetSpent
            self.taken += 1
            now = self.monotonic()
            turn = max(now, self._next)
            self._next = turn + (1 / self.rate if self.rate else 0.0)
        self._wait(turn - now)

    def _wait(self, seconds: float) -> None:
        while seconds > 0:
            if self.is_over():
                raise BudgetSpent
            self.sleep(min(seconds, NAP))
            seconds -= NAP
