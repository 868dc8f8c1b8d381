"""Sets the stage: the emulator with its history, the site, a Celery worker and beat, and the mirror of it all."""

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser

from . import accounts, corpus, environment, history
from .accounts import Account
from .database import Database
from .processes import Failed, Troupe
from .report import Report

SEED = 20261130  # what the past grows from: every run tells the same one


class Stage:
    """Hold what the demo plays on: the addresses, the accounts, the database, the processes."""

    def __init__(self, *, folder: Path, report: Report, troupe: Troupe) -> None:
        self.folder = folder
        self.report = report
        self.troupe = troupe
        self.database = Database(environment.database(folder))
        self.accounts: dict[str, Account] = {}
        self.emulator = ""
        self.site = ""

    def set(self, *, port: int) -> None:
        """Start everything, each part once it has what it needs, and bring the history home."""
        told = self._invent()
        self._start_emulator()
        self._lay_database()
        self._start_site(port)
        self._mirror(told)

    def manage(self, *arguments: str) -> str:
        """Run a management command of the site to its end and return what it wrote."""
        return self.troupe.run(arguments[0], environment.manage(*arguments))

    def _invent(self) -> history.History:
        with self.report.step("conversations") as say:
            dialogues = corpus.read(corpus.folder())
            people = accounts.invent(dialogues)
            chance = Random(SEED)  # noqa: S311 -- no secret grows from it
            told = history.write(people, dialogues, now=datetime.now(UTC), chance=chance)
            self.accounts = {account.username: account for account in people}
            _dump(told.document, self.folder / "history.json")
            _dump(accounts.fixture(people), self.folder / "accounts.json")
            say(f"{told.threads} threads of {told.end_users} end users in {len(dialogues)} languages")
            say(f"{told.items} items of {told.types} types")
        return told

    def _start_emulator(self) -> None:
        with self.report.step("emulator") as say:
            process = self.troupe.start("emulator", environment.emulator(self.folder / "history.json"))
            base_url = self.troupe.wait_for(process, r"(http://\S+/v1)").group(1)
            self.troupe.environment["OPENAI_BASE_URL"] = base_url
            self.emulator = base_url.removesuffix("/v1")
            say(f"plays upstream on port {urlsplit(base_url).port}")

    def _lay_database(self) -> None:
        with self.report.step("database") as say:
            self.manage("migrate", "--verbosity", "0")
            self.manage("loaddata", str(self.folder / "accounts.json"), "--verbosity", "0")
            say(f"SQLite, {len(self.accounts)} accounts")

    def _start_site(self, port: int) -> None:
        with self.report.step("site") as say:
            worker = self.troupe.start("worker", environment.worker())
            site = self.troupe.start("site", environment.site(port))
            self.troupe.wait_for(worker, r"ready\.")
            # Only now: the worker lays out the broker's folder, and nobody should look into a half-laid one.
            beat = self.troupe.start("beat", environment.beat(self.folder))
            self.troupe.wait_for(beat, r"beat: Starting")
            self.site = self.troupe.wait_for(site, r"(http://127\.0\.0\.1:\d+)/").group(1)
            say(f"a Celery worker, beat, and {self.site}/")

    def _mirror(self, told: history.History) -> None:
        with self.report.step("mirror") as say:

            def tick() -> None:
                self.report.progress("mirror", f"{self.database.count(ChatThread)} of {told.threads} threads")

            self.troupe.run("chatkit_sync", environment.manage("chatkit_sync", "--full"), tick=tick)
            compare(told, self.database)
            say(f"chatkit_sync --full brought {told.threads} threads with {told.items} items home")


def compare(told: history.History, database: Database) -> None:
    """Raise `Failed` unless the database has exactly what the history tells."""
    expected = [told.end_users, told.threads, told.items]
    home = [database.count(model) for model in (EndUser, ChatThread, ChatThreadItem)]
    if home != expected:
        raise Failed(f"The database has {home} end users, threads and items; the history has {expected}.")


def _dump(document: Any, path: Path) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")
