"""Upstream with a memory: an emulator that is changed at will, and all that it ever said."""

import json
from bisect import insort
from collections import defaultdict
from typing import Any

from django_chatkit.models.fields import dumps
from django_chatkit.testing import Emulator, dialect

# Ids that a careless database takes for one.
_THREAD_IDS = ("cthr_a{}", "cthr_A{}", "cthr_a{} ", "cthr_ä{}")
_ITEM_IDS = ("cti_a{}", "CTI_A{}", "cti_a{} ", "cti_A{}")

_SHAPES: list[Any] = [None, [], [{}]]
# How upstream may fail.
FAULTS: list[dict[str, Any]] = [
    *({"status": status} for status in (400, 401, 404, 429, 500)),
    {"status": 429, "headers": {"retry-after": "121"}},
    *({"kind": kind} for kind in ("cut", "not_json", "wrong_shape", "repeat_page", "reset", "timeout")),
    *({"kind": "wrong_shape", "body": {"data": data, "has_more": True}} for data in _SHAPES),
]


class Chronicle:
    """What upstream has, what it ever said of each thread and item, and in which order they came."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.said: defaultdict[str, list[str]] = defaultdict(list)
        self.serial: dict[str, int] = {}
        self.threads: list[str] = []
        self.owner: dict[str, str] = {}
        self.present: set[str] = set()
        self.calls: list[str] = []
        # The items of each thread in upstream's order, and what that goes by.
        self.items: dict[str, list[str]] = {}
        self.place: dict[str, tuple[int, int, str]] = {}
        self._home: dict[str, str] = {}

    def open_thread(self, user: str, **fields: Any) -> str:
        id = self._new_id(_THREAD_IDS)
        self._say(self.emulator.add_thread(id=id, user=user, **fields))
        self.threads.append(id)
        self.owner[id] = user
        self.items[id] = []
        return id

    def append(self, thread: str, **fields: Any) -> str:
        item = self.emulator.add_item(thread, id=self._new_id(_ITEM_IDS), **fields)
        self._say(item)
        self._home[item["id"]] = thread
        self.place[item["id"]] = self._place(item)
        insort(self.items[thread], item["id"], key=self.place.__getitem__)
        if item.get("status") == "in_progress":
            self.calls.append(item["id"])
        return str(item["id"])

    def change_call(self, number: int, *, status: str) -> None:
        id = self.calls[number % len(self.calls)]
        self._say(self.emulator.change_item(id, status=status, output=f"{len(self.said[id])}"))
        if status == "completed":
            self.calls.remove(id)

    def change_item(self, id: str, **fields: Any) -> None:
        self._say(self.emulator.change_item(id, **fields))

    def remove_item(self, id: str) -> None:
        self.emulator.remove_item(id)
        self.items[self._home[id]].remove(id)
        self._forget([id])

    def change_thread(self, id: str, **fields: Any) -> None:
        self._say(self.emulator.change_thread(id, **fields))

    def cut(self, thread: str, *, after: str) -> None:
        gone = self.emulator.cut_items(thread, after=after)
        del self.items[thread][len(self.items[thread]) - len(gone) :]
        self._forget(gone)

    def remove(self, id: str) -> None:
        """Remove a thread, or an item with all that follows it."""
        if id in self.threads:
            self.remove_thread(id)
            return
        thread = self._home[id]
        items = self.items[thread]
        if items[0] != id:
            self.cut(thread, after=items[items.index(id) - 1])

    def remove_thread(self, id: str) -> None:
        self._forget([id, *self.items.pop(id)])
        self.emulator.remove_thread(id)
        self.threads.remove(id)

    def has(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Return id, words and items of each thread, as the wire tells them, in upstream's order."""
        return [
            (
                thread["id"],
                self._wire(thread),
                [(item["id"], self._wire(item)) for item in self.emulator.items(thread["id"])],
            )
            for thread in self.emulator.threads()
        ]

    def _place(self, item: dict[str, Any]) -> tuple[int, int, str]:
        serial = self.serial[item["id"]]
        tie = {"insertion": serial, "reversed": -serial, "id": 0}[self.emulator.switches.tie_order]
        return item["created_at"], tie, item["id"]

    def _new_id(self, shapes: tuple[str, ...]) -> str:
        number = len(self.serial)
        id = shapes[number % len(shapes)].format(number // len(shapes))
        self.serial[id] = number
        self.present.add(id)
        return id

    def _forget(self, ids: list[str]) -> None:
        self.present.difference_update(ids)
        self.calls = [id for id in self.calls if id in self.present]

    def _say(self, payload: dict[str, Any]) -> None:
        self.said[payload["id"]].append(self._wire(payload))

    def _wire(self, payload: dict[str, Any]) -> str:
        if self.emulator.switches.dialect == "documentation":
            payload = dialect.item(payload) if "thread_id" in payload else dialect.thread(payload)
        return dumps(json.loads(json.dumps(payload)))
