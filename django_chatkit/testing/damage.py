"""How an ordered fault spoils an answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

from .answers import Damage, Refusal, Response, as_json, not_found
from .calls import Call
from .faults import Fault
from .switches import Switches

_NOT_JSON = b"<html><head><title>Bad gateway</title></head><body>Bad gateway</body></html>"
_NOT_HERE = b"<html><head><title>404 Not Found</title></head><body>Not Found</body></html>"
_NOUNS = {
    "cancel_session": "Chatkit Session",
    "retrieve_thread": "Thread",
    "delete_thread": "Thread",
    "list_items": "Thread",
}
_DAMAGES: dict[str, Damage] = {"cut": "cut", "trickle": "trickle", "reset": "reset", "timeout": "timeout"}


def spoil(fault: Fault, call: Call, act: Callable[[Call], Response], switches: Switches) -> Response:
    """Return the answer that a call meets under a fault; `act` does what the call asks for."""
    if fault.kind == "repeat_page":
        cursorless = {name: value for name, value in call.query.items() if name not in ("after", "before")}
        response = _claim_more(act(dataclasses.replace(call, query=cursorless)))
    elif fault.kind == "empty_page":
        response = _claim_more(act(call), data=[], first_id=None, last_id=None)
    else:
        response = act(call) if fault.acts else Response(200, {"content-type": "application/json"})
    if fault.kind == "status":
        response = _error(fault, call, switches)
    elif fault.kind == "not_here":
        response = Response(404, {"content-type": "text/html"}, _encode(fault.body, _NOT_HERE))
    elif fault.kind == "unknown_address":
        response = Refusal(404, f"Invalid URL ({call.method} {call.path})").response()
    elif fault.kind == "not_json":
        response = Response(200, {"content-type": "text/html"}, _encode(fault.body, _NOT_JSON))
    elif fault.kind == "wrong_shape":
        response = Response(
            200, {"content-type": "application/json"}, _encode(fault.body, b'{"unexpected":true}')
        )
    response.damage = _DAMAGES.get(fault.kind)
    response.delay += fault.delay
    response.headers.update({name.lower(): value for name, value in fault.headers.items()})
    return response


def halve(body: bytes | Iterator[bytes]) -> tuple[int, bytes]:
    """Return the length that a cut body promises, and the half of it that arrives."""
    whole = body if isinstance(body, bytes) else b"".join(body)
    return len(whole), whole[: len(whole) // 2]


def _claim_more(response: Response, **instead: Any) -> Response:
    assert isinstance(response.body, bytes)
    document = json.loads(response.body)
    if "data" in document:
        document.update(instead, has_more=True)
    return as_json(document, status=response.status)


def _error(fault: Fault, call: Call, switches: Switches) -> Response:
    headers = {"content-type": "application/json"}
    error: dict[str, Any] = {"message": "A fault was ordered.", "type": "invalid_request_error"}
    if fault.status == 429:
        error = dict(switches.rate_limit_error)
        headers.update({} if fault.headers else switches.rate_limit_headers)
    elif fault.status == 404 and call.operation in _NOUNS:
        error = not_found(_NOUNS[call.operation], call.ids[0]).error
    elif fault.status >= 500:
        error["type"] = "server_error"
    document = {"error": {"param": None, "code": None, **error}}
    return Response(fault.status, headers, _encode(fault.body, json.dumps(document).encode("ascii")))


def _encode(body: Any, default: bytes) -> bytes:
    match body:
        case None:
            return default
        case bytes():
            return body
        case str():
            return body.encode("utf-8")
        case _:
            return json.dumps(body).encode("ascii")
