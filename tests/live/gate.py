"""A gate in front of the emulator: requests that were ordered to wait there wait until it is opened."""

import threading

from django_chatkit.testing import Emulator
from tests.deadline import until

WAIT = 3600.0  # seconds; the delay that means "wait at the gate"


class Gate:
    """Hold requests back at a moment that a test chooses, so that what happens next is no matter of chance."""

    def __init__(self) -> None:
        self.emulator = Emulator(seed=3, sleep=self._sleep)
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._waiting = 0

    def close(self, operation: str = "*", *, after: int = 0, times: int | None = None) -> None:
        """Let so many requests pass, and hold the next ones."""
        with self._lock:
            self._open, self._waiting = threading.Event(), 0
        self.emulator.fail(operation, kind="delay", delay=WAIT, after=after, times=times)

    def open(self) -> None:
        """Let all go on, and whoever comes."""
        self.emulator.faults.clear()
        self._open.set()

    @property
    def waiting(self) -> int:
        """Return how many came since it was closed."""
        return self._waiting

    def until_waiting(self, number: int = 1, *, seconds: float) -> None:
        """Wait until so many stand at the gate."""
        until(lambda: self._waiting >= number, seconds=seconds)

    def _sleep(self, seconds: float) -> None:
        with self._lock:
            opens = self._open
            self._waiting += seconds >= WAIT
        if seconds >= WAIT:
            opens.wait(WAIT)
        else:
            threading.Event().wait(seconds)
