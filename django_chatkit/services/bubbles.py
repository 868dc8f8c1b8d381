"""Describes an item of a thread as a bubble of the transcript: who, when, and in which parts.

Items come from outside and are read as such: nothing is taken for granted, nothing raises, and what no reader knows
is shown as JSON. Both dialects are understood: the six ``chatkit.*`` types, and the documentation's ``message``.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .addresses import leads_to
from .parts import Attachment, Call, Fact, Group, Json, Part, Quote, Room, Source, Step, Text
from .pretty import UNREADABLE, pretty, unfold
from .visible import one_line
from .widgets import outline

# Characters of one part that the transcript shows; the item's own page shows all.
LONGEST_PART = 8_000

_ROLES: dict[str, Any] = {
    "user": _("End user"),
    "assistant": _("Assistant"),
    "tool": _("Tool call"),
    "widget": _("Widget"),
    "task": _("Task"),
    "tasks": _("Task group"),
}

ROLE_OF_TYPE = {
    "chatkit.user_message": "user",
    "chatkit.assistant_message": "assistant",
    "chatkit.client_tool_call": "tool",
    "chatkit.widget": "widget",
    "chatkit.task": "task",
    "chatkit.task_group": "tasks",
}


Render = Callable[[str], SafeString | None]


def as_written(text: str) -> None:
    """Render nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold how items are read: the most characters of a part, None for all, and what renders Markdown where it can.

    ``room`` is what is left to the item that is being read.
    """

    limit: int | None = LONGEST_PART
    render: Render = as_written
    room: Room = field(default_factory=Room)


class Row(Protocol):
    """What a bubble is made from: an item of the mirror, or anything shaped like one."""

    id: str
    type: str
    position: int
    settled: bool
    payload: Any
    created_at: datetime
    gone_at: datetime | None
    words_dropped_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """Describe one item of a conversation: ``name`` is its id, visible.

    ``role`` is user, assistant, tool, widget, task, tasks or unknown; ``is_cut`` tells of more parts than are shown.
    """

    id: str
    name: str
    role: str
    who: str | Promise
    anchor: str
    created_at: datetime
    gone_at: datetime | None
    words_dropped_at: datetime | None
    is_settled: bool
    parts: tuple[Part, ...]
    is_cut: bool = False


def describe(item: Row, how: Reading) -> Bubble:
    """Describe an item."""
    payload = item.payload if isinstance(item.payload, dict) else {}
    role = _role(item.type, payload)
    how = replace(how, room=Room(how.limit))
    # Of an item whose words were dropped the shape is left, which says nothing.
    parts = () if item.words_dropped_at is not None else tuple(_read(role, item, payload, how))
    most = how.room.parts
    return Bubble(
        id=item.id,
        name=one_line(item.id, limit=255),
        role=role,
        who=_ROLES.get(role) or one_line(item.type) or _("Unknown item"),
        anchor=f"p{item.position}",
        created_at=item.created_at,
        gone_at=item.gone_at,
        words_dropped_at=item.words_dropped_at,
        is_settled=item.settled,
        parts=parts[:most],
        is_cut=len(parts) > len(parts[:most]),
    )


def _role(type_: str, payload: dict[str, Any]) -> str:
    if type_ == "message":
        said_by = payload.get("role")
        return said_by if said_by in ("user", "assistant") else "unknown"
    return ROLE_OF_TYPE.get(type_, "unknown")


def _read(role: str, item: Row, payload: dict[str, Any], how: Reading) -> Iterable[Part]:
    reader = _READERS.get(role)
    parts = None if reader is None else reader(payload, how)
    return [_json(item.payload, how)] if parts is None else parts


def _said(payload: dict[str, Any], how: Reading) -> list[Part] | None:
    """Read what the end user wrote, as it was written: ChatKit's composer knows no Markdown."""
    return _message(payload, replace(how, render=as_written))


def _message(payload: dict[str, Any], how: Reading) -> list[Part] | None:
    content = payload.get("content")
    if isinstance(content, str | dict):  # the documentation's dialect
        content = [content]
    if not isinstance(content, list):
        return None
    parts = [part for block in content for part in _block(block, how)]
    parts += [_attachment(attachment, how) for attachment in _list(payload.get("attachments"))]
    return [*parts, *_options(payload.get("inference_options"))]


def _block(block: Any, how: Reading) -> Iterator[Part]:
    if isinstance(block, str):
        block = {"type": "text", "text": block}
    text = block.get("text") if isinstance(block, dict) else None
    block_type = block.get("type") if isinstance(block, dict) else None
    shape = _BLOCKS.get(block_type) if isinstance(block_type, str) else None
    if shape is None or not isinstance(text, str):
        yield _json(block, how)
        return
    yield shape(text, how)
    for annotation in _list(block.get("annotations")):
        yield _source(annotation, how)


def _text(text: str, how: Reading) -> Text:
    shown = how.room.passage(text)
    return Text(passage=shown, html=how.render(shown.text))


def _quote(text: str, how: Reading) -> Quote:
    return Quote(passage=how.room.passage(text))


_BLOCKS: dict[str, Callable[[str, Reading], Part]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "quoted_text": _quote,
}


def _attachment(attachment: Any, how: Reading) -> Part:
    if not isinstance(attachment, dict):
        return _json(attachment, how)
    name, media_type = (_word(attachment.get(key)) for key in ("name", "mime_type"))
    return Attachment(
        name=name or _word(attachment.get("id")),
        media_type=media_type,
        is_image=attachment.get("type") == "image",
    )


def _source(annotation: Any, how: Reading) -> Part:
    source = annotation.get("source") if isinstance(annotation, dict) else None
    if isinstance(source, dict) and isinstance(source.get("url"), str):
        return _address(source["url"])
    if isinstance(source, dict) and isinstance(source.get("filename"), str):
        return Source(label=_word(source["filename"]))
    return _json(annotation, how)


def _address(url: str) -> Source:
    host = leads_to(url)
    return Source(label=one_line(url, limit=300), host=host, href=url if host else "")


def _options(options: Any) -> Iterator[Part]:
    if not isinstance(options, dict):
        return
    tool = options.get("tool_choice")
    if isinstance(tool, dict) and tool.get("id"):
        yield Fact(name=_("Tool asked for"), value=_word(tool["id"]))
    if options.get("model"):
        yield Fact(name=_("Model asked for"), value=_word(options["model"]))


def _call(payload: dict[str, Any], how: Reading) -> list[Part]:
    output = payload.get("output")
    status = _word(payload.get("status"))
    return [
        Call(
            name=_word(payload.get("name")),
            call_id=_word(payload.get("call_id")),
            status=status,
            is_finished=status == "completed",
            arguments=how.room.passage(unfold(payload.get("arguments", ""))),
            output=how.room.passage("" if output is None else unfold(output)),
        )
    ]


def _widget(payload: dict[str, Any], how: Reading) -> list[Part] | None:
    widget = payload.get("widget")
    if isinstance(widget, str):
        try:
            widget = json.loads(widget)
        except UNREADABLE:
            return [Json(passage=how.room.passage(widget))]
    tree = outline(widget, limit=how.limit) if isinstance(widget, dict | list) else None
    return [tree] if tree is not None and tree.nodes else None


def _tasks(payload: dict[str, Any], how: Reading) -> list[Part] | None:
    if "tasks" not in payload:
        return [_step(payload, how)]
    tasks = payload["tasks"]
    if not isinstance(tasks, list):
        return None
    shown = tasks[: how.room.parts]
    steps = (_step(task, how) if isinstance(task, dict) else _json(task, how) for task in shown)
    return [Group(steps=tuple(steps), is_cut=len(tasks) > len(shown))]


def _step(task: dict[str, Any], how: Reading) -> Step:
    heading, summary = (how.room.passage(_prose(task.get(key))) for key in ("heading", "summary"))
    return Step(
        is_thought="thought" in (task.get("task_type"), task.get("type")),
        heading=heading,
        summary=summary,
    )


def _json(value: Any, how: Reading) -> Json:
    return Json(passage=how.room.passage(pretty(value)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _prose(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else pretty(value)


def _word(value: Any) -> str:
    return one_line(_prose(value), limit=200)


_READERS: dict[str, Callable[[dict[str, Any], Reading], list[Part] | None]] = {
    "user": _said,
    "assistant": _message,
    "tool": _call,
    "widget": _widget,
    "task": _tasks,
    "tasks": _tasks,
}
