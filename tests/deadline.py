"""Wait for what another process does, but not for ever."""

import threading
import time
from collections.abc import Callable

PAUSE = 0.05  # seconds


def until(condition: Callable[[], object], *, seconds: float = 120.0) -> None:
    """Return once the condition holds; fail the test when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {seconds} seconds"
        threading.Event().wait(PAUSE)
