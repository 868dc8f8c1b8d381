"""OpenAI's own client, against the emulator over HTTP."""

from __future__ import annotations

import openai
import pytest

from django_chatkit.testing import Emulator
from django_chatkit.testing.server import serve


def test_the_official_sdk_makes_all_six_calls(emulator: Emulator) -> None:
    thread = emulator.add_thread(
        user="user_ada", title="Hello", items=[{"text": f"message {n}"} for n in range(45)]
    )
    kept = [item["id"] for item in emulator.items(thread["id"])]
    other = emulator.add_thread(user="user_ada", status="closed")

    with (
        serve(emulator) as server,
        openai.OpenAI(api_key="sk-contract", base_url=server.base_url, max_retries=0, timeout=120) as client,
    ):
        chatkit = client.beta.chatkit
        session = chatkit.sessions.create(
            user="user_ada",
            workflow={"id": "wf_1", "state_variables": {"plan": "pro", "seats": 3}},
            expires_after={"anchor": "created_at", "seconds": 60},
            rate_limits={"max_requests_per_1_minute": 20},
        )
        cancelled = chatkit.sessions.cancel(session.id)
        listed = [one.id for one in chatkit.threads.list(user="user_ada", limit=1)]
        retrieved = chatkit.threads.retrieve(thread["id"])
        items = [item.id for item in chatkit.threads.list_items(thread["id"], limit=20, order="asc")]
        deleted = chatkit.threads.delete(thread["id"])
        with pytest.raises(openai.NotFoundError) as missing:
            chatkit.threads.retrieve(thread["id"])

    assert session.client_secret.startswith("ek_")
    assert (session.status, cancelled.status) == ("active", "cancelled")
    assert listed == [other["id"], thread["id"]]
    assert (retrieved.title, retrieved.status.type, retrieved.user) == ("Hello", "active", "user_ada")
    assert items == kept
    assert (deleted.id, deleted.deleted) == (thread["id"], True)
    assert missing.value.request_id is not None
    assert {one.headers["openai-beta"] for one in emulator.requests} == {"chatkit_beta=v1"}
    assert {one.operation for one in emulator.requests} == {
        "create_session",
        "cancel_session",
        "list_threads",
        "retrieve_thread",
        "list_items",
        "delete_thread",
    }
