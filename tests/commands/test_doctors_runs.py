"""What the doctor says of the sync's runs."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_chatkit import wiring
from django_chatkit.management.doctor import runs
from django_chatkit.models import EndUser, SyncRun
from django_chatkit.testing import Emulator

from .conftest import run

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.get_default_timezone())


def made(kind: str, *, ago: timedelta, database: str, ended: bool = True, **fields: Any) -> SyncRun:
    at = NOW - ago
    return SyncRun.objects.using(database).create(
        kind=kind, started_at=at, noted_at=at, ended_at=at if ended else None, **fields
    )


def told(database: str) -> list[tuple[str, str]]:
    return [(each.verdict, str(each)) for each in runs.examine(using=database, now=NOW)]


def test_a_site_without_runs_is_told_how_to_begin(database: str) -> None:
    assert told(database) == [("note", "runs: none yet. Run: python manage.py chatkit_sync --full")]


def test_the_last_run_that_came_through_is_told_with_its_age(database: str) -> None:
    made("reconcile", ago=timedelta(hours=5), database=database)
    last = made("user", ago=timedelta(minutes=3), subject="ada", database=database)
    made("due", ago=timedelta(minutes=1), errors=2, database=database)

    assert told(database) == [
        ("well", f"runs: run {last.pk} (one end user ada) came through 3 min ago without an error.")
    ]


def test_a_stopped_run_is_wrong_until_another_came_through(database: str) -> None:
    made("reconcile", ago=timedelta(hours=5), database=database)
    made(
        "due", ago=timedelta(minutes=3), stopped=True, errors=1, last_error="Stopped by X", database=database
    )

    verdict, says = told(database)[0]
    assert verdict == "wrong"
    assert (
        "(due end users) was stopped 3 min ago, and none came through since. Stopped by X. Mend that" in says
    )

    made("due", ago=timedelta(minutes=2), database=database)
    assert [verdict for verdict, _ in told(database)] == ["well"]


def test_looks_without_news_leave_no_row_and_show_that_what_stopped_a_run_is_over(database: str) -> None:
    made("reconcile", ago=timedelta(hours=5), database=database)
    stopped = made("due", ago=timedelta(minutes=3), stopped=True, errors=1, database=database)
    ada = EndUser.objects.using(database).create(id="ada", looked_at=stopped.noted_at)
    assert [verdict for verdict, _ in told(database)] == ["wrong", "well"]

    ada.looked_at = NOW - timedelta(minutes=2)
    ada.save(using=database)

    assert [verdict for verdict, _ in told(database)] == ["well"]


def test_where_no_run_ever_came_through_the_doctor_says_so(database: str) -> None:
    made(
        "due", ago=timedelta(minutes=3), stopped=True, errors=1, last_error="Stopped by X", database=database
    )

    assert [verdict for verdict, _ in told(database)] == ["wrong", "note", "note"]
    assert "none has come through" in told(database)[1][1]


def test_the_newest_reconcile_that_failed_is_told_until_one_comes_through(database: str) -> None:
    made("reconcile", ago=timedelta(hours=9), database=database)
    for hours in (5, 3):
        last = made(
            "reconcile", ago=timedelta(hours=hours), errors=1, last_error="listing: X", database=database
        )

    (_, (verdict, says)) = told(database)
    assert verdict == "note"
    assert f"run {last.pk} (everything) failed at 1 thing 3 h ago. listing: X. A worker tries again" in says

    made("reconcile", ago=timedelta(hours=1), database=database)
    assert [verdict for verdict, _ in told(database)] == ["well"]


def test_runs_that_broke_off_lately_are_noted(database: str) -> None:
    made("reconcile", ago=timedelta(hours=1), database=database)
    for hours in (50, 3, 2):
        made("reconcile", ago=timedelta(hours=hours), ended=False, database=database)

    (_, (verdict, says)) = told(database)
    assert verdict == "note"
    assert "2 runs broke off within a day; run " in says
    assert "said its last word 2 h ago. Their processes were killed." in says


def test_a_missing_reconcile_is_noted(database: str) -> None:
    made("reconcile", ago=timedelta(days=4), database=database)

    (_, (verdict, says)) = told(database)
    assert verdict == "note"
    assert "no reconcile has come through within 3 days" in says


def test_a_pause_is_told_and_nothing_is_wrong_for_it(upstream: Emulator) -> None:
    wiring.connect().gate.close_for(90)

    outcome = run("chatkit_doctor", "--json", "--skip", "beat")

    assert upstream.count() == 0
    verdicts = {each["name"]: each["verdict"] for each in outcome.json["findings"]}
    assert (verdicts["upstream"], verdicts["clock"], verdicts["workflow"]) == ("unknown",) * 3
    (pause,) = [each for each in outcome.json["findings"] if "asked to wait" in each["says"]]
    assert (pause["name"], pause["verdict"]) == ("runs", "note")
    assert "all of them pause for 1 min " in pause["says"]


def test_the_question_can_be_left_out(upstream: Emulator) -> None:
    outcome = run("chatkit_doctor", "--json", "--skip", "beat", "--skip", "runs")

    assert "runs" not in {each["name"] for each in outcome.json["findings"]}
