"""Sockets that keep a deadline: a server that trickles cannot hold us.

requests and urllib3 bound each single read, so a server that sends a byte now and then is waited for without end. Here
the socket's timeout shrinks towards one moment: from the first byte sent to the last byte read, headers and TLS
included, an exchange takes at most the read timeout. (What comes before is the connect timeout's: per address tried.
Only the look-up of a name has no bound but the resolver's own.)
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

READ_BUFFER = 1 << 16  # bytes; a page of items in one or two reads


class _Allowance(threading.local):
    """The seconds that the exchange of this thread may take; urllib3 offers no way to hand them down."""

    seconds: float = 30.0


_allowance = _Allowance()


class _DeadlineReader(io.RawIOBase):
    """The raw side of a socket, read until a deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_remaining(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Timed:
    """Stand in for the socket where http.client opens it for reading, which is all it does with it."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._sock, self._deadline), READ_BUFFER)


class _Deadline(HTTPConnection):
    """The part that both kinds of connection share."""

    _ends_at: float | None = None  # on time.monotonic's clock; None where neither connecting nor exchanging

    def connect(self) -> None:
        # A proxy's answer to CONNECT is part of connecting, and may trickle too.
        self._ends_at = time.monotonic() + (self.timeout or 0)
        try:
            super().connect()
        finally:
            self._ends_at = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._ends_at = None
        super().request(*args, **kwargs)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if self._ends_at is None:
            self._ends_at = time.monotonic() + _allowance.seconds
        self.sock.settimeout(_remaining(self._ends_at))
        super().send(data)

    def response_class(self, sock: Any, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        ends_at = self._ends_at or 0.0  # what is read has been asked for, so there is one
        return http.client.HTTPResponse(_Timed(sock, ends_at), *args, **kwargs)  # type: ignore[arg-type]


class DeadlineHTTPConnection(_Deadline):
    """A plain connection that keeps a deadline."""


class DeadlineHTTPSConnection(_Deadline, HTTPSConnection):
    """A TLS connection that keeps a deadline."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = DeadlineHTTPConnection


class DeadlineHTTPSPool(HTTPSConnectionPool):
    """A pool of TLS connections that keep a deadline: the one that `allow` set last in the thread that asks."""

    ConnectionCls = DeadlineHTTPSConnection


_POOLS = {"http": _HTTPPool, "https": DeadlineHTTPSPool}


def allow(seconds: float) -> None:
    """Say how many seconds the exchanges of this thread may take from here on, each."""
    _allowance.seconds = seconds


class DeadlineAdapter(HTTPAdapter):
    """A requests adapter whose read timeout bounds the whole exchange instead of each pause in it."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of connections that keep a deadline."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the same pools behind a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Send with `timeout` as (connect, read) in seconds; both are needed."""
        allow(timeout[1])
        return super().send(request, stream, timeout, verify, cert, proxies)


def _remaining(ends_at: float) -> float:
    remaining = ends_at - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("The answer was not whole within the read timeout.")
    return remaining
