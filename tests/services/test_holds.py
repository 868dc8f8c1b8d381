"""Holds: nothing of who is held is deleted, by anyone, until the hold is lifted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.db import IntegrityError, connections, transaction
from django.db.models import ProtectedError

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser, Hold, SyncRun
from django_chatkit.services import cleanup, holds, sync, threads
from django_chatkit.services.reports import CleanupReport
from django_chatkit.services.sync import Pace
from django_chatkit.testing.adapter import EmulatorAdapter

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
RETENTION = {"sessions": DAY, "threads": DAY, "runs": DAY}


@pytest.fixture
def old(world: World, chatkit: ChatKit, clock: Clock, pace: Pace) -> World:
    """Ada, who is held, and Ben: each with a session, a thread and runs of two days ago."""
    for user in ("ada", "ben"):
        world.thread("hello", user=user, id=f"cthr_{user}")
    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)
    SyncRun.objects.using(world.database).all().delete()
    for user in ("ada", "ben"):
        ChatSession.objects.using(world.database).create(
            id=f"cksess_{user}",
            end_user_id=user,
            status="expired",
            expires_at=clock.now,
            created_at=clock.now,
        )
        for kind, subject in (("user", user), ("thread", f"cthr_{user}")):
            runs = SyncRun.objects.using(world.database)
            runs.create(kind=kind, subject=subject, started_at=clock.now, noted_at=clock.now)
    SyncRun.objects.using(world.database).create(kind="reconcile", started_at=clock.now, noted_at=clock.now)
    holds.hold(user="ada", reason="a lawsuit", as_="grace", now=clock.now, using=world.database)
    clock.move(days=2)
    return world


@pytest.fixture
def clean(chatkit: ChatKit, clock: Clock, world: World) -> Any:
    def run(**options: Any) -> CleanupReport:
        return cleanup.run(client=chatkit, clock=clock, retention=RETENTION, using=world.database, **options)

    return run


def counts(report: CleanupReport) -> tuple[int, int, int]:
    return report.sessions_deleted, report.threads_deleted, report.runs_deleted


def test_retention_prunes_all_but_the_held(old: World, clean: Any) -> None:
    would, did = clean(dry_run=True), clean()

    assert counts(would) == counts(did) == (1, 1, 3)
    assert did.ok
    using = old.database
    assert ChatSession.objects.using(using).get().pk == "cksess_ada"
    assert ChatThread.objects.using(using).get().pk == "cthr_ada"
    assert ChatThreadItem.objects.using(using).count() == 1
    subjects = SyncRun.objects.using(using).filter(subject__contains="ada").values_list("subject", flat=True)
    assert sorted(subjects) == ["ada", "cthr_ada"]
    assert [each["user"] for each in old.emulator.threads()] == ["ada"]


def test_once_lifted_retention_prunes_as_ever(old: World, clean: Any) -> None:
    clean()

    assert holds.lift(user="ada", using=old.database)
    assert not holds.lift(user="ada", using=old.database)
    assert counts(clean())[:2] == (1, 1)
    assert not ChatThread.objects.using(old.database).exists()


def test_a_hold_that_comes_while_retention_works_wins(old: World, clean: Any, clock: Clock) -> None:
    old.thread("hello", user="ben", id="cthr_zzz")
    ChatThread.objects.using(old.database).create(
        id="cthr_zzz", end_user_id="ben", created_at=clock.now - 3 * DAY
    )

    def hold_ben(report: CleanupReport) -> None:
        if report.threads_deleted:
            holds.hold(user="ben", now=clock.now, using=old.database)

    assert clean(batch_size=1, on_progress=hold_ben, sessions=False).threads_deleted == 1
    assert ChatThread.objects.using(old.database).filter(pk="cthr_zzz").exists()


@pytest.fixture
def long(world: World, chatkit: ChatKit, clock: Clock, pace: Pace) -> World:
    """Six threads of four items each of Cyd's, a hundred days old."""
    for number in range(6):
        world.thread(*"abcd", user="cyd", id=f"cthr_{number}", title="a title")
    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)
    clock.move(days=100)
    return world


HERE_ALONE = {"threads": {"days": DAY, "upstream": False}}


def hold_when(world: World, clock: Clock, comes: Callable[[CleanupReport], bool]) -> Any:
    """Hold Cyd at the first progress at which that comes true, as another process might."""

    def hold(report: CleanupReport) -> None:
        if comes(report):
            holds.hold(user="cyd", now=clock.now, using=world.database)

    return hold


def left(world: World) -> tuple[int, int, int]:
    """Count threads, items and words that are here."""
    items = ChatThreadItem.objects.using(world.database)
    return (
        ChatThread.objects.using(world.database).count(),
        items.count(),
        items.filter(words_dropped_at=None).count(),
    )


class HoldingAdapter(EmulatorAdapter):
    """Hold Cyd when upstream has done the third delete, before the cleanup hears of it."""

    def __init__(self, world: World, clock: Clock) -> None:
        super().__init__(world.emulator)
        self.world, self.clock = world, clock

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(request, *args, **kwargs)
        if self.emulator.count("delete_thread") == 3:
            holds.hold(user="cyd", now=self.clock.now, using=self.world.database)
        return answer


@pytest.mark.parametrize("batch_size", [1, 500])
def test_a_hold_between_two_deletes_upstream_keeps_what_is_here(
    long: World, clock: Clock, batch_size: int
) -> None:
    client = ChatKit(
        api_key="sk-test", base_url="http://emulator.invalid/v1", adapter=HoldingAdapter(long, clock)
    )

    report = cleanup.run(
        client=client, clock=clock, retention={"threads": DAY}, using=long.database, batch_size=batch_size
    )

    assert (report.threads_deleted, report.ok) == (2, True)
    assert left(long) == (4, 16, 16)
    assert len(long.emulator.threads()) == 3


def test_a_hold_between_two_pages_keeps_the_rest_of_the_items(
    long: World, chatkit: ChatKit, clock: Clock
) -> None:
    report = cleanup.run(
        client=chatkit,
        clock=clock,
        retention=HERE_ALONE,
        using=long.database,
        batch_size=4,
        on_progress=hold_when(long, clock, lambda report: left(long)[1] == 20),
    )

    assert (report.threads_left_out, report.ok) == (0, True)
    assert left(long) == (6, 20, 20)


def test_a_hold_before_the_last_step_keeps_the_thread(long: World, chatkit: ChatKit, clock: Clock) -> None:
    report = cleanup.run(
        client=chatkit,
        clock=clock,
        retention=HERE_ALONE,
        using=long.database,
        on_progress=hold_when(long, clock, lambda report: left(long)[1] == 0),
    )

    assert (report.threads_left_out, left(long)) == (0, (6, 0, 0))


@pytest.mark.parametrize("batch_size", [6, 500])
def test_a_hold_between_two_pages_keeps_the_rest_of_the_words(
    long: World, chatkit: ChatKit, clock: Clock, batch_size: int
) -> None:
    kept = 24 - min(batch_size, 24)

    report = cleanup.run(
        client=chatkit,
        clock=clock,
        retention={"content": DAY},
        using=long.database,
        batch_size=batch_size,
        on_progress=hold_when(long, clock, lambda report: report.items_emptied > 0),
    )

    assert (report.items_emptied, report.threads_emptied) == (24 - kept, 0)
    assert left(long) == (6, 24, kept)
    assert set(ChatThread.objects.using(long.database).values_list("title", flat=True)) == {"a title"}


def test_the_rows_that_may_go_are_told_in_one_query_each(old: World, django_assert_num_queries: Any) -> None:
    using = old.database
    with django_assert_num_queries(5, connection=connections[using]):
        assert [each.pk for each in EndUser.objects.using(using).not_held()] == ["ben"]
        assert [each.pk for each in ChatSession.objects.using(using).not_held()] == ["cksess_ben"]
        assert [each.pk for each in ChatThread.objects.using(using).not_held()] == ["cthr_ben"]
        assert [each.thread_id for each in ChatThreadItem.objects.using(using).not_held()] == ["cthr_ben"]
        runs = SyncRun.objects.using(using).not_held()
        assert sorted(each.subject for each in runs if each.kind in ("user", "thread")) == ["ben", "cthr_ben"]


def test_no_thread_is_deleted_upstream_that_is_held(old: World, chatkit: ChatKit, clock: Clock) -> None:
    old.emulator.forget_requests()

    with pytest.raises(holds.Held) as raised:
        threads.delete(client=chatkit, now=clock.now, thread=old.row("cthr_ada"), using=old.database)

    assert raised.value.user == "ada"
    assert old.emulator.count() == 0


def test_no_row_of_a_held_end_user_is_deleted_by_hand(old: World) -> None:
    with pytest.raises(ProtectedError):
        EndUser.objects.using(old.database).filter(pk="ada").delete()
    with pytest.raises(IntegrityError):
        _delete_by_hand(old.database)

    assert old.words("cthr_ada") == ["hello"]


def test_who_is_held_twice_is_held_since_the_first(old: World, clock: Clock) -> None:
    row = holds.hold(user="ada", reason="another", now=clock.now, using=old.database)

    assert (row.reason, row.held_as, row.held_at) == ("a lawsuit", "grace", clock.now - 2 * DAY)
    assert Hold.objects.using(old.database).count() == 1
    assert str(row) == "ada"


def test_who_held_is_remembered_when_their_account_goes(old: World, clock: Clock) -> None:
    grace = User(username="grace")
    grace.save(using=old.database)
    holds.hold(user="ben", by=grace, as_="grace", now=clock.now, using=old.database)

    grace.delete(using=old.database)

    row = Hold.objects.using(old.database).get(end_user="ben")
    assert (row.held_by, row.held_as) == (None, "grace")


def test_somebody_is_held_ahead_of_the_first_sync(
    world: World, chatkit: ChatKit, clock: Clock, pace: Pace
) -> None:
    holds.hold(user="zoe", reason="a lawsuit", now=clock.now, using=world.database)
    world.thread("hello", user="zoe", id="cthr_zoe")
    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)
    clock.move(days=100)

    cleanup.run(client=chatkit, clock=clock, retention=RETENTION, using=world.database)

    assert world.words("cthr_zoe") == ["hello"]
    assert Hold.objects.using(world.database).get().reason == "a lawsuit"
    assert len(world.emulator.threads()) == 1


def test_a_reason_that_a_database_would_refuse_is_kept_readable(old: World, clock: Clock) -> None:
    row = holds.hold(user="ben", reason="NUL \x00", as_="x" * 200, now=clock.now, using=old.database)

    assert (row.reason, len(row.held_as)) == ("NUL \ufffd", 150)


def _delete_by_hand(database: str) -> None:
    with transaction.atomic(using=database):
        with connections[database].cursor() as cursor:
            cursor.execute("DELETE FROM django_chatkit_enduser WHERE id = 'ada'")
        connections[database].check_constraints()
