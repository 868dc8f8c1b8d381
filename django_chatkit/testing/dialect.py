"""The documentation's dialect: how its requests read, and how its answers look, where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_COMMON = ("id", "object", "created_at", "thread_id", "type")
_ROLES = {"chatkit.user_message": "user", "chatkit.assistant_message": "assistant"}


def read_session_request(body: Any) -> Any:
    """Return a request in the specification's words: rate_limits.per_minute and seconds alone are translated."""
    if not isinstance(body, dict):
        return body
    request = dict(body)
    limits = request.get("rate_limits")
    if isinstance(limits, dict) and "per_minute" in limits:
        others = {name: value for name, value in limits.items() if name != "per_minute"}
        request["rate_limits"] = {"max_requests_per_1_minute": limits["per_minute"], **others}
    expiry = request.get("expires_after")
    if isinstance(expiry, int):
        expiry = {"seconds": expiry}
    if isinstance(expiry, dict):
        request["expires_after"] = {"anchor": "created_at", **expiry}
    return request


def thread(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a thread as documented: no title, status or user, but metadata and session_id."""
    head = {name: payload[name] for name in ("id", "object", "created_at")}
    return {**head, "metadata": payload.get("metadata"), "session_id": payload.get("session_id")}


def deleted(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the confirmation of a deletion as documented."""
    return {**payload, "object": "chatkit.thread"}


def item(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item as documented: a message with its text, or an event with the rest as its content."""
    role = _ROLES.get(payload["type"])
    own = {name: value for name, value in payload.items() if name not in _COMMON}
    content = "".join(block["text"] for block in own["content"]) if role else {"kind": payload["type"], **own}
    return {
        "id": payload["id"],
        "object": "chatkit.thread.item",
        "type": "message" if role else "event",
        "content": content,
        "role": role,
        "created_at": payload["created_at"],
        "metadata": None,
    }
