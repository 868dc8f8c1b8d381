"""The scripted assistant: what it does about a message, decided by words in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_TITLE = 48

_INTRODUCTION = "I am the emulator's assistant. Ask me for the weather, a plan, a widget, or to think."


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one item that the assistant adds to the thread."""

    type: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def answer(text: str, *, first: bool) -> Iterator[Step]:
    """Yield what is done about a user's message.

    "think" makes a task, "plan" or "steps" a task group, "widget" a widget, "weather" or "call tool" a client tool
    call, which ends the turn; all else ends in a reply that repeats the user's words.
    """
    words = text.casefold()
    if "think" in words:
        summary = f"Weighed: {text}"
        yield Step("chatkit.task", "Thinking it over", {"task_type": "thought", "summary": summary})
    if "plan" in words or "steps" in words:
        headings = ("Read the request", "Weigh the ways", "Write the answer")
        tasks = [{"type": "custom", "heading": heading, "summary": None} for heading in headings]
        yield Step("chatkit.task_group", "", {"tasks": tasks})
    if "widget" in words:
        yield Step("chatkit.widget", "", {"widget": _card(text)})
    if "weather" in words or "call tool" in words:
        name = "get_weather" if "weather" in words else "look_up"
        fields = {"name": name, "arguments": json.dumps({"query": text}), "status": "in_progress"}
        yield Step("chatkit.client_tool_call", text, fields)
        return
    reply = f"You said: “{text}”."
    yield Step("chatkit.assistant_message", f"{reply} {_INTRODUCTION}" if first else reply)


def answer_to_tool(result: Any) -> Iterator[Step]:
    """Yield what is done once a client tool has answered."""
    yield Step("chatkit.assistant_message", f"The tool answered: {json.dumps(result, ensure_ascii=False)}")


def answer_to_action(action: str) -> Iterator[Step]:
    """Yield what is done about a widget's action."""
    yield Step("chatkit.assistant_message", f"Done: {action}.")


def title(text: str) -> str:
    """Return a thread's title from its first message: its first words."""
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1].rstrip() + "…"


def pieces(text: str) -> list[str]:
    """Cut a reply into the pieces in which it is streamed: words with the space behind them, long ones in parts."""
    return re.findall(r"\S{1,16}\s*|\s+", text)


def _card(text: str) -> str:
    action = {"type": "emulator.confirm", "payload": {"about": text}}
    return json.dumps(
        {
            "type": "Card",
            "children": [
                {"type": "Title", "value": "A widget"},
                {"type": "Text", "value": text},
                {"type": "Button", "label": "Confirm", "onClickAction": action},
            ],
        }
    )
