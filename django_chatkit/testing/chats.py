"""What each request of the chat endpoint does; a session reaches the threads of its own user only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from . import assistant, documents, stream, turns, validation
from .answers import Refusal, not_found
from .assistant import Step
from .store import Payload, SessionRecord, Store, ThreadRecord
from .stream import Event
from .timeline import Slice, Timeline


def create(store: Store, session: SessionRecord, params: Payload) -> Iterator[Event]:
    """Begin a thread with a user's message and answer it."""
    message = _user_message(store, session, params["input"])
    now = store.clock()
    id = documents.identifier("cthr_", at=now, chance=store.chance)
    state = documents.status("active")
    payload = documents.thread(
        id=id, created_at=int(now), user=session.payload["user"], title=None, state=state
    )
    store.put_thread(payload, project=session.project)
    return _create(store, session, payload, message)


def _create(store: Store, session: SessionRecord, payload: Payload, message: Step) -> Iterator[Event]:
    yield {"type": "thread.created", "thread": stream.thread(payload)}
    yield from _take_message(store, session, payload["id"], message)


def add_user_message(store: Store, session: SessionRecord, params: Payload) -> Iterator[Event]:
    """Add a user's message to a thread and answer it."""
    _own_active_thread(store, session, params["thread_id"])
    message = _user_message(store, session, params["input"])
    return _take_message(store, session, params["thread_id"], message)


def add_client_tool_output(store: Store, session: SessionRecord, params: Payload) -> Iterator[Event]:
    """Complete the thread's last tool call with its result and go on."""
    _own_active_thread(store, session, params["thread_id"])
    for id in reversed(list(store.item_timeline(params["thread_id"]))):
        call = store.items[id]
        if call["type"] == "chatkit.client_tool_call" and call["status"] == "in_progress":
            call.update(status="completed", output=json.dumps(params["result"]))
            return _go_on(store, session, call, assistant.answer_to_tool(params["result"]))
    raise Refusal(400, "No tool call of this thread waits for a result.", param="params.thread_id")


def retry_after_item(store: Store, session: SessionRecord, params: Payload) -> Iterator[Event]:
    """Remove what stands behind an item and answer the last user's message anew."""
    _own_active_thread(store, session, params["thread_id"])
    timeline = store.item_timeline(params["thread_id"])
    if params["item_id"] not in timeline:
        raise not_found("Item", params["item_id"])
    gone = store.cut_items(params["thread_id"], after=params["item_id"])
    asked = [store.items[id] for id in timeline if store.items[id]["type"] == "chatkit.user_message"]
    text = _text_of(asked[-1]) if asked else ""
    steps = assistant.answer(text, first=False)
    return _retry(store, session, params["thread_id"], gone, steps)


def _retry(
    store: Store, session: SessionRecord, thread_id: str, gone: list[str], steps: Iterable[Step]
) -> Iterator[Event]:
    yield from ({"type": "thread.item.removed", "item_id": id} for id in gone)
    yield from turns.run(store, session, thread_id, steps)


def custom_action(store: Store, session: SessionRecord, params: Payload) -> Iterator[Event]:
    """Answer a widget's action."""
    _own_active_thread(store, session, params["thread_id"])
    return turns.run(
        store, session, params["thread_id"], assistant.answer_to_action(params["action"]["type"])
    )


def get_by_id(store: Store, session: SessionRecord, params: Payload) -> Payload:
    """Return a thread with the first page of its items."""
    thread = _own_thread(store, session, params["thread_id"])
    return stream.thread(thread.payload, list_items(store, session, {**params, "order": "asc"}))


def list_threads(store: Store, session: SessionRecord, params: Payload) -> Payload:
    """Return a page of the user's threads, as far as the session's history reaches."""
    history = session.payload["chatkit_configuration"]["history"]
    if not history["enabled"]:
        return stream.page([], has_more=False)
    project = session.project if store.switches.scope == "project" else None
    found = _page(store, store.timeline(project=project, user=session.payload["user"]), params)
    ids, has_more = found.ids, found.has_more
    if history["recent_threads"] is not None:
        ids, has_more = ids[: history["recent_threads"]], False
    return stream.page([stream.thread(store.threads[id].payload) for id in ids], has_more=has_more)


def list_items(store: Store, session: SessionRecord, params: Payload) -> Payload:
    """Return a page of a thread's items."""
    _own_thread(store, session, params["thread_id"])
    found = _page(store, store.item_timeline(params["thread_id"]), params)
    return stream.page([stream.item(store.items[id]) for id in found.ids], has_more=found.has_more)


def update(store: Store, session: SessionRecord, params: Payload) -> Payload:
    """Rename a thread."""
    _own_thread(store, session, params["thread_id"])
    return stream.thread(store.change_thread(params["thread_id"], {"title": params["title"]}))


def delete(store: Store, session: SessionRecord, params: Payload) -> Payload:
    """Delete a thread."""
    _own_thread(store, session, params["thread_id"])
    store.remove_thread(params["thread_id"])
    return {}


def feedback(store: Store, session: SessionRecord, params: Payload) -> Payload:
    """Take thumbs up or down; nothing of the API ever shows them."""
    _own_thread(store, session, params["thread_id"])
    return {}


def create_attachment(store: Store, session: SessionRecord, params: Payload) -> Payload:
    """Announce an upload, where the session allows it."""
    upload = session.payload["chatkit_configuration"]["file_upload"]
    if not upload["enabled"]:
        raise Refusal(400, "This session allows no uploads.", code="chatkit.file_upload_disabled")
    if params["size"] > upload["max_file_size"] * 1024 * 1024:
        raise Refusal(400, f"A file may have {upload['max_file_size']} MB.", param="params.size")
    id = documents.identifier("cfile_", at=store.clock(), chance=store.chance)
    kind = "image" if params["mime_type"].startswith("image/") else "file"
    payload = {
        "type": kind,
        "id": id,
        "name": params["name"],
        "mime_type": params["mime_type"],
        "preview_url": None,
    }
    store.attachments[id] = (session.payload["user"], payload)
    return payload


def delete_attachment(store: Store, session: SessionRecord, params: Payload) -> Payload:
    """Delete an upload of the user's own."""
    _own_attachment(store, session, params["attachment_id"])
    del store.attachments[params["attachment_id"]]
    return {}


def _take_message(store: Store, session: SessionRecord, thread_id: str, message: Step) -> Iterator[Event]:
    first = len(store.item_timeline(thread_id)) == 0
    payload = turns.add(store, thread_id, message)
    yield turns.done(payload)
    text = _text_of(payload)
    yield from turns.entitle(store, session, thread_id, text)
    yield from turns.run(store, session, thread_id, assistant.answer(text, first=first))


def _go_on(store: Store, session: SessionRecord, call: Payload, steps: Iterable[Step]) -> Iterator[Event]:
    yield {"type": "thread.item.replaced", "item": stream.item(call)}
    yield from turns.run(store, session, call["thread_id"], steps)


def _user_message(store: Store, session: SessionRecord, given: Payload) -> Step:
    content = []
    if isinstance(given.get("quoted_text"), str):
        content.append({"type": "quoted_text", "text": given["quoted_text"]})
    for number, block in enumerate(_list(given["content"], "params.input.content")):
        if not isinstance(block, dict) or not isinstance(block.get("text"), str):
            raise Refusal(400, "A block of content needs a text.", param=f"params.input.content[{number}]")
        content.append({"type": "input_text", "text": block["text"]})
    attachments = [_own_attachment(store, session, id) for id in given.get("attachments") or ()]
    fields = {"content": content, "attachments": attachments, "inference_options": _options(given)}
    return Step("chatkit.user_message", "", fields)


def _list(value: Any, param: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Refusal(400, f"'{param}' must be a list with something in it.", param=param)
    return value


def _options(given: Payload) -> Payload | None:
    options = given.get("inference_options")
    if not isinstance(options, dict) or not options:
        return None
    tool, model = options.get("tool_choice"), options.get("model")
    chosen = tool.get("id") if isinstance(tool, dict) else None
    return {
        "tool_choice": {"id": chosen} if isinstance(chosen, str) else None,
        "model": model if isinstance(model, str) else None,
    }


def _text_of(message: Payload) -> str:
    return " ".join(block["text"] for block in message["content"] if block["type"] == "input_text")


def _own_thread(store: Store, session: SessionRecord, id: str) -> ThreadRecord:
    thread = store.threads.get(id)
    if thread is None or thread.payload["user"] != session.payload["user"]:
        raise not_found("Thread", id)
    if store.switches.scope == "project" and thread.project != session.project:
        raise not_found("Thread", id)
    return thread


def _own_active_thread(store: Store, session: SessionRecord, id: str) -> None:
    status = _own_thread(store, session, id).payload["status"]
    if status["type"] != "active":
        reason = status.get("reason") or "It takes no messages."
        raise Refusal(400, f"The thread is {status['type']}. {reason}", param="params.thread_id")


def _own_attachment(store: Store, session: SessionRecord, id: str) -> Payload:
    owner, payload = store.attachments.get(id, (None, {}))
    if owner != session.payload["user"]:
        raise not_found("Attachment", id)
    return payload


def _page(store: Store, timeline: Timeline, params: Payload) -> Slice:
    query = {name: str(params[name]) for name in ("limit", "order", "after") if params.get(name) is not None}
    wanted = validation.page_request(query, store.switches)
    if wanted.after is not None and wanted.after not in timeline:
        raise not_found("Cursor", wanted.after)
    return timeline.page(after=wanted.after, before=None, limit=wanted.limit, descending=wanted.descending)
