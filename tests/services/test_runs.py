"""Each run leaves a row that tells what it did, and a log record, whatever stops it."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, OperationalError, connections

from django_chatkit.client import ChatKitError
from django_chatkit.models import SyncRun
from django_chatkit.models.runs import SILENCE
from django_chatkit.services.reports import Failure, SyncReport
from django_chatkit.services.runs import NOTED_EVERY, Record

from .conftest import Clock

pytestmark = pytest.mark.django_db

Begin = Callable[..., Record]


@pytest.fixture
def record(clock: Clock, database: str) -> Begin:
    """Make the record of a run that begins now."""

    def make(**options: Any) -> Record:
        values: dict[str, Any] = {"kind": SyncRun.Kind.RECONCILE, "report": SyncReport(), **options}
        return Record(clock=clock, using=database, **values)

    return make


def rows(database: str) -> list[SyncRun]:
    return list(SyncRun.objects.using(database).newest_first())


def stop(run: Record, error: BaseException) -> None:
    """Make three requests, and meet an error."""
    with run:
        run.begin()
        run.report.requests = 3
        raise error


def test_a_run_that_never_has_anything_to_do_leaves_no_trace(
    record: Begin, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run = record()

    with run:
        run.note()

    assert rows(database) == []
    assert run.report.runs == []
    assert caplog.records == []


def test_the_row_is_there_from_the_beginning_and_has_no_end(
    record: Begin, database: str, clock: Clock
) -> None:
    record(subject="ada", kind=SyncRun.Kind.USER).begin()

    (row,) = rows(database)
    assert (row.kind, row.subject, row.started_at, row.ended_at) == ("user", "ada", clock.now, None)
    assert row.state(now=clock.now) == SyncRun.State.RUNNING
    assert row.state(now=clock.now + SILENCE) == SyncRun.State.BROKEN_OFF


def test_a_run_begins_once(record: Begin, database: str) -> None:
    run = record()

    run.begin()
    run.begin()

    assert len(rows(database)) == 1


def test_counts_are_written_every_few_seconds_and_at_the_end(
    record: Begin, database: str, clock: Clock
) -> None:
    seen = []
    with record() as run:
        run.begin()
        for _ in range(12):
            clock.move(seconds=1)
            run.report.items_new += 1
            run.note()
            seen.append(rows(database)[0].items_new)

    every = int(NOTED_EVERY.total_seconds())
    assert seen == [number // every * every for number in range(1, 13)]
    (row,) = rows(database)
    assert (row.items_new, row.ended_at, row.noted_at) == (12, clock.now, clock.now)
    assert row.duration == timedelta(seconds=12)
    assert row.state(now=clock.now) == SyncRun.State.ENDED


def test_the_pause_is_told_as_it_goes(record: Begin, database: str, clock: Clock) -> None:
    waits = iter([1.0, 4.5])
    with record(paused=lambda: next(waits)) as run:
        run.begin()
        run.note()
        assert run.report.paused == 1.0

    assert [row.paused for row in rows(database)] == [4.5]


def test_a_brief_run_without_news_writes_nothing(record: Begin, database: str) -> None:
    with record(brief=True, kind=SyncRun.Kind.THREAD, subject="cthr_1") as run:
        run.begin()
        run.report.items_unchanged = 20

    assert rows(database) == []
    (told,) = run.report.runs
    assert (told["id"], told["kind"], told["subject"]) == (None, "thread", "cthr_1")


@pytest.mark.parametrize(
    "news",
    [
        pytest.param({"items_new": 1}, id="new"),
        pytest.param({"threads_gone": 1}, id="gone"),
        pytest.param({"failures": [Failure(noun="thread", id="cthr_1", error="Oh: dear")]}, id="failure"),
    ],
)
def test_a_brief_run_with_news_leaves_its_row(record: Begin, database: str, news: dict[str, Any]) -> None:
    with record(brief=True, report=SyncReport(**news)) as run:
        run.begin()
        run.note()
        assert rows(database) == []

    assert [row.pk for row in rows(database)] == [run.report.runs[0]["id"]]


def test_a_brief_run_that_lasts_shows_that_it_is_at_work(record: Begin, database: str, clock: Clock) -> None:
    run = record(brief=True)
    run.begin()
    clock.move(seconds=6)

    run.note()

    assert [row.ended_at for row in rows(database)] == [None]


def test_failures_are_counted_and_the_last_one_is_shown(record: Begin, database: str) -> None:
    with record() as run:
        run.begin()
        for number in (1, 2):
            run.report.failures.append(Failure(noun="thread", id=f"cthr_{number}", error="Oh: dear"))

    (row,) = rows(database)
    assert (row.errors, row.last_error) == (2, "thread cthr_2: Oh: dear")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(ChatKitError("no key"), "Stopped by ChatKitError: no key", id="ours"),
        pytest.param(
            OperationalError("it is locked"), "Stopped by OperationalError: it is locked", id="locked"
        ),
        pytest.param(KeyboardInterrupt(), "Stopped by KeyboardInterrupt", id="ctrl-c"),
        pytest.param(DataError("(cti_1, a secret word)"), "Stopped by DataError", id="quotes-the-row"),
    ],
)
def test_what_stops_a_run_is_in_its_row_and_reaches_the_caller(
    record: Begin, database: str, error: BaseException, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    with pytest.raises(type(error)):
        stop(record(), error)

    (row,) = rows(database)
    assert (row.errors, row.last_error, row.requests) == (1, says, 3)
    assert row.ended_at is not None
    assert row.state(now=row.ended_at) == SyncRun.State.STOPPED
    assert "secret" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_connection_is_left_for_a_fresh_one(record: Begin, database: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        stop(record(), KeyboardInterrupt())

    assert [row.last_error for row in rows(database)] == ["Stopped by KeyboardInterrupt"]


def test_the_end_is_one_log_record_with_counts(
    record: Begin, database: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with record(kind=SyncRun.Kind.USER, subject="ada") as run:
        run.begin()
        run.report.items_new = 1_234_567
        clock.move(seconds=3.2)

    (logged,) = caplog.records
    (row,) = rows(database)
    assert (logged.name, logged.levelname) == ("django_chatkit.services.runs", "INFO")
    assert logged.getMessage().startswith(f"ChatKit sync run {row.pk} (user ada) ended after 3.2 s: users=0 ")
    assert " items_new=1234567 " in logged.getMessage()
    assert logged.getMessage().endswith(" paused=0.0 errors=0")


@pytest.fixture
def no_table(database: str) -> Iterator[None]:
    """Take the table of runs away."""
    with connections[database].schema_editor() as editor:
        editor.alter_db_table(SyncRun, "django_chatkit_syncrun", "django_chatkit_elsewhere")
    yield
    with connections[database].schema_editor() as editor:
        editor.alter_db_table(SyncRun, "django_chatkit_elsewhere", "django_chatkit_syncrun")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_table")
def test_a_row_that_cannot_be_written_is_logged_and_costs_the_run_nothing(
    record: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    with record() as run:
        run.begin()
        run.report.items_new = 3

    assert run.report.ok
    assert run.report.items_new == 3
    assert [each.levelname for each in caplog.records] == ["WARNING", "WARNING"]
    assert all("can't record its sync run" in each.getMessage() for each in caplog.records)


@pytest.mark.parametrize(
    "subject", ["x" * 600, "a\0b", "\ud800"], ids=["longer-than-an-id", "nul", "lone-surrogate"]
)
def test_a_subject_that_can_be_no_id_is_recorded_all_the_same(
    record: Begin, database: str, subject: str
) -> None:
    record(subject=subject).begin()

    assert len(rows(database)) == 1


def test_the_row_is_told_as_json(record: Begin, database: str, clock: Clock) -> None:
    with record() as run:
        run.begin()
        run.report.items_new = 2

    told = run.report.as_dict()
    (row,) = rows(database)
    now = clock.now.isoformat()
    assert (told["kind"], told["started_at"], told["ended_at"]) == ("reconcile", now, now)
    assert told["runs"] == [
        {
            **told["runs"][0],
            "id": row.pk,
            "items_new": 2,
            "errors": 0,
            "last_error": "",
            "paused": 0.0,
            "noted_at": now,
        }
    ]


def test_the_states_can_be_asked_for(record: Begin, database: str, clock: Clock) -> None:
    record(subject="killed").begin()
    with record(subject="failed", report=SyncReport(failures=[Failure(noun="a", id="b", error="c")])) as run:
        run.begin()
    with pytest.raises(KeyboardInterrupt):
        stop(record(subject="stopped"), KeyboardInterrupt())
    clock.move(minutes=2)
    record(subject="at work").begin()
    with record(subject="done") as run:
        run.begin()

    runs = SyncRun.objects.using(database)
    assert [row.subject for row in runs.broken_off(now=clock.now)] == ["killed"]
    assert [row.subject for row in runs.running(now=clock.now)] == ["at work"]
    assert sorted(row.subject for row in runs.failed()) == ["failed", "stopped"]
    assert [row.subject for row in runs.stopped()] == ["stopped"]
    assert sorted(row.subject for row in runs.ended()) == ["done", "failed"]
    assert [str(row) for row in runs.succeeded()] == ["everything done"]
