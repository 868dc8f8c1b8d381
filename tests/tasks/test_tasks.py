import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from time import time
from typing import Any
from uuid import uuid4

import pytest
from celery import Task
from celery.app import app_or_default
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils import timezone

from django_chatkit import queue, tasks, wiring
from django_chatkit.client import AuthenticationError
from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, DailyCount, EndUser, SyncRun
from django_chatkit.services import erasures
from django_chatkit.testing import Emulator
from tests import celery_apps

EVERY = [
    pytest.param(tasks.cancel_expired_sessions, {}, id="cancel_expired_sessions"),
    pytest.param(tasks.cancel_sessions, {"user": "ada"}, id="cancel_sessions"),
    pytest.param(tasks.cleanup, {}, id="cleanup"),
    pytest.param(tasks.count_days, {}, id="count_days"),
    pytest.param(tasks.erase, {}, id="erase"),
    pytest.param(tasks.reconcile, {}, id="reconcile"),
    pytest.param(tasks.sync_due_users, {}, id="sync_due_users"),
    pytest.param(tasks.sync_thread, {"thread_id": "cthr_a"}, id="sync_thread"),
    pytest.param(tasks.sync_user, {"user": "ada"}, id="sync_user"),
]
# Those that ask upstream for something.
ASKING = [case for case in EVERY if case.id not in ("count_days", "erase")]
Passes = Callable[[], list[Any]]
pytestmark = pytest.mark.django_db


def due(user: str = "ada", **fields: Any) -> EndUser:
    now = timezone.now()
    times = {"due_at": now - timedelta(seconds=1), "live_until": now + timedelta(minutes=5), **fields}
    return EndUser.objects.create(id=user, **times)


def many_due(number: int, **fields: Any) -> None:
    times = {"due_at": timezone.now(), **fields}
    EndUser.objects.bulk_create(EndUser(id=f"user-{n:04}", **times) for n in range(number))


def session(id: str = "cksess_a", *, ended: timedelta = timedelta(minutes=1), **fields: Any) -> ChatSession:
    end_user, _ = EndUser.objects.get_or_create(id="ada")
    now = timezone.now()
    times = {"expires_at": now - ended, "created_at": now - ended, **fields}
    return ChatSession.objects.create(id=id, end_user=end_user, **times)


@pytest.fixture
def passes() -> Iterator[Passes]:
    """Let passes be asked for in a queue that no worker reads; what is given returns their arguments."""
    name = f"passes-{uuid4()}"  # queues in memory are shared by all apps of a process
    with (
        celery_apps.current(broker_url="memory://", task_default_queue=name) as app,
        app.connection_for_read() as connection,
        connection.SimpleQueue(name) as messages,
    ):
        yield lambda: [messages.get_nowait().payload[1] for _ in range(messages.qsize())]


@pytest.mark.parametrize(("task", "arguments"), EVERY)
def test_a_task_has_its_promised_name_and_keeps_no_result(
    task: Task[Any, Any], arguments: Any, request: Any
) -> None:
    assert task.name == f"django_chatkit.tasks.{request.node.callspec.id}"
    assert task.ignore_result is True


def test_what_is_short_comes_again_when_its_worker_dies_and_what_is_long_does_not() -> None:
    short = (tasks.sync_due_users, tasks.sync_user, tasks.sync_thread, tasks.cancel_sessions)
    comes_again = {task.name for task in short}

    for case in EVERY:
        task: Any = case.values[0]
        assert task.acks_late is (task.name in comes_again)
        assert bool(task.reject_on_worker_lost) is (task.name in comes_again)


@pytest.mark.parametrize(("task", "arguments"), EVERY)
def test_a_task_returns_counts_that_json_can_say(
    task: Task[Any, Any], arguments: Any, upstream: Emulator
) -> None:
    upstream.add_thread(user="ada", id="cthr_a", items=[{"text": "a word of nobody else"}])
    due()

    report = task.delay(**arguments).get()

    assert report["ok"] is True
    assert "a word of nobody else" not in json.dumps(report)


@pytest.mark.parametrize(
    ("task", "arguments", "kind"),
    [
        pytest.param(tasks.sync_due_users, {}, "due", id="due"),
        pytest.param(tasks.sync_user, {"user": "ada"}, "user", id="user"),
        pytest.param(tasks.sync_thread, {"thread_id": "cthr_a"}, "thread", id="thread"),
        pytest.param(tasks.reconcile, {}, "reconcile", id="reconcile"),
    ],
)
def test_a_syncs_result_tells_its_row(
    task: Task[Any, Any], arguments: Any, kind: str, upstream: Emulator
) -> None:
    upstream.add_thread(user="ada", id="cthr_a", items=[{}])
    due()

    told = task.delay(**arguments).get()

    row = SyncRun.objects.get()
    assert [each["id"] for each in told["runs"]] == [row.pk]
    assert (told["kind"], told["paused"], row.items_new) == (kind, 0.0, 1)


@pytest.mark.parametrize(("task", "arguments"), EVERY)
def test_an_argument_of_a_newer_release_is_ignored(
    task: Task[Any, Any], arguments: Any, upstream: Emulator
) -> None:
    upstream.add_thread(user="ada", id="cthr_a")

    assert task.delay(**arguments, of_tomorrow=1).get()["ok"] is True


@pytest.mark.parametrize(("task", "arguments"), ASKING)
@override_settings(CHATKIT={})
def test_a_missing_key_is_an_error_that_says_so(
    task: Task[Any, Any], arguments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(ImproperlyConfigured, match="OPENAI_API_KEY"):
        task(**arguments)


@pytest.mark.parametrize(("task", "arguments"), ASKING)
def test_a_refused_key_is_an_error_that_says_so(
    task: Task[Any, Any], arguments: Any, upstream: Emulator
) -> None:
    due()
    session()
    session("cksess_live", ended=-timedelta(minutes=1), created_at=timezone.now() - timedelta(minutes=1))
    upstream.fail(status=401, times=None)

    with pytest.raises(AuthenticationError, match="401"):
        task(**arguments)


def test_a_due_end_user_is_looked_at_and_then_left_alone(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", items=[{"text": "Hello"}])
    due()

    tasks.sync_due_users()
    requests = upstream.count()
    tasks.sync_due_users()

    assert ChatThreadItem.objects.get().text == "Hello"
    assert upstream.count() == requests


def test_nobody_due_costs_no_request(upstream: Emulator) -> None:
    due(due_at=None)

    assert tasks.sync_due_users()["users"] == 0
    assert upstream.count() == 0


def test_nobody_due_costs_one_query_and_asks_for_nothing(
    upstream: Emulator, django_assert_num_queries: Any, passes: Passes
) -> None:
    due(due_at=None)

    with django_assert_num_queries(1):
        tasks.sync_due_users()

    assert passes() == []


def test_many_due_are_shared_by_passes_asked_for_at_once(upstream: Emulator, passes: Passes) -> None:
    many_due(tasks.SHARE * 3 + 1)

    assert tasks.sync_due_users()["users"] == tasks.SHARE * 3 + 1
    assert passes() == [{"part": 1}, {"part": 2}, {"part": 3}]


def test_passes_are_asked_for_up_to_a_number(upstream: Emulator, passes: Passes) -> None:
    many_due(tasks.SHARE * (tasks.MOST_PASSES + 3))

    assert tasks.sync_due_users()["users"] == tasks.BATCH
    assert passes() == [*({"part": part} for part in range(1, tasks.MOST_PASSES)), {}]


def test_ticks_that_no_worker_took_in_time_do_not_pile_up(upstream: Emulator, passes: Passes) -> None:
    many_due(tasks.SHARE * 2, due_at=timezone.now())
    tasks.sync_due_users()
    EndUser.objects.update(due_at=timezone.now())

    tasks.sync_due_users()

    assert passes() == [{"part": 1}]


def test_a_pass_beside_leaves_the_sharing_to_beats_and_asks_for_its_successor(
    upstream: Emulator, passes: Passes
) -> None:
    many_due(tasks.BATCH + tasks.SHARE)

    assert tasks.sync_due_users(part=2)["users"] == tasks.BATCH
    assert passes() == [{"part": 2}]


def test_a_pass_that_finds_all_leased_asks_for_nothing(upstream: Emulator, passes: Passes) -> None:
    many_due(tasks.SHARE * 2, leased_until=timezone.now() + timedelta(seconds=30))

    assert tasks.sync_due_users()["users"] == 0
    assert upstream.count() == 0
    assert passes() == []


def test_while_upstream_wants_no_request_no_pass_begins(
    upstream: Emulator, settings: Any, passes: Passes
) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "API_KEY": f"sk-{uuid4()}"}  # a pause of its own
    many_due(tasks.SHARE * 2)
    wiring.connect().gate.close_for(60)

    assert tasks.sync_due_users()["users"] == 0
    assert upstream.count() == 0
    assert passes() == []
    assert EndUser.objects.due(now=timezone.now()).unleased(now=timezone.now()).count() == tasks.SHARE * 2


def test_a_nudge_does_not_stand_still_for_upstream_and_its_end_user_is_due_instead(
    upstream: Emulator, settings: Any
) -> None:
    upstream.add_thread(user="ada", id="cthr_a", items=[{"text": "Hello"}])
    tasks.reconcile()
    requests = upstream.count()
    settings.CHATKIT = {**settings.CHATKIT, "API_KEY": f"sk-{uuid4()}"}  # a pause of its own
    wiring.connect().gate.close_for(60)

    assert tasks.sync_thread(thread_id="cthr_a")["deferred"] == 1
    assert upstream.count() == requests
    assert [each.pk for each in EndUser.objects.due(now=timezone.now())] == ["ada"]


def test_a_nudge_does_not_wait_for_whoever_copies_the_thread(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", id="cthr_a", items=[{"text": "Hello"}])
    tasks.reconcile()
    requests = upstream.count()
    ChatThread.objects.update(leased_until=timezone.now() + timedelta(minutes=10))

    assert tasks.sync_thread(thread_id="cthr_a")["deferred"] == 1
    assert upstream.count() == requests
    assert [each.pk for each in EndUser.objects.due(now=timezone.now())] == ["ada"]


def test_more_than_one_batch_is_handed_on_until_nobody_is_due(upstream: Emulator) -> None:
    many_due(tasks.BATCH * 2 + 1)

    tasks.sync_due_users()

    assert not EndUser.objects.due(now=timezone.now()).exists()
    assert upstream.count("list_threads") == tasks.BATCH * 2 + 1


def test_a_broker_that_is_down_leaves_the_rest_to_the_next_tick(
    upstream: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    many_due(tasks.BATCH)

    with celery_apps.current(broker_url=celery_apps.NO_BROKER):
        report = tasks.sync_due_users()

    assert report["ok"] is True
    assert "Beat's next tick goes on" in caplog.text


def test_one_end_users_failure_stops_no_other(upstream: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    for user in ("ada", "bob"):
        upstream.add_thread(user=user, items=[{}])
        due(user)
    upstream.fail("list_threads", match="ada")

    with caplog.at_level(logging.WARNING):
        report = tasks.sync_due_users()

    assert [failure["id"] for failure in report["failures"]] == ["ada"]
    assert "ada" in caplog.text
    assert "1 things are not done" in caplog.text
    assert ChatThread.objects.get().end_user_id == "bob"


def test_a_task_works_on_the_database_that_it_is_given(upstream: Emulator, database: str) -> None:
    upstream.add_thread(user="ada", items=[{}])
    now = timezone.now()
    EndUser.objects.using(database).create(id="ada", due_at=now, live_until=now)

    tasks.sync_due_users(using=database)

    assert ChatThreadItem.objects.using(database).count() == 1


def test_an_end_user_is_synced_whether_due_or_not(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", items=[{}, {}])
    upstream.add_thread(user="bob")

    report = tasks.sync_user(user="ada")

    assert report["items_new"] == 2
    assert ChatThread.objects.get().end_user_id == "ada"


def test_a_thread_is_synced_and_may_be_asked_for_again(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", id="cthr_a", items=[{}])

    assert queue.sync_thread("cthr_a") is True
    upstream.add_item("cthr_a", text="and another")
    assert queue.sync_thread("cthr_a") is True

    assert ChatThreadItem.objects.count() == 2


def test_an_end_user_may_be_asked_for_again_once_its_sync_began(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", items=[{}])

    assert queue.sync_user("ada") is True
    assert queue.sync_user("ada") is True


def test_a_nudge_without_news_leaves_no_row_and_what_staff_watches_does(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", id="cthr_a", items=[{}])
    tasks.reconcile()
    SyncRun.objects.all().delete()

    assert queue.sync_thread("cthr_a") is True
    assert not SyncRun.objects.exists()
    assert queue.sync_thread("cthr_a", watched=True) is True
    assert queue.sync_thread("cthr_a", watched=True) is True

    assert SyncRun.objects.about(thread="cthr_a").ended().count() == 2
    assert not SyncRun.objects.about(end_user="cthr_a").exists()


def test_a_reconcile_finds_what_others_opened_and_marks_what_they_deleted(upstream: Emulator) -> None:
    gone = upstream.add_thread(user="ada")["id"]
    tasks.reconcile()
    upstream.remove_thread(gone)
    upstream.add_thread(user="eve", items=[{}])

    report = tasks.reconcile()

    assert (report["threads_new"], report["threads_gone"]) == (1, 1)


def test_a_reconcile_reads_every_thread_unless_it_is_told_not_to(upstream: Emulator) -> None:
    thread = upstream.add_thread(user="ada", items=[{"created_at": 1_760_000_000}])["id"]
    tasks.reconcile()
    upstream.add_item(thread)

    assert tasks.reconcile(items=False)["items_new"] == 0
    assert tasks.reconcile()["items_new"] == 1


def test_a_reconcile_whose_list_breaks_off_comes_again(upstream: Emulator, passes: Passes) -> None:
    upstream.fail("list_threads")
    began = int(time())

    report = tasks.reconcile(items=False)
    (asked,) = passes()

    assert report["ok"] is False
    assert asked["items"] is False
    failed_at, at = asked["again"]
    assert began <= failed_at <= at - 60 <= int(time())

    assert tasks.reconcile(items=False, again=[failed_at, at])["requests"] == 0  # its time has not come
    assert [each["again"] for each in passes()] == [[failed_at, at]]

    upstream.add_thread(user="ada")
    assert tasks.reconcile(items=False, again=[failed_at, 0])["threads_new"] == 1
    assert passes() == []


def test_where_tasks_run_in_the_process_that_asks_no_reconcile_comes_again(upstream: Emulator) -> None:
    upstream.fail("list_threads")

    tasks.reconcile()

    assert upstream.count("list_threads") == 1


def test_a_broker_that_is_down_leaves_a_broken_list_to_beat(
    upstream: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.fail("list_threads")

    with celery_apps.current(broker_url=celery_apps.NO_BROKER):
        report = tasks.reconcile()

    assert report["ok"] is False
    assert "Beat's next reconcile reads the list." in caplog.text


def test_an_expired_session_gets_one_cancel_and_others_none(upstream: Emulator) -> None:
    session()
    session("cksess_live", ended=-timedelta(minutes=5))

    tasks.cancel_expired_sessions()
    tasks.cancel_expired_sessions()

    assert upstream.count("cancel_session") == 1
    assert [each.id for each in ChatSession.objects.active()] == ["cksess_live"]


def test_a_cancel_that_fails_is_counted_and_kept(upstream: Emulator) -> None:
    session()
    upstream.fail("cancel_session", status=500)

    report = tasks.cancel_expired_sessions()

    assert report["failed"] == 1
    assert ChatSession.objects.active().get().failures == 1


def test_sessions_opened_since_are_spared_by_a_cancel_that_comes_late(upstream: Emulator) -> None:
    now = timezone.now()
    for minutes in (1, 3):
        session(f"cksess_{minutes}", ended=-timedelta(minutes=5), created_at=now - timedelta(minutes=minutes))

    report = tasks.cancel_sessions(user="ada", before=int(now.timestamp()) - 120)

    assert (report["settled"], report["failed"]) == (1, 0)
    assert ChatSession.objects.active().get().id == "cksess_1"


def test_a_cleanup_cancels_and_prunes_what_retention_says(upstream: Emulator) -> None:
    session()
    session("cksess_old", ended=timedelta(days=3), status="expired")

    report = tasks.cleanup()

    assert (report["sessions_cancelled"], report["sessions_deleted"]) == (1, 1)
    assert [each.id for each in ChatSession.objects.all()] == ["cksess_a"]


def test_erasures_that_were_asked_for_are_carried_out(upstream: Emulator) -> None:
    for user in ("ada", "ben"):
        upstream.add_thread(user=user)
        erasures.ask(user=user, now=timezone.now())

    first, rest, idle = tasks.erase(user="ben"), tasks.erase(), tasks.erase()

    assert [each["finished"] for each in (first, rest, idle)] == [1, 1, 0]
    assert upstream.threads() == []


def test_no_erasure_costs_one_query_and_no_request(
    upstream: Emulator, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        tasks.erase()

    assert upstream.count() == 0


def test_an_erasure_whose_time_has_not_come_waits(upstream: Emulator) -> None:
    erasures.ask(user="ada", now=timezone.now())
    upstream.fail("list_threads", status=500, times=None)

    assert len(tasks.erase()["failures"]) == 1
    assert tasks.erase()["people"] == 0


def test_days_are_counted_once_an_hour_however_often_it_is_asked_for() -> None:
    session()

    told, again = tasks.count_days(), tasks.count_days()

    assert (told["whole"], again["whole"]) == (True, False)
    assert (told["days"] >= 1, again["days"]) == (True, 0)
    assert DailyCount.objects.filter(metric="sessions").get().value == 1


def test_all_days_are_counted_at_once_where_that_is_asked_for() -> None:
    session()
    tasks.count_days()
    session("cksess_b")

    told = tasks.count_days(whole=True)

    assert told["whole"]
    assert told["changed"] >= 1


def test_the_schedule_names_tasks_that_exist_and_lets_ticks_expire() -> None:
    registered = app_or_default().tasks

    for name, entry in tasks.BEAT_SCHEDULE.items():
        assert name.startswith("chatkit-")
        assert entry["task"] in registered
        assert entry["options"]["expires"] > 0


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("from django_chatkit.tasks import BEAT_SCHEDULE", id="before-django"),
        pytest.param(
            "from django.conf import settings; from django_chatkit.tasks import BEAT_SCHEDULE; "
            "settings.configure(CELERY_BEAT_SCHEDULE={**BEAT_SCHEDULE}, INSTALLED_APPS=['django_chatkit',"
            "'django.contrib.auth','django.contrib.contenttypes']); import django; django.setup()",
            id="in-the-settings",
        ),
    ],
)
def test_the_schedule_can_be_taken_before_django_has_its_models(code: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)
