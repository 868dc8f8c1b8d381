"""What upstream may say: an item of every type, in words that mean well and in words that don't."""

import json
from collections.abc import Callable
from typing import Any

Payload = dict[str, Any]
Change = Callable[[str], str]

MARKDOWN = """## Where it is

Your parcel **left Leipzig** at 6:40 and is *out for delivery*. You can follow it [on the map](https://parcels.example/42).

1. Be at home between 12 and 2
2. Have the code `4471` ready

| stop | time |
|---|---|
| Depot | 6:40 |
| You | 13:10 |

> Parcels that nobody takes go back to the shop.

```python
track("1Z 999")
```"""

# Each carries a mark of its own, so that what a page shows of it can be told apart.
HOSTILE = {
    "script": '<script>window.hostile = "script"; alert("script")</script>',
    "onerror": '"><img src=x-hostile onerror="window.hostile = 1; alert(1)">',
    "svg": "'><svg onload=alert(2)><style>body { display: none }</style>",
    "address": "javascript:alert(3)//",
    "markdown": "[press here](javascript:alert(4)) ![](https://hostile.example/pixel.png)",
    "html": '<a href="javascript:alert(5)">press here</a><iframe src="https://hostile.example/"></iframe>',
    "style": '</style><style>* { color: red }</style><p style="position: fixed; inset: 0">over all',
    "remote": '<link rel=stylesheet href="https://hostile.example/a.css"><base href="https://hostile.example/">',
    "template": "{{ settings.SECRET_KEY }}{% debug %}</textarea></title></details></form>",
    "bidi": "invoice\u202egnp.exe\u202c \u2066isolated\u2069 \u2067tluser\u2069",
    "ansi": "\x1b[31mred\x1b[0m \x1b]8;;https://hostile.example/\x07link\x07 \x9b2J \x7f\x08",
    "refresh": '<meta http-equiv=refresh content="0;url=https://hostile.example/"><form action=//hostile.example>',
}


def conversation(change: Change = str) -> list[tuple[str, Payload]]:
    """Return a type and a payload for each kind of item, every free word of which went through `change`."""
    strange = (change("chatkit.tomorrow"), {"feeling": "not known yet", "parts": [1, None, {"deep": "down"}]})
    return [(kind, _changed(payload, change)) for kind, payload in [*_items(), strange]]


def _items() -> list[tuple[str, Payload]]:
    place = {
        "type": "Card",
        "status": {"text": "On its way", "icon": "truck"},
        "children": [
            {"type": "Title", "value": "Parcel 42"},
            {
                "type": "Row",
                "children": [{"type": "Text", "value": "Arrives"}, {"type": "Badge", "label": "today"}],
            },
            {
                "type": "Button",
                "label": "Show map",
                "onClickAction": {"type": "open", "url": "https://maps.example"},
            },
        ],
    }
    return [
        (
            "chatkit.user_message",
            {
                "content": [
                    {"type": "quoted_text", "text": "Delivery between noon and two"},
                    {"type": "input_text", "text": "Is that today?\nI have to leave at one."},
                ],
                "attachments": [
                    {
                        "type": "image",
                        "id": "cfile_1",
                        "name": "label.png",
                        "mime_type": "image/png",
                        "preview_url": "https://files.example/label.png",
                    },
                    {"type": "file", "id": "cfile_2", "name": "invoice.pdf", "mime_type": "application/pdf"},
                ],
                "inference_options": {"tool_choice": {"id": "track_parcel"}, "model": "gpt-5"},
            },
        ),
        ("chatkit.task", {"task_type": "thought", "heading": "Reads the label", "summary": "Number 42"}),
        (
            "chatkit.task_group",
            {
                "tasks": [
                    {"type": "custom", "heading": "Asks the carrier", "summary": "Three answers"},
                    {"type": "thought", "heading": "Compares", "summary": "The newest one wins"},
                ]
            },
        ),
        (
            "chatkit.client_tool_call",
            {
                "status": "completed",
                "call_id": "call_1",
                "name": "track_parcel",
                "arguments": json.dumps({"number": "42", "carrier": "any"}),
                "output": json.dumps({"stops": [{"place": "Leipzig", "at": "6:40"}]}),
            },
        ),
        (
            "chatkit.client_tool_call",
            {
                "status": "in_progress",
                "call_id": "call_2",
                "name": "open_map",
                "arguments": "not json",
                "output": None,
            },
        ),
        (
            "chatkit.assistant_message",
            {
                "content": [
                    {
                        "type": "output_text",
                        "text": MARKDOWN,
                        "annotations": [
                            {
                                "type": "url",
                                "source": {"type": "url", "url": "https://parcels.example/42?day=today"},
                            },
                            {"type": "file", "source": {"type": "file", "filename": "terms.pdf"}},
                        ],
                    }
                ]
            },
        ),
        ("chatkit.widget", {"widget": json.dumps(place)}),
        ("chatkit.client_tool_call", {"status": "expired", "call_id": "call_3", "name": "ask_carrier"}),
        ("message", {"role": "assistant", "content": "In the documentation's words."}),
    ]


# What the protocol itself says, as a key or as a value, is left alone: it decides what the rest is taken for.
_PROTOCOL = {
    *(
        "content",
        "type",
        "text",
        "attachments",
        "id",
        "name",
        "mime_type",
        "preview_url",
        "inference_options",
    ),
    *("tool_choice", "model", "input_text", "quoted_text", "output_text", "image", "file", "annotations"),
    *("source", "url", "filename", "task_type", "heading", "summary", "tasks", "custom", "thought"),
    *("status", "call_id", "arguments", "output", "completed", "in_progress"),
    *("widget", "children", "value", "label", "role", "assistant"),
}


def _changed(value: Any, change: Change) -> Any:
    match value:
        case dict():
            return {_changed(key, change): _changed(each, change) for key, each in value.items()}
        case list():
            return [_changed(each, change) for each in value]
        case str() if value.startswith("{"):  # JSON in a string: arguments, output, widget
            return json.dumps(_changed(json.loads(value), change))
        case str() if value not in _PROTOCOL:
            return change(value)
    return value
