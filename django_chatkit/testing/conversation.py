"""The chat endpoint, `POST /v1/chatkit/conversation`: who speaks, how often, and what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import chats, stream, validation
from .answers import Refusal, Response, as_json
from .calls import Call
from .routing import bearer, unauthorized
from .store import SessionRecord, Store
from .validation import fields, only_strings, text, whole_number

Handler = Callable[[Store, SessionRecord, dict[str, Any]], Any]

_anything = fields({}, closed=False)
_page = {"limit": whole_number(least=0, most=100), "order": text(), "after": text()}
_input = fields(
    {"content": validation.anything, "attachments": only_strings}, required=["content"], closed=False
)
_thread_id = {"thread_id": text()}
_action = fields({"type": text()}, required=["type"], closed=False)

# type -> (does it stream, the rules of its params, what is required, who does it)
_REQUESTS: Mapping[str, tuple[bool, Mapping[str, validation.Rule], tuple[str, ...], Handler]] = {
    "threads.create": (True, {"input": _input}, ("input",), chats.create),
    "threads.add_user_message": (
        True,
        {**_thread_id, "input": _input},
        ("thread_id", "input"),
        chats.add_user_message,
    ),
    "threads.add_client_tool_output": (
        True,
        _thread_id,
        ("thread_id", "result"),
        chats.add_client_tool_output,
    ),
    "threads.retry_after_item": (
        True,
        {**_thread_id, "item_id": text()},
        ("thread_id", "item_id"),
        chats.retry_after_item,
    ),
    "threads.custom_action": (
        True,
        {**_thread_id, "action": _action},
        ("thread_id", "action"),
        chats.custom_action,
    ),
    "threads.get_by_id": (False, _thread_id, ("thread_id",), chats.get_by_id),
    "threads.list": (False, _page, (), chats.list_threads),
    "items.list": (False, {**_thread_id, **_page}, ("thread_id",), chats.list_items),
    "threads.update": (False, {**_thread_id, "title": text()}, ("thread_id", "title"), chats.update),
    "threads.delete": (False, _thread_id, ("thread_id",), chats.delete),
    "items.feedback": (
        False,
        {**_thread_id, "item_ids": only_strings, "kind": text()},
        ("thread_id", "item_ids", "kind"),
        chats.feedback,
    ),
    "attachments.create": (
        False,
        {"name": text(), "size": whole_number(least=0), "mime_type": text()},
        ("name", "size", "mime_type"),
        chats.create_attachment,
    ),
    "attachments.delete": (False, {"attachment_id": text()}, ("attachment_id",), chats.delete_attachment),
}


def converse(store: Store, call: Call) -> Response:
    """Answer one request of the web component: a stream of events, or a JSON document.

    All of a turn is in the store before the first event leaves, so a browser that goes away loses nothing.
    """
    with store.lock:
        session = _session(store, call)
        body = validation.parse_json(call.body)
        fields({"type": text(), "params": _anything}, required=["type"], closed=False)(
            body, "", store.switches
        )
        if body["type"] not in _REQUESTS:
            message = f"'{body['type']}' is not a request that the emulator knows."
            raise validation.refusal(message, param="type", code="invalid_value", switches=store.switches)
        streams, rules, required, handler = _REQUESTS[body["type"]]
        given = body.get("params", {})
        # Null means absent, but a tool's result may be null.
        params = {name: value for name, value in given.items() if value is not None or name == "result"}
        fields(rules, required=required, closed=False)(params, "params", store.switches)
        _limit_rate(store, session, counts=streams or store.switches.rate_limit_counts == "all")
        answer = handler(store, session, params)
        if not streams:
            return as_json(stream.without_nulls(answer))
        events = list(answer)
    headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    return Response(200, headers, stream.encode(events, pace=store.switches.stream_pace, sleep=store.sleep))


def _session(store: Store, call: Call) -> SessionRecord:
    session = store.sessions_by_secret.get(bearer(call))
    if session is None:
        raise unauthorized("The client secret is not one of ours.")
    status = store.session_status(session)
    if status != "active":
        raise unauthorized(f"The session of this client secret is {status}.")
    return session


def _limit_rate(store: Store, session: SessionRecord, *, counts: bool) -> None:
    if not counts:
        return
    now = store.clock()
    while session.calls and session.calls[0] <= now - 60:
        session.calls.popleft()
    if len(session.calls) >= session.payload["max_requests_per_1_minute"]:
        refusal = Refusal(429, "", headers=store.switches.rate_limit_headers)
        refusal.error = dict(store.switches.rate_limit_error)
        raise refusal
    session.calls.append(now)
