"""The example project as real processes: a database file, a broker in a folder, an emulator over HTTP."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django_chatkit.testing import Emulator
from tests.deadline import until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Site:
    """Where a site keeps its things, and how to run its commands."""

    folder: Path
    emulator: Emulator
    base_url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "example_project.settings",
            "DJANGO_DEBUG": "1",
            "DATABASE_URL": f"sqlite:///{self.folder / 'db.sqlite3'}",
            "CACHE_URL": f"file://{self.folder / 'cache'}",
            "CELERY_BROKER_URL": f"filesystem://{self.folder / 'broker'}",
            "OPENAI_API_KEY": "sk-of-the-processes",
            "OPENAI_BASE_URL": self.base_url,
            "CHATKIT_WORKFLOW_ID": "wf_tests",
        }

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command_line(*arguments),
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def command_line(self, *arguments: str) -> list[str]:
        return [sys.executable, "manage.py", *arguments]

    @contextmanager
    def celery(self, *arguments: str, ready: str) -> Iterator[None]:
        """Run a worker or beat until the block is over; it begins once the log says that it is ready."""
        log = self.folder / f"{arguments[0]}.log"
        with (
            log.open("w") as out,
            self._running(
                [sys.executable, "-m", "celery", "-A", "example_project", *arguments, "--loglevel", "INFO"],
                out,
            ),
        ):
            until(lambda: ready in log.read_text())
            yield

    @contextmanager
    def _running(self, command: Sequence[str], out: object) -> Iterator[None]:
        process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=out, stderr=out)  # type: ignore[call-overload]
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the site's database."""
        with closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=30)) as connection, connection:
            return connection.execute(sql).fetchall()
