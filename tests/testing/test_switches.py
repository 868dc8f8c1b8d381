"""What is unknown about upstream can be set either way."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import requests

from django_chatkit.testing import Emulator
from django_chatkit.testing.switches import Switches

from .conftest import BASE, NOW

SESSION = {"user": "user_ada", "workflow": {"id": "wf_1"}}


def open_session(http: requests.Session, **headers: str) -> dict[str, Any]:
    document: dict[str, Any] = http.post(f"{BASE}/sessions", json=SESSION, headers=headers).json()
    return document


CANCELS = [
    pytest.param("expired", 200, "expired", id="expired"),
    pytest.param("cancelled", 200, "cancelled", id="cancelled"),
    pytest.param("not_found", 404, None, id="404"),
    pytest.param("bad_request", 400, None, id="400"),
    pytest.param("conflict", 409, None, id="409"),
]


@pytest.mark.parametrize(("answer", "status", "word"), CANCELS)
def test_cancel_of_an_expired_session(
    emulator: Emulator, http: requests.Session, answer: Any, status: int, word: str | None
) -> None:
    emulator.switches.cancel_of_expired = answer
    session = open_session(http)
    emulator.advance(600)

    response = http.post(f"{BASE}/sessions/{session['id']}/cancel")

    assert response.status_code == status
    assert response.json().get("status") == word


@pytest.mark.parametrize(("answer", "status", "word"), CANCELS)
def test_cancel_of_a_cancelled_session(
    emulator: Emulator, http: requests.Session, answer: Any, status: int, word: str | None
) -> None:
    emulator.switches.cancel_of_cancelled = answer
    session = open_session(http)
    http.post(f"{BASE}/sessions/{session['id']}/cancel")

    response = http.post(f"{BASE}/sessions/{session['id']}/cancel")

    assert response.status_code == status
    assert response.json().get("status") == word


@pytest.mark.parametrize(("answer", "status"), [("not_found", 404), ("deleted", 200)])
def test_second_delete(emulator: Emulator, http: requests.Session, answer: Any, status: int) -> None:
    emulator.switches.second_delete = answer
    emulator.add_thread(user="user_ada", id="cthr_1")
    http.delete(f"{BASE}/threads/cthr_1")

    assert http.delete(f"{BASE}/threads/cthr_1").status_code == status
    assert http.delete(f"{BASE}/threads/cthr_never").status_code == 404


@pytest.mark.parametrize(("answer", "status"), [("not_found", 404), ("bad_request", 400), ("ignored", 200)])
@pytest.mark.parametrize("param", ["after", "before"])
def test_bad_cursor(emulator: Emulator, http: requests.Session, answer: Any, status: int, param: str) -> None:
    emulator.switches.bad_cursor = answer
    emulator.add_thread(user="user_ada")

    response = http.get(f"{BASE}/threads", params={param: "cthr_never"})

    assert response.status_code == status
    assert len(response.json().get("data", ())) == (1 if status == 200 else 0)


@pytest.mark.parametrize(("answer", "status"), [("between", 200), ("error", 400)])
def test_both_cursors(emulator: Emulator, http: requests.Session, answer: Any, status: int) -> None:
    emulator.switches.both_cursors = answer
    ids = [emulator.add_thread(user="user_ada")["id"] for _ in range(3)]

    response = http.get(f"{BASE}/threads", params={"after": ids[2], "before": ids[0]})

    assert response.status_code == status
    assert [one["id"] for one in response.json().get("data", ())] == (ids[1:2] if status == 200 else [])


@pytest.mark.parametrize(
    ("answer", "status", "size"), [("empty", 200, 0), ("default", 200, 20), ("error", 400, 0)]
)
def test_limit_zero(emulator: Emulator, http: requests.Session, answer: Any, status: int, size: int) -> None:
    emulator.switches.limit_zero = answer
    for _ in range(21):
        emulator.add_thread(user="user_ada")

    response = http.get(f"{BASE}/threads", params={"limit": 0})

    assert response.status_code == status
    assert len(response.json().get("data", ())) == size


@pytest.mark.parametrize(("answer", "status", "size"), [("error", 400, 0), ("clamp", 200, 100)])
def test_limit_above_maximum(
    emulator: Emulator, http: requests.Session, answer: Any, status: int, size: int
) -> None:
    emulator.switches.limit_above_maximum = answer
    for _ in range(101):
        emulator.add_thread(user="user_ada")

    response = http.get(f"{BASE}/threads", params={"limit": 1000})

    assert response.status_code == status
    assert len(response.json().get("data", ())) == size


@pytest.mark.parametrize(("answer", "status"), [("ignored", 200), ("error", 400)])
def test_missing_beta_header(emulator: Emulator, http: requests.Session, answer: Any, status: int) -> None:
    emulator.switches.missing_beta_header = answer

    assert http.get(f"{BASE}/threads").status_code == 200
    assert http.get(f"{BASE}/threads", headers={"OpenAI-Beta": ""}).status_code == status


@pytest.mark.parametrize(("answer", "status"), [("error", 400), ("ignored", 200)])
def test_unknown_parameter(emulator: Emulator, http: requests.Session, answer: Any, status: int) -> None:
    emulator.switches.unknown_parameter = answer

    assert http.post(f"{BASE}/sessions", json={**SESSION, "scope": {}}).status_code == status


def test_the_wording_of_a_refusal(emulator: Emulator, http: requests.Session) -> None:
    emulator.switches.validation_wording = "No: {param}"
    emulator.switches.validation_param = False

    error = http.post(f"{BASE}/sessions", json={**SESSION, "user": ""}).json()["error"]

    assert (error["message"], error["param"]) == ("No: user", None)


def test_rate_limit_headers_on_success(emulator: Emulator, http: requests.Session) -> None:
    assert "x-ratelimit-remaining-requests" not in http.get(f"{BASE}/threads").headers

    emulator.switches.rate_limit_headers_on_success = True

    assert "x-ratelimit-remaining-requests" in http.get(f"{BASE}/threads").headers


def test_workflow_in_session(emulator: Emulator, http: requests.Session) -> None:
    emulator.switches.workflow_in_session = False

    assert "workflow" not in open_session(http)


def test_scope_of_the_project(emulator: Emulator, http: requests.Session) -> None:
    emulator.add_thread(user="user_ada", id="cthr_a", project="proj_a")
    emulator.add_thread(user="user_ada", id="cthr_b")
    session = open_session(http, **{"OpenAI-Project": "proj_a"})
    assert len(http.get(f"{BASE}/threads").json()["data"]) == 2

    emulator.switches.scope = "project"

    def seen(**headers: str) -> list[str]:
        page = http.get(f"{BASE}/threads", params={"user": "user_ada"}, headers=headers).json()
        return [thread["id"] for thread in page["data"]]

    assert seen() == ["cthr_b"]
    assert seen(**{"OpenAI-Project": "proj_a"}) == ["cthr_a"]
    assert http.get(f"{BASE}/threads/cthr_a").status_code == 404
    assert http.post(f"{BASE}/sessions/{session['id']}/cancel").status_code == 404


def test_longest_user(emulator: Emulator, http: requests.Session) -> None:
    body = {**SESSION, "user": "x" * 600}
    assert http.post(f"{BASE}/sessions", json=body).status_code == 200

    emulator.switches.longest_user = 512

    assert http.post(f"{BASE}/sessions", json=body).status_code == 400


def test_the_shutdown(emulator: Emulator, http: requests.Session) -> None:
    emulator.switches.shutdown_at = NOW + 60
    emulator.switches.shutdown_status = 410
    assert http.post(f"{BASE}/sessions", json=SESSION).status_code == 200

    emulator.advance(60)

    assert http.post(f"{BASE}/sessions", json=SESSION).status_code == 410
    assert http.get(f"{BASE}/threads").status_code == 200


def test_keys_that_are_good(emulator: Emulator, http: requests.Session) -> None:
    emulator.switches.api_keys = frozenset({"sk-good"})

    assert http.get(f"{BASE}/threads").status_code == 401
    assert http.get(f"{BASE}/threads", headers={"Authorization": "Bearer sk-good"}).status_code == 200


def test_workflows_that_exist(emulator: Emulator, http: requests.Session) -> None:
    emulator.switches.workflows = frozenset({"wf_other"})

    response = http.post(f"{BASE}/sessions", json=SESSION)

    assert response.status_code == 404
    assert response.json()["error"]["message"] == "Workflow with id 'wf_1' not found."


def test_no_two_emulators_share_a_switch() -> None:
    one, other = Switches(), Switches()
    one.rate_limit_error["message"] = "changed"  # type: ignore[index]

    assert dataclasses.asdict(other)["rate_limit_error"]["message"] != "changed"
