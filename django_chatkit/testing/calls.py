"""The six calls of the API, each on the store and one request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import dialect, validation
from .answers import Refusal, not_found
from .store import SessionRecord, Store, ThreadRecord
from .timeline import Timeline


@dataclass(frozen=True, slots=True)
class Call:
    """Hold one request as the operations read it; header names are lower case."""

    method: str
    path: str
    operation: str
    ids: Sequence[str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def project(self) -> str:
        """Return the project that the request speaks for; "" where it names none."""
        return self.headers.get("openai-project", "")


def create_session(store: Store, call: Call) -> dict[str, Any]:
    """Open a session and answer with its secret."""
    body = validation.parse_json(call.body)
    if store.switches.dialect == "documentation":
        body = dialect.read_session_request(body)
    request = validation.session_request(body, store.switches)
    workflow = request["workflow"]["id"]
    if store.switches.workflows is not None and workflow not in store.switches.workflows:
        raise not_found("Workflow", workflow)
    record = store.open_session(request, project=call.project)
    return _session(store, record, secret=record.secret)


def cancel_session(store: Store, call: Call) -> dict[str, Any]:
    """Cancel a session; what a second cancel, or one that comes too late, answers is a switch."""
    record = store.sessions.get(call.ids[0])
    if record is None or not _in_scope(store, call, record.project):
        raise not_found("Chatkit Session", call.ids[0])
    status = store.session_status(record)
    if status == "active":
        record.payload["status"] = "cancelled"
        return _session(store, record, secret="")
    switches = store.switches
    answer = switches.cancel_of_expired if status == "expired" else switches.cancel_of_cancelled
    if answer == "not_found":
        raise not_found("Chatkit Session", call.ids[0])
    if answer in ("bad_request", "conflict"):
        raise Refusal(
            400 if answer == "bad_request" else 409, f"The session is {status} and cannot be cancelled."
        )
    return {**_session(store, record, secret=""), "status": answer}


def list_threads(store: Store, call: Call) -> dict[str, Any]:
    """List the threads of one user, or of all."""
    user = validation.user_filter(call.query, store.switches)
    project = call.project if store.switches.scope == "project" else None
    timeline = store.timeline(project=project, user=user)
    return _page(store, call, timeline, "Thread", lambda id: _thread(store, store.threads[id].payload))


def retrieve_thread(store: Store, call: Call) -> dict[str, Any]:
    """Return one thread."""
    return _thread(store, _find_thread(store, call).payload)


def delete_thread(store: Store, call: Call) -> dict[str, Any]:
    """Delete one thread with its items; what a second delete answers is a switch."""
    id = call.ids[0]
    again = id in store.deleted and store.switches.second_delete == "deleted"
    if not (again and _in_scope(store, call, store.deleted[id])):
        _find_thread(store, call)
        store.remove_thread(id)
    answer = {"id": id, "object": "chatkit.thread.deleted", "deleted": True}
    return dialect.deleted(answer) if store.switches.dialect == "documentation" else answer


def list_items(store: Store, call: Call) -> dict[str, Any]:
    """List the items of one thread."""
    _find_thread(store, call)
    timeline = store.item_timeline(call.ids[0])
    documented = store.switches.dialect == "documentation"
    return _page(
        store,
        call,
        timeline,
        "Item",
        lambda id: dialect.item(store.items[id]) if documented else store.items[id],
    )


OPERATIONS: Mapping[str, Callable[[Store, Call], dict[str, Any]]] = {
    "create_session": create_session,
    "cancel_session": cancel_session,
    "list_threads": list_threads,
    "retrieve_thread": retrieve_thread,
    "delete_thread": delete_thread,
    "list_items": list_items,
}


def _session(store: Store, record: SessionRecord, *, secret: str) -> dict[str, Any]:
    answer = {**record.payload, "client_secret": secret}
    if not store.switches.workflow_in_session:
        del answer["workflow"]
    return answer


def _thread(store: Store, payload: dict[str, Any]) -> dict[str, Any]:
    return dialect.thread(payload) if store.switches.dialect == "documentation" else payload


def _find_thread(store: Store, call: Call) -> ThreadRecord:
    record = store.threads.get(call.ids[0])
    if record is None or not _in_scope(store, call, record.project):
        raise not_found("Thread", call.ids[0])
    return record


def _in_scope(store: Store, call: Call, project: str) -> bool:
    return store.switches.scope == "organization" or project == call.project


def _page(
    store: Store, call: Call, timeline: Timeline, noun: str, document: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    wanted = validation.page_request(call.query, store.switches)
    after = _cursor(store, timeline, noun, "after", wanted.after)
    before = _cursor(store, timeline, noun, "before", wanted.before)
    page = timeline.page(after=after, before=before, limit=wanted.limit, descending=wanted.descending)
    return {
        "object": "list",
        "data": [document(id) for id in page.ids],
        "first_id": page.ids[0] if page.ids else None,
        "last_id": page.ids[-1] if page.ids else None,
        "has_more": page.has_more,
    }


def _cursor(store: Store, timeline: Timeline, noun: str, param: str, id: str | None) -> str | None:
    if id is None or id in timeline:
        return id
    if store.switches.bad_cursor == "ignored":
        return None
    if store.switches.bad_cursor == "not_found":
        raise not_found(noun, id)
    message = f"'{param}' names nothing in this list: '{id}'."
    raise validation.refusal(message, param=param, code="invalid_value", switches=store.switches)
