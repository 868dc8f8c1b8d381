"""`kill -9` in the middle of a cleanup: nothing is half, and the next one ends."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections, transaction

from django_chatkit.models import ChatThread, ChatThreadItem
from tests.deadline import until

from .databases import ALIAS
from .site import PATIENCE, ROOT, Launcher, Site, environment

pytestmark = pytest.mark.slow

SAID = "xylophonic"
THREADS, ITEMS = 12, 40


class Cleanup:
    """Run cleanups on the site's database as processes."""

    def __init__(self, url: str, site: Site, retention: dict[str, Any]) -> None:
        self.environment = environment(
            url,
            DJANGO_SETTINGS_MODULE="tests.live.forgetful",
            RETENTION=json.dumps(retention),
            OPENAI_BASE_URL=site.base_url,
        )

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "django", "chatkit_cleanup", "--batch-size", "1", "--verbosity", "0"]
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=subprocess.PIPE, text=True)

    def run(self) -> None:
        with self.start() as process:
            _, said = process.communicate(timeout=PATIENCE)
        assert (process.returncode, said) == (0, "")

    def kill_at(self, last: str, is_begun: Any) -> None:
        """Kill one that waits for the last thread, or on SQLite for the file, when it has begun."""
        is_sqlite = connections[ALIAS].vendor == "sqlite"
        with self.start() as process:
            if is_sqlite:
                until(is_begun, seconds=PATIENCE)
            with transaction.atomic(using=ALIAS):
                rows = ChatThread.objects.using(ALIAS).filter(pk=last)
                rows.update(tie=0)  # what a writer has to wait for
                until(is_begun, seconds=PATIENCE)
                os.kill(process.pid, signal.SIGKILL)
                process.wait(timeout=PATIENCE)
                transaction.set_rollback(True, using=ALIAS)


@pytest.fixture
def threads(site: Site) -> list[str]:
    """Mirror threads of last year, the last by its id the longest, and return their ids."""
    born = int(datetime(2025, 10, 1, tzinfo=UTC).timestamp())
    for number in range(THREADS):
        site.world.thread(
            *(f"{SAID} {number} {n}" for n in range(ITEMS)), id=f"cthr_{number:02}", created_at=born + number
        )
    for thread in site.emulator.threads():
        for item in site.emulator.items(thread["id"]):
            site.emulator.change_item(item["id"], created_at=born + 100)
    site.run("--full")
    return sorted(thread["id"] for thread in site.emulator.threads())


def emptied() -> int:
    return ChatThreadItem.objects.using(ALIAS).exclude(words_dropped_at=None).count()


def test_words(site: Site, started: tuple[str, Launcher], threads: list[str]) -> None:
    cleanup = Cleanup(started[0], site, {"content": 90})

    cleanup.kill_at(threads[-1], lambda: emptied() > 0)

    assert 0 < emptied() < THREADS * ITEMS
    for row in ChatThreadItem.objects.using(ALIAS):
        assert (row.text == "") is (row.words_dropped_at is not None)
        assert (SAID in str(row.payload)) is (row.words_dropped_at is None)

    cleanup.run()

    assert emptied() == THREADS * ITEMS
    assert not ChatThread.objects.using(ALIAS).filter(words_dropped_at=None).exists()
    site.run("--full")
    site.run("--verify", "--full", "--verbosity", "0")
    assert emptied() == THREADS * ITEMS


def test_threads_here(site: Site, started: tuple[str, Launcher], threads: list[str]) -> None:
    cleanup = Cleanup(started[0], site, {"threads": {"days": 90, "upstream": False}})
    rows = ChatThread.objects.using(ALIAS)

    cleanup.kill_at(threads[-1], lambda: rows.count() < THREADS)

    assert 0 < rows.count() < THREADS
    for thread in rows.present():  # nobody sees a part of one
        assert thread.items.count() == ITEMS

    cleanup.run()

    assert (rows.count(), ChatThreadItem.objects.using(ALIAS).count()) == (0, 0)
    site.run("--full")
    site.run("--verify", "--full", "--verbosity", "0")
    assert rows.count() == 0
    assert [thread["id"] for thread in site.emulator.threads()] == threads
