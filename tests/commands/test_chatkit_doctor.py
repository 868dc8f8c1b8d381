import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging
from django.conf import settings as django_settings
from django.test import override_settings
from django.utils import timezone

from django_chatkit import conf
from django_chatkit.client import ChatKit
from django_chatkit.management.doctor import background
from django_chatkit.management.doctor import upstream as examination
from django_chatkit.management.doctor.findings import Finding
from django_chatkit.models import ChatSession, ChatThread, DailyCount, EndUser, Erasure, Hold
from django_chatkit.testing import Emulator
from django_chatkit.testing.server import serve
from tests import celery_apps, keys

from .conftest import run

pytestmark = pytest.mark.django_db

# The tests' Celery runs tasks eagerly, so that only the settings, the tables and upstream are left to examine.
WELL = ["settings", "database", "work", "archive", "upstream", "workflow", "worker"]


@pytest.fixture(autouse=True)
def development(request: pytest.FixtureRequest) -> None:
    """Leave out the advice for production: an adapter is plugged in, and beat is nobody's."""
    request.getfixturevalue("settings").DEBUG = True


def verdicts(outcome: Any) -> dict[str, str]:
    return {each["name"]: each["verdict"] for each in outcome.json["findings"]}


def says(outcome: Any, name: str) -> str:
    return " ".join(
        f"{each['says']} {each['remedy']}" for each in outcome.json["findings"] if each["name"] == name
    )


def doctor(*arguments: str) -> Any:
    return run("chatkit_doctor", "--json", "--skip", "beat", *arguments)


def change(upstream: Emulator, **chatkit: Any) -> Any:
    return override_settings(CHATKIT={**django_settings.CHATKIT, **chatkit})


def test_all_is_well(upstream: Emulator) -> None:
    outcome = run("chatkit_doctor", "--skip", "beat", "--skip", "clock")

    assert (outcome.code, outcome.err) == (0, "")
    lines = [line for line in outcome.out.splitlines() if not line.startswith("note")]
    assert [line.split(":")[0].split() for line in lines] == [["well", name] for name in WELL]


def test_the_probe_is_cancelled_and_enters_no_ledger(upstream: Emulator) -> None:
    upstream.add_thread(user="ada")

    doctor()

    (session,) = upstream.sessions.values()
    assert (session["user"], session["status"]) == ("chatkit-doctor", "cancelled")
    assert [each.operation for each in upstream.requests] == [
        "list_threads",
        "create_session",
        "cancel_session",
    ]
    assert not ChatSession.objects.exists()
    assert not EndUser.objects.exists()


@pytest.mark.parametrize(
    ("skip", "requests"),
    [
        pytest.param("workflow", ["list_threads"], id="no-session"),
        pytest.param("upstream", [], id="no-request"),
    ],
)
def test_a_question_can_be_left_out(upstream: Emulator, skip: str, requests: list[str]) -> None:
    outcome = doctor("--skip", skip)

    assert skip not in verdicts(outcome)
    assert [each.operation for each in upstream.requests] == requests


def test_silence_where_all_is_well_and_none_is_asked_for(upstream: Emulator) -> None:
    outcome = run("chatkit_doctor", "--skip", "beat", verbosity=0)

    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_celery_can_be_left_out_altogether(upstream: Emulator) -> None:
    assert "worker" not in verdicts(doctor("--skip", "worker"))


@pytest.mark.parametrize("wait", ["0", "-1", "nan", "inf"])
def test_a_wait_that_is_none_is_refused(wait: str) -> None:
    outcome = run("chatkit_doctor", "--wait", wait)

    assert outcome.code == 1
    assert "--wait must be a number of seconds above 0" in outcome.error


def test_what_is_wrong_is_named_on_standard_error_with_its_remedy(upstream: Emulator) -> None:
    upstream.fail(status=401, times=None)

    outcome = run("chatkit_doctor", "--skip", "beat")

    assert outcome.code == 1
    assert outcome.error == "Something is wrong with: upstream."
    (line,) = outcome.err.splitlines()
    assert line.startswith("wrong   upstream: Upstream refused the API key ")
    assert "Set CHATKIT['API_KEY'] or OPENAI_API_KEY" in line


def without_key() -> Any:
    return override_settings(CHATKIT={"WORKFLOW_ID": "wf_a"})


def test_no_key_is_said_and_nothing_is_asked(upstream: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with without_key():
        outcome = doctor()

    assert outcome.code == 1
    assert "OPENAI_API_KEY" in says(outcome, "settings")
    assert verdicts(outcome)["upstream"] == "unknown"
    assert upstream.count() == 0


def test_an_unknown_setting_is_said(upstream: Emulator) -> None:
    with change(upstream, SECRETS="x"):
        outcome = doctor()

    assert "CHATKIT has unknown keys: SECRETS" in says(outcome, "settings")


def test_a_silenced_check_is_not_repeated(upstream: Emulator) -> None:
    silenced = ["django_chatkit.W002", "django_chatkit.W006", "django_chatkit.W007"]
    with change(upstream, WORKFLOW_ID=""), override_settings(DEBUG=False, SILENCED_SYSTEM_CHECKS=silenced):
        outcome = doctor("--skip", "workflow")

    assert verdicts(outcome)["settings"] == "well"
    assert outcome.code == 0


def test_settings_that_cannot_be_read_are_never_well(upstream: Emulator) -> None:
    with (
        change(upstream, SECRETS="x"),
        override_settings(SILENCED_SYSTEM_CHECKS=["django_chatkit.E001"]),
    ):
        outcome = doctor()

    assert verdicts(outcome)["settings"] == "unknown"
    assert "silenced" in says(outcome, "settings")


@pytest.mark.usefixtures("read_only")
def test_a_database_that_cannot_be_written_is_wrong(upstream: Emulator) -> None:
    outcome = doctor()

    assert outcome.code == 1
    assert "attempt to write a readonly database. Let the account" in says(outcome, "database")
    assert verdicts(outcome)["work"] == "unknown"


def test_the_trial_write_leaves_nothing_behind(upstream: Emulator, database: str) -> None:
    outcome = doctor("--database", database)

    assert "they can be written" in says(outcome, "database")
    assert not EndUser.objects.using(database).exists()


def test_only_the_end_of_the_key_is_shown(upstream: Emulator) -> None:
    with change(upstream, API_KEY="sk-a-long-secret-wxyz"):
        outcome = run("chatkit_doctor", "--skip", "beat")

    assert "key ...wxyz" in outcome.out
    assert "secret" not in outcome.out


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param({"status": 401}, "refused the API key", id="key"),
        pytest.param({"status": 403}, "may not do this", id="permission"),
        pytest.param({"status": 404}, "does not know what was asked for", id="address"),
        pytest.param({"status": 429}, "asks for less", id="quota"),
        pytest.param({"status": 503}, "is in trouble", id="trouble"),
        pytest.param({"status": 400}, "refused the request", id="refused"),
        pytest.param({"kind": "timeout"}, "did not answer in time", id="timeout"),
        pytest.param({"kind": "reset"}, "can't be reached", id="reset"),
        pytest.param({"kind": "not_json"}, "not as the API does", id="web-page"),
    ],
)
def test_an_upstream_that_does_not_answer_is_explained(
    upstream: Emulator, fault: dict[str, Any], words: str
) -> None:
    upstream.fail("list_threads", **fault)

    outcome = doctor()

    assert words in says(outcome, "upstream")
    assert verdicts(outcome)["workflow"] == "unknown"
    assert upstream.count() == 1


def test_a_workflow_that_upstream_does_not_find_is_explained(upstream: Emulator) -> None:
    upstream.switches.workflows = frozenset({"wf_of_another_project"})

    outcome = doctor()

    assert outcome.code == 1
    assert "does not find the workflow wf_tests with the key" in says(outcome, "workflow")
    assert "another project" in says(outcome, "workflow")


def test_each_allowed_workflow_is_tried(upstream: Emulator) -> None:
    upstream.switches.workflows = frozenset({"wf_tests"})

    with change(upstream, ALLOWED_WORKFLOWS=["wf_b"]):
        outcome = doctor()

    assert "does not find the workflow wf_b" in says(outcome, "workflow")


def test_a_session_that_cannot_be_opened_is_explained(upstream: Emulator) -> None:
    upstream.fail("create_session", status=500)

    assert "is in trouble" in says(doctor(), "workflow")


def test_a_probe_that_cannot_be_cancelled_is_over_in_a_second_anyway(upstream: Emulator) -> None:
    upstream.fail("cancel_session", status=500)

    assert verdicts(doctor())["workflow"] == "well"


def test_no_workflow_is_said(upstream: Emulator) -> None:
    with change(upstream, WORKFLOW_ID=""):
        outcome = doctor()

    assert verdicts(outcome)["workflow"] == "wrong"
    assert upstream.count("create_session") == 0


@pytest.mark.parametrize(
    ("off", "words"),
    [
        pytest.param(timedelta(), "agrees with upstream's.", id="right"),
        pytest.param(timedelta(hours=1), "seconds ahead of upstream's", id="ahead"),
        pytest.param(timedelta(hours=-1), "seconds behind upstream's", id="behind"),
    ],
)
def test_the_clock_is_compared_with_upstreams(off: timedelta, words: str) -> None:
    with serve(Emulator()) as server:
        client = ChatKit(api_key="sk-doctor", base_url=server.base_url)
        found = examination.examine(
            client=client,
            settings=conf.Settings(base_url=server.base_url),
            clock=lambda: timezone.now() + off,
            open_session=False,
            using=None,
        )
        clock = next(each for each in found if each.name == "clock")
        client.close()

    assert words in clock.says


def test_the_clock_of_a_refusal_counts_too(upstream: Emulator) -> None:
    upstream.fail("list_threads", status=401, headers={"date": "Sat, 01 Jan 2022 00:00:00 GMT"})

    assert verdicts(doctor())["clock"] == "wrong"


def test_end_users_whom_nobody_looks_at_are_counted(upstream: Emulator) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    for user in ("ada", "bob"):
        EndUser.objects.create(id=user, due_at=long_ago)

    outcome = doctor()

    assert f"2 end users are due and nobody looks, the first since {long_ago:%Y-%m-%d}" in says(
        outcome, "work"
    )
    assert "beat" in says(outcome, "work")


def test_sessions_that_nobody_cancels_are_counted(upstream: Emulator) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    ada = EndUser.objects.create(id="ada")
    ChatSession.objects.create(id="cksess_a", end_user=ada, expires_at=long_ago, created_at=long_ago)

    assert "1 session has expired and nobody cancels it." in says(doctor(), "work")


def test_days_that_nobody_counts_any_more_are_told(upstream: Emulator) -> None:
    now = timezone.now()
    last = DailyCount.objects.create(
        day=now.date(), metric="counted", value=1, counted_at=now - timedelta(days=1)
    )
    assert "counted" not in says(doctor(), "work")

    last.counted_at = now - timedelta(days=5)
    last.save()

    assert "the days were last counted 5 days ago" in says(doctor(), "work")


def test_a_retention_that_nobody_obeys_is_told(upstream: Emulator) -> None:
    cleaned_at = timezone.now() - timedelta(days=3)
    row = DailyCount.objects.create(day=cleaned_at.date(), metric="cleaned", value=1, counted_at=cleaned_at)
    assert "RETENTION" not in says(doctor(), "work")

    with change(upstream, RETENTION={"content": 90}):
        assert "no cleanup of everything came through for two days" in says(doctor(), "work")
        row.counted_at = timezone.now()
        row.save()
        assert "RETENTION" not in says(doctor(), "work")


def test_an_erasure_that_nobody_carries_out_is_told(upstream: Emulator) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    row = Erasure.objects.create(end_user="ada", pending_for="ada", asked_at=timezone.now())
    assert says(doctor(), "work").startswith("nothing is overdue")

    Erasure.objects.update(asked_at=long_ago)
    assert "1 erasure was asked for and nobody carries it out." in says(doctor(), "work")

    Erasure.objects.update(failures=2, last_error="NotDeleted: no", retry_at=long_ago)
    assert "1 erasure failed last time. ada (2 times in a row, again now): NotDeleted: no" in says(
        doctor(), "work"
    )

    Hold.objects.create(end_user=EndUser.objects.create(id="ada"), held_at=long_ago)
    assert says(doctor(), "work").startswith("nothing is overdue")

    Hold.objects.all().delete()
    row.finished_at, row.pending_for = timezone.now(), None
    row.save()
    assert says(doctor(), "work").startswith("nothing is overdue")


def test_rows_that_are_not_encrypted_as_the_keys_say_are_told(upstream: Emulator) -> None:
    ChatThread.objects.create(
        id="cthr_1",
        end_user=EndUser.objects.create(id="ada"),
        created_at=timezone.now(),
        title="Hello",
        payload={"id": "cthr_1", "title": "Hello"},
    )
    with change(upstream, ENCRYPTION_KEYS=[keys.FIRST]):
        assert "not encrypted as the first of ENCRYPTION_KEYS says" in says(doctor(), "work")

        run("chatkit_rotate")

        assert says(doctor(), "work").startswith("nothing is overdue")


@pytest.mark.parametrize(
    "now_set", [pytest.param([], id="no-key"), pytest.param([keys.SECOND], id="another")]
)
@pytest.mark.parametrize("rows", [1, 200])
def test_a_key_that_is_missing_is_told_with_the_remedy_in_one_line(
    upstream: Emulator, now_set: list[str], rows: int
) -> None:
    ada = EndUser.objects.create(id="ada")
    with change(upstream, ENCRYPTION_KEYS=[keys.FIRST]):
        for number in range(rows):
            ChatThread.objects.create(
                id=f"cthr_{number}",
                end_user=ada,
                created_at=timezone.now(),
                archived_at=timezone.now(),
                payload={"id": "x"},
            )

    with change(upstream, ENCRYPTION_KEYS=now_set):
        outcome = run("chatkit_doctor", "--skip", "beat")

    assert outcome.code == 1
    assert outcome.error == "Something is wrong with: work."
    (line,) = outcome.err.splitlines()
    assert line.startswith("wrong   work: rows can't be read. A row is encrypted with the key ")
    assert "add that key at the end of the list" in line
    assert not any(key in line for key in (keys.FIRST, keys.SECOND))


def test_the_last_errors_are_shown(upstream: Emulator) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    ada = EndUser.objects.create(id="ada", failures=3, last_error="APITimeoutError: late", due_at=soon)
    ChatSession.objects.create(
        id="cksess_a", end_user=ada, expires_at=soon, created_at=soon, failures=1, last_error="Oh: dear"
    )

    told = says(doctor(), "work")

    assert "1 end user failed last time. ada (3 times in a row, again in " in told
    assert "): APITimeoutError: late" in told
    assert "1 session failed last time. cksess_a (1 time in a row): Oh: dear" in told


@pytest.mark.parametrize(
    ("due_in", "words"),
    [
        pytest.param(timedelta(hours=-1), "ada (2 times in a row, again now): Oh: dear", id="now"),
        pytest.param(None, "ada (2 times in a row): Oh: dear", id="not-again"),
    ],
)
def test_when_it_goes_on_is_told_where_it_does(
    upstream: Emulator, due_in: timedelta | None, words: str
) -> None:
    due_at = None if due_in is None else timezone.now() + due_in
    EndUser.objects.create(id="ada", failures=2, last_error="Oh: dear", due_at=due_at)

    assert words in says(doctor("--skip", "upstream"), "work")


def test_an_emulator_in_production_is_wrong_and_advice_is_a_note(upstream: Emulator) -> None:
    with override_settings(DEBUG=False):
        outcome = doctor()

    found = {(each["verdict"], each["says"].rpartition(" ")[2]) for each in outcome.json["findings"]}
    assert ("wrong", "(django_chatkit.W006)") in found
    assert ("note", "(django_chatkit.W007)") in found
    assert outcome.error == "Something is wrong with: settings."


def test_a_missing_schedule_is_wrong_unless_beat_is_left_out(upstream: Emulator) -> None:
    with celery_apps.current(task_always_eager=True):
        missed = run("chatkit_doctor", "--json")

        assert "django_chatkit.W005" in says(missed, "settings")
        assert "W005" not in says(doctor(), "settings")


def celery(**options: Any) -> dict[str, Finding]:
    return {each.name: each for each in background.examine(**{"patience": 1, **options})}


@pytest.mark.parametrize(
    ("broker_url", "words"),
    [
        pytest.param(celery_apps.NO_BROKER, "broker can't be reached: OperationalError", id="down"),
        pytest.param("carrier-pigeon://", "No such transport: carrier-pigeon", id="unknown"),
        pytest.param("memory://", "No Celery worker answered within 3 seconds", id="no-worker"),
    ],
)
def test_no_worker_is_said_and_beat_is_not_judged(broker_url: str, words: str) -> None:
    with celery_apps.current(broker_url=broker_url):
        found = celery()

    assert found["worker"].verdict == "wrong"
    assert words in found["worker"].says
    assert not found["worker"].says.endswith("..")
    assert found["beat"].verdict == "unknown"


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Keep a worker in this process from setting up the process's logging."""

    def leave_it(**kwargs: Any) -> None:
        """Be there: that is all that Celery asks."""

    setup_logging.connect(leave_it)
    yield
    setup_logging.disconnect(leave_it)


@pytest.fixture
def celery_app(own_logging: None) -> Iterator[Celery]:
    quick = {"polling_interval": 0.01}
    with celery_apps.current(
        broker_url="memory://", broker_transport_options=quick, worker_redirect_stdouts=False
    ) as app:
        yield app


@contextmanager
def running(app: Celery) -> Iterator[None]:
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        yield


@override_settings(CHATKIT={})  # the worker's tasks fail at once: only their number is asked for
def test_beat_is_seen_by_the_tick_that_it_sends(celery_app: Celery) -> None:
    def tick(seconds: float) -> None:
        celery_app.send_task(background.TICK)

    with running(celery_app):
        assert celery(sleep=tick, patience=60)["beat"].verdict == "well"  # it ends with the first tick
        assert celery(sleep=lambda seconds: None)["beat"].verdict == "wrong"
        assert "beat" not in celery(patience=0)


def test_a_worker_that_does_not_know_the_tasks_is_named(celery_app: Celery) -> None:
    celery_app.finalize()
    celery_app.tasks.pop("django_chatkit.tasks.sync_thread")

    with running(celery_app):
        found = celery(patience=0)

    assert "no worker knows django_chatkit.tasks.sync_thread." in found["worker"].says
    assert "autodiscover_tasks" in found["worker"].remedy


def test_the_doctor_asks_for_every_task_of_the_app(celery_app: Celery) -> None:
    celery_app.finalize()

    assert {name for name in celery_app.tasks if name.startswith("django_chatkit.")} == background.TASKS


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        pytest.param({}, background.SHORTEST_WATCH, id="none"),
        pytest.param(
            {"other": {"task": "shop.tasks.bill", "schedule": 1}}, background.SHORTEST_WATCH, id="other"
        ),
        pytest.param({"a": {"task": background.TICK, "schedule": 4}}, 8.5, id="seconds"),
        pytest.param({"a": {"task": background.TICK, "schedule": timedelta(seconds=4)}}, 8.5, id="timedelta"),
        pytest.param({"a": {"task": background.TICK, "schedule": 900}}, background.LONGEST_WATCH, id="rare"),
        pytest.param(
            {"a": {"task": background.TICK, "schedule": object()}}, background.LONGEST_WATCH, id="crontab"
        ),
    ],
)
def test_the_watch_follows_the_schedule(schedule: dict[str, Any], seconds: float) -> None:
    app = Celery(set_as_current=False)
    app.conf.beat_schedule = schedule

    assert background._two_intervals(app) == seconds


def test_findings_can_be_written_as_json(upstream: Emulator) -> None:
    assert set(json.loads(doctor().out)["findings"][0]) == {"name", "verdict", "says", "remedy"}
