"""Cursors are exclusive and complete, whatever is asked for."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.testing import Emulator

from .schema import complaints

HEADERS = {"authorization": "Bearer sk-contract"}


def ask(emulator: Emulator, thread_id: str, **query: str) -> dict[str, Any]:
    response = emulator.handle("GET", f"/v1/chatkit/threads/{thread_id}/items", query, HEADERS)
    assert isinstance(response.body, bytes)
    page: dict[str, Any] = json.loads(response.body)
    assert complaints("ItemList", page) == []
    return page


def ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["data"]]


@st.composite
def threads(draw: st.DrawFn) -> tuple[Emulator, str, list[str]]:
    """An emulator with one thread, some of whose items share their second, and the ids in list order."""
    emulator = Emulator(clock=lambda: 1_800_000_000.0)
    seconds = draw(st.lists(st.integers(0, 3), max_size=25))
    thread = emulator.add_thread(user="user_ada")["id"]
    at = 1_800_000_000
    for step in seconds:
        at += step
        emulator.add_item(thread, created_at=at)
    return emulator, thread, [item["id"] for item in emulator.items(thread)]


limits = st.integers(1, 30)
orders = st.sampled_from(["asc", "desc"])


@given(thread=threads(), limit=limits, order=orders)
def test_following_after_reads_every_item_once_and_in_order(
    thread: tuple[Emulator, str, list[str]], limit: int, order: str
) -> None:
    emulator, thread_id, oldest_first = thread
    expected = oldest_first if order == "asc" else oldest_first[::-1]

    page = ask(emulator, thread_id, limit=str(limit), order=order)
    read = ids(page)
    while page["has_more"]:
        page = ask(emulator, thread_id, limit=str(limit), order=order, after=page["last_id"])
        assert 0 < len(page["data"]) <= limit
        read += ids(page)

    assert read == expected


@given(thread=threads(), limit=limits, order=orders, data=st.data())
def test_following_before_reads_everything_before_it_once(
    thread: tuple[Emulator, str, list[str]], limit: int, order: str, data: st.DataObject
) -> None:
    emulator, thread_id, oldest_first = thread
    expected = oldest_first if order == "asc" else oldest_first[::-1]
    if not expected:
        return
    place = data.draw(st.integers(0, len(expected) - 1))

    page = ask(emulator, thread_id, limit=str(limit), order=order, before=expected[place])
    read = ids(page)
    while page["has_more"]:
        page = ask(emulator, thread_id, limit=str(limit), order=order, before=page["first_id"])
        assert 0 < len(page["data"]) <= limit
        read = ids(page) + read

    assert read == expected[:place]


@given(thread=threads(), limit=limits, order=orders, data=st.data())
def test_both_cursors_hold_what_lies_between_them(
    thread: tuple[Emulator, str, list[str]], limit: int, order: str, data: st.DataObject
) -> None:
    emulator, thread_id, oldest_first = thread
    expected = oldest_first if order == "asc" else oldest_first[::-1]
    if not expected:
        return
    places = st.integers(0, len(expected) - 1)
    after, before = data.draw(places), data.draw(places)

    page = ask(
        emulator, thread_id, limit=str(limit), order=order, after=expected[after], before=expected[before]
    )

    between = expected[after + 1 : before]
    assert ids(page) == between[:limit]
    assert page["has_more"] is (len(between) > limit)
