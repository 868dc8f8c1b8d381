"""What our own REST answers, held against the schema of upstream's answers, byte by byte as they leave."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from django_chatkit.testing import Emulator
from django_chatkit.testing.documents import ITEM_TYPES
from django_chatkit.testing.world import populate
from tests.rest.world import bearer, sync_everything

from .schema import complaints

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(chatkit_emulator: Emulator, settings: Settings, admin_user: User) -> Client:
    """Give staff that sees the whole mirrored world and is the end user "user_ada"."""
    populate(chatkit_emulator)
    sync_everything(chatkit_emulator)
    settings.CHATKIT = {
        **settings.CHATKIT,
        "USER_ID": lambda request: "user_ada",
        "STATE_VARIABLES": lambda request: {"plan": "pro", "seats": 3, "trial": False, "share": 0.5},
    }
    return bearer(admin_user)


def call(asker: Client, line: str, *, shape: str, status: int = 200, body: Any = None) -> Any:
    """Make a call and return its answer, having checked its status, its media type and its shape."""
    method, _, path = line.partition(" ")
    data = "" if body is None else json.dumps(body)
    response = asker.generic(method, f"/api/chatkit/{path}", data, content_type="application/json")
    document = json.loads(response.content)
    assert (response.status_code, response["Content-Type"]) == (status, "application/json"), document
    assert complaints(shape, document) == []
    return document


@pytest.mark.parametrize("body", [None, {}, {"user": "user_ada", "workflow": {"id": "wf_tests"}}])
def test_a_session_has_upstreams_shape_from_its_opening_to_its_cancel(ada: Client, body: Any) -> None:
    opened = call(ada, "POST sessions", shape="Session", body=body)
    cancelled = call(ada, f"POST sessions/{opened['id']}/cancel", shape="Session")
    again = call(ada, f"POST sessions/{opened['id']}/cancel", shape="Session")

    assert cancelled == again == {**opened, "status": "cancelled", "client_secret": ""}


def test_the_ledger_has_upstreams_shape_but_no_place_for_a_secret(ada: Client) -> None:
    opened = call(ada, "POST sessions", shape="Session")
    told = {name: value for name, value in opened.items() if name != "client_secret"}

    assert call(ada, f"GET sessions/{opened['id']}", shape="LedgerSession") == told
    assert call(ada, "GET sessions", shape="LedgerSessionList")["data"] == [told]


def test_a_session_that_upstream_forgot_is_cancelled_in_upstreams_shape(
    ada: Client, chatkit_emulator: Emulator
) -> None:
    opened = call(ada, "POST sessions", shape="Session")
    chatkit_emulator.fail("cancel_session", status=404)

    assert call(ada, f"POST sessions/{opened['id']}/cancel", shape="Session")["status"] == "cancelled"


def test_threads_and_items_have_upstreams_shapes(ada: Client) -> None:
    types = set()
    for thread in call(ada, "GET threads?limit=100", shape="ThreadList")["data"]:
        assert call(ada, f"GET threads/{thread['id']}", shape="Thread") == thread
        items = call(ada, f"GET threads/{thread['id']}/items?limit=100", shape="ItemList")["data"]
        types |= {item["type"] for item in items}
        call(ada, f"DELETE threads/{thread['id']}", shape="ThreadDeleted")

    assert types == set(ITEM_TYPES)
    call(ada, "GET threads", shape="ThreadList")


def test_a_nudge_has_a_shape_of_our_own(ada: Client) -> None:
    (thread,) = call(ada, "GET threads?limit=1", shape="ThreadList")["data"]

    call(ada, f"POST threads/{thread['id']}/sync", shape="ThreadSync", status=202)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET threads/none", 404),
        ("GET threads?limit=-1", 400),
        ("GET threads?after=none", 404),
        ("PUT threads", 405),
        ("GET nonsense", 404),
        ("POST sessions/none/cancel", 404),
    ],
)
def test_a_refusal_has_upstreams_shape(ada: Client, line: str, status: int) -> None:
    call(ada, line, shape="Error", status=status)


def test_nobody_is_refused_in_upstreams_shape(client: Client) -> None:
    call(client, "GET threads", shape="Error", status=401)
