"""The emulator over HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest
import requests

from django_chatkit.testing import Emulator
from django_chatkit.testing.server import EmulatorServer, serve
from django_chatkit.testing.switches import Switches

from .conftest import HEADERS


@pytest.fixture
def server(emulator: Emulator) -> Iterator[EmulatorServer]:
    with serve(emulator) as server:
        yield server


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(HEADERS)
        yield session


def spoken(server: EmulatorServer, request: bytes) -> bytes:
    """Send bytes and return all that comes back until the connection ends."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=120) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def test_a_port_is_picked_and_told(server: EmulatorServer) -> None:
    assert server.base_url == f"http://127.0.0.1:{server.server_port}/v1"
    assert server.server_port > 0


def test_a_port_that_is_in_use_is_an_oserror(emulator: Emulator, server: EmulatorServer) -> None:
    with pytest.raises(OSError, match="in use"), serve(emulator, port=server.server_port):
        pass


def test_a_connection_is_kept_for_the_next_request(emulator: Emulator, server: EmulatorServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=120)
    connection.request("GET", "/v1/chatkit/threads", headers=HEADERS)
    first = connection.getresponse()
    document = json.loads(first.read())
    used = connection.sock
    connection.request("GET", "/v1/chatkit/threads", headers=HEADERS)
    connection.getresponse().read()

    assert document["object"] == "list"
    assert connection.sock is used
    assert used is not None
    connection.close()


def test_many_at_once_are_served(emulator: Emulator, server: EmulatorServer) -> None:
    def ask() -> None:
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(5):
                statuses.append(
                    session.get(f"{server.base_url}/chatkit/threads", headers=HEADERS).status_code
                )

    statuses: list[int] = []
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 40
    assert emulator.count("list_threads") == 40


def test_stopping_ends_connections_that_are_kept_alive(emulator: Emulator) -> None:
    with serve(emulator) as server:
        idle = socket.create_connection(("127.0.0.1", server.server_port), timeout=120)
        idle.sendall(b"GET /v1/chatkit/threads HTTP/1.1\r\nHost: x\r\n\r\n")
        idle.recv(65536)

    assert idle.recv(1) == b""
    idle.close()


def test_an_unknown_method_is_a_405_and_not_a_501(server: EmulatorServer, session: requests.Session) -> None:
    response = session.request("FROB", f"{server.base_url}/chatkit/threads")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET"


def test_a_head_has_no_body(server: EmulatorServer, session: requests.Session) -> None:
    response = session.head(f"{server.base_url}/chatkit/threads")

    assert response.status_code == 405
    assert response.content == b""
    assert session.get(f"{server.base_url}/chatkit/threads").status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Transfer-Encoding: chunked", "Content-Length: many", "Content-Length: 99999999999"],
    ids=["chunked", "not-a-number", "too-long"],
)
def test_a_body_without_a_usable_length_is_a_411(server: EmulatorServer, header: str) -> None:
    request = f"POST /v1/chatkit/sessions HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode()

    assert spoken(server, request).startswith(b"HTTP/1.1 411 ")


def test_an_old_client_is_answered_and_let_go(server: EmulatorServer) -> None:
    answer = spoken(server, b"GET /v1/chatkit/threads HTTP/1.0\r\nAuthorization: Bearer k\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close\r\n" in answer


def test_an_encoded_slash_stays_in_the_id(
    emulator: Emulator, server: EmulatorServer, session: requests.Session
) -> None:
    emulator.add_thread(user="user_ada", id="cthr_a/b")

    assert session.get(f"{server.base_url}/chatkit/threads/cthr_a%2Fb").json()["id"] == "cthr_a/b"


def test_a_reset_a_cut_and_a_trickle_are_real(
    emulator: Emulator, server: EmulatorServer, session: requests.Session, waits: list[float]
) -> None:
    emulator.fail(kind="reset")
    emulator.fail(kind="cut")
    emulator.fail(kind="trickle", delay=0.25)
    address = f"{server.base_url}/chatkit/threads"

    with pytest.raises(requests.ConnectionError):
        session.get(address)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.get(address)
    assert session.get(address).json()["data"] == []
    assert set(waits) == {0.25}


def test_a_timeout_keeps_silent_for_as_long_as_ordered(
    emulator: Emulator, server: EmulatorServer, session: requests.Session, waits: list[float]
) -> None:
    emulator.fail(kind="timeout", delay=30)
    emulator.fail(kind="timeout")

    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            session.get(f"{server.base_url}/chatkit/threads")

    assert waits == [30, 3600]


def test_a_status_that_nobody_named_can_be_ordered(
    emulator: Emulator, server: EmulatorServer, session: requests.Session
) -> None:
    emulator.fail(status=599)

    assert session.get(f"{server.base_url}/chatkit/threads").reason == "Unknown"


def test_latency_is_waited_for(
    emulator: Emulator, server: EmulatorServer, session: requests.Session, waits: list[float]
) -> None:
    emulator.latency = 0.125

    session.get(f"{server.base_url}/chatkit/threads")

    assert waits == [0.125]


def test_a_browser_of_another_origin_may_ask(server: EmulatorServer, session: requests.Session) -> None:
    address = f"{server.base_url}/chatkit/conversation"
    asking = {
        "Origin": "http://site.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }

    allowed = session.options(address, headers=asking)
    answered = session.post(address, headers={"Origin": "http://site.example"}, json={})

    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == "*"
    assert allowed.headers["access-control-allow-headers"] == "authorization,content-type"
    assert answered.status_code == 401
    assert answered.headers["access-control-allow-origin"] == "*"
    assert session.options(address).status_code == 405


def test_the_component_is_served(server: EmulatorServer, session: requests.Session) -> None:
    response = session.get(f"{server.origin}/chatkit.js")

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "openai-chatkit" in response.text


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_reply_is_streamed_piece_by_piece(waits: list[float], version: str) -> None:
    emulator = Emulator(sleep=waits.append, switches=Switches(stream_pace=0.5))
    with serve(emulator) as server, requests.Session() as session:
        session.trust_env = False
        body = {"user": "user_ada", "workflow": {"id": "wf_1"}}
        secret = session.post(f"{server.base_url}/chatkit/sessions", headers=HEADERS, json=body).json()[
            "client_secret"
        ]
        message = {"content": [{"type": "input_text", "text": "Hello"}]}
        said = json.dumps({"type": "threads.create", "params": {"input": message}}).encode()
        head = (
            f"POST /v1/chatkit/conversation HTTP/{version}\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: Bearer {secret}\r\nContent-Length: {len(said)}\r\n\r\n"
        )
        answer = spoken(server, head.encode() + said)

    headers, _, streamed = answer.partition(b"\r\n\r\n")
    assert (b"transfer-encoding: chunked" in headers) is (version == "1.1")
    assert streamed.count(b"data: ") == len(waits) + 1
    assert (b"\r\n0\r\n\r\n" in streamed) is (version == "1.1")


def test_a_cut_stream_ends_early(waits: list[float]) -> None:
    emulator = Emulator(sleep=waits.append)
    with serve(emulator) as server, requests.Session() as session:
        session.trust_env = False
        body = {"user": "user_ada", "workflow": {"id": "wf_1"}}
        secret = session.post(f"{server.base_url}/chatkit/sessions", headers=HEADERS, json=body).json()[
            "client_secret"
        ]
        emulator.fail("conversation", kind="cut")
        message = {"content": [{"type": "input_text", "text": "Hello"}]}
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            session.post(
                f"{server.base_url}/chatkit/conversation",
                headers={"Authorization": f"Bearer {secret}"},
                json={"type": "threads.create", "params": {"input": message}},
            )


def test_a_client_that_goes_away_disturbs_nobody(emulator: Emulator, server: EmulatorServer) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=120) as connection:
            connection.sendall(b"POST /v1/chatkit/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")

    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{server.base_url}/chatkit/threads", headers=HEADERS).status_code == 200
