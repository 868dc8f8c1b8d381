"""A site of several processes on one database, with the emulator served by the test itself."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from django.utils import timezone

from django_chatkit.models import (
    ChatSession,
    ChatThread,
    ChatThreadItem,
    EndUser,
    ErasedThread,
    Erasure,
    PrunedThread,
    SyncRun,
)
from django_chatkit.testing import Emulator
from django_chatkit.testing.recording import RecordedRequest
from tests.deadline import until
from tests.services.conftest import World

from .databases import ALIAS
from .gate import Gate

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds: generous, for machines with more to do
LEASE = timedelta(seconds=30)
# In the requests of a process stands who it is. What a killed one had sent may arrive after its end.
WHO = "openai-organization"


def environment(database_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a site's processes."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "DJANGO_DEBUG": "1",
        "DATABASE_URL": database_url,
        "CACHE_URL": "memory://",  # what one test's site learnt is nothing to another's
        "CHATKIT_WORKFLOW_ID": "wf_tests",
        "OPENAI_API_KEY": "sk-of-the-processes",
        **more,
    }


@dataclass(frozen=True)
class Command:
    """A command under way."""

    name: str
    pid: int
    stem: Path

    def kill(self) -> datetime:
        """End it as `kill -9` does, and return when."""
        with suppress(ProcessLookupError):  # it was over
            os.kill(self.pid, signal.SIGKILL)
        until(lambda: not _lives(self.pid), seconds=PATIENCE)
        return timezone.now()

    @property
    def is_over(self) -> bool:
        return self.stem.with_suffix(".status").exists()

    def outcome(self) -> tuple[str, str]:
        """Wait for its end, and return its exit status and what it said on standard error."""
        until(lambda: self.is_over or not _lives(self.pid), seconds=PATIENCE)
        status = self.stem.with_suffix(".status")
        return status.read_text() if status.exists() else "killed", self.stem.with_suffix(".err").read_text()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Launcher:
    """Start commands on one database at once."""

    process: subprocess.Popen[str]
    folder: Path
    started: int = 0

    def start(self, *arguments: str, base_url: str) -> Command:
        self.started += 1
        name = f"command-{self.started}"
        stem = self.folder / name
        told = {"OPENAI_BASE_URL": base_url, "OPENAI_ORG_ID": name}
        said = {"arguments": arguments, "environment": told, "stem": str(stem)}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{json.dumps(said)}\n")
        self.process.stdin.flush()
        return Command(name, int(self.process.stdout.readline()), stem)


@contextmanager
def launcher(database_url: str, folder: Path) -> Iterator[Launcher]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.live.launcher"],
        cwd=ROOT,
        env=environment(database_url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Launcher(process, folder)
        assert process.stdin
        process.stdin.close()


@dataclass(frozen=True)
class Site:
    """Both sides, what was asked upstream, and how to run commands."""

    gate: Gate
    base_url: str
    launcher: Launcher

    @property
    def emulator(self) -> Emulator:
        return self.gate.emulator

    @property
    def world(self) -> World:
        return World(self.emulator, ALIAS)

    def threads(self, sizes: Mapping[int, int], *, users: Iterable[str]) -> dict[str, int]:
        """Give each end user a thread of each size, and return how many pages a first copy asks of each thread.

        Their seconds differ: which of two end users' threads of one second is older, only a list of all threads tells. And
        they are over: what was read within its second is read again.
        """
        born = count(1_760_000_000)
        return {
            self._thread(size, user=user, born=next(born)): pages
            for user in users
            for size, pages in sizes.items()
        }

    def _thread(self, size: int, *, user: str, born: int) -> str:
        items = [{"text": str(number), "created_at": born} for number in range(size)]
        id: str = self.emulator.add_thread(user=user, items=items, created_at=born)["id"]
        return id

    def start(self, *arguments: str) -> Command:
        return self.launcher.start("chatkit_sync", *arguments, base_url=self.base_url)

    def run(self, *arguments: str) -> Command:
        """Run a sync that has to succeed in silence."""
        command = self.start(*arguments)
        assert command.outcome() == ("0", "")
        return command

    def requests(self, command: Command) -> list[RecordedRequest]:
        """Return what a command asked upstream."""
        return [each for each in self.emulator.requests if each.headers.get(WHO) == command.name]

    def reads(self, *commands: Command) -> Counter[str]:
        """Count the pages of items that commands asked of each thread."""
        return Counter(
            each.path.split("/")[-2]
            for command in commands
            for each in self.requests(command)
            if each.operation == "list_items"
        )


def let_time_pass(by: timedelta = LEASE) -> None:
    """Move every lease back, as if so much time had passed."""
    for model in (EndUser, ChatThread, Erasure):
        rows: Any = model._default_manager.using(ALIAS).filter(leased_until__isnull=False)
        for row in rows.only("pk", "leased_until"):
            rows.filter(pk=row.pk).update(leased_until=row.leased_until - by)


def longest_lease() -> datetime | None:
    """Return the moment at which the last lease ends."""
    ends = [
        end
        for model in (EndUser, ChatThread)
        for end in model._default_manager.using(ALIAS).values_list("leased_until", flat=True)
        if end
    ]
    return max(ends, default=None)


def empty() -> None:
    """Leave no row of an earlier test."""
    for model in (
        SyncRun,
        ChatThreadItem,
        ChatThread,
        PrunedThread,
        ErasedThread,
        Erasure,
        ChatSession,
        EndUser,
    ):
        model._default_manager.using(ALIAS).all().delete()
