"""The emulator: an upstream in memory, with a Python API for tests and one door for requests."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from typing import Any

from . import documents, loading, routing
from .answers import Refusal, Response
from .calls import Call
from .conversation import converse
from .damage import spoil
from .faults import Fault, Faults
from .recording import RecordedRequest, Recorder
from .script import serve_script
from .store import Store
from .switches import Switches

_SPECIAL: routing.Special = {"conversation": converse, "script": serve_script}


class Emulator:
    """Play upstream: the six calls, the chat endpoint and the web component's script.

    `clock` gives Unix seconds, `sleep` is what transports wait with (latency, ordered delays), `seed` makes ids
    repeat. Every method may be called from any thread.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        seed: int | str | None = None,
        latency: float = 0.0,
        switches: Switches | None = None,
    ) -> None:
        self.sleep = sleep
        self.latency = latency
        self.switches = switches if switches is not None else Switches()
        self.faults = Faults()
        self._clock = clock
        self._advanced = 0.0
        self._chance = random.Random(seed)  # noqa: S311 -- ids that repeat are wanted; nothing here is a secret
        self._recorder = Recorder()
        self._store = Store(clock=self.now, sleep=sleep, chance=self._chance, switches=self.switches)

    # Time

    def now(self) -> float:
        """Return the emulator's time in Unix seconds."""
        return self._clock() + self._advanced

    def advance(self, seconds: float) -> None:
        """Let time pass without waiting."""
        self._advanced += seconds

    # The world

    def add_thread(
        self,
        *,
        user: str,
        title: str | None = None,
        status: str | Mapping[str, Any] = "active",
        created_at: int | None = None,
        items: Iterable[Mapping[str, Any]] = (),
        id: str | None = None,
        project: str = "",
        **fields: Any,
    ) -> dict[str, Any]:
        """Add a thread, with items as `add_item` takes them, and return it; `fields` go into the payload as given."""
        with self._store.lock:
            at = int(self.now()) if created_at is None else created_at
            id = id or documents.identifier("cthr_", at=at, chance=self._chance)
            payload = documents.thread(
                id=id, created_at=at, user=user, title=title, state=documents.status(status)
            )
            self._store.put_thread({**payload, **copy.deepcopy(fields)}, project=project)
            for item in items:
                self._add_item(id, **{name: value for name, value in item.items() if name != "thread_id"})
            return copy.deepcopy(self._store.threads[id].payload)

    def add_item(
        self,
        thread_id: str,
        type: str = "chatkit.user_message",
        text: str = "Hello",
        *,
        id: str | None = None,
        created_at: int | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Add an item at the end of a thread and return it; of an unknown type, `fields` is all that it says."""
        with self._store.lock:
            return copy.deepcopy(
                self._add_item(thread_id, type, text, id=id, created_at=created_at, **fields)
            )

    def _add_item(
        self,
        thread_id: str,
        type: str = "chatkit.user_message",
        text: str = "Hello",
        *,
        id: str | None = None,
        created_at: int | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        at = int(self.now()) if created_at is None else created_at
        id = id or documents.identifier("cti_", at=at, chance=self._chance, family=thread_id)
        own = copy.deepcopy(fields)
        return self._store.put_item(
            documents.item(id=id, type=type, created_at=at, thread_id=thread_id, text=text, fields=own)
        )

    def change_item(self, item_id: str, **fields: Any) -> dict[str, Any]:
        """Change fields of an item where it stands and return it."""
        with self._store.lock:
            payload = self._store.items[item_id]
            payload.update(copy.deepcopy(fields))
            return copy.deepcopy(payload)

    def cut_items(self, thread_id: str, *, after: str) -> list[str]:
        """Remove all items behind one, as a retry does, and return their ids."""
        with self._store.lock:
            return self._store.cut_items(thread_id, after=after)

    def remove_item(self, item_id: str) -> None:
        """Remove one item."""
        with self._store.lock:
            self._store.remove_item(item_id)

    def change_thread(self, thread_id: str, **fields: Any) -> dict[str, Any]:
        """Change fields of a thread and return it; `status` may be a word."""
        with self._store.lock:
            changes = copy.deepcopy(fields)
            if "status" in changes:
                changes["status"] = documents.status(changes["status"])
            return copy.deepcopy(self._store.change_thread(thread_id, changes))

    def remove_thread(self, thread_id: str) -> None:
        """Remove a thread with its items, as if somebody had deleted it elsewhere."""
        with self._store.lock:
            self._store.remove_thread(thread_id)

    def threads(self, user: str | None = None) -> list[dict[str, Any]]:
        """Return the threads of a user, or all, oldest first."""
        with self._store.lock:
            ids = self._store.timeline(project=None, user=user)
            return [copy.deepcopy(self._store.threads[id].payload) for id in ids]

    def items(self, thread_id: str) -> list[dict[str, Any]]:
        """Return the items of a thread, oldest first."""
        with self._store.lock:
            return [copy.deepcopy(self._store.items[id]) for id in self._store.item_timeline(thread_id)]

    @property
    def sessions(self) -> dict[str, dict[str, Any]]:
        """Return every session by its id, without its secret, with its status of now."""
        with self._store.lock:
            for record in self._store.sessions.values():
                self._store.session_status(record)
            return {id: copy.deepcopy(record.payload) for id, record in self._store.sessions.items()}

    def load(self, document: Any) -> None:
        """Add the threads of `{"threads": [{..a thread.., "items": [..]}, ..]}`, oldest first.

        What a thread or an item leaves out is filled in. ValueError names the place that cannot be used; then nothing
        of the document was added.
        """
        with self._store.lock:
            for thread in loading.read(document, self._store):
                self.add_thread(**thread)

    def dump(self) -> dict[str, Any]:
        """Return all threads with their items in the form that `load` takes."""
        with self._store.lock:
            return {"threads": [{**thread, "items": self.items(thread["id"])} for thread in self.threads()]}

    # Faults and evidence

    def fail(
        self,
        operation: str = "*",
        *,
        status: int = 500,
        times: int | None = 1,
        after: int = 0,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        kind: str = "status",
        match: str | None = None,
        delay: float = 0.0,
        acts: bool | None = None,
    ) -> None:
        """Order a fault; `faults.Fault` says what each argument means. `emulator.faults.clear()` calls all off."""
        self.faults.add(
            Fault(
                operation=operation,
                kind=kind,
                status=status,
                times=times,
                after=after,
                headers=headers or {},
                body=body,
                match=match,
                delay=delay,
                acts=acts,
            )
        )

    @property
    def requests(self) -> list[RecordedRequest]:
        """Return the requests so far, oldest first."""
        return self._recorder.all()

    def count(self, operation: str | None = None) -> int:
        """Return how many requests came, of one operation or of all."""
        return self._recorder.count(operation)

    def forget_requests(self) -> None:
        """Forget the requests so far."""
        self._recorder.clear()

    # The door

    def handle(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        """Answer one request. `path` begins with /v1 and is still percent-encoded; the transport waits and damages."""
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        call = Call(method, path, "", (), dict(query or {}), lowered, body)
        try:
            operation, ids = routing.locate(method, path)
        except Refusal as refusal:
            return self._finish(call, refusal.response())
        call = Call(method, path, operation, ids, call.query, lowered, body)
        fault = self.faults.take(operation=operation, subject=_subject(call))
        response = self._act(call) if fault is None else spoil(fault, call, self._act, self.switches)
        return self._finish(call, response)

    def _act(self, call: Call) -> Response:
        return routing.answer(self._store, call, _SPECIAL)

    def _finish(self, call: Call, response: Response) -> Response:
        response.delay += self.latency
        response.headers.setdefault("x-request-id", f"req_{random.getrandbits(128):032x}")
        response.headers.setdefault("date", formatdate(self.now(), usegmt=True))
        response.headers.setdefault("openai-version", "2020-10-01")
        response.headers.setdefault("openai-processing-ms", "1")
        self._recorder.add(call, response, at=self.now())
        return response


def _subject(call: Call) -> str:
    return " ".join([*call.ids, *call.query.values()])
