from typing import Any

import pytest

from django_chatkit.client import BadRequestError, ChatKit, NotFoundError
from django_chatkit.services import item_walks, thread_walks
from django_chatkit.services.crew import Crew, Job
from django_chatkit.services.paging import Contradiction
from django_chatkit.testing import Emulator

from .conftest import Clock

Heard = list[tuple[str | None, list[str]]]


def walked(chatkit: ChatKit, thread: str) -> Heard:
    """Walk through a thread and return what was heard: each page's ids, and what it was asked for after."""
    heard: Heard = []

    def hear(page: Any, after: str | None) -> None:
        heard.append((after, [item.id for item in page.data]))

    Crew(workers=0).run([item_walks.walk(chatkit, thread, on_page=hear)])
    return heard


@pytest.fixture
def thread(emulator: Emulator) -> str:
    """Add a thread of three pages."""
    id: str = emulator.add_thread(user="ada", items=[{"text": str(n)} for n in range(210)])["id"]
    return id


def ids(emulator: Emulator, thread: str) -> list[str]:
    return [item["id"] for item in emulator.items(thread)]


def page(*ids: object, **more: object) -> dict[str, object]:
    return {"object": "list", "data": [{"id": id} for id in ids], "has_more": False, **more}


def test_each_page_is_heard_in_order(chatkit: ChatKit, emulator: Emulator, thread: str) -> None:
    all_ids = ids(emulator, thread)

    assert walked(chatkit, thread) == [
        (None, all_ids[:100]),
        (all_ids[99], all_ids[100:200]),
        (all_ids[199], all_ids[200:]),
    ]


def test_a_cursor_that_vanished_lets_all_begin_again(
    chatkit: ChatKit, emulator: Emulator, thread: str
) -> None:
    emulator.fail("list_items", status=400, after=1)

    heard = walked(chatkit, thread)

    assert [after for after, _ in heard].count(None) == 2
    assert [id for _, page in heard[1:] for id in page] == ids(emulator, thread)


def test_cursors_that_vanish_for_ever_are_a_contradiction(
    chatkit: ChatKit, emulator: Emulator, thread: str
) -> None:
    emulator.fail("list_items", status=404, match=ids(emulator, thread)[99], times=None)

    with pytest.raises(Contradiction, match="none of the last items"):
        walked(chatkit, thread)


def test_a_thread_that_is_gone_by_then_says_so(chatkit: ChatKit, emulator: Emulator, thread: str) -> None:
    emulator.fail("list_items", status=404, after=1)
    emulator.fail("retrieve_thread", status=404)

    with pytest.raises(NotFoundError):
        walked(chatkit, thread)


def test_what_is_refused_at_once_is_raised(chatkit: ChatKit, emulator: Emulator, thread: str) -> None:
    emulator.fail("list_items", status=400)

    with pytest.raises(BadRequestError):
        walked(chatkit, thread)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (page("a", None), "without an id"),
        (page(""), "without an id"),
        (page("a", "a"), "the same item twice"),
        (page("a", has_more=True, last_id="b"), "no way on"),
    ],
)
def test_a_page_that_makes_no_sense_is_heard_by_nobody(
    chatkit: ChatKit, emulator: Emulator, thread: str, body: Any, words: str
) -> None:
    emulator.fail("list_items", status=200, body=body)

    with pytest.raises(Contradiction, match=words):
        walked(chatkit, thread)


def test_a_page_that_comes_twice_is_a_contradiction(
    chatkit: ChatKit, emulator: Emulator, thread: str
) -> None:
    emulator.fail("list_items", kind="repeat_page", after=1)

    with pytest.raises(Contradiction, match="the same item twice"):
        walked(chatkit, thread)


def listed(chatkit: ChatKit, clock: Clock, **options: Any) -> list[list[str]]:
    """Walk through the list of threads and return the ids of each page."""
    pages: list[list[str]] = []

    def each_page(page: Any, as_of: Any) -> list[Job]:
        pages.append([thread.id for thread in page.data])
        return []

    Crew(workers=0).run([thread_walks.walk(chatkit, clock=clock, each_page=each_page, **options)])
    return pages


@pytest.fixture
def threads(emulator: Emulator) -> list[str]:
    return [emulator.add_thread(user="ada", created_at=1_760_000_000 + n)["id"] for n in range(130)]


def test_the_list_is_walked_page_by_page(chatkit: ChatKit, clock: Clock, threads: list[str]) -> None:
    assert listed(chatkit, clock) == [threads[:100], threads[100:]]


def test_a_walk_begins_after_a_thread_or_at_the_top_where_it_is_gone(
    chatkit: ChatKit, clock: Clock, threads: list[str]
) -> None:
    assert listed(chatkit, clock, start=threads[119]) == [threads[120:]]
    assert listed(chatkit, clock, start="cthr_gone") == [threads[:100], threads[100:]]


def test_a_walk_goes_on_only_as_long_as_it_is_wanted(
    chatkit: ChatKit, clock: Clock, threads: list[str]
) -> None:
    assert listed(chatkit, clock, goes_on=lambda: False) == []


def test_a_cursor_that_vanished_meanwhile_gives_way_to_one_before_it(
    chatkit: ChatKit, clock: Clock, emulator: Emulator, threads: list[str]
) -> None:
    for last in threads[97:100]:
        emulator.fail("list_threads", status=404, match=last, times=None)

    assert listed(chatkit, clock) == [threads[:100], threads[97:]]


def test_a_list_that_is_refused_at_once_is_raised(chatkit: ChatKit, clock: Clock, emulator: Emulator) -> None:
    emulator.fail("list_threads", status=400)

    with pytest.raises(BadRequestError):
        listed(chatkit, clock)


def test_a_page_of_threads_that_comes_twice_is_a_contradiction(
    chatkit: ChatKit, clock: Clock, emulator: Emulator
) -> None:
    emulator.fail("list_threads", status=200, body=page("a", has_more=True, last_id="a"), times=None)

    with pytest.raises(Contradiction, match="the same page of threads twice"):
        listed(chatkit, clock)
