"""From a method and a path to an operation; who may call it; the answer, headers and all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from . import calls, validation
from .answers import Refusal, Response, as_json
from .calls import Call
from .store import Store

_ID = "([^/]*)"
_PATHS: Sequence[tuple[re.Pattern[str], Mapping[str, str]]] = [
    (re.compile(r"/v1/chatkit/sessions"), {"POST": "create_session"}),
    (re.compile(rf"/v1/chatkit/sessions/{_ID}/cancel"), {"POST": "cancel_session"}),
    (re.compile(r"/v1/chatkit/threads"), {"GET": "list_threads"}),
    (re.compile(rf"/v1/chatkit/threads/{_ID}"), {"GET": "retrieve_thread", "DELETE": "delete_thread"}),
    (re.compile(rf"/v1/chatkit/threads/{_ID}/items"), {"GET": "list_items"}),
    (re.compile(r"/v1/chatkit/conversation"), {"POST": "conversation"}),
    (re.compile(r"/chatkit\.js"), {"GET": "script"}),
]

Special = Mapping[str, Callable[[Store, Call], Response]]


def locate(method: str, path: str) -> tuple[str, list[str]]:
    """Return the operation that a request asks for and the ids in its path; 404 and 405 are refusals."""
    for pattern, methods in _PATHS:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        if method not in methods:
            allowed = ", ".join(methods)
            raise Refusal(
                405, f"{method} is not a method of {path}; it has: {allowed}.", headers={"allow": allowed}
            )
        return methods[method], [unquote(id, errors="replace") for id in found.groups()]
    raise Refusal(404, f"There is nothing at {method} {path}.")


def answer(store: Store, call: Call, special: Special) -> Response:
    """Do what a call asks for and return upstream's answer; a refusal is an answer too."""
    try:
        _refuse_after_shutdown(store, call)
        if call.operation in special:
            return special[call.operation](store, call)
        _authenticate(store, call)
        _refuse_without_beta(store, call)
        with store.lock:
            document: dict[str, Any] = calls.OPERATIONS[call.operation](store, call)
            return as_json(document, headers=_success_headers(store))
    except Refusal as refusal:
        return refusal.response()


def bearer(call: Call) -> str:
    """Return the credential of a request; "" where there is none."""
    scheme, _, credential = call.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


def unauthorized(message: str) -> Refusal:
    """Return the refusal of a credential."""
    headers = {"www-authenticate": 'Bearer realm="OpenAI API"'}
    return Refusal(401, message, code="invalid_api_key", headers=headers)


def _authenticate(store: Store, call: Call) -> None:
    key = bearer(call)
    if not key:
        raise unauthorized("The request has no API key; send it as 'Authorization: Bearer KEY'.")
    if store.switches.api_keys is not None and key not in store.switches.api_keys:
        raise unauthorized("The API key is not a good one.")


def _refuse_without_beta(store: Store, call: Call) -> None:
    missing = "chatkit_beta=v1" not in call.headers.get("openai-beta", "")
    if missing and store.switches.missing_beta_header == "error":
        message = "The header 'OpenAI-Beta: chatkit_beta=v1' is required."
        raise validation.refusal(message, param=None, code="invalid_beta", switches=store.switches)


def _refuse_after_shutdown(store: Store, call: Call) -> None:
    switches = store.switches
    over = switches.shutdown_at is not None and store.clock() >= switches.shutdown_at
    if over and call.operation in switches.shutdown_operations:
        raise Refusal(switches.shutdown_status, "This part of the API has been shut down.")


def _success_headers(store: Store) -> dict[str, str]:
    if not store.switches.rate_limit_headers_on_success:
        return {}
    return {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
    }
