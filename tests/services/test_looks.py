"""Looks at due end users, under leases."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import EndUser, SyncRun
from django_chatkit.services import end_users, leases, looks, sync
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.sync import Pace

from .conftest import Clock, World, end_user

pytestmark = pytest.mark.django_db


def test_nobody_due_costs_no_request(world: World, run: Any) -> None:
    EndUser.objects.using(world.database).create(id="ada")
    world.thread("hello")

    report = run(sync.sync_due)

    assert report.as_dict() == SyncReport().as_dict()
    assert world.emulator.count() == 0


def test_a_look_at_a_live_end_user_finds_threads_and_is_due_again(
    world: World, run: Any, live: Any, clock: Clock, pace: Pace
) -> None:
    live()
    world.thread("hello", "there")
    world.thread("foreign", user="bob")

    report = run(sync.sync_due)

    assert (report.users, report.threads_new, report.items_new) == (1, 1, 2)
    assert next(iter(world.mirror().values())) == next(iter(world.upstream().values()))
    after = end_user(world)
    assert after.due_at == clock.now + pace.interval
    assert after.looked_at == clock.now
    assert after.leased_until is None


def test_a_live_look_reads_the_newest_threads_and_those_with_recent_items_only(
    world: World, run: Any, live: Any, clock: Clock
) -> None:
    for number in range(30):
        world.thread(f"old {number}")
        clock.move(seconds=1)
    run(sync.sync_user, user="ada")
    clock.move(hours=2)
    busy = world.upstream().keys()
    oldest = next(iter(busy))
    world.emulator.add_item(oldest, text="going on")
    run(sync.sync_user, user="ada")
    live()
    world.emulator.forget_requests()

    run(sync.sync_due)

    assert world.emulator.count("list_threads") == 1
    assert world.emulator.count("list_items") == looks.NEWEST + 1


def test_the_look_after_the_window_covers_all_threads_and_is_the_last(
    world: World, run: Any, live: Any, clock: Clock, pace: Pace
) -> None:
    threads = [world.thread(f"old {number}") for number in range(30)]
    run(sync.sync_user, user="ada")
    clock.move(hours=2)
    live(seconds=600)
    world.emulator.add_item(threads[0], text="said in an old thread")
    clock.move(seconds=600 + pace.grace.total_seconds())

    report = run(sync.sync_due)

    world.assert_exact()
    assert report.items_new == 1
    assert end_user(world).due_at is None
    assert run(sync.sync_due).requests == 0


def test_within_the_grace_the_next_look_is_still_due(
    world: World, run: Any, live: Any, clock: Clock, pace: Pace
) -> None:
    live(seconds=10)
    clock.move(seconds=20)

    run(sync.sync_due)

    assert end_user(world).due_at == clock.now + pace.interval


def test_a_session_opened_during_the_last_look_keeps_its_end_user_due(
    world: World, run: Any, live: Any, clock: Clock, chatkit: ChatKit, pace: Pace
) -> None:
    live(seconds=10)
    clock.move(seconds=100)
    lease = end_users.take(user="ada", now=clock.now, using=world.database)
    assert lease is not None
    live(seconds=600)

    lease.settle(looked_at=clock.now, due_at=None)

    after = end_user(world)
    assert after.due_at is not None
    assert after.leased_until is None


def test_a_leased_end_user_is_left_alone_until_the_lease_ends(
    world: World, run: Any, live: Any, clock: Clock
) -> None:
    live()
    assert end_users.take(user="ada", now=clock.now, using=world.database)

    assert run(sync.sync_due).users == 0

    clock.move(seconds=leases.TERM.total_seconds())
    assert run(sync.sync_due).users == 1


def test_a_lease_is_given_once(world: World, live: Any, clock: Clock) -> None:
    live()

    assert end_users.take(user="ada", now=clock.now, using=world.database)
    assert end_users.take(user="ada", now=clock.now, using=world.database) is None


def test_who_lost_the_race_for_a_lease_is_passed_over(world: World, live: Any, clock: Clock) -> None:
    live("ada")
    live("bob")
    leases = end_users.lease_due(clock=clock, limit=10, using=world.database)
    assert next(leases).id == "ada"
    assert end_users.take(user="bob", now=clock.now, using=world.database)

    assert list(leases) == []


def test_who_lost_the_race_for_a_lease_goes_on_with_who_is_left(
    world: World, live: Any, clock: Clock
) -> None:
    for user in ("ada", "bob", "eve"):
        live(user)
    leases = end_users.lease_due(clock=clock, limit=10, using=world.database)
    assert next(leases).id == "ada"
    assert end_users.take(user="bob", now=clock.now, using=world.database)

    assert [each.id for each in leases] == ["eve"]


def test_two_passes_at_once_share_who_is_due(world: World, live: Any, clock: Clock) -> None:
    users = [f"user-{number:03}" for number in range(3 * end_users.BLOCK)]
    for user in users:
        live(user)

    passes = [end_users.lease_due(clock=clock, limit=99, using=world.database) for _ in range(2)]
    shares = [[each.id for each in turn] for turn in zip(*passes, strict=False)]

    assert sorted(user for share in shares for user in share) == users


def test_a_pass_that_took_its_time_leases_nobody_further(world: World, live: Any, clock: Clock) -> None:
    live("ada")
    live("bob")
    leases = end_users.lease_due(clock=clock, limit=10, longest=timedelta(minutes=5), using=world.database)
    assert next(leases).id == "ada"
    clock.move(minutes=5)

    assert list(leases) == []


def test_a_lease_is_renewed_when_half_of_it_is_over(world: World, live: Any, clock: Clock) -> None:
    live()
    lease = end_users.take(user="ada", now=clock.now, using=world.database)
    assert lease is not None
    clock.move(seconds=20)

    assert lease.renew(now=clock.now)
    assert lease.until == clock.now + leases.TERM


def test_a_look_whose_lease_was_lost_stops_and_settles_nothing(
    world: World, run: Any, live: Any, clock: Clock, chatkit: ChatKit, pace: Pace
) -> None:
    live()
    world.thread(*(f"word {number}" for number in range(250)))
    stolen: list[datetime] = []

    def steal(report: SyncReport) -> None:
        stolen.append(clock.now)

    class SlowClock:
        """Let twenty seconds pass with each look at it, and somebody steal the lease meanwhile."""

        def __call__(self) -> datetime:
            clock.move(seconds=5)
            EndUser.objects.using(world.database).filter(pk="ada", leased_until__isnull=False).update(
                leased_until=clock.now + timedelta(days=1)
            )
            return clock.now

    report = sync.sync_due(
        client=chatkit, clock=SlowClock(), pace=pace, using=world.database, on_progress=steal
    )

    assert report.items_new < 250
    assert end_user(world).leased_until is not None
    assert end_user(world).looked_at is None


def test_at_most_so_many_end_users_are_looked_at(world: World, run: Any, live: Any) -> None:
    for number in range(5):
        live(f"user {number}")

    assert run(sync.sync_due, limit=3).users == 3


def test_only_a_live_end_user_can_be_made_due(world: World, live: Any, clock: Clock) -> None:
    live()
    assert end_users.make_due(now=clock.now, user="ada", using=world.database)
    assert not end_users.make_due(now=clock.now, user="nobody", using=world.database)
    clock.move(hours=1)
    assert not end_users.make_due(now=clock.now, user="ada", using=world.database)


def test_a_pass_leaves_a_row_only_where_it_finds_something_new(
    world: World, run: Any, live: Any, clock: Clock
) -> None:
    rows = SyncRun.objects.using(world.database)
    thread = world.thread("hello")
    live()

    for _ in range(3):
        run(sync.sync_due)
        clock.move(seconds=20)
    assert [row.items_new for row in rows.all()] == [1]

    world.emulator.add_item(thread, text="world")
    run(sync.sync_due)
    assert [row.items_new for row in rows.order_by("pk")] == [1, 1]
