"""How far a command has come and how fast it goes, in a line of less than eighty characters."""

import math
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from ..services.reports import SyncReport
from .wording import span


class _Sample(NamedTuple):
    at: float
    items: int
    requests: int


class Pulse:
    """Put the counts of a report and the pace of its last seconds into a line.

    ``known`` is how many threads the mirror held at the beginning; none, or more than that read: no total is told, for
    nobody knows it. ``paused_for`` gives the seconds for which upstream still makes us wait, ``clock`` seconds.
    """

    WINDOW = 10.0  # seconds over which the pace is measured

    def __init__(
        self,
        *,
        known: int = 0,
        paused_for: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known = known
        self._paused_for = paused_for
        self._clock = clock
        self._began = clock()
        self._samples = deque([_Sample(self._began, 0, 0)])

    @property
    def elapsed(self) -> timedelta:
        """Return how long it has been beating."""
        return timedelta(seconds=self._clock() - self._began)

    def line(self, report: SyncReport) -> str:
        """Return the line of a sync as of now."""
        items = report.items_new + report.items_changed + report.items_unchanged
        return self.line_of(report.threads, items, report.requests, done="read")

    def line_of(self, threads: int, items: int, requests: int | None, *, done: str) -> str:
        """Return the line of whatever is ``done`` to threads and items, as of now; None for what makes no requests."""
        now = _Sample(self._clock(), items, requests or 0)
        counts = f"{self._threads(threads)} {done}: {items:,} items"
        left = self._paused_for()
        if left > 0:
            return f"upstream asked to wait, {math.ceil(left)} s left; {counts}"
        items_a_second, requests_a_second = self._pace(now)
        asked = "" if requests is None else f" {requests_a_second:,.0f} req/s;"
        return f"{counts}, {items_a_second:,.0f}/s;{asked} {span(self.elapsed)}"

    def _threads(self, read: int) -> str:
        if read <= self._known:
            return f"{read:,}/{self._known:,} threads"
        return f"{read:,} thread{'' if read == 1 else 's'}"

    def _pace(self, now: _Sample) -> tuple[float, float]:
        while len(self._samples) > 1 and now.at - self._samples[1].at >= self.WINDOW:
            self._samples.popleft()
        before = self._samples[0]
        self._samples.append(now)
        seconds = max(now.at - before.at, 0.1)
        return (now.items - before.items) / seconds, (now.requests - before.requests) / seconds
