"""Memory stays flat: however long a thread or a list is, a sync holds a few pages of it at a time."""

import gc
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import requests

from django_chatkit.client import ChatKit
from django_chatkit.services import sync
from django_chatkit.services.item_pages import Item
from django_chatkit.services.mirror import ItemRow
from django_chatkit.services.paging import PAGE
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

LENGTH = 550
USER = "ada"


def items_alive() -> int:
    """Return how many items are in this process's memory, as payloads, read or as rows; the emulator's own too."""
    return sum(
        isinstance(each, Item | ItemRow)
        or (type(each) is dict and each.get("object") == "chatkit.thread_item")
        for each in gc.get_objects()
    )


class CountingAdapter(EmulatorAdapter):
    """The emulator, which looks at each request how many payloads its asker keeps."""

    most = 0
    # One at a time: whoever counts keeps all that is counted alive.
    counting = threading.Lock()

    def send(self, *args: Any, **options: Any) -> requests.Response:
        with self.counting:
            self.most = max(self.most, items_alive())
        return super().send(*args, **options)


@pytest.fixture
def world(emulator: Emulator) -> World:
    """Return both sides, here on one database: what a sync keeps in memory does not depend on it."""
    return World(emulator, "default")


@pytest.fixture
def most_kept(emulator: Emulator, clock: Clock, world: World, pace: Pace) -> Callable[[], int]:
    """Sync an end user whole and return the most payloads that were kept at a time."""
    adapter = CountingAdapter(emulator)
    client = ChatKit(api_key="sk-test", base_url="http://emulator.invalid/v1", adapter=adapter)

    def look() -> int:
        clock.move(seconds=1)
        gc.collect()
        gc.freeze()  # what is there already is not counted, nor looked through with each request
        try:
            before, adapter.most = items_alive(), 0
            report = sync.sync_user(client=client, clock=clock, pace=pace, user=USER)
        finally:
            gc.unfreeze()
        assert report.ok
        world.assert_exact()
        assert adapter.most > before  # what is looked for is seen
        return adapter.most - before

    return look


@pytest.fixture
def thread(world: World) -> str:
    return world.thread(*(f"word {number}" for number in range(LENGTH)), user=USER)


def test_a_long_thread_is_copied_page_by_page(thread: str, most_kept: Callable[[], int]) -> None:
    assert most_kept() <= PAGE


def test_a_long_tail_that_grew_anew_is_copied_page_by_page(
    world: World, thread: str, most_kept: Callable[[], int]
) -> None:
    most_kept()
    world.emulator.cut_items(thread, after=world.emulator.items(thread)[0]["id"])
    for number in range(LENGTH):
        world.emulator.add_item(thread, text=f"anew {number}")

    assert most_kept() <= PAGE


def test_what_is_unsettled_far_back_is_reached_page_by_page(
    world: World, most_kept: Callable[[], int]
) -> None:
    call = partial(
        world.emulator.add_item, type="chatkit.client_tool_call", status="in_progress", output=None
    )
    thread = world.thread("a question", user=USER)
    id = call(thread)["id"]
    for number in range(LENGTH):
        world.emulator.add_item(thread, text=f"later {number}")
    most_kept()
    world.emulator.change_item(id, status="completed")
    for number in range(3 * PAGE):
        world.emulator.add_item(thread, text=f"latest {number}")

    assert most_kept() <= PAGE


def test_many_threads_are_copied_a_few_at_a_time(
    world: World, pace: Pace, most_kept: Callable[[], int]
) -> None:
    for _ in range(40):
        world.thread(*["word"] * 20, user=USER)

    # Twice as many as there are workers are asked for, answered or written at a time.
    assert most_kept() <= (2 * pace.workers + 1) * 20
