"""Ordering faults, in Python and in a line of text."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from django_chatkit.testing import Emulator
from django_chatkit.testing.faults import Fault, parse

from .conftest import BASE


def described(fault: Fault) -> tuple[Any, ...]:
    return (fault.operation, fault.kind, fault.status, fault.times, fault.after, fault.delay)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param("list_items:429x3", [("list_items", "status", 429, 3, 0, 0)], id="status-and-count"),
        pytest.param("retrieve_thread:reset", [("retrieve_thread", "reset", 500, 1, 0, 0)], id="kind"),
        pytest.param("*:delay=0.2", [("*", "delay", 500, None, 0, 0.2)], id="weather-lasts"),
        pytest.param("*:delay=2x1", [("*", "delay", 500, 1, 0, 2)], id="weather-with-a-count"),
        pytest.param("list_threads:503x*", [("list_threads", "status", 503, None, 0, 0)], id="for-ever"),
        pytest.param("create_session:cut@2", [("create_session", "cut", 500, 1, 2, 0)], id="after-some"),
        pytest.param("*:timeout=5", [("*", "timeout", 500, 1, 0, 5)], id="timeout-with-seconds"),
        pytest.param(
            " list_items:500 , *:not_json,",
            [("list_items", "status", 500, 1, 0, 0), ("*", "not_json", 500, 1, 0, 0)],
            id="several",
        ),
        pytest.param("", [], id="none"),
    ],
)
def test_a_line_of_faults_is_read(spec: str, expected: list[tuple[Any, ...]]) -> None:
    assert [described(fault) for fault in parse(spec)] == expected


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        pytest.param("list_items", "'list_items' is no fault", id="no-kind"),
        pytest.param("list_itmes:500", "'list_itmes' is no operation; choose from", id="unknown-operation"),
        pytest.param("list_items:explode", "'explode' is no kind of fault; choose from", id="unknown-kind"),
        pytest.param("list_items:99", "'list_items:99' is no fault", id="no-status"),
        pytest.param(
            "list_items:500=3", "only delay, trickle, timeout take seconds", id="seconds-for-a-status"
        ),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_by_name(spec: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse(spec)


def test_a_fault_happens_as_often_as_ordered_and_after_as_many_good_answers(
    emulator: Emulator, http: requests.Session
) -> None:
    emulator.fail("list_threads", status=503, times=2, after=1)

    statuses = [http.get(f"{BASE}/threads").status_code for _ in range(4)]

    assert statuses == [200, 503, 503, 200]
    assert [one.status for one in emulator.requests] == statuses


def test_a_fault_for_ever_lasts_until_it_is_called_off(emulator: Emulator, http: requests.Session) -> None:
    emulator.fail(times=None)
    assert [http.get(f"{BASE}/threads").status_code for _ in range(3)] == [500, 500, 500]

    emulator.faults.clear()

    assert http.get(f"{BASE}/threads").status_code == 200


def test_a_fault_keeps_to_its_operation_and_to_what_it_matches(
    emulator: Emulator, http: requests.Session
) -> None:
    for id in ("cthr_1", "cthr_2"):
        emulator.add_thread(user="user_ada", id=id)
    emulator.fail("retrieve_thread", match="cthr_2", times=None)
    emulator.fail("list_threads", match="user_bo", times=None)

    assert http.get(f"{BASE}/threads/cthr_1").status_code == 200
    assert http.get(f"{BASE}/threads/cthr_2").status_code == 500
    assert http.get(f"{BASE}/threads/cthr_2/items").status_code == 200
    assert http.get(f"{BASE}/threads", params={"user": "user_bo"}).status_code == 500
    assert http.get(f"{BASE}/threads").status_code == 200


def test_an_ordered_status_speaks_upstreams_language(emulator: Emulator, http: requests.Session) -> None:
    emulator.fail(status=503)
    emulator.fail(status=409)
    emulator.fail(status=429)
    emulator.fail(status=429, headers={"Retry-After": "9"})

    broken, conflict, limited, waiting = (http.get(f"{BASE}/threads") for _ in range(4))

    assert broken.json()["error"]["type"] == "server_error"
    assert conflict.json()["error"] == {
        "message": "A fault was ordered.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert limited.json()["error"] == emulator.switches.rate_limit_error
    assert limited.headers["retry-after"] == "1"
    assert waiting.headers["retry-after"] == "9"


def test_a_404_is_about_the_object_unless_nothing_is_at_the_address(
    emulator: Emulator, http: requests.Session
) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1")
    emulator.fail("retrieve_thread", status=404)
    emulator.fail("delete_thread", kind="unknown_address")
    emulator.fail("list_items", kind="not_here")

    gone = http.get(f"{BASE}/threads/cthr_1")
    unknown = http.delete(f"{BASE}/threads/cthr_1")
    foreign = http.get(f"{BASE}/threads/cthr_1/items")

    assert [each.status_code for each in (gone, unknown, foreign)] == [404, 404, 404]
    assert gone.json()["error"]["message"] == "Thread with id 'cthr_1' not found."
    assert unknown.json()["error"]["message"] == "Invalid URL (DELETE /v1/chatkit/threads/cthr_1)"
    assert b"<html>" in foreign.content
    assert len(emulator.threads()) == 1, "nothing was done"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"error": "odd"}, b'{"error": "odd"}', id="document"),
        pytest.param("<html>", b"<html>", id="text"),
        pytest.param(b"\xff", b"\xff", id="bytes"),
    ],
)
def test_the_body_of_a_fault_can_be_given(
    emulator: Emulator, http: requests.Session, body: Any, expected: bytes
) -> None:
    emulator.fail(status=400, body=body)

    assert http.get(f"{BASE}/threads").content == expected


def test_what_an_answer_is_spoilt_by_does_not_undo_the_call(
    emulator: Emulator, http: requests.Session
) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1")
    emulator.fail("delete_thread", kind="not_json")

    response = http.delete(f"{BASE}/threads/cthr_1")

    assert (response.status_code, response.headers["content-type"]) == (200, "text/html")
    assert b"<html>" in response.content
    assert emulator.threads() == []


def test_where_there_is_no_answer_the_call_is_not_done_unless_ordered(
    emulator: Emulator, http: requests.Session
) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1")
    emulator.fail("delete_thread", kind="reset")
    emulator.fail("delete_thread", kind="reset", acts=True)

    with pytest.raises(requests.ConnectionError):
        http.delete(f"{BASE}/threads/cthr_1")
    assert len(emulator.threads()) == 1
    with pytest.raises(requests.ConnectionError):
        http.delete(f"{BASE}/threads/cthr_1")
    assert emulator.threads() == []
    assert [one.status for one in emulator.requests] == [None, None]


def test_a_wrong_shape_is_json_that_says_nothing(emulator: Emulator, http: requests.Session) -> None:
    emulator.fail(kind="wrong_shape")
    emulator.fail(kind="wrong_shape", body=[])

    assert http.get(f"{BASE}/threads").json() == {"unexpected": True}
    assert http.get(f"{BASE}/threads").json() == []


def test_a_repeated_page_is_the_first_once_more_and_claims_that_there_is_more(
    emulator: Emulator, http: requests.Session
) -> None:
    for number in range(3):
        emulator.add_thread(user="user_ada", id=f"cthr_{number}")
    emulator.fail("list_threads", kind="repeat_page")
    emulator.fail("retrieve_thread", kind="repeat_page")

    page = http.get(f"{BASE}/threads", params={"after": "cthr_1", "limit": "2"}).json()

    assert [thread["id"] for thread in page["data"]] == ["cthr_2", "cthr_1"]
    assert page["has_more"] is True
    assert http.get(f"{BASE}/threads/cthr_1").json()["id"] == "cthr_1"


def test_an_empty_page_claims_that_there_is_more(emulator: Emulator, http: requests.Session) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1")
    emulator.fail("list_threads", kind="empty_page")

    page = http.get(f"{BASE}/threads").json()

    assert page == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": True}
