"""Our client and the emulator: neither knows the other, and they understand each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from django_chatkit.client import ChatKit, NotFoundError, RateLimitError
from django_chatkit.testing import Emulator, EmulatorAdapter
from django_chatkit.testing.server import serve

from .conftest import Clock


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture(params=["adapter", "server"])
def chatkit(request: pytest.FixtureRequest, emulator: Emulator, waits: list[float]) -> Iterator[ChatKit]:
    told: dict[str, Any] = {"api_key": "sk-contract", "sleep": waits.append, "chance": lambda: 0.0}
    if request.param == "adapter":
        with ChatKit(adapter=EmulatorAdapter(emulator), **told) as client:
            yield client
    else:
        with serve(emulator) as server, ChatKit(base_url=server.base_url, **told) as client:
            yield client


def test_our_client_makes_all_six_calls(chatkit: ChatKit, emulator: Emulator, clock: Clock) -> None:
    thread = emulator.add_thread(
        user="user_ada", title="Hello", items=[{"text": f"message {n}"} for n in range(45)]
    )
    kept = [item["id"] for item in emulator.items(thread["id"])]

    session = chatkit.sessions.create(user="user_ada", workflow={"id": "wf_1"}, expires_after=60)
    cancelled = chatkit.sessions.cancel(session.id)
    listed = [one.id for one in chatkit.threads.list(user="user_ada", limit=1)]
    retrieved = chatkit.threads.retrieve(thread["id"])
    items = [item.id for item in chatkit.threads.list_items(thread["id"], limit=20, order="asc")]
    deleted = chatkit.threads.delete(thread["id"])

    assert (session.status, session.expires_at) == ("active", int(clock.now) + 60)
    assert cancelled.status == "cancelled"
    assert listed == [thread["id"]]
    assert retrieved.payload == thread
    assert items == kept
    assert deleted.deleted is True
    with pytest.raises(NotFoundError):
        chatkit.threads.retrieve(thread["id"])


@pytest.mark.parametrize("kind", ["reset", "cut", "not_json"])
def test_our_client_gets_over_one_fault_of_a_read(chatkit: ChatKit, emulator: Emulator, kind: str) -> None:
    thread = emulator.add_thread(user="user_ada")
    emulator.fail("retrieve_thread", kind=kind)

    if kind == "not_json":
        with pytest.raises(Exception, match="JSON"):
            chatkit.threads.retrieve(thread["id"])
    else:
        assert chatkit.threads.retrieve(thread["id"]).id == thread["id"]


def test_our_client_waits_as_a_429_tells_it(chatkit: ChatKit, emulator: Emulator, waits: list[float]) -> None:
    emulator.fail("list_threads", status=429, times=2, headers={"Retry-After": "7"})

    assert list(chatkit.threads.list()) == []
    assert waits == [7, 7]

    emulator.fail("list_threads", status=429, times=None)
    with pytest.raises(RateLimitError):
        chatkit.threads.list()
