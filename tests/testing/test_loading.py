"""Worlds from documents."""

from __future__ import annotations

from typing import Any

import pytest

from django_chatkit.testing import Emulator
from django_chatkit.testing.world import populate

from .conftest import NOW


def test_what_is_dumped_can_be_loaded(emulator: Emulator) -> None:
    populate(emulator)
    world = emulator.dump()

    other = Emulator()
    other.load(world)

    assert other.dump() == world


def test_what_a_document_leaves_out_is_filled_in(emulator: Emulator) -> None:
    emulator.load({"threads": [{"user": "user_ada", "items": [{"type": "chatkit.user_message"}]}]})

    (thread,) = emulator.threads()
    assert (thread["created_at"], thread["status"], thread["title"]) == (NOW, {"type": "active"}, None)
    assert len(emulator.items(thread["id"])) == 1


def test_an_item_without_a_time_has_its_threads(emulator: Emulator) -> None:
    thread = {"id": "cthr_1", "user": "user_ada", "created_at": 5, "items": [{"type": "chatkit.task"}]}

    emulator.load({"threads": [thread]})

    assert emulator.items("cthr_1")[0]["created_at"] == 5


def test_items_know_their_thread_by_where_they_stand(emulator: Emulator) -> None:
    item = {"type": "chatkit.task", "thread_id": "cthr_elsewhere"}

    emulator.load({"threads": [{"id": "cthr_1", "user": "user_ada", "items": [item]}]})

    assert emulator.items("cthr_1")[0]["thread_id"] == "cthr_1"


def thread(**fields: Any) -> dict[str, Any]:
    return {"threads": [{"user": "user_ada"}, {"user": "user_ada", **fields}]}


@pytest.mark.parametrize(
    ("document", "place"),
    [
        pytest.param([], "threads", id="a-list"),
        pytest.param({}, "threads", id="no-threads"),
        pytest.param({"threads": {}}, "threads", id="threads-an-object"),
        pytest.param({"threads": [1]}, r"threads\[0\] must be an object", id="thread-a-number"),
        pytest.param({"threads": [{}]}, r"threads\[0\].user", id="no-user"),
        pytest.param(thread(status=1), r"threads\[1\].status", id="status-a-number"),
        pytest.param(thread(items={}), r"threads\[1\].items", id="items-an-object"),
        pytest.param(thread(id=""), r"threads\[1\].id", id="id-empty"),
        pytest.param(thread(id=1), r"threads\[1\].id", id="id-a-number"),
        pytest.param(
            thread(id="cthr_here"), r"threads\[1\].id: the thread id 'cthr_here' is taken", id="id-taken"
        ),
        pytest.param(thread(created_at="now"), r"threads\[1\].created_at", id="time-a-word"),
        pytest.param(thread(created_at=True), r"threads\[1\].created_at", id="time-a-flag"),
        pytest.param(thread(created_at=-1), r"threads\[1\].created_at", id="time-negative"),
        pytest.param(thread(created_at=10**12), r"threads\[1\].created_at", id="time-beyond-dates"),
        pytest.param(thread(items=[1]), r"threads\[1\].items\[0\] must be an object", id="item-a-number"),
        pytest.param(thread(items=[{}]), r"threads\[1\].items\[0\].type", id="item-without-a-type"),
        pytest.param(
            thread(items=[{"type": "chatkit.task", "id": "cti_1"}] * 2),
            r"threads\[1\].items\[1\].id: the item id 'cti_1' is taken",
            id="item-twice",
        ),
    ],
)
def test_a_document_that_cannot_be_used_is_refused_whole_and_names_the_place(
    emulator: Emulator, document: Any, place: str
) -> None:
    emulator.add_thread(user="user_ada", id="cthr_here")

    with pytest.raises(ValueError, match=place):
        emulator.load(document)

    assert len(emulator.threads()) == 1
