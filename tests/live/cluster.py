"""Workers and beats as processes of their own, on a real broker."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from celery import Celery

from tests.deadline import until
from tests.services.conftest import World

from . import brokers
from .databases import ALIAS
from .gate import Gate
from .site import PATIENCE, ROOT, WHO, environment


@dataclass(frozen=True)
class Process:
    """A worker or a beat, with its children."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """End it with all its children, as a machine that loses power."""
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(PATIENCE)

    def kill_children(self) -> None:
        """End its children, as a system that runs out of memory."""
        children = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)


@dataclass
class Cluster:
    """All processes of a site on one broker, and both sides of what they do."""

    broker: str
    name: str
    database_url: str
    base_url: str
    gate: Gate
    folder: Path
    app: Celery
    workers: dict[str, Process] = field(default_factory=dict)
    beats: list[Process] = field(default_factory=list)
    started: int = 0

    @property
    def world(self) -> World:
        return World(self.gate.emulator, ALIAS)

    def start_beat(self) -> None:
        """Start a beat, which ticks twice a second."""
        self.beats.append(self._start("beat", "--pidfile", "", "--schedule", str(self.folder / "schedule")))

    def start(self, *, workers: int) -> None:
        """Start workers, and wait until all are ready."""
        plain = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        new = [self._start("worker", "--concurrency", "2", *plain) for _ in range(workers)]
        self.workers.update((each.name, each) for each in new)
        for each in new:
            self.until(partial(_is_ready, each))

    def complete(self, workers: int) -> None:
        """Start workers until there are so many."""
        self.start(workers=max(workers - len(self.workers), 0))

    def kill(self, worker: str) -> None:
        """Kill a worker with its children."""
        self.workers.pop(worker).kill()

    def send(self, task: str, **arguments: Any) -> None:
        """Ask for a task."""
        self.app.send_task(f"django_chatkit.tasks.{task}", kwargs=arguments)

    def asked(self, operation: str, *, word: str = "") -> list[str]:
        """Return who made each request of an operation whose path or query has a word in it."""
        return [
            each.headers.get(WHO, "")
            for each in self.gate.emulator.requests
            if each.operation == operation and word in f"{each.path} {each.query}"
        ]

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for it; where it does not come, say what the processes said."""
        try:
            until(condition, seconds=PATIENCE)
        except AssertionError as error:
            logs = [f"{path.name}:\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log"))]
            raise AssertionError("\n\n".join([str(error), *logs])) from None

    def end(self) -> None:
        """End every process and leave nothing on the broker."""
        for process in (*self.workers.values(), *self.beats):
            process.kill()
        self.app.close()
        brokers.remove(self.broker, self.name)

    def _start(self, kind: str, *arguments: str) -> Process:
        self.started += 1
        name = f"{kind}-{self.started}"
        log = self.folder / f"{name}.log"
        said = environment(
            self.database_url,
            DJANGO_SETTINGS_MODULE="tests.live.settings",
            CELERY_BROKER_URL=self.broker,
            LIVE_NAME=self.name,
            OPENAI_BASE_URL=self.base_url,
            OPENAI_ORG_ID=name,
        )
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "example_project",
            kind,
            "--loglevel",
            "INFO",
            *arguments,
        ]
        if kind == "worker":
            command += ["--hostname", f"{name}@%h"]
        with log.open("wb") as out:
            popen = subprocess.Popen(
                command, cwd=ROOT, env=said, stdout=out, stderr=out, start_new_session=True
            )
        return Process(name, popen, log)


def _is_ready(worker: Process) -> bool:
    return " ready." in worker.log.read_text()
