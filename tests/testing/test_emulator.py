"""The Python API of the emulator."""

from __future__ import annotations

import time
from typing import Any

import pytest

from django_chatkit.testing import Emulator, documents
from django_chatkit.testing.switches import Switches

from .conftest import NOW


def test_a_thread_is_given_back_as_upstream_would_tell_it(emulator: Emulator) -> None:
    thread = emulator.add_thread(user="user_ada", title="Hello", status="locked")

    assert thread == {
        "id": thread["id"],
        "object": "chatkit.thread",
        "created_at": NOW,
        "title": "Hello",
        "status": {"type": "locked", "reason": None},
        "user": "user_ada",
    }
    assert emulator.threads() == [thread]


def test_a_thread_takes_its_id_its_time_its_items_and_any_field(emulator: Emulator) -> None:
    thread = emulator.add_thread(
        user="user_ada",
        id="cthr_mine",
        created_at=NOW - 5,
        status={"type": "closed", "reason": "done"},
        items=[{"text": "one"}, {"type": "chatkit.widget", "id": "cti_mine"}],
        novelty={"of": "upstream"},
    )

    assert thread["id"] == "cthr_mine"
    assert thread["created_at"] == NOW - 5
    assert thread["status"] == {"type": "closed", "reason": "done"}
    assert thread["novelty"] == {"of": "upstream"}
    assert [item["type"] for item in emulator.items("cthr_mine")] == [
        "chatkit.user_message",
        "chatkit.widget",
    ]
    assert emulator.items("cthr_mine")[1]["id"] == "cti_mine"


@pytest.mark.parametrize("type", documents.ITEM_TYPES)
def test_an_item_of_every_type_says_the_text_in_its_own_way(emulator: Emulator, type: str) -> None:
    thread = emulator.add_thread(user="user_ada")

    item = emulator.add_item(thread["id"], type, "some words")

    assert "some words" in str(item)
    assert (item["type"], item["thread_id"], item["object"]) == (type, thread["id"], "chatkit.thread_item")


def test_an_item_of_a_type_that_nobody_knows_has_the_fields_that_it_is_given(emulator: Emulator) -> None:
    thread = emulator.add_thread(user="user_ada")

    item = emulator.add_item(thread["id"], "chatkit.hologram", depth=3)

    assert set(item) == {"id", "object", "created_at", "thread_id", "type", "depth"}


def test_an_unfinished_tool_call_has_no_output(emulator: Emulator) -> None:
    thread = emulator.add_thread(user="user_ada")

    item = emulator.add_item(thread["id"], "chatkit.client_tool_call", status="in_progress")

    assert (item["status"], item["output"]) == ("in_progress", None)


def test_ids_of_one_thread_end_alike_and_begin_with_their_second(emulator: Emulator) -> None:
    thread = emulator.add_thread(user="user_ada")

    item = emulator.add_item(thread["id"])

    assert item["id"].startswith(f"cti_{NOW:08x}")
    assert item["id"][-16:] == thread["id"][-16:]
    assert len(item["id"]) == len("cti_") + 48


def test_one_seed_gives_the_same_ids() -> None:
    first, second = (
        Emulator(clock=lambda: 1.0, seed=7).add_thread(user="user_ada", items=[{}])["id"] for _ in range(2)
    )

    assert first == second


def test_what_is_given_back_is_a_copy(emulator: Emulator) -> None:
    thread = emulator.add_thread(user="user_ada")
    thread["status"]["type"] = "closed"

    assert emulator.threads()[0]["status"] == {"type": "active"}


def test_an_id_that_is_taken_is_refused(emulator: Emulator) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", items=[{"id": "cti_1"}])

    with pytest.raises(ValueError, match="cthr_1"):
        emulator.add_thread(user="user_ada", id="cthr_1")
    with pytest.raises(ValueError, match="cti_1"):
        emulator.add_item("cthr_1", id="cti_1")
    with pytest.raises(KeyError):
        emulator.add_item("cthr_2")


def test_an_item_changes_where_it_stands(emulator: Emulator) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", items=[{"id": "cti_1"}, {"id": "cti_2"}])

    changed = emulator.change_item("cti_1", novelty=1)

    assert changed["novelty"] == 1
    assert [item["id"] for item in emulator.items("cthr_1")] == ["cti_1", "cti_2"]


def test_a_retry_cuts_what_stands_behind_an_item(emulator: Emulator) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", items=[{"id": f"cti_{n}"} for n in range(4)])

    assert emulator.cut_items("cthr_1", after="cti_1") == ["cti_2", "cti_3"]
    assert [item["id"] for item in emulator.items("cthr_1")] == ["cti_0", "cti_1"]


def test_one_item_can_be_removed(emulator: Emulator) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", items=[{"id": f"cti_{n}"} for n in range(3)])

    emulator.remove_item("cti_1")

    assert [item["id"] for item in emulator.items("cthr_1")] == ["cti_0", "cti_2"]


def test_a_changed_thread_moves_to_its_new_place(emulator: Emulator) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", created_at=NOW)
    emulator.add_thread(user="user_ada", id="cthr_2", created_at=NOW + 1)

    emulator.change_thread("cthr_1", user="user_bo", created_at=NOW + 2, status="locked")
    emulator.change_thread("cthr_2", title="Renamed")

    assert [thread["id"] for thread in emulator.threads()] == ["cthr_2", "cthr_1"]
    assert [thread["id"] for thread in emulator.threads(user="user_bo")] == ["cthr_1"]
    assert emulator.threads()[0]["title"] == "Renamed"
    assert emulator.threads()[1]["status"] == {"type": "locked", "reason": None}


def test_a_removed_thread_takes_its_items_with_it(emulator: Emulator) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", items=[{"id": "cti_1"}])

    emulator.remove_thread("cthr_1")

    assert emulator.threads() == []
    emulator.add_thread(user="user_ada", items=[{"id": "cti_1"}])


def test_items_keep_the_order_in_which_they_came_whatever_their_second(emulator: Emulator) -> None:
    items: list[dict[str, Any]] = [
        {"id": "cti_1", "created_at": NOW},
        {"id": "cti_2", "created_at": NOW - 60},
        {"id": "cti_3"},
    ]
    emulator.add_thread(user="user_ada", id="cthr_1", items=items)

    assert [item["id"] for item in emulator.items("cthr_1")] == ["cti_1", "cti_2", "cti_3"]


@pytest.mark.parametrize(
    ("tie_order", "expected"),
    [
        pytest.param("insertion", ["cti_b", "cti_c", "cti_a", "cti_0"], id="insertion"),
        pytest.param("reversed", ["cti_a", "cti_c", "cti_b", "cti_0"], id="reversed"),
        pytest.param("id", ["cti_a", "cti_b", "cti_c", "cti_0"], id="id"),
    ],
)
def test_the_order_within_a_second_is_a_switch(
    emulator: Emulator, tie_order: Any, expected: list[str]
) -> None:
    items: list[dict[str, Any]] = [{"id": id, "created_at": NOW} for id in ("cti_b", "cti_c", "cti_a")]
    emulator.add_thread(user="user_ada", id="cthr_1", items=[*items, {"id": "cti_0", "created_at": NOW + 1}])

    emulator.switches.tie_order = tie_order

    assert [item["id"] for item in emulator.items("cthr_1")] == expected


def test_time_passes_when_it_is_told_to(emulator: Emulator) -> None:
    emulator.advance(61.5)

    assert emulator.now() == NOW + 61.5
    assert emulator.add_thread(user="user_ada")["created_at"] == NOW + 61


def test_the_time_is_the_machines_where_nobody_says_otherwise() -> None:
    assert abs(Emulator().now() - time.time()) < 5


def test_a_session_can_be_looked_at_without_its_secret(emulator: Emulator) -> None:
    headers = {"Authorization": "Bearer sk-testing"}
    body = b'{"user": "user_ada", "workflow": {"id": "wf_1"}}'
    emulator.handle("POST", "/v1/chatkit/sessions", {}, headers, body)

    ((id, session),) = emulator.sessions.items()

    assert session["id"] == id
    assert (session["status"], session["user"]) == ("active", "user_ada")
    assert "client_secret" not in session
    emulator.advance(600)
    assert emulator.sessions[id]["status"] == "expired"


def test_requests_are_recorded_without_their_secrets(emulator: Emulator) -> None:
    headers = {"Authorization": "Bearer sk-very-secret", "X-More": "1"}
    emulator.handle("GET", "/v1/chatkit/threads", {"limit": "5"}, headers)
    emulator.handle("POST", "/v1/chatkit/sessions", {}, headers, b'{"user": ""}')
    emulator.handle("GET", "/v1/nonsense")

    listed, created, unknown = emulator.requests
    assert (listed.method, listed.path, listed.operation) == ("GET", "/v1/chatkit/threads", "list_threads")
    assert (listed.query, listed.body, listed.status) == ({"limit": "5"}, None, 200)
    assert listed.headers == {"authorization": "Bearer ***", "x-more": "1"}
    assert (created.body, created.status) == ({"user": ""}, 400)
    assert (unknown.operation, unknown.status, unknown.headers) == ("", 404, {})
    assert "sk-very-secret" not in repr(emulator.requests)


def test_requests_are_counted_and_forgotten(emulator: Emulator) -> None:
    emulator.handle("GET", "/v1/chatkit/threads")
    emulator.handle("GET", "/v1/chatkit/threads/cthr_1")

    assert emulator.count() == 2
    assert emulator.count("list_threads") == 1
    assert emulator.count("delete_thread") == 0
    emulator.forget_requests()
    assert (emulator.count(), emulator.count("list_threads"), emulator.requests) == (0, 0, [])


def test_every_answer_has_an_id_and_a_date_of_its_own(emulator: Emulator) -> None:
    answers = [emulator.handle("GET", path) for path in ("/v1/chatkit/threads", "/v1/nonsense")]

    assert len({answer.headers["x-request-id"] for answer in answers}) == 2
    assert {answer.headers["date"] for answer in answers} == {"Fri, 15 Jan 2027 08:00:00 GMT"}


def test_switches_can_be_given_at_the_start() -> None:
    switches = Switches(bad_cursor="ignored")

    assert Emulator(switches=switches).switches is switches
