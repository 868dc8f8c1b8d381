"""What the asker holds already is not sent again."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_chatkit.testing import Emulator
from tests.rest.world import bearer, items_of, thread_of

THREADS = "/api/chatkit/threads"

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["", "/cthr_1", "/cthr_1/items"])
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_an_answer_that_is_known_is_a_304_without_a_body(ada: User, path: str, form: str) -> None:
    items_of(thread_of(ada, "cthr_1"), "cti_1")
    asker = bearer(ada)
    first = asker.get(THREADS + path)

    again = asker.get(THREADS + path, headers={"If-None-Match": form.format(first["ETag"])})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again["ETag"] == first["ETag"]
    assert again["Cache-Control"] == first["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Cookie"} <= set(first["Vary"].split(", "))
    assert again["x-request-id"] != first["x-request-id"]


@pytest.mark.parametrize("given", ['"other"', "nonsense", ""])
def test_what_is_not_known_is_sent_whole(ada: User, given: str) -> None:
    thread_of(ada, "cthr_1")

    response = bearer(ada).get(THREADS, headers={"If-None-Match": given})

    assert (response.status_code, len(response.json()["data"])) == (200, 1)


def test_a_change_is_another_answer(ada: User) -> None:
    thread = thread_of(ada, "cthr_1")
    asker = bearer(ada)
    before = asker.get(f"{THREADS}/cthr_1")["ETag"]
    thread.payload["title"] = "Changed"
    thread.save()

    after = asker.get(f"{THREADS}/cthr_1", headers={"If-None-Match": before})

    assert (after.status_code, after.json()["title"]) == (200, "Changed")


def test_who_asks_is_looked_at_before_anything_is_called_known(ada: User, ben: User) -> None:
    thread_of(ada, "cthr_1")
    known = {"If-None-Match": bearer(ada).get(f"{THREADS}/cthr_1")["ETag"]}

    assert bearer(ben).get(f"{THREADS}/cthr_1", headers=known).status_code == 404
    assert Client().get(f"{THREADS}/cthr_1", headers=known).status_code == 401


def test_what_is_done_and_what_is_secret_has_no_etag(chatkit_emulator: Emulator, ada: User) -> None:
    thread_of(ada, "cthr_1")
    asker = bearer(ada)

    answers = [
        asker.post("/api/chatkit/sessions"),
        asker.get("/api/chatkit/sessions"),
        asker.delete(f"{THREADS}/cthr_1"),
        asker.get(f"{THREADS}/cthr_1"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 404]
    assert not any("ETag" in answer for answer in answers)
