"""`chatkit_rotate` brings every row to what the keys say, tells it, and can be killed at any moment."""

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as tests_settings
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser, ThreadNote
from django_chatkit.models.fields import as_kept
from django_chatkit.models.sealing import PREFIX, Keyring
from django_chatkit.services import bulk
from django_chatkit.testing import Emulator
from django_chatkit.testing.server import serve
from example_project.databases import parse
from tests.deadline import until
from tests.keys import FIRST, SECOND, dump, use
from tests.live import databases

from .conftest import run
from .sites import ROOT, Site

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SEALED = "tests.commands.sealed_settings"


@pytest.fixture
def rows(database: str) -> str:
    fill(database, items=3)
    return database


def fill(using: str, *, items: int) -> None:
    """Keep a thread with a note and so many items, in clear."""
    EndUser.objects.using(using).create(id="ada")
    thread = {"id": "cthr_1", "title": "canary"}
    ChatThread.objects.using(using).create(
        id="cthr_1", end_user_id="ada", title="canary", payload=thread, created_at=NOW
    )
    ThreadNote.objects.using(using).create(thread_id="cthr_1", text="a canary", created_at=NOW)
    ChatThreadItem.objects.using(using).bulk_create(
        ChatThreadItem(
            id=f"cti_{n}",
            thread_id="cthr_1",
            position=n,
            text=f"canary {n}",
            payload={"content": f"canary {n}"},
            created_at=NOW,
        )
        for n in range(items)
    )


@pytest.mark.django_db
def test_it_seals_says_how_many_and_what_is_left_to_do(rows: str, settings: Any) -> None:
    use(settings, FIRST)

    done = run("chatkit_rotate", database=rows)
    again = run("chatkit_rotate", database=rows)

    assert (done.code, done.err) == (0, "")
    line, hint = done.out.splitlines()
    assert line == "1 thread, 3 items, 0 sessions, 1 note encrypted with the first key; 0 failures."
    assert "run chatkit_rotate --scrub when nobody chats" in hint
    assert again.out == (
        "0 threads, 0 items, 0 sessions, 0 notes encrypted with the first key; 0 failures.\n"
    )
    assert "canary" not in " ".join(dump(rows, index=False))


@pytest.mark.django_db
def test_an_empty_first_key_decrypts(rows: str, settings: Any) -> None:
    before = sorted(dump(rows, index=False))
    use(settings, FIRST)
    run("chatkit_rotate", database=rows)
    use(settings, "", FIRST)

    done = run("chatkit_rotate", database=rows)

    assert done.out == "1 thread, 3 items, 0 sessions, 1 note decrypted; 0 failures.\n"
    assert sorted(dump(rows, index=False)) == before


@pytest.mark.django_db
def test_a_dry_run_says_what_would_be_done_and_writes_nothing(rows: str, settings: Any) -> None:
    before = sorted(dump(rows))
    use(settings, FIRST)

    done = run("chatkit_rotate", "--dry-run", database=rows)

    assert done.code == 0
    assert done.out.startswith("Would have: 1 thread, 3 items, 0 sessions, 1 note encrypted")
    assert sorted(dump(rows)) == before


@pytest.mark.django_db
def test_the_outcome_is_one_json_object_where_asked_for(rows: str, settings: Any) -> None:
    use(settings, FIRST)

    told = run("chatkit_rotate", "--json", database=rows).json

    assert told["ok"] is True
    assert (told["threads"], told["items"], told["notes"], told["were_plain"]) == (1, 3, 1, 5)


@pytest.mark.django_db
def test_progress_is_shown_on_a_terminal(rows: str, settings: Any) -> None:
    use(settings, FIRST)

    assert "1 of 5 rows" in run("chatkit_rotate", database=rows, terminal=True).err
    assert run("chatkit_rotate", database=rows, terminal=True, verbosity=0).err == ""


@pytest.mark.django_db
@pytest.mark.parametrize("keys", [[], [SECOND]])
def test_a_missing_key_is_1_with_the_setting_and_the_remedy(
    rows: str, settings: Any, keys: list[str]
) -> None:
    use(settings, FIRST)
    run("chatkit_rotate", database=rows)
    before = sorted(dump(rows))
    use(settings, *keys)

    done = run("chatkit_rotate", database=rows)

    assert done.code == 1
    assert "CHATKIT['ENCRYPTION_KEYS'] does not hold: add that key at the end of the list" in done.error
    assert FIRST not in done.error
    assert sorted(dump(rows)) == before


@pytest.mark.django_db
def test_a_damaged_row_is_1_and_named(rows: str, settings: Any) -> None:
    use(settings, FIRST)
    run("chatkit_rotate", database=rows)
    table = bulk.Table(model=ChatThreadItem, columns=("id", "payload"), updates=())
    bulk.rewrite(table, [("cti_1", Keyring([FIRST]).prefix + "gAAAAA")], using=rows)
    use(settings, SECOND, FIRST)

    done = run("chatkit_rotate", "--scrub", database=rows)

    assert (done.code, done.error) == (1, "1 thing is not done.")
    assert done.err.startswith("item cti_1: DamagedRow: a row is damaged")
    assert "1 thread, 2 items" in done.out


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--batch-size", "0"], "must be a whole number of at least 1, not '0'"),
        (["--dry-run", "--scrub"], "--scrub writes, and --dry-run writes nothing"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], complaint: str) -> None:
    done = run("chatkit_rotate", *arguments)

    assert done.code == 1
    assert complaint in done.error


@pytest.mark.django_db(transaction=True)
def test_scrubbing_follows_and_is_told(database: str, settings: Any) -> None:
    fill(database, items=3)
    use(settings, FIRST)

    done = run("chatkit_rotate", "--scrub", database=database)

    assert done.code == 0
    assert done.out.splitlines()[1] == (
        "The tables were written anew: nothing of what was said stands in freed space."
    )
    assert "canary" not in " ".join(dump(database))


@pytest.fixture(params=list(tests_settings.DATABASES))
def site(
    request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Site, dict[str, str]]]:
    """Give a site on each database, with the environment of its processes, and this process a look at its tables."""
    emulator = Emulator()
    with (
        serve(emulator) as server,
        databases.created(request.param, "rotate", tmp_path) as url,
        django_db_blocker.unblock(),
        databases.opened(parse(url)) as alias,
    ):
        call_command("migrate", database=alias, verbosity=0)
        environment = {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": SEALED,
            "TEST_ENCRYPTION_KEYS": FIRST,
        }
        yield Site(tmp_path, emulator, server.base_url), environment


def sealed(prefix: str = PREFIX) -> int:
    rows = ChatThreadItem.objects.using(databases.ALIAS).annotate(kept=as_kept("payload"))
    return rows.filter(kept__startswith=prefix).count()


@pytest.mark.slow
def test_kill_9_does_no_harm_and_the_next_run_does_the_rest(site: tuple[Site, dict[str, str]]) -> None:
    running, environment = site
    fill(databases.ALIAS, items=600)
    first, second = (Keyring([key]).prefix for key in (FIRST, SECOND))

    for keys, prefix in ((FIRST, first), (f"{SECOND},{FIRST}", second)):
        turned = {**environment, "TEST_ENCRYPTION_KEYS": keys}
        process = subprocess.Popen(
            running.command_line("chatkit_rotate", "--batch-size", "1"),
            cwd=ROOT,
            env={**running.environment, **os.environ, **turned},
        )
        until(lambda prefix=prefix, process=process: sealed(prefix) > 20 or process.poll() is not None)  # type: ignore[misc]
        process.kill()
        process.wait(120)
        assert sealed(prefix) > 20
        rest = running.manage("chatkit_rotate", **turned)
        assert (rest.returncode, rest.stderr) == (0, "")
        assert sealed(prefix) == 600
    off = running.manage("chatkit_rotate", **{**environment, "TEST_ENCRYPTION_KEYS": f",{SECOND}"})

    assert off.returncode == 0
    texts = ChatThreadItem.objects.using(databases.ALIAS).order_by("position")
    assert [(item.text, item.payload) for item in texts] == [
        (f"canary {n}", {"content": f"canary {n}"}) for n in range(600)
    ]


@pytest.mark.slow
def test_after_a_whole_journey_no_word_stands_in_the_database_or_in_what_was_printed(
    site: tuple[Site, dict[str, str]],
) -> None:
    running, environment = site
    emulator = running.emulator
    emulator.add_thread(
        user="ada",
        id="cthr_1",
        title="Canary title",
        items=[
            {"text": "Canary message"},
            {
                "type": "chatkit.client_tool_call",
                "name": "canary",
                "arguments": '{"canary":1}',
                "status": "completed",
            },
        ],
    )

    printed = [
        running.manage(*command.split(), **environment)
        for command in (
            "chatkit_sync --full",
            "chatkit_sync --full --json",
            "chatkit_sync --full --verify",
            "chatkit_sync --thread cthr_1 --deep",
            "chatkit_cleanup",
            "chatkit_rotate",
        )
    ]
    emulator.fail("list_items", status=400, times=1)
    failed = running.manage("chatkit_sync", "--thread", "cthr_1", **environment)

    assert [(each.returncode, each.stderr) for each in printed] == [(0, "")] * len(printed)
    assert failed.returncode == 1
    said = "".join(each.stdout + each.stderr for each in [*printed, failed])
    held = " ".join(dump(databases.ALIAS))
    for file in running.folder.glob("*.sqlite3*"):
        held += file.read_bytes().decode("latin-1")
    assert "canary" not in (said + held).lower()
    assert ChatThreadItem.objects.using(databases.ALIAS).count() == 2


@pytest.mark.slow
def test_after_scrubbing_the_file_holds_no_word_that_stood_in_clear(bare_file: tuple[Site, Path]) -> None:
    running, file = bare_file
    keys = {"DJANGO_SETTINGS_MODULE": SEALED, "TEST_ENCRYPTION_KEYS": FIRST}
    assert b"canary" in b"".join(each.read_bytes() for each in file.parent.glob("db.sqlite3*"))

    done = running.manage("chatkit_rotate", "--scrub", **keys)

    assert (done.returncode, done.stderr) == (0, "")
    assert b"canary" not in b"".join(each.read_bytes() for each in file.parent.glob("db.sqlite3*")).lower()
    assert running.manage("chatkit_sync", "--full", "--verify", **keys).returncode == 0


@pytest.fixture
def bare_file(tmp_path: Path) -> Iterator[tuple[Site, Path]]:
    """Mirror a thread in clear into a file."""
    emulator = Emulator()
    emulator.add_thread(user="ada", title="canary title", items=[{"text": f"canary {n}"} for n in range(150)])
    with serve(emulator) as server:
        site = Site(tmp_path, emulator, server.base_url)
        for command in (["migrate", "--verbosity", "0"], ["chatkit_sync", "--full"]):
            done = site.manage(*command)
            assert done.returncode == 0, done.stderr
        yield site, tmp_path / "db.sqlite3"
