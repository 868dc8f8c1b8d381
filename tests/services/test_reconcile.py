"""Everything that upstream lists."""

from typing import Any

import pytest

from django_chatkit.models import ChatThread
from django_chatkit.services import looks, sync

from .conftest import Clock, World

pytestmark = pytest.mark.django_db


def test_a_reconcile_brings_everything_home_and_costs_a_request_a_thread(world: World, run: Any) -> None:
    for number in range(120):
        world.thread("hello", user=f"user {number % 7}", title=f"Title {number}")

    report = run(sync.reconcile)

    world.assert_exact()
    assert (report.threads_new, report.threads) == (120, 120)
    world.emulator.forget_requests()

    again = run(sync.reconcile)

    assert again.requests == world.emulator.count() == 120 + 2
    assert again.threads_changed == again.items_changed == again.threads_gone == 0


@pytest.mark.parametrize("count", [1, 100, 205])
def test_a_reconcile_of_so_many_threads_costs_a_request_for_each_and_for_each_hundred(
    world: World, run: Any, count: int
) -> None:
    for number in range(count):
        world.thread(user=f"user {number % 7}")

    first, again = run(sync.reconcile), run(sync.reconcile)

    assert first.threads_new == count
    assert first.requests == again.requests <= count + count / 100 + 2


def test_a_listing_goes_on_while_its_threads_are_read(world: World, run: Any) -> None:
    long = [world.thread(*map(str, range(250))) if number == 99 else world.thread() for number in range(101)]

    run(sync.reconcile)

    asked = [(each.operation, each.path) for each in world.emulator.requests]
    second_page = [place for place, (operation, _) in enumerate(asked) if operation == "list_threads"][1]
    last_of_long = max(place for place, (_, path) in enumerate(asked) if long[99] in path)
    assert second_page < last_of_long


def test_a_reconcile_marks_only_what_a_complete_listing_did_not_contain(world: World, run: Any) -> None:
    threads = [world.thread("hello") for _ in range(120)]
    run(sync.reconcile)
    world.emulator.remove_thread(threads[5])
    world.emulator.fail("list_threads", status=500, after=1)

    broken = run(sync.reconcile)

    assert [failure.noun for failure in broken.failures] == ["listing"]
    assert broken.threads_gone == 0
    assert world.row(threads[110]).gone_at is None

    report = run(sync.reconcile)
    assert world.row(threads[5]).gone_at is not None
    assert report.threads_gone + broken.threads_gone <= 1
    world.assert_exact()


def test_a_thread_that_comes_back_is_present_again_with_its_items(world: World, run: Any) -> None:
    thread = world.thread("hello")
    run(sync.reconcile)
    payload, items = world.upstream()[thread]
    world.emulator.remove_thread(thread)
    run(sync.reconcile)
    world.emulator.load({"threads": [{**payload, "items": items}]})

    run(sync.reconcile)

    world.assert_exact()
    assert list(world.mirror()) == [thread]


def test_titles_statuses_and_owners_that_change_are_followed(world: World, run: Any) -> None:
    thread = world.thread("hello", title=None)
    run(sync.reconcile)
    assert world.row(thread).title == ""
    world.emulator.change_thread(thread, title="T" * 5_000, status="locked")

    report = run(sync.reconcile)

    world.assert_exact()
    assert report.threads_changed == 1
    assert (world.row(thread).title, world.row(thread).status) == ("T" * 5_000, "locked")


def test_threads_of_one_second_keep_upstreams_order(world: World, run: Any, live: Any) -> None:
    ids = [f"cthr_{letter}" for letter in "mzab"]
    for id in ids[:2]:
        world.emulator.add_thread(user="ada", id=id)
    run(sync.reconcile)
    for id in ids[2:]:
        world.emulator.add_thread(
            user="ada", id=id, created_at=int(world.row("cthr_m").created_at.timestamp())
        )
    live()

    run(sync.sync_due)

    assert list(world.mirror()) == ids == list(world.upstream())
    run(sync.reconcile)
    world.assert_exact()


def test_a_page_of_new_threads_stands_above_those_of_its_second_that_it_does_not_reach(
    world: World, run: Any, live: Any, clock: Clock
) -> None:
    at = int(clock.now.timestamp())
    for _ in range(30):
        world.emulator.add_thread(user="ada", created_at=at)
    run(sync.reconcile)
    for _ in range(looks.LISTED):
        world.emulator.add_thread(user="ada", created_at=at)
    live()

    run(sync.sync_due)

    assert list(world.mirror()) == list(world.upstream())


def test_a_cursor_deleted_during_the_listing_gives_way_to_the_thread_before(world: World, run: Any) -> None:
    for _ in range(150):
        world.thread()
    world.emulator.fail("list_threads", status=404, after=1)

    report = run(sync.reconcile)

    assert report.ok
    world.assert_exact()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "repeat_page", "after": 1, "times": None}, id="the same page for ever"),
        pytest.param({"status": 404, "after": 1, "times": None}, id="no cursor is known"),
        pytest.param({"status": 400}, id="a 400 without a cursor"),
        pytest.param(
            {"status": 200, "body": {"object": "list", "data": [], "has_more": True}}, id="empty, and more"
        ),
        pytest.param({"kind": "not_json"}, id="no JSON"),
    ],
)
def test_a_listing_that_makes_no_sense_marks_nothing_as_gone(
    world: World, run: Any, fault: dict[str, Any]
) -> None:
    for _ in range(150):
        world.thread()
    run(sync.reconcile)
    world.emulator.fail("list_threads", **fault)

    report = run(sync.reconcile)

    assert [failure.noun for failure in report.failures] == ["listing"]
    assert report.threads_gone == 0
    assert ChatThread.objects.using(world.database).present().count() == 150


def test_where_no_cursor_is_known_any_more_few_are_tried(world: World, run: Any) -> None:
    for _ in range(120):
        world.thread()
    world.emulator.fail("list_threads", status=404, after=1, times=None)

    report = run(sync.reconcile, items=False)

    assert [failure.noun for failure in report.failures] == ["listing"]
    assert world.emulator.count("list_threads") == 9
