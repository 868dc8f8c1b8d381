"""Builds documents of upstream's form: ids, secrets, sessions, threads and items."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping
from typing import Any

ITEM_TYPES = (
    "chatkit.user_message",
    "chatkit.assistant_message",
    "chatkit.widget",
    "chatkit.client_tool_call",
    "chatkit.task",
    "chatkit.task_group",
)


def identifier(prefix: str, *, at: float, chance: random.Random, family: str | None = None) -> str:
    """Return prefix + 48 hex digits: second of creation, chance, and 16 digits shared by a family (a parent's id)."""
    stamp = f"{int(at) & 0xFFFFFFFF:08x}"
    tail = family[-16:] if family is not None else f"{chance.getrandbits(64):016x}"
    return f"{prefix}{stamp}{chance.getrandbits(16):04x}8190{chance.getrandbits(64):016x}{tail}"


def client_secret(*, at: float, expires_at: int, chance: random.Random, family: str) -> str:
    """Return a client secret: `ek_` + 48 hex digits + `_00` + the expiry, readable in base64."""
    expiry = base64.b64encode(json.dumps({"expires_at": expires_at}).encode("ascii")).decode("ascii")
    return f"{identifier('ek_', at=at, chance=chance, family=family)}_00{expiry}"


def session(*, id: str, expires_at: int, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a session, without its secret, as upstream resolves a request to open one."""
    workflow = request["workflow"]
    wanted = request.get("chatkit_configuration", {})
    upload = wanted.get("file_upload", {})
    history = wanted.get("history", {})
    limit = request.get("rate_limits", {}).get("max_requests_per_1_minute", 10)
    return {
        "id": id,
        "object": "chatkit.session",
        "expires_at": expires_at,
        "workflow": {
            "id": workflow["id"],
            "version": workflow.get("version"),
            "state_variables": workflow.get("state_variables") or None,
            "tracing": {"enabled": workflow.get("tracing", {}).get("enabled", True)},
        },
        "user": request["user"],
        "rate_limits": {"max_requests_per_1_minute": limit},
        "max_requests_per_1_minute": limit,
        "status": "active",
        "chatkit_configuration": {
            "automatic_thread_titling": {
                "enabled": wanted.get("automatic_thread_titling", {}).get("enabled", True)
            },
            "file_upload": {
                "enabled": upload.get("enabled", False),
                "max_file_size": upload.get("max_file_size", 512),
                "max_files": upload.get("max_files", 10),
            },
            "history": {
                "enabled": history.get("enabled", True),
                "recent_threads": history.get("recent_threads"),
            },
        },
    }


def status(word: str | Mapping[str, Any], *, reason: str | None = None) -> dict[str, Any]:
    """Return a thread's status object from its word; an object is taken as it is."""
    if not isinstance(word, str):
        return dict(word)
    return {"type": word} if word == "active" else {"type": word, "reason": reason}


def thread(
    *, id: str, created_at: int, user: str, title: str | None, state: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a thread."""
    return {
        "id": id,
        "object": "chatkit.thread",
        "created_at": created_at,
        "title": title,
        "status": dict(state),
        "user": user,
    }


def item(
    *, id: str, type: str, created_at: int, thread_id: str, text: str, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an item of any of the six types that says `text` in the way of its type; `fields` go over it.

    Of a type that we do not know, the common fields and `fields` are all there is.
    """
    head = {
        "id": id,
        "object": "chatkit.thread_item",
        "created_at": created_at,
        "thread_id": thread_id,
        "type": type,
    }
    return {**head, **_own_fields(id, type, text, fields), **fields}


def _own_fields(id: str, type: str, text: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    match type:
        case "chatkit.user_message":
            content = [{"type": "input_text", "text": text}]
            return {"content": content, "attachments": [], "inference_options": None}
        case "chatkit.assistant_message":
            return {"content": [{"type": "output_text", "text": text, "annotations": []}]}
        case "chatkit.widget":
            return {"widget": widget(text)}
        case "chatkit.client_tool_call":
            done = fields.get("status", "completed") == "completed"
            return {
                "status": "completed" if done else "in_progress",
                "call_id": f"call_{id[-24:]}",
                "name": "look_up",
                "arguments": json.dumps({"query": text}),
                "output": json.dumps({"ok": True}) if done else None,
            }
        case "chatkit.task":
            return {"task_type": "custom", "heading": text, "summary": None}
        case "chatkit.task_group":
            return {"tasks": [{"type": "custom", "heading": text, "summary": None}]}
        case _:
            return {}


def widget(text: str) -> str:
    """Return a small card as upstream serializes it: JSON in a string."""
    return json.dumps({"type": "Card", "children": [{"type": "Text", "value": text}]})
