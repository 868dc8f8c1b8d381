"""Opening, listing, showing and cancelling sessions."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from django_chatkit.models import ChatSession, EndUser
from django_chatkit.testing import Emulator
from tests.nested import nested
from tests.rest.conftest import Configure
from tests.rest.world import NOW, allow, bearer, session_of, signed_in

SESSIONS = "/api/chatkit/sessions"

pytestmark = pytest.mark.django_db


def open_session(asker: Client) -> str:
    answer = asker.post(SESSIONS, {}, content_type="application/json")
    assert answer.status_code == 200
    return str(answer.json()["id"])


def test_an_empty_object_opens_a_session_for_the_asker(chatkit_emulator: Emulator, ada: User) -> None:
    response = signed_in(ada).post(SESSIONS, {}, content_type="application/json")

    answer = response.json()
    assert response.status_code == 200
    assert answer["user"] == str(ada.pk)
    assert answer["workflow"]["id"] == "wf_tests"
    assert answer["status"] == "active"
    assert answer["client_secret"].startswith("ek_")
    assert chatkit_emulator.sessions[answer["id"]]["user"] == str(ada.pk)


def test_no_body_at_all_is_as_good(chatkit_emulator: Emulator, ada: User) -> None:
    response = bearer(ada).generic("POST", SESSIONS)

    assert response.status_code == 200


def test_an_opened_session_is_kept_by_no_cache(chatkit_emulator: Emulator, ada: User) -> None:
    response = bearer(ada).post(SESSIONS, {}, content_type="application/json")

    assert response["Cache-Control"] == "no-store"
    assert response["Pragma"] == "no-cache"
    assert response["Content-Type"] == "application/json"
    assert response["x-request-id"].startswith("req_")


def test_an_opened_session_makes_its_end_user_due_and_known(
    chatkit_emulator: Emulator, ada: User, configure: Configure
) -> None:
    configure(SYNC_INTERVAL=30)
    before = timezone.now()

    open_session(bearer(ada))

    end_user = EndUser.objects.get(id=str(ada.pk))
    assert end_user.owner == ada
    assert end_user.due_at is not None
    assert timedelta(seconds=29) < end_user.due_at - before < timedelta(seconds=60)


def test_a_visitor_without_an_account_owns_nothing(
    chatkit_emulator: Emulator, configure: Configure, client: Client
) -> None:
    configure(USER_ID=lambda request: "visitor-1")

    id = open_session(client)

    assert ChatSession.objects.get(id=id).end_user.owner is None


def test_staff_without_an_end_user_opens_none(
    chatkit_emulator: Emulator, configure: Configure, staff: User
) -> None:
    configure(USER_ID=lambda request: None)

    response = bearer(staff).post(SESSIONS, {}, content_type="application/json")

    assert response.status_code == 403
    assert chatkit_emulator.requests == []


def test_the_ledger_shows_the_asker_its_sessions_newest_first(chatkit_emulator: Emulator, ada: User) -> None:
    session_of(ada, "cksess_1", created_at=NOW)
    session_of(ada, "cksess_2", created_at=NOW + timedelta(seconds=1))

    answer = bearer(ada).get(SESSIONS).json()

    assert [each["id"] for each in answer.pop("data")] == ["cksess_2", "cksess_1"]
    assert answer == {"object": "list", "first_id": "cksess_2", "last_id": "cksess_1", "has_more": False}


def test_the_ledger_keeps_a_session_that_upstream_has_forgotten(ada: User) -> None:
    session_of(ada, "cksess_1", gone_at=NOW, status="expired")

    assert [each["status"] for each in bearer(ada).get(SESSIONS).json()["data"]] == ["expired"]


@pytest.mark.parametrize("status", ["active", "expired", "cancelled"])
def test_the_status_is_the_ledgers(ada: User, status: str) -> None:
    session_of(ada, "cksess_1", status=status)
    asker = bearer(ada)

    assert asker.get(f"{SESSIONS}/cksess_1").json()["status"] == status
    assert asker.get(SESSIONS).json()["data"][0]["status"] == status


def test_a_session_that_is_nested_deep_is_served_however_little_is_left_of_the_stack(ada: User) -> None:
    session_of(ada, "cksess_1", payload={"id": "cksess_1", "deep": nested(900)})
    asker = bearer(ada)

    for path in (SESSIONS, f"{SESSIONS}/cksess_1"):
        response = asker.get(path)
        assert response.status_code == 200
        assert b"[" * 900 in response.content


def test_a_secret_that_strayed_into_a_payload_is_not_served(ada: User) -> None:
    session_of(ada, "cksess_1", payload={"id": "cksess_1", "client_secret": "ek_astray"})
    asker = bearer(ada)

    for path in (SESSIONS, f"{SESSIONS}/cksess_1"):
        response = asker.get(path)
        assert response.status_code == 200
        assert b"ek_astray" not in response.content
        assert b"client_secret" not in response.content


def test_a_cancel_cancels_upstream_and_in_the_ledger(chatkit_emulator: Emulator, ada: User) -> None:
    asker = bearer(ada)
    id = open_session(asker)

    response = asker.post(f"{SESSIONS}/{id}/cancel")

    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"
    assert response.json()["client_secret"] == ""
    assert chatkit_emulator.sessions[id]["status"] == "cancelled"
    assert ChatSession.objects.get(id=id).status == "cancelled"


def test_a_session_that_upstream_forgot_is_cancelled_all_the_same(
    chatkit_emulator: Emulator, ada: User
) -> None:
    session_of(ada, "cksess_elsewhere", expires_at=timezone.now() + timedelta(minutes=5))

    response = bearer(ada).post(f"{SESSIONS}/cksess_elsewhere/cancel")

    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"


def test_a_cancel_that_upstream_did_not_hear_is_a_503_and_stays_open(
    chatkit_emulator: Emulator, ada: User, configure: Configure
) -> None:
    configure(MAX_RETRIES=0)
    asker = bearer(ada)
    id = open_session(asker)
    chatkit_emulator.fail("cancel_session", status=500)

    response = asker.post(f"{SESSIONS}/{id}/cancel")

    assert response.status_code == 503
    assert ChatSession.objects.get(id=id).status == "active"


def test_staff_that_may_change_sessions_cancels_a_strangers(
    chatkit_emulator: Emulator, ada: User, staff: User
) -> None:
    id = open_session(bearer(ada))
    allow(staff, "view_chatsession", "change_chatsession")

    response = bearer(staff).post(f"{SESSIONS}/{id}/cancel")

    assert response.status_code == 200
    assert ChatSession.objects.get(id=id).status == "cancelled"


def test_the_secret_is_in_one_answer_and_nowhere_else(
    chatkit_emulator: Emulator, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    asker = bearer(ada)
    opened = asker.post(SESSIONS, {}, content_type="application/json").json()
    secret = opened["client_secret"]

    later = [
        asker.get(SESSIONS),
        asker.get(f"{SESSIONS}/{opened['id']}"),
        asker.post(f"{SESSIONS}/{opened['id']}/cancel"),
        asker.get("/api/chatkit/threads"),
    ]

    assert all(secret not in response.content.decode() for response in later)
    assert secret not in caplog.text
    for model in (ChatSession, EndUser):
        assert secret not in json.dumps(list(model.objects.values()), default=str)
