"""What upstream remembers: sessions, threads and items, each found without a search."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import documents
from .switches import Switches
from .timeline import Timeline

Payload = dict[str, Any]
# (project, user): None stands for all of them.
Scope = tuple[str | None, str | None]


@dataclass
class SessionRecord:
    """Hold one session; `payload` is without the secret, which has no repr."""

    payload: Payload
    secret: str = field(repr=False)
    project: str
    calls: deque[float] = field(default_factory=deque, repr=False)


@dataclass
class ThreadRecord:
    """Hold one thread, the order of its items, and the project that it lives in."""

    payload: Payload
    project: str
    items: Timeline


class Store:
    """Keep everything of one upstream. Callers hold `lock` while they read or write."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        chance: random.Random,
        switches: Switches,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.sleep = sleep
        self.chance = chance
        self.switches = switches
        self.sessions: dict[str, SessionRecord] = {}
        self.sessions_by_secret: dict[str, SessionRecord] = {}
        self.threads: dict[str, ThreadRecord] = {}
        self.items: dict[str, Payload] = {}
        self.deleted: dict[str, str] = {}
        # id -> (whose it is, payload)
        self.attachments: dict[str, tuple[str, Payload]] = {}
        self._timelines: dict[Scope, Timeline] = {}

    # Sessions

    def open_session(self, request: Payload, *, project: str) -> SessionRecord:
        """Open a session for a request that was found good."""
        now = self.clock()
        expires_at = int(now) + request.get("expires_after", {}).get("seconds", 600)
        id = documents.identifier("cksess_", at=now, chance=self.chance)
        payload = documents.session(id=id, expires_at=expires_at, request=request)
        secret = documents.client_secret(at=now, expires_at=expires_at, chance=self.chance, family=id)
        record = SessionRecord(payload, secret, project)
        self.sessions[id] = self.sessions_by_secret[secret] = record
        return record

    def session_status(self, record: SessionRecord) -> str:
        """Return active, expired or cancelled; time alone turns active into expired."""
        if record.payload["status"] == "active" and self.clock() >= record.payload["expires_at"]:
            record.payload["status"] = "expired"
        return str(record.payload["status"])

    # Threads

    def put_thread(self, payload: Payload, *, project: str) -> ThreadRecord:
        """Add a thread; ValueError where the id is taken."""
        id = payload["id"]
        if id in self.threads:
            raise ValueError(f"the thread id {id!r} is taken")
        record = ThreadRecord(payload, project, Timeline(self.switches.tie_order))
        self.threads[id] = record
        self._list(record)
        return record

    def change_thread(self, id: str, fields: Payload) -> Payload:
        """Change a thread's fields and keep every list in order."""
        record = self.threads[id]
        self._unlist(record)
        record.payload.update(fields)
        self._list(record)
        return record.payload

    def remove_thread(self, id: str) -> None:
        """Delete a thread with its items; KeyError for an unknown one."""
        record = self.threads.pop(id)
        self._unlist(record)
        for item_id in record.items:
            self._forget_item(item_id)
        self.deleted[id] = record.project

    def timeline(self, *, project: str | None, user: str | None) -> Timeline:
        """Return the threads of a project and a user (None: of all) in order."""
        timeline = self._timelines.get((project, user))
        if timeline is None:
            return Timeline()
        timeline.arrange(self.switches.tie_order)
        return timeline

    def _list(self, record: ThreadRecord) -> None:
        for scope in self._scopes(record):
            timeline = self._timelines.setdefault(scope, Timeline(self.switches.tie_order))
            timeline.add(record.payload["id"], at=record.payload["created_at"])

    def _unlist(self, record: ThreadRecord) -> None:
        for scope in self._scopes(record):
            self._timelines[scope].remove(record.payload["id"])

    def _scopes(self, record: ThreadRecord) -> list[Scope]:
        project, user = record.project, record.payload["user"]
        return [(None, None), (None, user), (project, None), (project, user)]

    # Items

    def put_item(self, payload: Payload) -> Payload:
        """Add an item at the end of its thread; ValueError where the id is taken, KeyError without such a thread."""
        id = payload["id"]
        if id in self.items:
            raise ValueError(f"the item id {id!r} is taken")
        self.threads[payload["thread_id"]].items.append(id, at=payload["created_at"])
        self.items[id] = payload
        return payload

    def cut_items(self, thread_id: str, *, after: str) -> list[str]:
        """Delete all items behind one, as a retry does, and return their ids."""
        gone = self.threads[thread_id].items.cut(after=after)
        for id in gone:
            self._forget_item(id)
        return gone

    def remove_item(self, id: str) -> None:
        """Delete one item."""
        self.threads[self.items[id]["thread_id"]].items.remove(id)
        self._forget_item(id)

    def item_timeline(self, thread_id: str) -> Timeline:
        """Return the items of a thread in order."""
        timeline = self.threads[thread_id].items
        timeline.arrange(self.switches.tie_order)
        return timeline

    def _forget_item(self, id: str) -> None:
        for attachment in self.items.pop(id).get("attachments") or ():
            self.attachments.pop(attachment.get("id", ""), None)
