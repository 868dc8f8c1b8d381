"""Turns dialogues into a past: threads of many end users in all six item types, as the emulator loads them."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice
from random import Random
from typing import Any

from .accounts import Account
from .corpus import Dialogue

Document = dict[str, Any]

THREADS_EACH = 6
LINES = 8  # of dialogue in a thread, at least
LONG = 240  # lines in the one long thread, so that pages have something to turn
REACH = timedelta(days=90)
# Upstream gives no title to some threads, and people close or lock others: every so many-th.
UNTITLED, LOCKED, CLOSED = 7, 23, 31


@dataclass(frozen=True, slots=True)
class History:
    """A document for the emulator's ``--load`` and what is in it."""

    document: Document
    end_users: int
    threads: int
    items: int
    types: int


def write(
    accounts: Sequence[Account], dialogues: Mapping[str, Sequence[Dialogue]], *, now: datetime, chance: Random
) -> History:
    """Return the history of the accounts that have a language, up to `now`, oldest thread first."""
    authors = [account for account in accounts if account.language]
    supply = {language: _supply(talks, chance) for language, talks in dialogues.items()}
    threads = [
        _thread(author, supply[author.language], number, now=now, chance=chance)
        for number, author in enumerate(author for author in authors for _ in range(THREADS_EACH))
    ]
    threads.sort(key=lambda thread: thread["created_at"])
    kinds = Counter(item["type"] for thread in threads for item in thread["items"])
    return History(
        document={"threads": threads},
        end_users=len(authors),
        threads=len(threads),
        items=kinds.total(),
        types=len(kinds),
    )


def _supply(dialogues: Sequence[Dialogue], chance: Random) -> Iterator[Dialogue]:
    # Some languages have six dialogues, some two thousand: when all are told they are told again.
    return cycle(chance.sample(dialogues, len(dialogues)))


def _thread(
    author: Account, supply: Iterator[Dialogue], number: int, *, now: datetime, chance: Random
) -> Document:
    talks = _talks(supply, LONG if number == 0 else LINES)
    start = now - REACH * chance.random() - timedelta(hours=3)
    moment = int(start.timestamp())
    items = []
    for item in _items(talks, number):
        items.append({**item, "created_at": moment})
        moment += chance.randint(4, 40)
    return {
        "user": author.end_user,
        "title": None if number % UNTITLED == UNTITLED - 1 else talks[0].lines[0][:80],
        "created_at": items[0]["created_at"],
        "status": _status(number),
        "items": items,
    }


def _talks(supply: Iterator[Dialogue], lines: int) -> list[Dialogue]:
    talks: list[Dialogue] = []
    while sum(len(talk.lines) for talk in talks) < lines:
        talks.extend(islice(supply, 1))
    return talks


def _status(number: int) -> Document:
    if number % LOCKED == LOCKED - 1:
        return {"type": "locked", "reason": "Under review"}
    if number % CLOSED == CLOSED - 1:
        return {"type": "closed", "reason": None}
    return {"type": "active"}


def _items(talks: Sequence[Dialogue], number: int) -> Iterator[Document]:
    for place, talk in enumerate(talks):
        for turn, line in enumerate(talk.lines):
            yield _assistant_says(line) if turn % 2 else _user_says(line)
            # What an assistant does between question and answer: each thread shows one way of it.
            if place == 0 and turn == 0:
                yield _between(number, talk)


def _user_says(text: str) -> Document:
    return {
        "type": "chatkit.user_message",
        "content": [{"type": "input_text", "text": text}],
        "attachments": [],
        "inference_options": None,
    }


def _assistant_says(text: str) -> Document:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "chatkit.assistant_message", "content": content}


def _between(number: int, talk: Dialogue) -> Document:
    question = talk.lines[0]
    steps = [
        {"type": "thought", "heading": talk.topic, "summary": question},
        {"type": "custom", "heading": None, "summary": talk.lines[1]},
    ]
    card = {"type": "Card", "children": [{"type": "Text", "value": line} for line in (talk.topic, question)]}
    ways: list[Document] = [
        {"type": "chatkit.widget", "widget": json.dumps(card, ensure_ascii=False)},
        {
            "type": "chatkit.client_tool_call",
            "status": "completed",
            "call_id": f"call_{number:024x}",
            "name": "look_up",
            "arguments": json.dumps({"topic": talk.topic, "question": question}, ensure_ascii=False),
            "output": json.dumps({"found": len(talk.lines) - 1}),
        },
        {"type": "chatkit.task", "task_type": "thought", "heading": talk.topic, "summary": question},
        {"type": "chatkit.task_group", "tasks": steps},
    ]
    return ways[number % len(ways)]
