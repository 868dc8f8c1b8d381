"""Upstream's objects without their words: the shape that it would send, with nothing said in it.

Each function makes the same of an object and of what it made of it. So what upstream sends can be compared with a row
whose words were dropped, and differs only where more than words did. docs/decisions/0024
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..models.fields import dumps, loads
from . import reading

Payload = Mapping[str, Any]

_THREAD_STATES = ("active", "locked", "closed")
_CALL_STATES = ("in_progress", "completed")
_TASK_TYPES = ("custom", "thought")
_ROLES = ("user", "assistant")


def item(payload: Payload) -> dict[str, Any]:
    """Return an item without its words: what it is, where it belongs and when it came."""
    kept = _kept(payload, "id", "object", "created_at", "thread_id", "type")
    shape = _SHAPES.get(reading.word(payload, "type"))
    return {**kept, **shape(payload)} if shape else kept


def thread(payload: Payload) -> dict[str, Any]:
    """Return a thread without its words: no title, which is made of them, and no reason for its status."""
    kept = {**_kept(payload, "id", "object", "created_at"), "title": None}
    state = reading.status_of(payload)
    if "status" in payload and state in _THREAD_STATES:
        kept["status"] = {"type": state} if state == "active" else {"type": state, "reason": None}
    return {**kept, **_kept(payload, "user")}


def stored(empty: Callable[[Payload], dict[str, Any]], text: str) -> str:
    """Return what is to be stored instead of a stored payload; of one that nobody can read nothing is left."""
    try:
        payload = loads(text)
    except (ValueError, RecursionError):
        payload = None
    return dumps(empty(payload if isinstance(payload, dict) else {}))


def _kept(payload: Payload, *names: str) -> dict[str, Any]:
    """Return what says nothing of what was said, where it is text or a number as upstream's are."""
    return {name: payload[name] for name in names if isinstance(payload.get(name), str | int | float)}


def _one_of(words: tuple[str, ...], word: Any, otherwise: str) -> str:
    return word if word in words else otherwise


def _call(payload: Payload) -> Payload:
    status = _one_of(_CALL_STATES, payload.get("status"), "completed")
    return {"status": status, "call_id": "", "name": "", "arguments": "{}", "output": None}


def _task(payload: Payload) -> Payload:
    task_type = _one_of(_TASK_TYPES, payload.get("task_type"), "custom")
    return {"task_type": task_type, "heading": None, "summary": None}


def _message(payload: Payload) -> Payload:
    """Return a message of the documentation's dialect."""
    return {"role": _one_of(_ROLES, payload.get("role"), "assistant"), "content": []}


_SHAPES: Mapping[str, Callable[[Payload], Payload]] = {
    "chatkit.user_message": lambda _: {"content": [], "attachments": [], "inference_options": None},
    "chatkit.assistant_message": lambda _: {"content": []},
    "chatkit.widget": lambda _: {"widget": "{}"},
    "chatkit.client_tool_call": _call,
    "chatkit.task": _task,
    "chatkit.task_group": lambda _: {"tasks": []},
    "message": _message,
}
