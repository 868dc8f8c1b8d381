"""OpenAI's own SDK takes us for upstream: what it reads and does here is what it reads and does there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from django.contrib.auth.models import User
from openai import OpenAI
from openai.resources.beta.chatkit import ChatKit
from pytest_django.live_server_helper import LiveServer
from rest_framework.authtoken.models import Token

from django_chatkit.models import ChatSession, ChatThread
from django_chatkit.testing import Emulator
from django_chatkit.testing.server import serve
from django_chatkit.testing.world import populate
from tests.rest.conftest import Configure
from tests.rest.world import sync_everything

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS: list[Literal["asc", "desc"]] = ["asc", "desc"]


@dataclass(frozen=True)
class Both:
    """One SDK pointed at us, and one at upstream."""

    ours: ChatKit
    upstreams: ChatKit


@pytest.fixture
def both(
    chatkit_emulator: Emulator, live_server: LiveServer, transactional_db: None, configure: Configure
) -> Iterator[Both]:
    """Give staff that sees all of a mirrored world, beside upstream itself."""
    populate(chatkit_emulator)
    sync_everything(chatkit_emulator)
    root = User.objects.create_superuser("root")
    configure(USER_ID=lambda request: "user_ada")
    token = Token.objects.create(user=root).key
    with (
        serve(chatkit_emulator) as upstream,
        OpenAI(base_url=f"{live_server.url}/api", api_key=token, max_retries=0) as ours,
        OpenAI(base_url=upstream.base_url, api_key="sk-other", max_retries=0) as theirs,
    ):
        yield Both(ours.beta.chatkit, theirs.beta.chatkit)


@pytest.fixture
def long(both: Both, chatkit_emulator: Emulator) -> str:
    """Return the id of a thread of more than a hundred items."""
    found = [each["id"] for each in chatkit_emulator.threads() if each["title"] == "A long talk"]
    return str(found[0])


def test_all_six_calls(chatkit_emulator: Emulator, both: Both) -> None:
    thread = chatkit_emulator.threads(user="user_ada")[0]
    chatkit = both.ours

    opened = chatkit.sessions.create(user="user_ada", workflow={"id": "wf_tests"})
    cancelled = chatkit.sessions.cancel(opened.id)
    retrieved = chatkit.threads.retrieve(thread["id"])
    listed = list(chatkit.threads.list(user="user_ada"))
    said = list(chatkit.threads.list_items(thread["id"], order="asc"))
    deleted = chatkit.threads.delete(thread["id"])

    assert opened.client_secret.startswith("ek_")
    assert (cancelled.id, cancelled.status, cancelled.client_secret) == (opened.id, "cancelled", "")
    assert ChatSession.objects.get(id=opened.id).status == "cancelled"
    assert retrieved.to_dict() == thread
    assert thread["id"] in [each.id for each in listed]
    assert len(said) == 2
    assert (deleted.id, deleted.object, deleted.deleted) == (thread["id"], "chatkit.thread.deleted", True)
    assert thread["id"] not in [each["id"] for each in chatkit_emulator.threads()]
    assert ChatThread.objects.get(id=thread["id"]).gone_at is not None


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("user", [None, "user_ada", "nobody"])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_walking_threads_meets_what_upstream_has(
    both: Both, order: Literal["asc", "desc"], user: str | None, limit: int
) -> None:
    asked: dict[str, Any] = {"order": order, "limit": limit, **({} if user is None else {"user": user})}

    ours, theirs = (list(sdk.threads.list(**asked)) for sdk in (both.ours, both.upstreams))

    assert [each.to_dict() for each in ours] == [each.to_dict() for each in theirs]
    assert (len(ours) > 0) == (user != "nobody")


@pytest.mark.parametrize("order", ORDERS)
def test_walking_every_threads_items_meets_what_upstream_has(
    both: Both, chatkit_emulator: Emulator, order: Literal["asc", "desc"]
) -> None:
    for thread in chatkit_emulator.threads():
        ours, theirs = (
            list(sdk.threads.list_items(thread["id"], order=order, limit=30))
            for sdk in (both.ours, both.upstreams)
        )
        assert [each.to_dict() for each in ours] == [each.to_dict() for each in theirs]


def test_each_limit_and_each_cursor_cuts_upstreams_page(both: Both, long: str) -> None:
    ids = [each.id for each in both.upstreams.threads.list_items(long, limit=100)]

    for limit in range(101):
        place = limit * 7 % len(ids)
        asked = [{}, {"after": ids[place]}, {"before": ids[place]}, {"after": ids[5], "before": ids[place]}]
        window: dict[str, Any] = {"limit": limit, "order": ORDERS[limit // 4 % 2], **asked[limit % 4]}

        ours, theirs = (sdk.threads.list_items(long, **window) for sdk in (both.ours, both.upstreams))

        assert ours.to_dict() == theirs.to_dict()
