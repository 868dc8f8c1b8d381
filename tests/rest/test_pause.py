"""While upstream wants no requests, whoever asks here is told so at once, and for how long."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_chatkit import wiring
from django_chatkit.models import ChatSession, ChatThread, EndUser
from django_chatkit.testing import Emulator
from tests.rest.world import bearer, session_of, thread_of

SESSIONS = "/api/chatkit/sessions"

pytestmark = pytest.mark.django_db


@pytest.fixture
def asker(chatkit_emulator: Emulator, ada: User) -> Client:
    """Return an asker of a site that was told to wait."""
    wiring.connect().gate.close_for(110)
    return bearer(ada)


def assert_told_to_wait(response: Any, emulator: Emulator) -> None:
    assert response.status_code == 429
    assert 20 < int(response["Retry-After"]) <= 110
    assert response.json()["error"]["code"] == "rate_limit_exceeded"
    assert emulator.count() == 0


def test_no_session_is_opened(chatkit_emulator: Emulator, asker: Client) -> None:
    response = asker.post(SESSIONS, {}, content_type="application/json")

    assert_told_to_wait(response, chatkit_emulator)
    assert not ChatSession.objects.exists()
    assert not EndUser.objects.exists()


def test_no_session_is_cancelled(chatkit_emulator: Emulator, asker: Client, ada: User) -> None:
    session_of(ada, "cksess_1", status="active")

    response = asker.post(f"{SESSIONS}/cksess_1/cancel")

    assert_told_to_wait(response, chatkit_emulator)
    assert ChatSession.objects.get().status == "active"


def test_no_thread_is_deleted(chatkit_emulator: Emulator, asker: Client, ada: User) -> None:
    thread_of(ada, "cthr_1")

    response = asker.delete("/api/chatkit/threads/cthr_1")

    assert_told_to_wait(response, chatkit_emulator)
    assert ChatThread.objects.present().exists()


def test_what_is_mirrored_is_served_all_the_same(asker: Client, ada: User) -> None:
    thread_of(ada, "cthr_1")

    response = asker.get("/api/chatkit/threads")

    assert [thread["id"] for thread in response.json()["data"]] == ["cthr_1"]


@pytest.mark.parametrize(("status", "answer"), [(429, 429), (503, 503)])
def test_one_askers_refusal_holds_up_the_next_before_it_is_sent(
    chatkit_emulator: Emulator, ada: User, ben: User, status: int, answer: int
) -> None:
    chatkit_emulator.fail("create_session", status=status, headers={"Retry-After": "110"})

    first = bearer(ada).post(SESSIONS, {}, content_type="application/json")
    second = bearer(ben).post(SESSIONS, {}, content_type="application/json")

    assert (first.status_code, second.status_code) == (answer, 429)
    assert first["Retry-After"] == "110"
    assert 20 < int(second["Retry-After"]) <= 110
    assert chatkit_emulator.count() == 1


def test_a_pause_of_other_projects_holds_up_nobody_here(
    chatkit_emulator: Emulator, settings: Any, ada: User
) -> None:
    wiring.connect().gate.close_for(90)
    settings.CHATKIT = {**settings.CHATKIT, "PROJECT": "proj_other"}

    response = bearer(ada).post(SESSIONS, {}, content_type="application/json")

    assert response.status_code == 200
    assert chatkit_emulator.count() == 1
