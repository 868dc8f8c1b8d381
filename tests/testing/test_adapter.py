"""The adapter gives requests what a socket would have given."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests
import urllib3

from django_chatkit.testing import Emulator, EmulatorAdapter
from django_chatkit.testing.current import current, use

from .conftest import BASE, HEADERS, Chat


def test_an_answer_is_a_response_like_any_other(emulator: Emulator, http: requests.Session) -> None:
    emulator.add_thread(user="user_ada", title="שלום")

    response = http.get(f"{BASE}/threads?limit=1")

    assert (response.status_code, response.reason, response.ok) == (200, "OK", True)
    assert response.json()["data"][0]["title"] == "שלום"
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert response.request.url == f"{BASE}/threads?limit=1"
    assert response.elapsed.total_seconds() >= 0


def test_a_status_that_nobody_named_can_be_ordered(emulator: Emulator, http: requests.Session) -> None:
    emulator.fail(status=599)

    assert http.get(f"{BASE}/threads").reason == "Unknown"


def test_a_body_can_be_read_raw_and_in_pieces(emulator: Emulator, http: requests.Session) -> None:
    emulator.add_thread(user="user_ada")

    with http.get(f"{BASE}/threads", stream=True) as raw, http.get(f"{BASE}/threads", stream=True) as pieces:
        assert raw.raw.read(10) == b'{"object":'
        assert b"".join(pieces.iter_content(7)) == b'{"object":' + raw.raw.read()


@pytest.mark.parametrize(
    "base",
    ["https://a.example/v1", "https://a.example", "https://a.example/deep/er/v2"],
    ids=["v1", "bare", "deep"],
)
def test_whatever_stands_before_chatkit_is_the_base(http: requests.Session, base: str) -> None:
    assert http.get(f"{base}/chatkit/threads").status_code == 200


def test_an_address_without_chatkit_is_unknown(http: requests.Session) -> None:
    assert http.get("https://a.example/v1/models").status_code == 404


@pytest.mark.parametrize("form", ["bytes", "text", "file"])
def test_a_body_arrives_in_whatever_form_it_is_sent(http: requests.Session, form: str) -> None:
    body = b'{"user": "user_ada", "workflow": {"id": "wf_1"}}'
    data: Any = {"bytes": body, "text": body.decode(), "file": io.BytesIO(body)}[form]

    assert http.post(f"{BASE}/sessions", data=data).status_code == 200


def test_a_cut_body_is_an_error_of_requests(emulator: Emulator, http: requests.Session) -> None:
    emulator.fail(kind="cut")

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        http.get(f"{BASE}/threads")


def test_a_reset_is_an_error_of_requests(emulator: Emulator, http: requests.Session) -> None:
    emulator.fail(kind="reset")

    with pytest.raises(requests.ConnectionError) as caught:
        http.get(f"{BASE}/threads")

    assert isinstance(caught.value.args[0], urllib3.exceptions.ProtocolError)
    assert caught.value.request is not None


def test_a_silent_upstream_costs_the_timeout_and_no_more(
    emulator: Emulator, http: requests.Session, waits: list[float]
) -> None:
    emulator.fail(kind="timeout", times=None)

    timeouts: list[Any] = [5, (1, 7), urllib3.Timeout(connect=1, read=9)]
    for timeout in timeouts:
        with pytest.raises(requests.ReadTimeout):
            http.get(f"{BASE}/threads", timeout=timeout)
    with pytest.raises(requests.ReadTimeout):
        http.get(f"{BASE}/threads")

    assert waits == []
    emulator.faults.clear()
    emulator.fail(kind="timeout", delay=60)
    with pytest.raises(requests.ReadTimeout):
        http.get(f"{BASE}/threads", timeout=5)
    assert waits == [5]


def test_a_delay_is_waited_for_or_ends_at_the_timeout(
    emulator: Emulator, http: requests.Session, waits: list[float]
) -> None:
    emulator.fail(kind="delay", delay=3, times=None)

    assert http.get(f"{BASE}/threads", timeout=4).status_code == 200
    assert http.get(f"{BASE}/threads").status_code == 200
    with pytest.raises(requests.ReadTimeout):
        http.get(f"{BASE}/threads", timeout=2)

    assert waits == [3, 3, 2]


def test_latency_is_waited_for_at_each_answer(
    emulator: Emulator, http: requests.Session, waits: list[float]
) -> None:
    emulator.latency = 0.05

    http.get(f"{BASE}/threads")
    http.get(f"{BASE}/nonsense")

    assert waits == [0.05, 0.05]


def test_a_trickle_waits_before_each_byte(
    emulator: Emulator, http: requests.Session, waits: list[float]
) -> None:
    emulator.fail(kind="trickle", delay=0.5)

    response = http.get(f"{BASE}/threads", timeout=0.1)

    assert response.json()["data"] == []
    assert waits == [0.5] * len(response.content)


def test_an_adapter_without_an_emulator_serves_the_current_one() -> None:
    mine = Emulator()
    mine.add_thread(user="user_ada", id="cthr_mine")

    with requests.Session() as session, use(mine):
        session.mount("https://", EmulatorAdapter())
        assert session.get(f"{BASE}/threads/cthr_mine", headers=HEADERS).status_code == 200
    assert current() is not mine


def test_there_is_always_a_current_emulator_and_the_last_one_used_is_it() -> None:
    first = current()
    with use(Emulator()) as outer:
        with use(Emulator()) as inner:
            assert current() is inner
        assert current() is outer
    assert current() is first


def test_a_stream_can_be_read_in_pieces_of_any_size(http: requests.Session) -> None:
    secret = Chat(http).session["client_secret"]
    message = {"content": [{"type": "input_text", "text": "Hello"}]}

    with http.post(
        f"{BASE}/conversation",
        json={"type": "threads.create", "params": {"input": message}},
        headers={"Authorization": f"Bearer {secret}"},
        stream=True,
    ) as response:
        events = b"".join(response.iter_content(3)).decode().split("\n\n")

    assert all(event.startswith("data: {") for event in events[:-1])
    assert events[-1] == ""
