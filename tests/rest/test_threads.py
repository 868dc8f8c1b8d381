"""Reading, deleting and syncing threads."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.services import holds
from django_chatkit.testing import Emulator
from tests import caches, celery_apps
from tests.rest.conftest import Configure
from tests.rest.world import NOW, allow, bearer, items_of, thread_of

THREADS = "/api/chatkit/threads"

pytestmark = pytest.mark.django_db

HOSTILE = "NUL \x00, lone \ud800, quotes \" ' \\, <script>, \u2028, עברית, 🎉"


def test_a_list_is_upstreams_envelope_around_stored_payloads(ada: User) -> None:
    older = thread_of(ada, "cthr_1")
    newer = thread_of(ada, "cthr_2", created_at=NOW + timedelta(seconds=1))

    answer = bearer(ada).get(THREADS).json()

    assert answer == {
        "object": "list",
        "data": [newer.payload, older.payload],
        "first_id": "cthr_2",
        "last_id": "cthr_1",
        "has_more": False,
    }
    assert list(answer) == ["object", "data", "first_id", "last_id", "has_more"]


def test_an_empty_list_has_no_ends(ada: User) -> None:
    assert bearer(ada).get(THREADS).json() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_payloads_are_served_as_upstream_sent_them(ada: User) -> None:
    payload: dict[str, Any] = {
        "z": HOSTILE,
        "id": "cthr_1",
        "a": {"b": [1, 1.5, None, True, 10**30]},
        HOSTILE: "",
    }
    thread = thread_of(ada, "cthr_1", payload=payload)
    items_of(thread, "cti_1", payload=payload)
    asker = bearer(ada)

    assert list(asker.get(THREADS).json()["data"][0].items()) == list(payload.items())
    assert list(asker.get(f"{THREADS}/cthr_1").json().items()) == list(payload.items())
    assert list(asker.get(f"{THREADS}/cthr_1/items").json()["data"][0].items()) == list(payload.items())


def test_items_are_listed_by_position_newest_first(ada: User) -> None:
    thread = thread_of(ada, "cthr_1")
    items_of(thread, "cti_b", "cti_a", "cti_c")
    items_of(thread_of(ada, "cthr_2"), "cti_other")
    asker = bearer(ada)

    newest = asker.get(f"{THREADS}/cthr_1/items").json()
    oldest = asker.get(f"{THREADS}/cthr_1/items?order=asc&limit=2").json()

    assert [each["id"] for each in newest["data"]] == ["cti_c", "cti_a", "cti_b"]
    assert [each["id"] for each in oldest["data"]] == ["cti_b", "cti_a"]
    assert oldest["has_more"] is True


def test_a_thread_without_items_has_an_empty_list(ada: User) -> None:
    thread_of(ada, "cthr_1")

    assert bearer(ada).get(f"{THREADS}/cthr_1/items").json()["data"] == []


def test_what_is_gone_is_neither_listed_nor_shown(ada: User) -> None:
    gone = thread_of(ada, "cthr_gone", gone_at=NOW)
    items_of(gone, "cti_of_gone")
    kept = thread_of(ada, "cthr_kept")
    items_of(kept, "cti_gone", gone_at=NOW)
    asker = bearer(ada)

    assert [each["id"] for each in asker.get(THREADS).json()["data"]] == ["cthr_kept"]
    assert asker.get(f"{THREADS}/cthr_gone").status_code == 404
    assert asker.get(f"{THREADS}/cthr_gone/items").status_code == 404
    assert asker.get(f"{THREADS}/cthr_kept/items").json()["data"] == []
    assert asker.get(f"{THREADS}/cthr_kept/items?after=cti_gone").status_code == 404
    assert asker.delete(f"{THREADS}/cthr_gone").status_code == 404


def test_a_cursor_of_another_thread_is_a_404_that_names_the_parameter(ada: User) -> None:
    items_of(thread_of(ada, "cthr_1"), "cti_1")
    items_of(thread_of(ada, "cthr_2"), "cti_2")

    response = bearer(ada).get(f"{THREADS}/cthr_1/items?before=cti_2")

    assert response.status_code == 404
    assert response.json()["error"] == {
        "message": "Item with id 'cti_2' not found.",
        "type": "invalid_request_error",
        "param": "before",
        "code": "not_found",
    }


def test_an_unknown_thread_is_told_before_an_unknown_cursor(ada: User) -> None:
    error = bearer(ada).get(f"{THREADS}/cthr_x/items?after=cti_x").json()["error"]

    assert (error["message"], error["param"]) == ("Thread with id 'cthr_x' not found.", "thread_id")


def test_a_deleted_thread_is_gone_on_both_sides(chatkit_emulator: Emulator, ada: User) -> None:
    thread_of(ada, chatkit_emulator.add_thread(user=str(ada.pk))["id"])
    (id,) = [each["id"] for each in chatkit_emulator.threads()]
    asker = bearer(ada)

    response = asker.delete(f"{THREADS}/{id}")

    assert response.status_code == 200
    assert response.json() == {"id": id, "object": "chatkit.thread.deleted", "deleted": True}
    assert chatkit_emulator.threads() == []
    assert ChatThread.objects.get(id=id).gone_at is not None
    assert asker.get(f"{THREADS}/{id}").status_code == 404
    assert asker.delete(f"{THREADS}/{id}").status_code == 404


@pytest.mark.parametrize("kind", ["not_here", "unknown_address"])
def test_a_thread_stays_where_nothing_answers_for_upstream_but_a_404(
    chatkit_emulator: Emulator, ada: User, kind: str
) -> None:
    thread_of(ada, chatkit_emulator.add_thread(user=str(ada.pk), id="cthr_1")["id"])
    chatkit_emulator.fail("delete_thread", kind=kind)

    response = bearer(ada).delete(f"{THREADS}/cthr_1")

    assert response.status_code == 502
    assert ChatThread.objects.get(id="cthr_1").gone_at is None
    assert bearer(ada).delete(f"{THREADS}/cthr_1").status_code == 200


def test_a_thread_on_hold_is_a_conflict_that_no_repeat_helps(chatkit_emulator: Emulator, ada: User) -> None:
    chatkit_emulator.add_thread(user=str(ada.pk), id="cthr_1")
    thread_of(ada, "cthr_1")
    holds.hold(user=str(ada.pk), reason="a lawsuit", now=timezone.now())

    response = bearer(ada).delete(f"{THREADS}/cthr_1")

    assert response.status_code == 409
    assert response.json() == {
        "error": {
            "message": "This can't be deleted now: what belongs to this end user is on hold.",
            "type": "invalid_request_error",
            "param": None,
            "code": "on_hold",
        }
    }
    assert response["x-should-retry"] == "false"
    assert chatkit_emulator.count() == 0
    assert ChatThread.objects.present().get().id == "cthr_1"
    holds.lift(user=str(ada.pk))
    assert bearer(ada).delete(f"{THREADS}/cthr_1").status_code == 200


def test_a_thread_that_upstream_would_not_delete_stays(chatkit_emulator: Emulator, ada: User) -> None:
    thread_of(ada, "cthr_1")
    refusal = {"id": "cthr_1", "object": "chatkit.thread.deleted", "deleted": False}
    chatkit_emulator.fail("delete_thread", status=200, body=refusal)

    response = bearer(ada).delete(f"{THREADS}/cthr_1")

    assert response.status_code == 502
    assert ChatThread.objects.get(id="cthr_1").gone_at is None


def test_a_nudge_syncs_the_thread(chatkit_emulator: Emulator, ada: User) -> None:
    id = chatkit_emulator.add_thread(user=str(ada.pk), items=[{"text": "Hello"}])["id"]
    thread_of(ada, id)

    response = bearer(ada).post(f"{THREADS}/{id}/sync")

    assert response.status_code == 202
    assert response.json() == {"id": id, "object": "chatkit.thread.sync", "queued": True}
    assert ChatThreadItem.objects.filter(thread=id).count() == 1


def test_nudges_that_follow_each_other_are_one(ada: User, settings: Settings) -> None:
    settings.CACHES = caches.TIMELESS
    cache.clear()
    thread_of(ada, "cthr_1")
    asker = bearer(ada)

    with celery_apps.current(broker_url="memory://", task_default_queue="of-the-rest-tests"):
        answers = [asker.post(f"{THREADS}/cthr_1/sync") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [answer.json()["queued"] for answer in answers] == [True, False, False]


def test_a_nudge_for_a_thread_opened_a_moment_ago_finds_it(
    chatkit_emulator: Emulator, configure: Configure, ada: User
) -> None:
    asker = bearer(ada)
    asker.post("/api/chatkit/sessions", {}, content_type="application/json")
    id = chatkit_emulator.add_thread(user=str(ada.pk))["id"]

    first, second = asker.post(f"{THREADS}/{id}/sync"), asker.post(f"{THREADS}/{id}/sync")

    assert (first.status_code, second.status_code) == (404, 202)


def test_a_nudge_of_somebody_who_is_not_live_asks_upstream_nothing(
    chatkit_emulator: Emulator, ada: User
) -> None:
    EndUser.objects.create(id=str(ada.pk), live_until=timezone.now() - timedelta(seconds=1))

    assert bearer(ada).post(f"{THREADS}/cthr_x/sync").status_code == 404
    assert chatkit_emulator.requests == []
    assert EndUser.objects.get().due_at is None


def test_staff_that_only_views_may_not_nudge_or_delete(
    chatkit_emulator: Emulator, ada: User, staff: User
) -> None:
    thread_of(ada, "cthr_1")
    allow(staff, "view_chatthread")
    asker = bearer(staff)

    assert asker.get(f"{THREADS}/cthr_1").status_code == 200
    assert asker.post(f"{THREADS}/cthr_1/sync").status_code == 403
    assert asker.delete(f"{THREADS}/cthr_1").status_code == 403
    assert chatkit_emulator.requests == []


def test_staff_without_an_end_user_that_nudges_the_unknown_gets_a_404(
    configure: Configure, staff: User
) -> None:
    configure(USER_ID=lambda request: None)
    allow(staff, "view_chatthread", "sync_chatthread")

    assert bearer(staff).post(f"{THREADS}/cthr_x/sync").status_code == 404
