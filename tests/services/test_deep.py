"""A deep look, which mends what was changed here by hand, and hides nothing that is well."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit import signals
from django_chatkit.models import ChatThreadItem
from django_chatkit.services import sync
from django_chatkit.services.rooms import rooms

from .conftest import World

pytestmark = pytest.mark.django_db(transaction=True)


def _lose(world: World, thread: str, *positions: int) -> None:
    """Delete rows by hand."""
    ChatThreadItem.objects.using(world.database).filter(thread=thread, position__in=positions).delete()


@pytest.mark.parametrize("lost", [[0], [5], [5, 6, 7, 50, 149], [0, 1, 98, 100, 249], range(3, 90)])
def test_a_hole_is_mended_and_no_other_item_is_touched(world: World, run: Any, lost: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(300)))
    run(sync.reconcile)
    _lose(world, thread, *lost)
    present = []

    def count(sender: type, **arguments: Any) -> None:
        present.append(ChatThreadItem.objects.using(world.database).of(thread).present().count())

    signals.thread_synced.connect(count)
    try:
        report = run(sync.reconcile, deep=True)
    finally:
        signals.thread_synced.disconnect(count)

    world.assert_exact()
    assert (report.items_new, report.items_changed, report.items_gone) == (len(lost), 0, 0)
    assert min(present) > 300 - len(lost)
    run(sync.reconcile, deep=True)
    world.assert_exact()


@pytest.mark.parametrize("lost", [[99], [99, 100], range(300), range(90, 300)])
def test_a_hole_at_the_end_of_a_page_is_mended_too(world: World, run: Any, lost: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(300)))
    run(sync.reconcile)
    _lose(world, thread, *lost)

    run(sync.reconcile, deep=True)

    world.assert_exact()
    again = run(sync.reconcile, deep=True)
    assert again.items_new == again.items_changed == again.items_gone == 0


def test_a_hole_whose_place_is_taken_by_what_is_gone_is_mended_too(world: World, run: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(150)))
    run(sync.reconcile)
    rows = ChatThreadItem.objects.using(world.database).filter(thread=thread)
    _lose(world, thread, 5, 6)
    rows.filter(position=4).update(position=6)
    world.emulator.remove_item(world.emulator.items(thread)[4]["id"])

    run(sync.reconcile, deep=True)

    world.assert_exact()
    assert rows.exclude(gone_at=None).count() == 1


def test_new_items_of_a_thread_with_a_hole_come_last(world: World, run: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(150)))
    run(sync.reconcile)
    _lose(world, thread, 5)
    for number in range(120):
        world.emulator.add_item(thread, text=f"new {number}")

    report = run(sync.reconcile, deep=True)

    world.assert_exact()
    assert (report.items_new, report.items_changed, report.items_gone) == (121, 0, 0)


@given(places=st.lists(st.integers(0, 8), max_size=8), above=st.integers(-1, 5))
def test_who_has_room_stands_between_his_neighbours(places: list[int], above: int) -> None:
    """A zero is an item without a position."""
    ids = [str(number) for number in range(len(places))]
    positions = {id: place for id, place in zip(ids, places, strict=True) if place}

    found = rooms(ids, positions, above=above)

    assert not found.keys() & positions.keys()
    last = above
    for id in ids[: max((ids.index(id) for id in found), default=-1) + 1]:
        position = {**positions, **found}[id]
        assert position > last
        last = position
