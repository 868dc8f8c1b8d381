"""The commands as an operator runs them: exit codes, standard error, signals; and the tasks in a real worker."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_chatkit.testing import Emulator
from django_chatkit.testing.server import serve
from tests.deadline import until

from .sites import ROOT, Site

pytestmark = pytest.mark.slow

DUE = (
    "INSERT INTO django_chatkit_enduser (id, due_at, live_until, failures, last_error, former_owner) "
    "VALUES ('ada', '2026-01-01 00:00:00', '2099-01-01 00:00:00', 0, '', '')"
)

RUNS = "SELECT kind, ended_at IS NOT NULL, stopped, last_error FROM django_chatkit_syncrun ORDER BY id"


@pytest.fixture
def bare_site(tmp_path: Path) -> Iterator[Site]:
    emulator = Emulator()
    emulator.add_thread(user="ada", id="cthr_ada", items=[{"text": "Hello"}, {"text": "Good day"}])
    with serve(emulator) as server:
        yield Site(tmp_path, emulator, server.base_url)


@pytest.fixture
def site(bare_site: Site) -> Site:
    migrated = bare_site.manage("migrate", "--verbosity", "0")
    assert migrated.returncode == 0, migrated.stderr
    return bare_site


def test_success_is_0_and_one_json_object(site: Site) -> None:
    ended = site.manage("chatkit_sync", "--full", "--json")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["items_new"] == 2


def test_a_failure_is_1_and_a_line_on_standard_error(site: Site) -> None:
    site.emulator.fail("list_items", status=400, times=None)

    ended = site.manage("chatkit_sync", "--full")

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[0].startswith("thread cthr_ada: BadRequestError")
    assert ended.stderr.splitlines()[1] == "CommandError: 1 thing is not done."
    assert len(ended.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    "command", ["chatkit_sync", "chatkit_sync --full", "chatkit_sync --verify", "chatkit_cleanup"]
)
def test_missing_tables_are_named_with_the_remedy(bare_site: Site, command: str) -> None:
    ended = bare_site.manage(*command.split())

    assert ended.returncode == 1
    assert "Run: python manage.py migrate" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_opened_is_named_and_migrate_is_not(bare_site: Site) -> None:
    file = bare_site.folder / "nowhere" / "db.sqlite3"

    ended = bare_site.manage("chatkit_sync", DATABASE_URL=f"sqlite:///{file}")

    assert ended.returncode == 1
    assert f"unable to open database file. See that the folder of {file} exists" in ended.stderr
    assert "migrate" not in ended.stderr


def test_an_address_where_nobody_listens_is_named(site: Site) -> None:
    ended = site.manage("chatkit_sync", "--thread", "cthr_a", OPENAI_BASE_URL="http://127.0.0.1:9/v1")

    assert ended.returncode == 1
    assert "APIConnectionError" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let children hear SIGINT: a shell that starts the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interruption_is_130(site: Site) -> None:
    site.emulator.fail("list_threads", kind="delay", delay=5, times=None)
    process = subprocess.Popen(
        site.command_line("chatkit_sync", "--full"),
        cwd=ROOT,
        env=site.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: site.emulator.count("list_threads"))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 130
    assert err == "CommandError: Interrupted. What was done is kept; run it again for the rest.\n"
    assert site.rows(RUNS) == [("reconcile", 1, 1, "Stopped by KeyboardInterrupt")]


def test_a_killed_run_keeps_its_row_without_an_end_and_the_next_run_has_one(site: Site) -> None:
    site.emulator.fail("list_items", kind="delay", delay=60, times=1)
    process = subprocess.Popen(
        site.command_line("chatkit_sync", "--full"), cwd=ROOT, env=site.environment, stderr=subprocess.PIPE
    )
    until(lambda: site.emulator.count("list_items"))
    process.kill()
    process.communicate(timeout=120)
    site.rows("UPDATE django_chatkit_chatthread SET leased_until = NULL")  # half a minute passes

    assert site.rows(RUNS) == [("reconcile", 0, 0, "")]
    assert site.manage("chatkit_sync", "--full").returncode == 0
    assert site.rows(RUNS) == [("reconcile", 0, 0, ""), ("reconcile", 1, 0, "")]


def test_a_reader_who_has_left_is_130_and_no_traceback(site: Site) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        ended = subprocess.run(
            site.command_line("chatkit_sync", "--json"),
            cwd=ROOT,
            env=site.environment,
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )

    assert (ended.returncode, ended.stderr) == (130, "")


def test_a_reader_who_has_left_is_no_disk_that_refuses(site: Site) -> None:
    archive = str(site.folder / "archive")
    assert site.manage("chatkit_archive", archive).returncode == 0
    site.emulator.remove_thread("cthr_ada")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        ended = subprocess.run(
            site.command_line("chatkit_archive", archive, "--verify"),
            cwd=ROOT,
            env={**site.environment, "PYTHONUNBUFFERED": "1"},
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )

    assert (ended.returncode, ended.stderr) == (130, "")


def test_the_doctor_names_what_is_missing_on_a_bare_site(bare_site: Site) -> None:
    ended = bare_site.manage("chatkit_doctor", OPENAI_API_KEY="")

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    for words in ("OPENAI_API_KEY", "python manage.py migrate", "No Celery worker answered"):
        assert words in ended.stderr


def test_a_database_that_cannot_be_opened_is_named(bare_site: Site) -> None:
    ended = bare_site.manage(
        *("chatkit_doctor", "--skip", "upstream", "--skip", "worker", "--skip", "beat"),
        DATABASE_URL=f"sqlite:///{bare_site.folder / 'nowhere' / 'db.sqlite3'}",
    )

    assert ended.returncode == 1
    assert (
        "database: default can't be used: unable to open database file. See that the folder" in ended.stderr
    )
    assert "unknown work: not examined" in ended.stdout


def examined(site: Site, *arguments: str) -> dict[str, str]:
    """Return the doctor's verdicts. A worker has three seconds to answer, so one that is late is asked again."""
    reports: list[dict[str, str]] = []

    def is_answered() -> bool:
        told = json.loads(site.manage("chatkit_doctor", "--json", *arguments).stdout)
        reports.append({each["name"]: f"{each['verdict']}: {each['says']}" for each in told["findings"]})
        return reports[-1]["worker"].startswith("well") and not reports[-1]["beat"].startswith("unknown")

    until(is_answered)
    return reports[-1]


def test_a_worker_and_beat_mirror_what_is_due_and_the_doctor_sees_them(site: Site) -> None:
    site.rows(DUE)

    with site.celery("worker", "--pool", "threads", "--concurrency", "2", ready=" ready."):
        without_beat = examined(site, "--wait", "1", "--skip", "work")
        schedule = str(site.folder / "schedule")
        with site.celery("beat", "--schedule", schedule, ready="beat: Starting"):
            until(lambda: site.rows("SELECT COUNT(*) FROM django_chatkit_chatthreaditem") == [(2,)])
            all_well = examined(site, "--wait", "60", "--skip", "archive")  # it ends with the first tick

    assert without_beat["beat"].startswith("wrong: No django_chatkit.tasks.sync_due_users reached a worker")
    assert not [verdict for verdict in all_well.values() if verdict.startswith("wrong")]
    assert all_well["beat"].startswith("well")
