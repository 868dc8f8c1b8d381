"""The ledger kept tidy, and nothing kept longer than needed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from django_chatkit.client import AuthenticationError, ChatKit
from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, DailyCount, SyncRun
from django_chatkit.services import cleanup, sessions, sync
from django_chatkit.services.reports import CleanupReport
from django_chatkit.services.sync import Pace

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

MONTH = timedelta(days=30)
NOTHING: Mapping[str, timedelta] = {}


@pytest.fixture
def clean(chatkit: ChatKit, clock: Clock, world: World) -> Any:
    def run(retention: Mapping[str, timedelta] = NOTHING, **options: Any) -> CleanupReport:
        return cleanup.run(client=chatkit, clock=clock, retention=retention, using=world.database, **options)

    return run


@pytest.fixture
def lived_in(world: World, chatkit: ChatKit, clock: Clock, pace: Pace) -> World:
    """Three sessions that expired, two threads idle for two months, one thread of today; all mirrored."""
    for user in ("ada", "bob", "cyd"):
        sessions.open(
            client=chatkit,
            now=clock.now,
            user=user,
            workflow={"id": "wf_1"},
            interval=pace.interval,
            using=world.database,
        )
        world.thread("hello", user=user)
    clock.move(days=60)
    world.emulator.add_item(world.emulator.threads("cyd")[0]["id"], text="again")
    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)
    world.emulator.forget_requests()
    return world


def test_without_retention_expired_sessions_are_cancelled_and_nothing_is_deleted(
    lived_in: World, clean: Any
) -> None:
    report = clean()

    assert (report.sessions_cancelled, report.sessions_deleted, report.threads_deleted) == (3, 0, 0)
    assert lived_in.emulator.count() == 3
    assert ChatSession.objects.using(lived_in.database).settled().count() == 3
    assert ChatThread.objects.using(lived_in.database).count() == 3


def test_a_second_cleanup_finds_nothing_to_do(lived_in: World, clean: Any) -> None:
    clean()
    lived_in.emulator.forget_requests()

    assert clean().as_dict() == CleanupReport().as_dict()
    assert lived_in.emulator.count() == 0


def test_sessions_are_pruned_when_their_term_is_over(lived_in: World, clean: Any, clock: Clock) -> None:
    report = clean({"sessions": MONTH}, batch_size=2)

    assert (report.sessions_cancelled, report.sessions_deleted) == (3, 3)
    assert not ChatSession.objects.using(lived_in.database).exists()


def test_a_session_that_ended_just_now_and_could_not_be_cancelled_is_not_pruned(
    lived_in: World, clean: Any, clock: Clock
) -> None:
    lived_in.emulator.fail("cancel_session", status=500, times=None)
    young = ChatSession.objects.using(lived_in.database).filter(end_user="ada")
    young.update(expires_at=clock.now - timedelta(hours=1))

    report = clean({"sessions": timedelta(0)})

    assert [failure.noun for failure in report.failures] == ["session"] * 3
    assert report.sessions_deleted == 2
    assert ChatSession.objects.using(lived_in.database).get().end_user_id == "ada"


@pytest.mark.parametrize("status", [410, 403, 500])
def test_a_term_is_kept_whatever_upstream_answers_to_a_cancel(
    lived_in: World, clean: Any, status: int
) -> None:
    lived_in.emulator.fail("cancel_session", status=status, times=None)

    report = clean({"sessions": MONTH})

    assert [failure.noun for failure in report.failures] == ["session"] * 3
    assert report.sessions_deleted == 3
    assert not ChatSession.objects.using(lived_in.database).exists()


def test_a_refused_key_keeps_no_session_beyond_its_term(lived_in: World, clean: Any) -> None:
    lived_in.emulator.fail("*", status=401, times=None)

    with pytest.raises(AuthenticationError):
        clean({"sessions": MONTH})

    assert not ChatSession.objects.using(lived_in.database).exists()


def test_idle_threads_are_deleted_upstream_and_then_here(lived_in: World, clean: Any) -> None:
    report = clean({"threads": MONTH}, batch_size=1)

    assert report.threads_deleted == 2
    assert [thread["user"] for thread in lived_in.emulator.threads()] == ["cyd"]
    assert ChatThread.objects.using(lived_in.database).get().end_user_id == "cyd"


def test_a_thread_that_only_seems_idle_is_kept(lived_in: World, clean: Any) -> None:
    busy = lived_in.emulator.threads("ada")[0]["id"]
    lived_in.emulator.add_item(busy, text="said behind our back")

    report = clean({"threads": MONTH})

    assert report.threads_deleted == 1
    assert lived_in.words(busy) == ["hello", "said behind our back"]


def test_what_upstream_no_longer_has_is_pruned_without_a_delete(lived_in: World, clean: Any) -> None:
    known_gone, unknown_gone = (lived_in.emulator.threads(user)[0]["id"] for user in ("ada", "bob"))
    ChatThread.objects.using(lived_in.database).filter(pk=known_gone).update(
        gone_at=lived_in.row(known_gone).created_at
    )
    lived_in.emulator.remove_thread(unknown_gone)

    report = clean({"threads": MONTH}, sessions=False)

    assert report.threads_deleted == 2
    assert lived_in.emulator.count("delete_thread") == 0
    assert lived_in.emulator.count() == 1


@pytest.mark.parametrize("operation", ["delete_thread", "list_items"])
def test_a_thread_that_could_not_be_deleted_upstream_stays(
    lived_in: World, clean: Any, operation: str
) -> None:
    lived_in.emulator.fail(operation, status=500, times=None)

    report = clean({"threads": MONTH})

    assert [failure.noun for failure in report.failures] == ["thread", "thread"]
    assert report.threads_deleted == 0
    assert ChatThread.objects.using(lived_in.database).count() == 3


def test_a_refused_key_stops_the_cleanup(lived_in: World, clean: Any) -> None:
    lived_in.emulator.fail("*", status=401, times=None)

    with pytest.raises(AuthenticationError):
        clean({"threads": MONTH}, sessions=False)


def test_a_refused_key_keeps_nothing_that_needs_no_key(lived_in: World, clean: Any, clock: Clock) -> None:
    lived_in.emulator.fail("*", status=401, times=None)
    at = clock.now - 2 * MONTH
    SyncRun.objects.using(lived_in.database).create(kind="due", started_at=at, noted_at=at, subject="old")

    with pytest.raises(AuthenticationError):
        clean({"threads": 3 * MONTH, "content": MONTH, "runs": MONTH})

    full = ChatThreadItem.objects.using(lived_in.database).exclude(text="")
    assert set(full.values_list("thread__end_user_id", flat=True)) == {"cyd"}
    assert not SyncRun.objects.using(lived_in.database).filter(subject="old").exists()
    assert DailyCount.objects.using(lived_in.database).cleaned_at() is None


def test_a_dry_run_counts_makes_no_request_and_writes_nothing(lived_in: World, clean: Any) -> None:
    clean({"sessions": MONTH}, sessions=True, dry_run=True)
    before = list(ChatSession.objects.using(lived_in.database).order_by("pk").values())

    report = clean({"sessions": MONTH, "threads": MONTH}, dry_run=True)

    # None of the sessions is settled yet, so none would be old enough to prune in this very run but for the cancel.
    assert (report.dry_run, report.sessions_cancelled, report.threads_deleted) == (True, 3, 2)
    assert report.sessions_deleted == 3
    assert lived_in.emulator.count() == 0
    assert list(ChatSession.objects.using(lived_in.database).order_by("pk").values()) == before
    assert ChatThread.objects.using(lived_in.database).count() == 3


@pytest.mark.parametrize(
    ("options", "cancelled", "deleted"), [({"threads": False}, 3, 0), ({"sessions": False}, 0, 2)]
)
def test_only_the_kinds_asked_for_are_touched(
    lived_in: World, clean: Any, options: dict[str, bool], cancelled: int, deleted: int
) -> None:
    report = clean({"threads": MONTH}, **options)

    assert (report.sessions_cancelled, report.threads_deleted) == (cancelled, deleted)


def test_progress_is_told_batch_by_batch(lived_in: World, clean: Any) -> None:
    told: list[int] = []

    clean(batch_size=1, on_progress=lambda report: told.append(report.sessions_cancelled))

    assert told == [1, 2, 3]


def test_rows_of_old_runs_go_in_pages(world: World, clean: Any, clock: Clock) -> None:
    runs = SyncRun.objects.using(world.database)
    for age in (40, 35, 31, 29, 0):
        at = clock.now - timedelta(days=age)
        runs.create(kind="due", started_at=at, noted_at=at)

    assert clean({}).runs_deleted == 0
    assert clean({"runs": MONTH}, dry_run=True).runs_deleted == 3
    assert clean({"runs": MONTH}, runs=False).runs_deleted == 0
    assert runs.count() == 5
    assert clean({"runs": MONTH}, batch_size=2).runs_deleted == 3
    assert runs.count() == 2
