"""The chat endpoint's view of threads and items, and its server-sent events. Nulls are left out, times are ISO."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Event = dict[str, Any]


def encode(events: Iterable[Event], *, pace: float, sleep: Callable[[float], None]) -> Iterator[bytes]:
    """Yield each event as its `data:` line, `pace` seconds apart; the stream just ends."""
    for number, event in enumerate(events):
        if number and pace > 0:
            sleep(pace)
        yield b"data: " + json.dumps(without_nulls(event), separators=(",", ":")).encode("ascii") + b"\n\n"


def without_nulls(value: Any) -> Any:
    """Return a document without its null fields, at every depth."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def thread(payload: Mapping[str, Any], items: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a thread with a page of its items (none: an empty page)."""
    return {
        "id": payload["id"],
        "created_at": moment(payload["created_at"]),
        "title": payload["title"],
        "status": payload["status"],
        "metadata": {},
        "items": items or page([], has_more=False),
    }


def page(data: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """Return a page; `after` is the cursor of the next one."""
    return {"data": data, "has_more": has_more, "after": data[-1]["id"] if has_more and data else None}


def item(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item; one of a type that the chat does not know keeps the common fields only."""
    type = payload["type"].removeprefix("chatkit.")
    head = {
        "id": payload["id"],
        "thread_id": payload["thread_id"],
        "created_at": moment(payload["created_at"]),
    }
    shape = _SHAPES.get(type)
    return {**head, "type": type} if shape is None else {**head, "type": type, **shape(payload)}


def moment(seconds: float) -> str:
    """Return Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def task(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task of a group."""
    return {"type": payload["type"], "title": payload["heading"], "content": payload["summary"] or ""}


def _user_message(payload: Mapping[str, Any]) -> dict[str, Any]:
    quotes = [block["text"] for block in payload["content"] if block["type"] == "quoted_text"]
    return {
        "content": [block for block in payload["content"] if block["type"] != "quoted_text"],
        "attachments": payload["attachments"],
        "quoted_text": "\n".join(quotes) or None,
        "inference_options": payload["inference_options"] or {},
    }


def _assistant_message(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": [_text(block) for block in payload["content"]]}


def _text(block: Mapping[str, Any]) -> dict[str, Any]:
    annotations = []
    for annotation in block["annotations"]:
        source = annotation["source"]
        titled = {"title": source.get("filename") or source.get("url") or "", **source}
        annotations.append({"type": "annotation", "source": titled})
    return {"type": "output_text", "text": block["text"], "annotations": annotations}


def _widget(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"widget": _parsed(payload["widget"])}


def _client_tool_call(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": "completed" if payload["status"] == "completed" else "pending",
        "call_id": payload["call_id"],
        "name": payload["name"],
        "arguments": _parsed(payload["arguments"]),
        "output": _parsed(payload["output"]),
    }


def _task(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"task": task({**payload, "type": payload["task_type"]})}


def _task_group(payload: Mapping[str, Any]) -> dict[str, Any]:
    tasks = [task(one) for one in payload["tasks"]]
    return {"type": "workflow", "workflow": {"type": "custom", "tasks": tasks, "expanded": True}}


_SHAPES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "user_message": _user_message,
    "assistant_message": _assistant_message,
    "widget": _widget,
    "client_tool_call": _client_tool_call,
    "task": _task,
    "task_group": _task_group,
}


def _parsed(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
