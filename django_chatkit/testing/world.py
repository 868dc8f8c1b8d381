"""The small world that the emulator starts with: a few people, every status, every item type, one long thread."""

from __future__ import annotations

import json
from typing import Any

from .emulator import Emulator

# A fixed moment (2025-10-09), so that one seed gives the same ids for ever.
BEGINNING = 1_760_000_000
LONG_THREAD = 130

_SMALL_TALK: tuple[tuple[str, str, str, str], ...] = (
    (
        "user_ada",
        "Return of an order",
        "I would like to send my order back.",
        "Of course. Which order is it?",
    ),
    ("user_ada", "Opening hours", "Are you open on Sundays?", "Yes, from ten to four."),
    ("user_yael", "שאלה על הזמנה", "שלום, איפה ההזמנה שלי?", "ההזמנה בדרך ותגיע מחר."),
    ("user_omar", "سؤال عن التوصيل", "مرحبا، متى يصل طلبي؟", "سيصل غداً قبل الظهر."),
    ("user_mei", "关于发票", "你好，请问怎么开发票？", "您可以在订单页面下载发票。"),
    ("user_haru", "配送について", "荷物はいつ届きますか？", "明日の午前中に届きます。"),
    ("user_zoe", "Party 🎉", "Can you plan a party? 🎂🎈👩‍👩‍👧‍👦", "Gladly! 🥳 How many guests?"),
)


def populate(emulator: Emulator) -> None:
    """Fill an emulator with the small world; the same seed gives the same world."""
    for number, (user, title, question, reply) in enumerate(_SMALL_TALK):
        at = BEGINNING + number * 3_600
        items = [_says(question, at), _answers(reply, at + 4)]
        emulator.add_thread(user=user, title=title, created_at=at, items=items)
    _every_item_type(emulator, at=BEGINNING + 86_400)
    _every_status(emulator, at=BEGINNING + 2 * 86_400)
    _long_thread(emulator, at=BEGINNING + 3 * 86_400)
    _same_second(emulator, at=BEGINNING + 4 * 86_400)


def _every_item_type(emulator: Emulator, *, at: int) -> None:
    attachment = {
        "type": "image",
        "id": "cfile_68e7a0005f0c8190aa11bb22cc33dd4468e7a0005f0c8190",
        "name": "receipt.png",
        "mime_type": "image/png",
        "preview_url": None,
    }
    content = [
        {"type": "quoted_text", "text": "from ten to four"},
        {"type": "input_text", "text": "What is the weather?"},
    ]
    answer = {
        "type": "output_text",
        "text": "Sunny, 21 degrees.",
        "annotations": [
            {"type": "url", "source": {"type": "url", "url": "https://example.com/weather"}},
            {"type": "file", "source": {"type": "file", "filename": "stations.csv"}},
        ],
    }
    options = {"tool_choice": {"id": "weather"}, "model": None}
    call = {"name": "get_weather", "arguments": json.dumps({"city": "Lisbon"})}
    tasks = [
        {"type": "thought", "heading": "Look at the forecast", "summary": None},
        {"type": "custom", "heading": "Compare stations", "summary": "Two of them agree."},
    ]
    items: list[dict[str, Any]] = [
        {"content": content, "attachments": [attachment], "inference_options": options, "created_at": at},
        {"type": "chatkit.task", "task_type": "thought", "text": "Find out where", "created_at": at + 1},
        {"type": "chatkit.task_group", "tasks": tasks, "created_at": at + 2},
        {"type": "chatkit.client_tool_call", "created_at": at + 3, **call},
        {"type": "chatkit.widget", "text": "21 °C ☀️", "created_at": at + 5},
        {"type": "chatkit.assistant_message", "content": [answer], "created_at": at + 6},
        {
            "type": "chatkit.client_tool_call",
            "status": "in_progress",
            "text": "tomorrow",
            "created_at": at + 9,
        },
    ]
    emulator.add_thread(user="user_ada", title="The weather", created_at=at, items=items)


def _every_status(emulator: Emulator, *, at: int) -> None:
    locked = {"type": "locked", "reason": "A colleague has taken over."}
    closed = {"type": "closed", "reason": None}
    emulator.add_thread(user="user_ada", title=None, created_at=at, items=[_says("Is anybody there?", at)])
    emulator.add_thread(
        user="user_omar",
        title="A complaint",
        status=locked,
        created_at=at + 60,
        items=[_says("لماذا؟", at + 60)],
    )
    emulator.add_thread(
        user="user_mei", title="Done", status=closed, created_at=at + 120, items=[_says("谢谢！", at + 120)]
    )
    emulator.add_thread(user="user_zoe", title="Nothing said yet", created_at=at + 180)


def _long_thread(emulator: Emulator, *, at: int) -> None:
    turns = [
        _says(f"Question {n // 2 + 1}?", at + n * 5)
        if n % 2 == 0
        else _answers(f"Answer {n // 2 + 1}.", at + n * 5)
        for n in range(LONG_THREAD)
    ]
    emulator.add_thread(user="user_zoe", title="A long talk", created_at=at, items=turns)


def _same_second(emulator: Emulator, *, at: int) -> None:
    for number in range(3):
        items = [_says(f"One of three, number {number + 1}", at), _answers("Noted.", at)]
        emulator.add_thread(user="user_haru", title=f"At once {number + 1}", created_at=at, items=items)


def _says(text: str, at: int) -> dict[str, Any]:
    return {"type": "chatkit.user_message", "text": text, "created_at": at}


def _answers(text: str, at: int) -> dict[str, Any]:
    return {"type": "chatkit.assistant_message", "text": text, "created_at": at}
