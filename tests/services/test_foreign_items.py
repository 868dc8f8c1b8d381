"""An item that upstream gives in two of its threads stays where it was first, and is told in the other."""

from typing import Any

import pytest

from django_chatkit.models import ChatThreadItem
from django_chatkit.services import sync

from .conftest import World

pytestmark = pytest.mark.django_db


def _rows(world: World, thread: str) -> list[Any]:
    return list(ChatThreadItem.objects.using(world.database).of(thread).in_order().values())


def _say(world: World, thread: str, *ids: str, times: int | None = None) -> None:
    """Let upstream say that a thread has these items."""
    data = [{"id": id, "type": "chatkit.user_message", "content": [], "created_at": 1} for id in ids]
    body = {"object": "list", "data": data, "has_more": False}
    world.emulator.fail("list_items", status=200, body=body, times=times, match=thread)


def test_a_first_copy_leaves_an_item_of_another_thread_as_it_is(world: World, run: Any) -> None:
    first = world.thread("one", "two")
    run(sync.reconcile)
    before = _rows(world, first)
    second = world.thread("uno")
    _say(world, second, before[1]["id"], "cti_due")

    report = run(sync.reconcile)

    assert [each.id for each in report.failures] == [second]
    assert "stands in another thread" in report.failures[0].error
    assert (_rows(world, first), _rows(world, second)) == (before, [])
    assert world.row(second).leased_until is None


@pytest.mark.parametrize("is_deep", [False, True])
def test_a_known_thread_leaves_an_item_of_another_thread_as_it_is(
    world: World, run: Any, is_deep: bool
) -> None:
    first, second = world.thread("one", "two"), world.thread("uno")
    run(sync.reconcile)
    before, own = _rows(world, first), _rows(world, second)
    _say(world, second, own[0]["id"], before[0]["id"], "cti_due")

    report = run(sync.reconcile, deep=is_deep)

    assert [each.id for each in report.failures] == [second]
    assert "stands in another thread" in report.failures[0].error
    assert (_rows(world, first), _rows(world, second)) == (before, own)


def test_the_thread_is_whole_again_as_soon_as_upstream_makes_sense(world: World, run: Any) -> None:
    first, second = world.thread("one", "two"), world.thread("uno", "due")
    _say(world, second, world.emulator.items(first)[0]["id"], times=1)

    assert not run(sync.reconcile).ok
    assert run(sync.reconcile).ok

    world.assert_exact()
