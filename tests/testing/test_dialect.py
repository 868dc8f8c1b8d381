"""The documentation's dialect."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from django_chatkit.testing import Emulator

from .conftest import BASE, NOW


@pytest.fixture(autouse=True)
def documentation(emulator: Emulator) -> None:
    emulator.switches.dialect = "documentation"


@pytest.mark.parametrize(
    ("given", "limit", "seconds"),
    [
        pytest.param({}, 10, 600, id="neither"),
        pytest.param({"rate_limits": {"per_minute": 20}}, 20, 600, id="per-minute"),
        pytest.param(
            {"rate_limits": {"max_requests_per_1_minute": 20}}, 20, 600, id="the-specifications-word"
        ),
        pytest.param({"expires_after": 60}, 10, 60, id="seconds"),
        pytest.param({"expires_after": {"seconds": 60}}, 10, 60, id="a-dict-of-seconds"),
    ],
)
def test_a_session_may_be_asked_for_in_the_documentations_words(
    http: requests.Session, given: dict[str, Any], limit: int, seconds: int
) -> None:
    body = {"user": "user_ada", "workflow": {"id": "wf_1"}, **given}

    session = http.post(f"{BASE}/sessions", json=body).json()

    assert (session["max_requests_per_1_minute"], session["expires_at"]) == (limit, NOW + seconds)


def test_what_is_wrong_stays_wrong(http: requests.Session) -> None:
    assert http.post(f"{BASE}/sessions", json=[]).status_code == 400


def test_a_thread_is_told_without_what_the_documentation_does_not_name(
    emulator: Emulator, http: requests.Session
) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", metadata={"topic": "x"})

    expected = {
        "id": "cthr_1",
        "object": "chatkit.thread",
        "created_at": NOW,
        "metadata": {"topic": "x"},
        "session_id": None,
    }
    assert http.get(f"{BASE}/threads/cthr_1").json() == expected
    assert http.get(f"{BASE}/threads").json()["data"] == [expected]
    assert http.delete(f"{BASE}/threads/cthr_1").json()["object"] == "chatkit.thread"


def test_items_are_messages_or_events(emulator: Emulator, http: requests.Session) -> None:
    emulator.add_thread(
        user="user_ada",
        id="cthr_1",
        items=[
            {"text": "Hello"},
            {"type": "chatkit.assistant_message", "text": "Good day"},
            {"type": "chatkit.task", "text": "A task"},
        ],
    )

    items = http.get(f"{BASE}/threads/cthr_1/items", params={"order": "asc"}).json()["data"]

    assert [(item["type"], item["role"]) for item in items] == [
        ("message", "user"),
        ("message", "assistant"),
        ("event", None),
    ]
    assert [item["content"] for item in items[:2]] == ["Hello", "Good day"]
    assert items[2]["content"] == {
        "kind": "chatkit.task",
        "task_type": "custom",
        "heading": "A task",
        "summary": None,
    }
    assert set(items[0]) == {"id", "object", "type", "content", "role", "created_at", "metadata"}
    assert {item["object"] for item in items} == {"chatkit.thread.item"}
