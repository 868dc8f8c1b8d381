"""Whatever is sent, the emulator answers as upstream would: never with a fault of its own."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.testing import Emulator
from django_chatkit.testing.answers import Response
from tests.contract.schema import complaints

HEADERS = {"authorization": "Bearer sk-testing"}

texts = st.text(max_size=8) | st.sampled_from(["\ud800", "\x00", "cthr_1", "cti_1", "user_ada", "active"])
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("user", "workflow", "expires_after", "rate_limits", "chatkit_configuration", "scope")
PARAMS = (
    *("thread_id", "item_id", "item_ids", "input", "action", "result", "title", "limit", "order", "after"),
    *("kind", "name", "size", "mime_type", "attachment_id"),
)
REQUESTS = (
    *(
        "threads.create",
        "threads.add_user_message",
        "threads.add_client_tool_output",
        "threads.retry_after_item",
    ),
    *("threads.custom_action", "threads.get_by_id", "threads.list", "items.list", "threads.update"),
    *("threads.delete", "items.feedback", "attachments.create", "attachments.delete"),
)
messages = st.fixed_dictionaries(
    {"content": st.lists(st.fixed_dictionaries({"text": texts}), min_size=1, max_size=2)},
    optional={"inference_options": documents, "quoted_text": documents, "attachments": documents},
)


def populated() -> Emulator:
    emulator = Emulator(clock=lambda: 1_800_000_000.0)
    emulator.add_thread(user="user_ada", id="cthr_1", items=[{"id": "cti_1"}])
    return emulator


def read(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


@given(body=st.dictionaries(st.sampled_from(FIELDS), documents) | documents)
def test_any_document_opens_a_session_or_is_refused(body: Any) -> None:
    response = Emulator().handle("POST", "/v1/chatkit/sessions", {}, HEADERS, json.dumps(body).encode())

    assert response.status in (200, 400)
    assert complaints("Session" if response.status == 200 else "Error", read(response)) == []


@given(body=st.binary(max_size=40))
def test_any_bytes_are_refused_or_understood(body: bytes) -> None:
    response = Emulator().handle("POST", "/v1/chatkit/sessions", {}, HEADERS, body)

    assert response.status == 400
    assert complaints("Error", read(response)) == []


@given(
    path=st.text(max_size=12).map(lambda text: quote(text, errors="replace")),
    query=st.dictionaries(st.sampled_from(["limit", "order", "after", "before", "user", "x"]), texts),
    method=st.sampled_from(["GET", "POST", "DELETE", "PATCH"]),
)
def test_any_path_and_query_are_answered(path: str, query: dict[str, str], method: str) -> None:
    for place in (f"/v1/chatkit/{path}", f"/v1/chatkit/threads/{path}", "/v1/chatkit/threads", f"/{path}"):
        response = populated().handle(method, place, query, HEADERS)
        assert response.status in (200, 400, 404, 405)
        if response.status != 200:
            assert complaints("Error", read(response)) == []


@given(
    type=st.sampled_from(REQUESTS),
    params=st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(PARAMS, documents),
            "thread_id": st.just("cthr_1") | documents,
            "input": messages | documents,
            "action": st.fixed_dictionaries({"type": texts}) | documents,
        },
    ),
)
def test_any_request_of_the_chat_is_answered_and_leaves_what_upstream_would(type: str, params: Any) -> None:
    emulator = populated()
    opened = emulator.handle(
        "POST", "/v1/chatkit/sessions", {}, HEADERS, b'{"user": "user_ada", "workflow": {"id": "wf_1"}}'
    )
    secret = {"authorization": f"Bearer {read(opened)['client_secret']}"}

    body = json.dumps({"type": type, "params": params}).encode()
    response = emulator.handle("POST", "/v1/chatkit/conversation", {}, secret, body)

    assert response.status in (200, 400, 404)
    if not isinstance(response.body, bytes):
        assert all(json.loads(event.removeprefix(b"data: "))["type"] for event in response.body)
    for thread in emulator.threads():
        assert complaints("Thread", thread) == []
        assert [complaints("Item", item) for item in emulator.items(thread["id"])].count([]) == len(
            emulator.items(thread["id"])
        )
