"""One line on the terminal that tells how far a command has come."""

import shutil
import time
from collections.abc import Callable

from django.core.management.base import OutputWrapper


class Progress:
    """Write a line over the one before, on a terminal only; elsewhere say nothing.

    The line is plain text, so that ``--no-color`` needs no word here. ``clock`` gives seconds; between two lines a
    tenth of a second passes, so that the terminal is not what takes the time.
    """

    PAUSE = 0.1

    def __init__(
        self, stream: OutputWrapper, *, is_wanted: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self.is_on = is_wanted and stream.isatty()
        self._clock = clock
        self._next = 0.0
        self._width = 0
        self._shown = ""

    def show(self, text: str | Callable[[], str]) -> None:
        """Show how far it has come; a function that makes the text is asked only where a line is written."""
        now = self._clock() if self.is_on else 0.0
        if self.is_on and now >= self._next:
            self._next = now + self.PAUSE
            line = (text if isinstance(text, str) else text())[: shutil.get_terminal_size().columns - 1]
            if line != self._shown:  # what does not change does not flicker
                self._write(line)

    def clear(self) -> None:
        """Leave the line empty for what comes after."""
        if self._width:
            self._write("")
            self._stream.write("\r", style_func=str, ending="")

    def _write(self, text: str) -> None:
        self._stream.write("\r" + text.ljust(self._width), style_func=str, ending="")
        self._stream.flush()
        self._width, self._shown = len(text), text
