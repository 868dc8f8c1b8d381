"""On real sockets: every one of these servers would hold plain requests for ever."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from django_chatkit.client import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    ChatKit,
)

from .conftest import Make
from .scripted import SECRET, SESSION, Handler, Stop, answer, page, read_request, serving

BODY = json.dumps({"id": "cthr_1"}).encode()
PATIENCE = 0.4  # seconds of the client's read timeout
LONG = 60  # seconds of a timeout that is not what is tried
HELD = 15  # seconds; what holds a client would hold it longer
CERTIFICATE = Path(__file__).with_name("localhost.pem")


def retrieve(client: ChatKit) -> object:
    return client.threads.retrieve("cthr_1")


def create(client: ChatKit) -> object:
    return client.sessions.create(user="u", workflow="wf_1")


def trickle(text: bytes) -> Handler:
    """Send the text byte by byte, each well within any pause that a read timeout allows."""

    def handle(connection: socket.socket, stop: Stop) -> None:
        read_request(connection)
        for byte in text:
            connection.sendall(bytes([byte]))
            stop.pause(PATIENCE / 8)

    return handle


def once(text: bytes) -> Handler:
    def handle(connection: socket.socket, stop: Stop) -> None:
        read_request(connection)
        connection.sendall(text)

    return handle


def stopping_after(text: bytes) -> Handler:
    """Send the text, keep the connection open and say nothing more."""

    def handle(connection: socket.socket, stop: Stop) -> None:
        once(text)(connection, stop)
        stop.pause(60)

    return handle


def always(text: bytes) -> Handler:
    def handle(connection: socket.socket, stop: Stop) -> None:
        while read_request(connection):
            connection.sendall(text)

    return handle


def silence(connection: socket.socket, stop: Stop) -> None:
    stop.pause(60)


def reset(connection: socket.socket, stop: Stop) -> None:
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(trickle(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 90), id="in-the-headers"),
        pytest.param(trickle(b"HTTP/1.1 200 OK" + b"!" * 500), id="in-the-first-line"),
        pytest.param(stopping_after(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"), id="in-the-body"),
        pytest.param(trickle(answer(b" " * 500)), id="everywhere"),
        pytest.param(silence, id="silence"),
    ],
)
@pytest.mark.parametrize("call", [retrieve, create])
def test_a_trickle_does_not_hold_us(make: Make, handler: Handler, call: Callable[[ChatKit], object]) -> None:
    with serving(handler) as url:
        client = make(base_url=url, timeout=(5, PATIENCE), max_retries=0)
        started = time.monotonic()

        with pytest.raises(APITimeoutError):
            call(client)

        assert time.monotonic() - started < HELD
        client.close()


def test_a_deadline_that_is_over_before_the_first_byte_is_a_timeout(make: Make) -> None:
    with serving(once(answer(BODY))) as url:
        client = make(base_url=url, timeout=(5, 1e-9), max_retries=0)

        with pytest.raises(APITimeoutError):
            retrieve(client)


def test_a_refusal_keeps_its_status_though_its_reason_trickles(make: Make) -> None:
    with serving(stopping_after(b"HTTP/1.1 500 No\r\nContent-Length: 500\r\n\r\n{")) as url:
        client = make(base_url=url, timeout=(5, 5 * PATIENCE), max_retries=0)

        with pytest.raises(APIStatusError, match="500 - upstream gave no reason"):
            retrieve(client)
        client.close()


def test_a_request_that_nobody_reads_does_not_hold_us(make: Make) -> None:
    with serving(silence) as url:
        client = make(base_url=url, timeout=(5, PATIENCE), max_retries=0)

        with pytest.raises(APITimeoutError):
            client.sessions.cancel("x", extra_body={"a": "x" * 50_000_000})
        client.close()


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(once(answer(BODY)[:-3]), id="cut"),
        pytest.param(
            once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"), id="cut-in-a-chunk"
        ),
        pytest.param(reset, id="reset"),
        pytest.param(once(b""), id="closed"),
        pytest.param(once(b"220 this is no HTTP\r\n\r\n"), id="another-protocol"),
    ],
)
def test_half_an_answer_is_none(make: Make, waits: list[float], handler: Handler) -> None:
    with serving(handler) as url:
        client = make(base_url=url)

        with pytest.raises(APIConnectionError):
            retrieve(client)
        client.close()

    assert len(waits) == 2


def test_half_a_session_is_unreadable_and_quoted_nowhere(make: Make) -> None:
    with serving(once(answer(json.dumps(SESSION).encode())[:-3])) as url:
        client = make(base_url=url)

        with pytest.raises(APIResponseValidationError, match="ended early") as caught:
            create(client)
        client.close()

    assert SECRET not in repr(caught.value) + repr(vars(caught.value))


def test_nobody_at_the_address_means_unsent(make: Make, waits: list[float]) -> None:
    with serving(silence) as url:
        pass
    client = make(base_url=url)

    with pytest.raises(APIConnectionError) as caught:
        create(client)

    assert (caught.value.unsent, len(waits)) == (True, 2)


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(answer(BODY), id="plain"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + BODY, id="until-the-end"),
        pytest.param(answer(gzip.compress(BODY), headers="Content-Encoding: gzip\r\n"), id="gzip"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
            id="chunked",
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(BODY), id="after-a-continue"),
    ],
)
def test_a_whole_answer_is_read(make: Make, whole: bytes) -> None:
    with serving(once(whole)) as url:
        client = make(base_url=url)

        assert client.threads.retrieve("cthr_1").id == "cthr_1"
        client.close()


def test_a_broken_encoding_cannot_be_read(make: Make) -> None:
    with serving(once(answer(b"not gzip at all", headers="Content-Encoding: gzip\r\n"))) as url:
        client = make(base_url=url)

        with pytest.raises(APIResponseValidationError, match="content encoding is broken"):
            retrieve(client)
        client.close()


def test_a_connection_is_used_again(make: Make) -> None:
    connections: list[socket.socket] = []

    def handle(connection: socket.socket, stop: Stop) -> None:
        connections.append(connection)
        always(answer(page("").body))(connection, stop)

    with serving(handle) as url:
        client = make(base_url=url)
        for _ in range(3):
            client.threads.list()
        client.close()
        assert len(connections) == 1
        client.threads.list()
        client.close()

    assert len(connections) == 2


class TestTLS:
    """With a certificate of our own, which the world's bundle does not know."""

    def encrypted(self, handler: Handler) -> Handler:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)

        def handle(connection: socket.socket, stop: Stop) -> None:
            with context.wrap_socket(connection, server_side=True) as wrapped:
                handler(wrapped, stop)

        return handle

    def test_a_certificate_that_nobody_vouches_for_is_refused(self, make: Make) -> None:
        with serving(self.encrypted(once(answer(BODY)))) as url:
            client = make(base_url=url.replace("http:", "https:"), max_retries=0)

            with pytest.raises(APIConnectionError, match="SSLError"):
                retrieve(client)

    def test_the_environments_bundle_is_trusted(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))

        with serving(self.encrypted(once(answer(BODY)))) as url:
            client = make(base_url=url.replace("http:", "https:"))

            assert client.threads.retrieve("cthr_1").id == "cthr_1"
            client.close()

    def test_a_trickle_does_not_hold_us_there_either(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))

        with serving(self.encrypted(trickle(answer(b" " * 500)))) as url:
            client = make(base_url=url.replace("http:", "https:"), timeout=(5, PATIENCE), max_retries=0)

            with pytest.raises(APITimeoutError):
                retrieve(client)
            client.close()

    def test_a_handshake_that_never_comes_does_not_hold_us(self, make: Make) -> None:
        with serving(silence) as url:
            client = make(base_url=url.replace("http:", "https:"), timeout=(PATIENCE, 5), max_retries=0)

            with pytest.raises(APITimeoutError):
                retrieve(client)


class TestAProxy:
    """Of the environment."""

    def test_is_used(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[bytes] = []

        def proxy(connection: socket.socket, stop: Stop) -> None:
            asked.append(read_request(connection).split(b"\r\n")[0])
            connection.sendall(answer(BODY))

        with serving(proxy) as url:
            monkeypatch.setenv("http_proxy", url.removesuffix("/v1"))
            client = make(base_url="http://upstream.test/v1")
            client.threads.retrieve("cthr_1")
            client.close()

        assert asked == [b"GET http://upstream.test/v1/chatkit/threads/cthr_1 HTTP/1.1"]

    def test_is_not_used_where_the_environment_says_so(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")

        with serving(once(answer(BODY))) as url:
            client = make(base_url=url)
            assert client.threads.retrieve("cthr_1").id == "cthr_1"
            client.close()

    @pytest.mark.parametrize(
        ("handler", "patience", "unsent"),
        [
            pytest.param(trickle(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 90), PATIENCE, None, id="trickles"),
            pytest.param(once(b"HTTP/1.1 407 No\r\n\r\n"), LONG, True, id="refuses"),
        ],
    )
    def test_does_not_hold_us(
        self,
        make: Make,
        monkeypatch: pytest.MonkeyPatch,
        handler: Handler,
        patience: float,
        unsent: bool | None,
    ) -> None:
        with serving(handler) as url:
            monkeypatch.setenv("https_proxy", url.removesuffix("/v1"))
            client = make(base_url="https://upstream.test/v1", timeout=(patience, LONG), max_retries=0)
            started = time.monotonic()

            with pytest.raises(APIConnectionError) as caught:
                retrieve(client)

            assert time.monotonic() - started < HELD
            assert unsent is None or caught.value.unsent is unsent


def test_many_threads_may_share_a_client(make: Make) -> None:
    with serving(always(answer(BODY))) as url:
        client = make(base_url=url, connections=4)
        with ThreadPoolExecutor(4) as workers:
            threads = list(workers.map(lambda _: client.threads.retrieve("cthr_1"), range(40)))
        client.close()

    assert {thread.id for thread in threads} == {"cthr_1"}
