"""A requests adapter that follows a script, and a server whose every byte a test decides."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

KEY = "sk-test-0123456789"
SECRET = "ek_68f0c0ffee_00eyJleHBpcmVzX2F0IjoxfQ=="
SESSION = {
    "id": "cksess_1",
    "object": "chatkit.session",
    "status": "active",
    "client_secret": SECRET,
    "workflow": {"id": "wf_1", "version": None},
}


class Step:
    """One answer of the script."""

    def __init__(self, body: object = None, status: int = 200, **headers: str) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(self, request: requests.PreparedRequest) -> requests.Response:
        response = requests.Response()
        response.status_code = self.status
        response.headers = CaseInsensitiveDict({"x-request-id": "req_1", **self.headers})
        response.raw = self.raw()
        response.request, response.url = request, request.url or ""
        return response

    def raw(self) -> Any:
        return io.BytesIO(self.body)


class Breaking(Step):
    """An answer whose body breaks off with an error."""

    def __init__(self, error: Exception, status: int = 200) -> None:
        super().__init__({}, status)
        self.error = error

    def raw(self) -> Any:
        return _BrokenRaw(self.error)


class _BrokenRaw(io.BytesIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def read(self, *_: Any) -> bytes:
        raise self.error


class Script(BaseAdapter):
    """Answer each request with the next step; an exception is raised, the last step stays."""

    def __init__(self, *steps: Step | Exception) -> None:
        super().__init__()
        self.steps = list(steps)
        self.requests: list[requests.PreparedRequest] = []
        self.timeouts: list[Any] = []
        self.closed = False

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        self.requests.append(request)
        self.timeouts.append(timeout)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step.answer(request)

    def close(self) -> None:
        self.closed = True

    @property
    def sent(self) -> list[str]:
        """Return what was asked, as "METHOD /path?query" after the base URL."""
        return [f"{request.method} {(request.url or '').partition('/v1')[2]}" for request in self.requests]

    @property
    def said(self) -> Any:
        """Return the last JSON body."""
        return json.loads(self.requests[-1].body or b"")


def page(ids: Iterable[str], *, has_more: bool = False, **ends: object) -> Step:
    """Return a list answer with objects of these ids."""
    rows = [{"id": name} for name in ids]
    edges = (
        {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]}
        if rows
        else {"first_id": None, "last_id": None}
    )
    return Step({"object": "list", "data": rows, "has_more": has_more, **edges, **ends})


class Stop:
    """Lets a handler wait a little without sleeping through the end of its test."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def pause(self, seconds: float) -> None:
        if self._event.wait(seconds):
            raise ConnectionAbortedError("the test is over")

    def set(self) -> None:
        self._event.set()


Handler = Callable[[socket.socket, Stop], None]


@contextlib.contextmanager
def serving(handler: Handler) -> Iterator[str]:
    """Serve each connection on the loopback with `handler(connection, stop)`; yields the base URL."""
    stop = Stop()
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            handler(connection, stop)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                thread = threading.Thread(target=handle, args=(connection,), daemon=True)
                thread.start()
                threads.append(thread)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
            for thread in threads:
                thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    """Read one request, body included; empty at the end of the connection."""
    read = b""
    while b"\r\n\r\n" not in read:
        part = connection.recv(65536)
        if not part:
            return b""
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line[15:])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    """Return the bytes of a whole answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body
