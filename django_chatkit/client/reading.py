"""How the bytes of an answer become a payload, and which answers cannot."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, NamedTuple

import requests
from urllib3.exceptions import ProtocolError

from . import texts
from .errors import ResponseHead
from .wire import SECRET_KEY, without_secrets

CHUNK = 1 << 20  # bytes read at a time
LONGEST_ANSWER = 256 << 20  # bytes; the longest page of 100 items anybody has seen is a hundredth of that
LONGEST_REASON = 1 << 20  # bytes of an answer that says no


# requests translates what a real socket does; another adapter may let the plain errors through.
_BROKEN_OFF = (requests.exceptions.ChunkedEncodingError, ProtocolError, HTTPException, ConnectionError)


class Unreadable(Exception):
    """An answer that cannot be used; the text says why and quotes nothing of it."""


class Cut(Unreadable):
    """An answer that ended before its announced length."""


class Late(Exception):
    """An answer that was not whole at its deadline."""


class Read(NamedTuple):
    """An answer as it was read: its payload less every secret, the `client_secret` at its top, the texts of its rows."""

    payload: dict[str, Any]
    secret: str | None
    texts: tuple[str, ...] | None


def read_payload(
    response: requests.Response, *, in_time: Callable[[], bool], keeps_texts: bool = False
) -> Read:
    """Return the JSON object of an answer; with `keeps_texts` the text of each row of a page too.

    Raises as `read_body` and `decode` do.
    """
    body = read_body(response, limit=LONGEST_ANSWER, in_time=in_time)
    payload = decode(body)
    secret = payload.get(SECRET_KEY)
    if secret is not None or b"client_secret" in body:
        payload = without_secrets(payload)
    kept = tuple(texts.rows(body.decode())) if keeps_texts and isinstance(payload.get("data"), list) else None
    return Read(payload, secret if isinstance(secret, str) and secret else None, kept)


def read_body(response: requests.Response, *, limit: int, in_time: Callable[[], bool]) -> bytes:
    """Return the whole decoded body.

    Raises:
        Late: it was not whole while `in_time()` still held.
        Unreadable: it is longer than `limit` bytes, or its encoding is broken.
        Cut: it ended early.
        requests.RequestException, TimeoutError: nothing more came in time.
    """
    parts: list[bytes] = []
    size, announced = 0, _announced(response)
    if announced > limit:
        raise Unreadable(f"it is longer than {limit} bytes")
    try:
        for part in response.iter_content(CHUNK):
            size += len(part)
            if size > limit:
                raise Unreadable(f"it is longer than {limit} bytes")
            if not in_time():
                raise Late
            parts.append(part)
    except requests.exceptions.ContentDecodingError:
        raise Unreadable("its content encoding is broken") from None
    except _BROKEN_OFF as cause:
        parts.clear()  # half an answer may hold a secret, and error reporters show locals
        raise Cut("it ended early") from cause
    # urllib3 checks this for a real socket; another adapter may not.
    if announced > size and "Content-Encoding" not in response.headers:
        parts.clear()
        raise Cut("it ended early")
    return b"".join(parts)


def _announced(response: requests.Response) -> int:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 19 else 0


def decode(body: bytes) -> dict[str, Any]:
    """Return the JSON object in the body; lone surrogates and NUL in its texts stay as they are.

    Raises:
        Unreadable: it is not strict JSON, or not an object. The text never quotes the body.
    """
    why = ""
    try:
        payload = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except Unreadable as error:
        why = str(error)
    except (ValueError, RecursionError):
        # json's own error carries the whole body, hence no `from`: this one must leave nothing behind.
        why = "it is not JSON"
    if why:
        raise Unreadable(why)
    if not isinstance(payload, dict):
        raise Unreadable("it is not a JSON object")
    return payload


def describe(head: ResponseHead, why: str) -> str:
    """Return the sentence for an unreadable answer."""
    line = head.request
    return f"The answer to {line.method} {line.url} (status {head.status_code}) cannot be used: {why}."


def _no_constant(name: str) -> Any:
    raise Unreadable(f"it contains {name}, which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Unreadable("it contains a number out of range")
    return number


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
