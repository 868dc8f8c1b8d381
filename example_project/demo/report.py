"""Tells what the demo does: a line for each step, with what was seen and how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management.base import OutputWrapper

Say = Callable[[str], None]

WIDTH = 14  # of a step's name


class Report:
    """Print the steps as they are done; `failed_at` is the one that was not."""

    def __init__(self, out: OutputWrapper, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._timer = timer
        self._started = timer()
        self.failed_at = ""
        self.steps = 0

    @contextmanager
    def step(self, name: str) -> Iterator[Say]:
        """Time what happens in the block; what the block says is printed behind the step's name."""
        self.failed_at = name
        started = self._timer()
        facts: list[str] = []
        self.progress(name, "...")
        yield facts.append
        self.steps += 1
        self.failed_at = ""
        self._wipe()
        self._line(f"{'; '.join(facts)} ({self._timer() - started:.1f} s)", name)

    def progress(self, name: str, text: str) -> None:
        """Show how far a step is, on a terminal only: a file wants lines that stay."""
        if self._out.isatty():
            self._wipe()
            self._out.write(f"   {name:<{WIDTH}} {text}", ending="")
            self._out.flush()

    def say(self, text: str = "") -> None:
        """Print a line that is no step."""
        self._wipe()
        self._out.write(text)
        self._out.flush()

    def seconds(self) -> float:
        """Return how long all of it has taken so far."""
        return self._timer() - self._started

    def _line(self, text: str, name: str) -> None:
        self._out.write(f"ok {name:<{WIDTH}} {text}")
        self._out.flush()

    def _wipe(self) -> None:
        if self._out.isatty():
            # To the line's start, and away with what stands on it.
            self._out.write("\r\x1b[2K", ending="")
