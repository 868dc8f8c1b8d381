"""The emulator as a WSGI application, with the CORS answers that a browser needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from .answers import Response, phrase
from .damage import halve
from .emulator import Emulator

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# How long an ordered timeout keeps silent where it names no delay: longer than any client waits.
SILENCE = 3600.0


class Hangup(Exception):
    """Raised by the application where the connection is to end without an answer; servers end it as they do."""


def application(emulator: Emulator) -> WSGIApplication:
    """Return a WSGI application that serves an emulator."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = _headers(environ)
        if environ["REQUEST_METHOD"] == "OPTIONS" and "access-control-request-method" in headers:
            start_response("204 No Content", _preflight(headers))
            return []
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        answer = emulator.handle(environ["REQUEST_METHOD"], _path(environ), query, headers, _body(environ))
        return _send(emulator, answer, start_response, cors="origin" in headers)

    return serve


def _send(
    emulator: Emulator, answer: Response, start_response: StartResponse, *, cors: bool
) -> Iterable[bytes]:
    delay = 0.0 if answer.damage == "trickle" else answer.delay
    if answer.damage == "timeout":
        delay = answer.delay or SILENCE
    if delay > 0:
        emulator.sleep(delay)
    if answer.damage in ("reset", "timeout"):
        raise Hangup(answer.damage)
    headers = dict(answer.headers)
    if cors:
        headers["access-control-allow-origin"] = "*"
        headers["access-control-expose-headers"] = "x-request-id, retry-after"
    body: Iterable[bytes] = answer.body if not isinstance(answer.body, bytes) else [answer.body]
    if answer.damage == "cut":
        promised, half = halve(answer.body)
        headers["content-length"], body = str(promised), [half]
    elif isinstance(answer.body, bytes):
        headers["content-length"] = str(len(answer.body))
        body = _drip(emulator, answer) if answer.damage == "trickle" else body
    start_response(f"{answer.status} {phrase(answer.status)}", list(headers.items()))
    return body


def _drip(emulator: Emulator, answer: Response) -> Iterator[bytes]:
    assert isinstance(answer.body, bytes)
    for position in range(len(answer.body)):
        emulator.sleep(answer.delay)
        yield answer.body[position : position + 1]


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    return headers


def _path(environ: WSGIEnvironment) -> str:
    # The raw target, where the server keeps it: an id may hold an encoded slash.
    raw: Any = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    if raw:
        return str(raw).partition("?")[0]
    return quote(environ.get("PATH_INFO", "").encode("latin-1"))


def _body(environ: WSGIEnvironment) -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    body: bytes = environ["wsgi.input"].read(int(length))
    return body


def _preflight(headers: dict[str, str]) -> list[tuple[str, str]]:
    return [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, POST, DELETE, OPTIONS"),
        ("access-control-allow-headers", headers.get("access-control-request-headers", "*")),
        ("access-control-max-age", "600"),
    ]
