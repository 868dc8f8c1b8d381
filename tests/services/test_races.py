"""What went wrong once when two things happened at the same time, told one by one; `test_machine` finds such stories."""

from collections.abc import Callable
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.services import sync
from django_chatkit.services.items import ItemSync
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.sync import Pace
from django_chatkit.services.threads import Listing

from .conftest import Clock, World
from .interleaving import answered

pytestmark = pytest.mark.django_db

Look = Callable[[], SyncReport]


@pytest.fixture
def reconcile(chatkit: ChatKit, clock: Clock, world: World, pace: Pace) -> Look:
    """Reconcile, a second after whatever was before."""

    def run() -> SyncReport:
        clock.move(seconds=1)
        return sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)

    return run


@pytest.fixture
def world_of(chatkit: ChatKit, clock: Clock, world: World) -> dict[str, Any]:
    """Return what a job needs of the world."""
    clock.move(seconds=1)
    return {"client": chatkit, "clock": clock, "using": world.database, "report": SyncReport()}


def test_items_asked_for_before_a_thread_was_found_gone_do_not_come_back_to_it(
    world: World, world_of: dict[str, Any], clock: Clock, reconcile: Look
) -> None:
    thread = world.thread("one")
    reconcile()
    world.emulator.add_item(thread, text="two")
    listing: Any = Listing(**world_of).whole(lambda ids: [])
    first_page = next(listing)
    clock.move(seconds=1)
    items: Any = ItemSync(**world_of, thread_id=thread, since=clock.now).run()
    page = answered(next(items))
    world.emulator.remove_thread(thread)
    listing.send(answered(first_page))
    with pytest.raises(StopIteration):
        next(listing)

    with pytest.raises(StopIteration):
        items.send(page)

    assert world.row(thread).gone_at is not None
    assert world.words(thread) == []


def test_a_page_of_threads_asked_for_before_one_was_found_gone_does_not_bring_it_back(
    world: World, world_of: dict[str, Any], clock: Clock, reconcile: Look
) -> None:
    threads = [world.thread() for _ in range(101)]
    reconcile()
    walk: Any = Listing(**world_of).whole(lambda ids: [])
    walk.send(answered(next(walk)))
    clock.move(seconds=1)
    glance: Any = Listing(**world_of, user="ada").newest(1)
    newest = answered(next(glance))
    world.emulator.remove_thread(threads[-1])
    clock.move(seconds=1)
    second_page = answered(next(walk))
    walk.send(second_page)
    with pytest.raises(StopIteration):
        next(walk)

    with pytest.raises(StopIteration):
        glance.send(newest)

    assert world.row(threads[-1]).gone_at is not None


def test_a_thread_whose_items_were_read_after_the_list_was_asked_for_is_found_gone_by_the_next_look(
    world: World, world_of: dict[str, Any], clock: Clock, reconcile: Look, chatkit: ChatKit
) -> None:
    thread = world.thread("one")
    reconcile()
    listing: Any = Listing(**world_of).whole(lambda ids: [])
    ask = next(listing)
    clock.move(seconds=1)
    world.emulator.add_item(thread, text="two")
    sync.sync_thread(client=chatkit, clock=clock, thread_id=thread, using=world.database)
    world.emulator.remove_thread(thread)

    listing.send(answered(ask))
    with pytest.raises(StopIteration):
        next(listing)

    assert world.row(thread).gone_at is None
    assert world.row(thread).items_as_of == clock.now

    sync.sync_thread(client=chatkit, clock=clock, thread_id=thread, using=world.database)
    assert world.row(thread).gone_at is not None


def test_a_thread_that_another_listing_brought_late_is_not_found_missing(
    world: World, world_of: dict[str, Any]
) -> None:
    late: Any = Listing(**world_of).whole(lambda ids: [])
    ask_late = next(late)
    early: Any = Listing(**world_of).whole(lambda ids: [])
    nobody = answered(next(early))
    thread = world.thread()
    late.send(answered(ask_late))

    early.send(nobody)
    with pytest.raises(StopIteration):
        next(early)

    assert world.row(thread).gone_at is None


def test_a_cursor_that_upstream_ignores_counts_as_one_that_vanished(world: World, reconcile: Look) -> None:
    world.emulator.switches.bad_cursor = "ignored"
    thread = world.thread(*(f"word {number}" for number in range(30)))
    reconcile()
    world.emulator.cut_items(thread, after=world.emulator.items(thread)[4]["id"])
    for number in range(130):
        world.emulator.add_item(thread, text=f"anew {number}")

    reconcile()

    world.assert_exact()


def test_a_tool_call_that_settles_late_is_seen_in_the_documentations_dialect_too(
    world: World, reconcile: Look
) -> None:
    world.emulator.switches.dialect = "documentation"
    thread = world.thread("one")
    call = world.emulator.add_item(thread, type="chatkit.client_tool_call", status="in_progress", output=None)
    for number in range(30):
        world.emulator.add_item(thread, text=f"later {number}")
    reconcile()
    world.emulator.change_item(call["id"], status="completed", output="{}")

    assert reconcile().items_changed == 1


def test_a_deep_copy_that_finds_nothing_to_write_is_complete(
    world: World, world_of: dict[str, Any], pace: Pace
) -> None:
    thread = world.thread()

    sync.reconcile(
        client=world_of["client"], clock=world_of["clock"], pace=pace, using=world.database, deep=True
    )

    assert world.row(thread).synced_at is not None
