"""Machines whose clocks differ by some seconds, and a clock that is set back: nobody is kept from going on."""

from collections.abc import Callable
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.services import items, sync
from django_chatkit.services.reports import SyncReport

from .conftest import Clock, World
from .interleaving import answered

pytestmark = pytest.mark.django_db

Nudge = Callable[..., SyncReport]
SKEWS = [-5, -1, 1, 5]


@pytest.fixture
def nudge(chatkit: ChatKit, clock: Clock, world: World) -> Nudge:
    """Sync one thread as a machine does whose clock is off by some seconds."""

    def sync_thread(thread: str, *, off: float = 0, **options: Any) -> SyncReport:
        clock.move(seconds=off)
        try:
            return sync.sync_thread(
                client=chatkit, clock=clock, thread_id=thread, using=world.database, **options
            )
        finally:
            clock.move(seconds=-off)

    return sync_thread


@pytest.fixture
def job(chatkit: ChatKit, clock: Clock, world: World) -> Callable[[str], Any]:
    """Begin a sync of one thread's items that the test takes forward request by request."""

    def begin(id: str) -> Any:
        what: dict[str, Any] = {
            "client": chatkit,
            "clock": clock,
            "using": world.database,
            "report": SyncReport(),
        }
        return items.ItemSync(thread_id=id, since=clock.now, **what).run()

    return begin


@pytest.mark.parametrize("off", SKEWS)
def test_a_nudge_sees_what_is_new_after_one_by_another_clock(
    world: World, nudge: Nudge, clock: Clock, off: float
) -> None:
    thread = world.thread("one")
    nudge(thread, off=off)
    clock.move(seconds=0.5)
    world.emulator.add_item(thread, text="two")
    world.emulator.forget_requests()

    report = nudge(thread)

    assert report.ok
    world.assert_exact()
    assert world.emulator.count() == 1


@pytest.mark.parametrize("off", SKEWS)
@pytest.mark.parametrize("count", [1, 130])
def test_machines_of_different_clocks_take_turns_at_one_thread(
    world: World, nudge: Nudge, clock: Clock, off: float, count: int
) -> None:
    thread = world.thread("one")
    for turn in range(6):
        clock.move(seconds=1)
        for number in range(count):
            world.emulator.add_item(thread, text=f"{turn} {number}")
        if turn == 3:
            world.emulator.cut_items(thread, after=world.emulator.items(thread)[-2]["id"])

        assert nudge(thread, off=off if turn % 2 else 0).ok

        world.assert_exact()


@pytest.mark.parametrize("off", SKEWS)
def test_a_tool_call_that_another_clock_saw_in_progress_is_looked_at_again(
    world: World, nudge: Nudge, off: float
) -> None:
    thread = world.thread()
    call = world.emulator.add_item(thread, type="chatkit.client_tool_call", status="in_progress", output=None)
    nudge(thread, off=off)
    world.emulator.change_item(call["id"], status="completed", output='"done"')

    assert nudge(thread).items_changed == 1

    world.assert_exact()


@pytest.mark.parametrize("off", SKEWS)
def test_a_thread_that_another_clock_saw_is_found_gone(world: World, nudge: Nudge, off: float) -> None:
    thread = world.thread("one")
    nudge(thread, off=off)
    world.emulator.remove_thread(thread)

    nudge(thread)

    assert world.row(thread).gone_at is not None


def test_of_two_answers_behind_the_newest_moment_the_older_overwrites_nothing(
    world: World, nudge: Nudge, job: Any
) -> None:
    thread = world.thread("one")
    nudge(thread, off=5)
    world.emulator.add_item(thread, text="two")
    older, newer = job(thread), job(thread)
    stale = answered(next(older))
    world.emulator.add_item(thread, text="three")
    fresh = answered(next(newer))
    with pytest.raises(StopIteration):
        newer.send(fresh)

    ask_again = older.send(stale)

    assert world.words(thread) == ["one", "two", "three"]
    with pytest.raises(StopIteration):
        older.send(answered(ask_again))
    world.assert_exact()


def test_a_404_asked_for_before_the_items_were_read_marks_nothing(
    world: World, nudge: Nudge, job: Any, clock: Clock, chatkit: ChatKit
) -> None:
    thread = world.thread("one")
    nudge(thread)
    clock.move(seconds=1)
    late = job(thread)
    ask = next(late)
    world.emulator.add_item(thread, text="two")
    clock.move(seconds=1)
    nudge(thread)
    world.emulator.fail("list_items", status=404)
    refusal = answered(ask)

    with pytest.raises(StopIteration):
        late.send(refusal)

    assert world.row(thread).gone_at is None
    assert world.words(thread) == ["one", "two"]
