"""One turn of the chat: the assistant's steps become items in the store and events in the stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from . import assistant, documents, stream
from .assistant import Step
from .store import SessionRecord, Store
from .stream import Event


def run(store: Store, session: SessionRecord, thread_id: str, steps: Iterable[Step]) -> Iterator[Event]:
    """Yield the events of the assistant's turn; a workflow version that does not exist fails here, as upstream's."""
    yield {"type": "stream_options", "stream_options": {"allow_cancel": False}}
    if session.payload["workflow"]["version"] == "latest":
        yield {"type": "error", "code": "stream.error", "allow_retry": True}
        return
    for step in steps:
        payload = add(store, thread_id, step)
        match step.type:
            case "chatkit.assistant_message":
                yield from _message(payload, step.text)
            case "chatkit.task_group":
                yield from _group(payload)
            case "chatkit.task":
                yield {"type": "progress_update", "text": step.text}
                yield from _whole(payload)
            case _:
                yield from _whole(payload)


def add(store: Store, thread_id: str, step: Step) -> dict[str, Any]:
    """Put a step's item into the store."""
    now = store.clock()
    id = documents.identifier("cti_", at=now, chance=store.chance, family=thread_id)
    return store.put_item(
        documents.item(
            id=id,
            type=step.type,
            created_at=int(now),
            thread_id=thread_id,
            text=step.text,
            fields=step.fields,
        )
    )


def entitle(store: Store, session: SessionRecord, thread_id: str, text: str) -> Iterator[Event]:
    """Give a thread its title from the first message, where the session's settings want titles."""
    wanted = session.payload["chatkit_configuration"]["automatic_thread_titling"]["enabled"]
    if wanted and store.threads[thread_id].payload["title"] is None and text.strip():
        payload = store.change_thread(thread_id, {"title": assistant.title(text)})
        yield {"type": "thread.updated", "thread": stream.thread(payload)}


def done(payload: dict[str, Any]) -> Event:
    """Return the event of an item that is complete."""
    return {"type": "thread.item.done", "item": stream.item(payload)}


def _whole(payload: dict[str, Any]) -> Iterator[Event]:
    yield {"type": "thread.item.added", "item": stream.item(payload)}
    yield done(payload)


def _message(payload: dict[str, Any], text: str) -> Iterator[Event]:
    def update(kind: str, **fields: Any) -> Event:
        change = {"type": f"assistant_message.content_part.{kind}", "content_index": 0, **fields}
        return {"type": "thread.item.updated", "item_id": payload["id"], "update": change}

    yield {"type": "thread.item.added", "item": {**stream.item(payload), "content": []}}
    yield update("added", content={"type": "output_text", "text": "", "annotations": []})
    for piece in assistant.pieces(text):
        yield update("text_delta", delta=piece)
    yield update("done", content=stream.item(payload)["content"][0])
    yield done(payload)


def _group(payload: dict[str, Any]) -> Iterator[Event]:
    begun = stream.item(payload)
    yield {"type": "thread.item.added", "item": {**begun, "workflow": {**begun["workflow"], "tasks": []}}}
    for index, task in enumerate(begun["workflow"]["tasks"]):
        change = {"type": "workflow.task.added", "task_index": index, "task": task}
        yield {"type": "thread.item.updated", "item_id": payload["id"], "update": change}
    yield done(payload)
