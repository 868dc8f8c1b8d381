"""Starts real processes, waits for what they say, and stops every one of them."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

LAST_LINES = 15  # of a process that failed, to show


class Failed(Exception):
    """A process ended, or kept silent, where it should not have; the message has the last lines that it wrote."""


class Terminated(BaseException):
    """Someone asked this process to end. Like KeyboardInterrupt nothing that goes wrong, so no `Exception`."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process under way, and the file that takes all it writes."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        """Return what it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def failure(self, what: str) -> Failed:
        """Return the error that tells what happened, with the end of what it wrote."""
        lines = [f"  | {line}" for line in self.output().splitlines()[-LAST_LINES:]]
        return Failed("\n".join([f"{self.name} {what}", *lines]))


class Troupe:
    """Processes that begin and end together. Each has a process group of its own, so no child of theirs is left.

    Whoever is started later finds what was put into `environment` by then. `patience` is how many seconds each has to
    end by itself; `undisturbed` holds back what could interrupt the moments in which a process is nobody's yet.
    """

    def __init__(
        self,
        *,
        environment: dict[str, str],
        folder: Path,
        logs: Path,
        patience: float = 8,
        undisturbed: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.environment = environment
        self._folder = folder
        self._logs = logs
        self._patience = patience
        self._undisturbed = undisturbed
        self._processes: list[Process] = []

    def __enter__(self) -> "Troupe":
        """Begin."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop all."""
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> Process:
        """Start a process that stays until all are stopped."""
        return self._begin(name, command)

    def wait_for(self, process: Process, pattern: str, *, within: float = 60) -> re.Match[str]:
        """Return the match of a pattern in what a process wrote, once it is there.

        `within` is in seconds. Raises `Failed` when the process ends first, or the time is over.
        """
        deadline = time.monotonic() + within
        while not (match := re.search(pattern, process.output())):
            if process.popen.poll() is not None:
                raise process.failure(f"ended with {process.popen.returncode} before it was ready")
            if time.monotonic() > deadline:
                raise process.failure(f"was not ready within {within:.0f} s")
            time.sleep(0.05)
        return match

    def run(
        self,
        name: str,
        command: Sequence[str],
        *,
        within: float = 120,
        tick: Callable[[], None] = lambda: None,
    ) -> str:
        """Run a process to its end and return what it wrote; `tick` is called now and then meanwhile.

        `within` is in seconds. Raises `Failed` unless the process ends in time, and with 0.
        """
        process = self._begin(name, command)
        deadline = time.monotonic() + within
        try:
            while process.popen.poll() is None:
                if time.monotonic() > deadline:
                    raise process.failure(f"was not done within {within:.0f} s")
                tick()
                time.sleep(0.05)
        finally:
            _end(process, patience=0)
            self._processes.remove(process)
        if process.popen.returncode:
            raise process.failure(f"ended with {process.popen.returncode}")
        return process.output()

    def check(self) -> None:
        """Raise `Failed` if a process that should stay has ended."""
        for process in self._processes:
            if process.popen.poll() is not None:
                raise process.failure(f"ended with {process.popen.returncode}")

    def stop(self) -> None:
        """Stop all processes; who does not go by itself is killed."""
        with self._undisturbed():
            for process in self._processes:
                _signal(process, signal.SIGTERM)
            for process in self._processes:
                _end(process, patience=self._patience)
            self._processes.clear()

    def _begin(self, name: str, command: Sequence[str]) -> Process:
        log = self._logs / f"{name.replace(' ', '-')}.log"
        with log.open("wb") as output, self._undisturbed():
            popen = subprocess.Popen(
                command,
                cwd=self._folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A Ctrl-C reaches the demo alone, which then stops the others in order.
                start_new_session=True,
            )
            process = Process(name, popen, log)
            self._processes.append(process)
        return process


def _end(process: Process, *, patience: float) -> None:
    """Wait for the process, then kill what is left of its group."""
    with suppress(subprocess.TimeoutExpired):
        process.popen.wait(timeout=patience)
    _signal(process, signal.SIGKILL)
    process.popen.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # the whole group has gone already
        os.killpg(process.popen.pid, number)


class Termination:
    """Raises `Terminated` in the main thread when one of the signals arrives, so that every ``with`` cleans up.

    Only once: an impatient second Ctrl-C would interrupt the cleaning.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = numbers
        self._held = False
        self._arrived = False

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Raise while the block runs; the handlers that were there come back afterwards."""
        before = {number: signal.signal(number, self._arrive) for number in self._numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep what arrives until the block is done."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._arrived:
            self._arrived = False
            raise Terminated

    def _arrive(self, number: int, frame: FrameType | None) -> None:
        for each in self._numbers:
            signal.signal(each, signal.SIG_IGN)
        if not self._held:
            raise Terminated
        self._arrived = True
