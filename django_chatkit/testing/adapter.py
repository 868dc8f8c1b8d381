"""The emulator plugged into requests: real responses, no socket."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from .answers import Response, phrase
from .current import current
from .damage import halve
from .emulator import Emulator

Timeout = float | tuple[float | None, float | None] | None


class EmulatorAdapter(BaseAdapter):
    """Send requests to an emulator; to the process-wide current one where none is given.

    Whatever stands before `/chatkit/` in a URL is taken for the API's base. A wait longer than the read timeout
    (latency, an ordered delay or timeout) raises `requests.ReadTimeout`, having slept (`emulator.sleep`) no longer.
    """

    def __init__(self, emulator: Emulator | None = None) -> None:
        super().__init__()
        self._emulator = emulator
        self._builder = HTTPAdapter()

    @property
    def emulator(self) -> Emulator:
        """Return the emulator that answers."""
        return self._emulator if self._emulator is not None else current()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Return the emulator's answer as requests would have read it from a socket."""
        emulator = self.emulator
        url = urlsplit(request.url or "")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        answer = emulator.handle(
            request.method or "GET", _api_path(url.path), query, request.headers, _body_of(request)
        )
        patience = _read_timeout(timeout)
        _wait(emulator, answer, request, patience)
        if answer.damage == "reset":
            cause = ProtocolError(
                "Connection aborted.", ConnectionResetError(104, "Connection reset by peer")
            )
            raise requests.ConnectionError(cause, request=request)
        response = self._builder.build_response(request, _raw(emulator, answer, request))
        if not stream:
            _ = response.content
        return response

    def close(self) -> None:
        """Let go of nothing: there is no connection."""
        self._builder.close()


def _api_path(path: str) -> str:
    _, found, rest = path.partition("/chatkit/")
    return f"/v1/chatkit/{rest}" if found else path


def _body_of(request: requests.PreparedRequest) -> bytes:
    body = request.body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8")
    return body if isinstance(body, bytes) else b"".join(body)


def _read_timeout(timeout: Any) -> float | None:
    seconds = timeout[1] if isinstance(timeout, tuple) else getattr(timeout, "read_timeout", timeout)
    return None if seconds is None else float(seconds)


def _wait(
    emulator: Emulator, answer: Response, request: requests.PreparedRequest, patience: float | None
) -> None:
    silent = answer.damage == "timeout"
    delay = 0.0 if answer.damage == "trickle" else answer.delay
    if not silent and (patience is None or delay <= patience):
        _sleep(emulator, delay)
        return
    _sleep(emulator, delay if patience is None else min(delay, patience))
    message = f"Read timed out. (read timeout={patience})"
    cause = ReadTimeoutError(None, request.url, message)  # type: ignore[arg-type]
    raise requests.ReadTimeout(cause, request=request)


def _sleep(emulator: Emulator, seconds: float) -> None:
    if seconds > 0:
        emulator.sleep(seconds)


def _raw(emulator: Emulator, answer: Response, request: requests.PreparedRequest) -> HTTPResponse:
    body = answer.body
    headers = dict(answer.headers)
    stream: io.IOBase
    if answer.damage == "cut":
        promised, half = halve(body)
        headers["content-length"] = str(promised)
        stream = io.BytesIO(half)
    elif isinstance(body, bytes):
        headers["content-length"] = str(len(body))
        pieces = _drip(emulator, body, answer.delay)
        stream = _Pieces(pieces) if answer.damage == "trickle" else io.BytesIO(body)
    else:
        stream = _Pieces(body)
    return HTTPResponse(
        body=stream,
        headers=headers,
        status=answer.status,
        reason=phrase(answer.status),
        preload_content=False,
        decode_content=False,
        request_method=request.method,
    )


def _drip(emulator: Emulator, body: bytes, delay: float) -> Iterator[bytes]:
    for position in range(len(body)):
        emulator.sleep(delay)
        yield body[position : position + 1]


class _Pieces(io.RawIOBase):
    """Read from an iterator, never more than one piece at a time, as a socket would give it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
