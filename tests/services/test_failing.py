"""What fails is due again, later each time, and stops nothing else."""

from datetime import timedelta
from typing import Any

import pytest

from django_chatkit.client import AuthenticationError, ChatKit
from django_chatkit.models import ChatThread, EndUser
from django_chatkit.services import end_users, reading, sync
from django_chatkit.services.sync import Pace

from .conftest import Clock, World, end_user

pytestmark = pytest.mark.django_db


def test_one_failing_end_user_stops_no_other_and_is_put_back_later_each_time(
    world: World, run: Any, live: Any, clock: Clock, pace: Pace
) -> None:
    live("ada")
    live("bob")
    world.thread("hello", user="ada")
    world.thread("hello", user="bob")
    world.emulator.fail("list_threads", status=500, times=None, match="ada")

    report = run(sync.sync_due)

    assert [failure.id for failure in report.failures] == ["ada"]
    assert report.items_new == 1
    ada = end_user(world)
    assert (ada.failures, ada.leased_until) == (1, None)
    assert ada.due_at == clock.now + pace.interval
    assert "InternalServerError" in ada.last_error

    clock.move(hours=1)
    run(sync.sync_due)
    assert end_user(world).due_at == clock.now + 2 * pace.interval

    world.emulator.faults.clear()
    clock.move(hours=1)
    run(sync.sync_due)
    ada = end_user(world)
    assert (ada.failures, ada.last_error) == (0, "")


def test_a_failing_thread_makes_its_end_user_due_again_and_stops_no_other_thread(
    world: World, run: Any, live: Any
) -> None:
    live()
    bad = world.thread("bad")
    world.thread("good")
    world.emulator.fail("list_items", status=500, match=bad)

    report = run(sync.sync_due)

    assert [(failure.noun, failure.id) for failure in report.failures] == [("thread", bad)]
    assert report.items_new == 1
    assert end_user(world).failures == 1


@pytest.mark.parametrize("service", ["reconcile", "sync_user", "sync_thread"])
def test_what_fails_outside_a_look_makes_its_end_user_due_again_and_the_next_look_heals_it(
    world: World, run: Any, clock: Clock, chatkit: ChatKit, pace: Pace, service: str
) -> None:
    bad = [world.thread("bad") for _ in range(3)]
    world.thread("good", user="bob")
    run(sync.reconcile, items=False)
    for thread in bad:
        world.emulator.fail("list_items", status=500, match=thread)

    if service == "reconcile":
        report = run(sync.reconcile)
    elif service == "sync_user":
        report = run(sync.sync_user, user="ada")
    else:
        report = sync.sync_thread(client=chatkit, clock=clock, thread_id=bad[0], using=world.database)

    assert {failure.noun for failure in report.failures} == {"thread"}
    ada = end_user(world)
    assert (ada.failures, ada.due_at) == (1, clock.now + pace.interval)
    assert "InternalServerError" in ada.last_error
    assert end_user(world, "bob").due_at is None

    world.emulator.faults.clear()
    clock.move(minutes=1)
    run(sync.sync_due)

    ada = end_user(world)
    assert (ada.failures, ada.last_error, ada.due_at) == (0, "", None)


def test_a_broken_listing_of_one_end_user_makes_that_one_due_again(
    world: World, run: Any, clock: Clock, pace: Pace
) -> None:
    world.thread("hello")
    run(sync.reconcile)
    world.emulator.fail("list_threads", status=500)

    run(sync.sync_user, user="ada")

    assert (end_user(world).failures, end_user(world).due_at) == (1, clock.now + pace.interval)

    assert run(sync.sync_user, user="ada").ok
    assert (end_user(world).failures, end_user(world).last_error) == (0, "")


def test_a_failure_outside_delays_no_look_at_a_live_end_user(
    world: World, run: Any, live: Any, clock: Clock
) -> None:
    live()
    due_at = end_user(world).due_at
    bad = world.thread("bad")
    world.emulator.fail("list_items", status=500, match=bad)

    run(sync.reconcile)

    assert (end_user(world).due_at, end_user(world).failures) == (due_at, 0)
    assert "InternalServerError" in end_user(world).last_error
    run(sync.sync_due)
    assert end_user(world).last_error == ""


def test_a_thread_of_nobody_known_waits_for_the_next_reconcile(world: World, run: Any) -> None:
    world.thread("hello")
    world.emulator.switches.dialect = "documentation"
    world.emulator.fail("list_items", status=500)

    run(sync.reconcile)

    nobody = end_user(world, reading.UNKNOWN_USER)
    assert (nobody.due_at, nobody.failures) == (None, 1)
    assert "InternalServerError" in nobody.last_error

    run(sync.reconcile)
    nobody = end_user(world, reading.UNKNOWN_USER)
    assert (nobody.failures, nobody.last_error) == (0, "")


def test_upstreams_words_are_kept_whatever_characters_they_have(world: World, run: Any, live: Any) -> None:
    live()
    error = {"message": "bad \0 \ud800", "type": "server_error", "param": None, "code": None}
    world.emulator.fail("list_threads", status=500, body={"error": error})

    run(sync.sync_due)

    assert "bad \ufffd \ufffd" in end_user(world).last_error


@pytest.mark.parametrize("service", ["live", "after the window", "sync_user"])
def test_a_thread_that_can_be_no_row_is_shown_and_delays_nothing(
    world: World, run: Any, live: Any, clock: Clock, pace: Pace, service: str
) -> None:
    for length in (256, 257):
        world.emulator.add_thread(user="ada", id="x" * length)
    live()
    clock.move(hours=service == "after the window")

    if service == "sync_user":
        run(sync.sync_user, user="ada")
    else:
        run(sync.sync_due)
        due_at = clock.now + pace.interval if service == "live" else None
        assert end_user(world).due_at == due_at

    ada = end_user(world)
    assert (ada.failures, ada.last_error.partition(":")[0]) == (0, "Unmirrorable")

    for thread in world.emulator.threads():
        world.emulator.remove_thread(thread["id"])
    run(sync.sync_user, user="ada")
    assert end_user(world).last_error == ""


def test_a_refused_key_stops_the_run_and_gives_the_lease_back(world: World, run: Any, live: Any) -> None:
    live("ada")
    live("bob")
    world.emulator.fail("*", status=401, times=None)

    with pytest.raises(AuthenticationError):
        run(sync.sync_due)

    assert not EndUser.objects.using(world.database).exclude(leased_until=None).exists()
    assert end_user(world).failures == 0


def test_a_refused_key_gives_the_leases_of_threads_back_too(world: World, run: Any) -> None:
    for _ in range(3):
        world.thread(*map(str, range(120)))
    world.emulator.fail("list_items", status=401, times=None, match="cti_")

    with pytest.raises(AuthenticationError):
        run(sync.reconcile)

    threads = ChatThread.objects.using(world.database)
    assert threads.filter(items_as_of__isnull=False).exists()
    assert not threads.exclude(leased_until=None).exists()
    assert not EndUser.objects.using(world.database).exclude(failures=0).exists()


@pytest.mark.parametrize(("failures", "seconds"), [(0, 15), (1, 30), (3, 120), (8, 3600), (10**6, 3600)])
def test_the_delay_doubles_up_to_an_hour(failures: int, seconds: int) -> None:
    assert end_users.delay(failures, first=timedelta(seconds=15)) == timedelta(seconds=seconds)
