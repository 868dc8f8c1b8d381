"""What a sync tells of itself: rows, reports and log records, and nothing that somebody said."""

import ast
import json
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_chatkit.client import AuthenticationError, ChatKit
from django_chatkit.models import EndUser, SyncRun
from django_chatkit.services import end_users, sync
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

Service = Callable[..., SyncReport]

# What an end user or an assistant said: it may stand in the mirror and nowhere else.
SAID = "the-word-of-an-end-user"


@pytest.fixture
def chatkit(emulator: Emulator, clock: Clock) -> ChatKit:
    """Make a client whose waits move the clock, so that a pause takes its time."""
    return ChatKit(
        api_key="sk-test",
        base_url="http://emulator.invalid/v1",
        adapter=EmulatorAdapter(emulator),
        max_retries=1,
        sleep=lambda seconds: clock.move(seconds=seconds),
        monotonic=clock.timestamp,
        chance=lambda: 0.0,
    )


@pytest.fixture
def run(chatkit: ChatKit, clock: Clock, world: World) -> Service:
    """Run a service, one request at a time and a second after whatever was before."""
    pace = Pace(interval=timedelta(seconds=15), grace=timedelta(seconds=60), workers=0)

    def call(service: Service, **arguments: Any) -> SyncReport:
        clock.move(seconds=1)
        if service is not sync.sync_thread:
            arguments["pace"] = pace
        return service(client=chatkit, clock=clock, using=world.database, **arguments)

    return call


@pytest.fixture
def due(world: World, clock: Clock) -> str:
    """Make an end user live, and due now."""
    until = clock.now + timedelta(minutes=10)
    end_users.opened(user="ada", owner=None, expires_at=until, due_at=clock.now, using=world.database)
    return "ada"


def rows(world: World) -> list[SyncRun]:
    return list(SyncRun.objects.using(world.database).newest_first())


@pytest.mark.parametrize(
    ("service", "arguments", "kind", "subject"),
    [
        pytest.param(sync.sync_due, {}, "due", "", id="due"),
        pytest.param(sync.sync_user, {"user": "ada"}, "user", "ada", id="user"),
        pytest.param(sync.sync_thread, {"thread_id": "cthr_1"}, "thread", "cthr_1", id="thread"),
        pytest.param(sync.reconcile, {}, "reconcile", "", id="reconcile"),
    ],
)
def test_a_run_leaves_a_row_with_the_counts_of_its_report(
    world: World, run: Service, due: str, clock: Clock, service: Any, arguments: Any, kind: str, subject: str
) -> None:
    world.thread("one", "two", user=due, id="cthr_1")

    report = run(service, **arguments)

    (row,) = rows(world)
    assert (row.kind, row.subject, row.ended_at, row.errors) == (kind, subject, clock.now, 0)
    assert (row.threads_new, row.items_new, row.requests) == (1, 2, report.requests)
    assert report.as_dict()["runs"][0]["id"] == row.pk
    assert json.loads(json.dumps(report.as_dict()))["kind"] == kind


def test_nobody_due_leaves_no_row_and_costs_one_query(world: World, run: Service) -> None:
    EndUser.objects.using(world.database).create(id="ada")

    with CaptureQueriesContext(connections[world.database]) as queries:
        report = run(sync.sync_due)

    assert len(queries) == 1
    assert rows(world) == []
    assert report.as_dict()["kind"] is None


def test_a_nudge_that_finds_nothing_new_leaves_no_row(world: World, run: Service) -> None:
    thread = world.thread("one")
    run(sync.sync_thread, thread_id=thread)
    run(sync.sync_thread, thread_id=thread)
    world.emulator.add_item(thread, text="two")
    run(sync.sync_thread, thread_id=thread)

    assert [row.items_new for row in rows(world)] == [1, 1]


def test_a_refused_key_is_the_last_word_of_the_run(world: World, run: Service, due: str) -> None:
    world.emulator.fail(status=401, times=None)

    with pytest.raises(AuthenticationError):
        run(sync.sync_due)

    (row,) = rows(world)
    assert (row.stopped, row.errors, row.users) == (True, 1, 1)
    assert row.ended_at is not None
    assert row.last_error.startswith("Stopped by AuthenticationError: Error code: 401")


def test_an_interruption_is_the_last_word_of_the_run(world: World, run: Service) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    world.thread("one")
    world.emulator.sleep = interrupt
    world.emulator.latency = 1

    with pytest.raises(KeyboardInterrupt):
        run(sync.reconcile)

    assert [(row.stopped, row.last_error) for row in rows(world)] == [(True, "Stopped by KeyboardInterrupt")]


def test_what_failed_for_one_thread_is_counted_and_shown(world: World, run: Service) -> None:
    world.thread("one", id="cthr_good")
    world.thread("two", id="cthr_bad")
    world.emulator.fail("list_items", match="cthr_bad", times=None, status=500)

    run(sync.reconcile)

    (row,) = rows(world)
    assert (row.errors, row.stopped, row.items_new) == (1, False, 1)
    assert row.last_error.startswith("thread cthr_bad: InternalServerError: Error code: 500")


def test_the_wait_that_upstream_asked_for_is_told(world: World, run: Service) -> None:
    world.thread("one")
    world.emulator.fail("list_items", status=429, headers={"retry-after": "7"})

    report = run(sync.reconcile)

    assert report.ok
    assert report.paused == pytest.approx(7)
    assert [row.paused for row in rows(world)] == [pytest.approx(7)]


def test_a_run_at_work_tells_its_counts_every_few_seconds(world: World, run: Service, clock: Clock) -> None:
    for number in range(30):
        world.thread(f"word {number}")
    world.emulator.sleep = lambda seconds: clock.move(seconds=seconds)
    world.emulator.latency = 1
    told: list[tuple[int, bool]] = []

    run(
        sync.reconcile,
        on_progress=lambda now: told.extend((row.requests, row.ended_at is None) for row in rows(world)),
    )

    at_work = sorted({requests for requests, is_at_work in told if is_at_work})
    assert 5 <= len(at_work) <= 8
    assert rows(world)[0].requests == 31


@pytest.mark.django_db(transaction=True)
def test_the_row_is_written_by_the_callers_thread_and_between_transactions(
    world: World, run: Service, clock: Clock
) -> None:
    for number in range(20):
        world.thread(f"word {number}")
    world.emulator.sleep = lambda seconds: clock.move(seconds=seconds)
    world.emulator.latency = 1
    connection = connections[world.database]
    writes: list[tuple[int, int]] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "syncrun" in sql and not sql.startswith("SELECT"):
            writes.append((threading.get_ident(), len(connection.savepoint_ids)))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        run(sync.reconcile)

    assert 4 <= len(writes) <= 8
    assert set(writes) == {(threading.get_ident(), 0)}


def test_nothing_that_was_said_is_in_a_row_a_report_or_a_log_record(
    world: World, run: Service, due: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for id in ("cthr_good", "cthr_cut", "cthr_shape", "cthr_page", "cthr_repeats", "cthr_503"):
        world.thread(f"{SAID} one", f"{SAID} two", user=due, id=id, title=f"{SAID} title")
    for id, fault in (
        ("cthr_cut", {"kind": "cut"}),
        ("cthr_shape", {"kind": "wrong_shape"}),
        ("cthr_page", {"kind": "not_json"}),
        ("cthr_503", {"status": 503}),
    ):
        world.emulator.fail("list_items", match=id, times=None, **fault)

    reports = [run(sync.sync_due), run(sync.reconcile), run(sync.sync_user, user=due)]

    models = [
        model for model in apps.get_app_config("django_chatkit").get_models() if model in (EndUser, SyncRun)
    ]
    stored = [str(row) for model in models for row in model.objects.using(world.database).values_list()]
    records = [f"{each.getMessage()} {each.args} {each.exc_text}" for each in caplog.records]
    assert any("ChatKit sync run" in text for text in records)
    assert any("cthr_page" in text for text in stored + records)
    told = [*stored, *records, *(json.dumps(report.as_dict()) for report in reports)]
    assert [text for text in told if SAID in text] == []


def test_the_alerts_of_the_documentation_are_each_one_query() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    (code,) = [block for block in page.split("```python\n")[1:] if "SyncRun.objects.succeeded" in block]
    *setting, first, second, third, fourth, fifth, sixth = ast.parse(code.partition("```")[0]).body
    names: dict[str, Any] = {}
    exec(compile(ast.Module(setting, []), "operations.md", "exec"), names)  # noqa: S102 - our own page

    alarms = []
    with CaptureQueriesContext(connections["default"]) as queries:
        for each in (first, second, third, fourth, fifth, sixth):
            assert isinstance(each, ast.Expr)
            alarms.append(eval(compile(ast.Expression(each.value), "operations.md", "eval"), names))  # noqa: S307 - our own page

    assert alarms == [True, False, False, False, False, False]
    assert len(queries) == 6
