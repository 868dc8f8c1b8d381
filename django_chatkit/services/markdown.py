"""Writes one thread as Markdown for people to read, whatever reads it afterwards.

What somebody wrote can become neither a tag nor a heading, a list, a link or a picture: it is escaped by character, line
by line. JSON stands in fences, which it can't leave, for it is written here anew.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models.fields import loads
from .reading import text_of
from .transcript_rows import ItemRow, ThreadRow
from .visible import one_line, visible

# What has a meaning anywhere in a line. The three that make HTML become entities, because not every reader of Markdown
# takes a backslash before them.
_MARKS = re.compile(r"[\\`*_\[\]|~$!]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ENTITY = re.compile("[&<>]")
# What has a meaning at the beginning of a line: headings, lists, rules, tables.
_HEAD = re.compile(r"[#+\-=:]|\d+(?=[.)])")
# What readers turn into links by themselves.
_ADDRESS = re.compile(r"(?<=:)//|(?<=www)\.|@", re.IGNORECASE)


def write(thread: ThreadRow, items: Iterable[ItemRow]) -> Iterator[str]:
    """Write a thread: its title, whose and of when it is, and each item under a heading of its own."""
    title, gone_word = one_line(thread.title, limit=300) or _("Untitled"), _("gone upstream")
    yield f"# {escape(title)}\n\n"
    yield from _facts(thread)
    for item in items:
        payload = _parsed(item.stored, otherwise=item.text)
        yield f"\n## {_who(item, payload)} · {_moment(item.created_at)}\n\n"
        gone = f" · {gone_word} {_moment(item.gone_at)}" if item.gone_at is not None else ""
        yield f"{escape(one_line(item.id, limit=300))}{gone}\n"
        if item.words_dropped_at is not None:
            yield "\n" + _("Words dropped on %s by retention.") % _moment(item.words_dropped_at) + "\n"
            continue
        for part in _parts(item, payload):
            yield f"\n{part}\n"


def escape(text: str) -> str:
    """Return visible text, each line as Markdown that reads as the text did, and is nothing but text."""
    # Two blanks at the end of a line keep it a line.
    return "  \n".join(_escape_line(line) if line.strip() else "" for line in visible(text).split("\n"))


def _escape_line(line: str) -> str:
    words = line.lstrip()
    # Blanks that don't break are no indented code.
    indent = "\u00a0" * (len(line.expandtabs(4)) - len(words.expandtabs(4)))
    words = _MARKS.sub(r"\\\g<0>", words.rstrip())
    words = _ADDRESS.sub(r"\\\g<0>", words)
    if head := _HEAD.match(words):
        # A number keeps its digits, and the sign after it is what is escaped.
        end = head.end()
        words = f"{words[:end]}\\{words[end:]}" if head[0].isdigit() else f"\\{words}"
    return indent + _ENTITY.sub(lambda found: _ENTITIES[found[0]], words)


def _facts(thread: ThreadRow) -> Iterator[str]:
    facts = [
        (_("Thread"), one_line(thread.id, limit=300)),
        (_("End user"), one_line(thread.end_user_id, limit=600)),
        (_("Status"), one_line(thread.status)),
        (_("Created"), _moment(thread.created_at)),
        (_("Last activity"), _moment(thread.last_activity_at)),
        (_("Gone upstream"), _moment(thread.gone_at)),
    ]
    for name, value in facts:
        if value:
            yield f"- {name}: {escape(value)}\n"


def _who(item: ItemRow, payload: Any) -> str:
    said_by = payload.get("role") if isinstance(payload, dict) and item.type == "message" else None
    kind = said_by if isinstance(said_by, str) else item.type
    if kind in _NAMES:
        return str(_NAMES[kind])
    return escape(one_line(kind)) or _("Unknown item")


_NAMES = {
    "user": gettext_lazy("End user"),
    "chatkit.user_message": gettext_lazy("End user"),
    "assistant": gettext_lazy("Assistant"),
    "chatkit.assistant_message": gettext_lazy("Assistant"),
    "chatkit.client_tool_call": gettext_lazy("Tool call"),
    "chatkit.widget": gettext_lazy("Widget"),
    "chatkit.task": gettext_lazy("Task"),
    "chatkit.task_group": gettext_lazy("Tasks"),
}


def _parts(item: ItemRow, payload: Any) -> Iterator[str]:
    """Return the parts of an item: what was said as text, and whatever else it holds as JSON."""
    if not isinstance(payload, dict):
        yield _fence(payload)
    elif item.type == "chatkit.client_tool_call":
        status = _word(payload.get("status"))
        yield f"**{_word(payload.get('name')) or '–'}**{f' ({status})' if status else ''}"
        yield _fence(_unfolded(payload.get("arguments")))
        if payload.get("output") is not None:
            yield _fence(_unfolded(payload["output"]))
    elif isinstance(payload.get("content"), list):
        yield from _blocks(payload)
    else:
        words = text_of(payload)
        yield escape(words) if words else _fence(payload)


def _blocks(payload: dict[str, Any]) -> Iterator[str]:
    for block in payload["content"]:
        text = block.get("text") if isinstance(block, dict) else block
        if not isinstance(text, str):
            yield _fence(block)
            continue
        is_quote = isinstance(block, dict) and block.get("type") == "quoted_text"
        yield "\n".join(f"> {line}" for line in escape(text).split("\n")) if is_quote else escape(text)
        for annotation in _list(block.get("annotations") if isinstance(block, dict) else None):
            source = annotation.get("source") if isinstance(annotation, dict) else None
            yield _named(_("Source"), source, ("title", "url", "filename")) or _fence(annotation)
    for attachment in _list(payload.get("attachments")):
        yield _named(_("Attachment"), attachment, ("name", "mime_type")) or _fence(attachment)


def _named(noun: str, value: Any, names: tuple[str, ...]) -> str:
    """Return what something is called, or nothing where it has no name that we know."""
    found = [_word(value.get(name)) for name in names] if isinstance(value, dict) else []
    words = ", ".join(filter(None, found))
    return f"{noun}: {words}" if words else ""


def _word(value: Any) -> str:
    return escape(one_line(value, limit=300)) if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _fence(value: Any) -> str:
    """Write a value as JSON in a fence, without a character that could be a tag or end the fence."""
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2)
    except RecursionError:
        return _("This is nested too deep to be shown.")
    return f"```json\n{visible(text).replace('<', _code('<')).replace('`', _code('`'))}\n```"


def _code(character: str) -> str:
    return f"\\u{ord(character):04x}"


def _unfolded(value: Any) -> Any:
    """Read what upstream sends as a JSON string; other text stays as it is."""
    if not isinstance(value, str):
        return value
    return _parsed(value, otherwise=value)


def _parsed(text: str, *, otherwise: Any) -> Any:
    """Return the value of JSON text, or what stands for what can't be read."""
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _moment(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
