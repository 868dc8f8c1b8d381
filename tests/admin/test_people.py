"""All of one end user in the admin: exported, erased, held, each by its permission and with its entry in the log."""

import io
import json
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.cache import cache
from django.test import Client

from django_chatkit.admin.actions import MOST_AT_ONCE
from django_chatkit.models import EndUser, ErasedThread, Erasure, Hold, ThreadNote, ThreadReview
from django_chatkit.services import holds
from django_chatkit.testing import Emulator
from tests import celery_apps

from .conftest import BEGIN, Reader, make_item, make_thread

ROOT = "/admin/django_chatkit/"
LIST = f"{ROOT}enduser/"
PAGE = f"{LIST}{quote('user_42')}/change/"
ARCHIVE = f"{LIST}{quote('user_42')}/archive/"
ALL = ("view_enduser", "view_transcript", "export_enduser", "erase_enduser", "hold_enduser", "view_erasure")


@pytest.fixture
def upstream(chatkit_emulator: Emulator, settings: Any) -> Emulator:
    cache.clear()
    settings.CHATKIT = {**settings.CHATKIT, "MAX_RETRIES": 0}
    return chatkit_emulator


@pytest.fixture
def known(upstream: Emulator, end_user: EndUser) -> EndUser:
    """Keep an end user with a thread on both sides."""
    upstream.add_thread(user="user_42", id="cthr_1", items=[{"text": "Hello"}])
    make_item(make_thread(end_user, "cthr_1", title="A secret title"), 1, text="I lost my key")
    return end_user


def act(client: Client, action: str, *ids: str, **more: Any) -> Any:
    return client.post(LIST, {"action": action, "_selected_action": ids or ["user_42"], **more}, follow=True)


def said(answer: Any) -> list[str]:
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def logged() -> list[tuple[Any, ...]]:
    entries = LogEntry.objects.order_by("pk")
    return list(entries.values_list("content_type__model", "object_id", "change_message"))


# Export


def test_everything_is_streamed_as_a_zip_and_logged(reader: Reader, known: EndUser) -> None:
    answer = reader(*ALL).get(ARCHIVE)

    file = ZipFile(io.BytesIO(b"".join(answer)))
    assert [each["id"] for each in json.loads(file.read("threads.json"))["threads"]] == ["cthr_1"]
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith('attachment; filename="chatkit-user_42-')
    assert "no-store" in answer["Cache-Control"]
    assert logged() == [
        ("enduser", "user_42", "Exported everything"),
        ("chatthread", "cthr_1", "Exported everything"),
    ]


@pytest.mark.parametrize("missing", ["view_enduser", "view_transcript", "export_enduser"])
def test_an_export_asks_for_three_permissions(reader: Reader, known: EndUser, missing: str) -> None:
    client = reader(*(name for name in ALL if name != missing))

    assert client.get(ARCHIVE).status_code == 403
    page = client.get(PAGE)
    assert page.status_code == (403 if missing == "view_enduser" else 200)
    assert ARCHIVE not in page.content.decode()
    assert logged() == []


def test_hidden_content_is_in_no_export(admin_client: Client, known: EndUser, settings: Any) -> None:
    assert ARCHIVE in admin_client.get(PAGE).content.decode()

    settings.CHATKIT = {**settings.CHATKIT, "HIDE_CONTENT": True}

    assert admin_client.get(ARCHIVE).status_code == 403


def test_who_is_not_here_has_no_export(admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}nobody/archive/").status_code == 404


# Erase


def test_erasing_asks_first_and_says_what_would_go(
    reader: Reader, known: EndUser, upstream: Emulator
) -> None:
    answer = act(reader(*ALL), "erase", from_page="yes")

    page = answer.content.decode()
    assert "Erase, upstream and here?" in page
    assert "sessions: 0, threads: 1, items: 1, notes: 0" in page
    assert 'name="confirmed"' in page
    assert 'name="from_page"' in page
    assert "A secret title" not in page
    assert not Erasure.objects.exists()
    assert upstream.count() == 0


def test_an_erasure_is_asked_for_carried_out_by_a_worker_and_logged(
    reader: Reader, known: EndUser, upstream: Emulator
) -> None:
    assert said(act(reader(*ALL), "erase", confirmed="yes")) == ["Asked to be erased: 1 end user."]

    row = Erasure.objects.get()  # the task runs at once: tests.settings
    assert (row.state, row.asked_as, row.threads, row.items) == (Erasure.State.DONE, "reader1", 1, 1)
    assert row.asked_by is not None
    assert upstream.threads() == []
    assert not EndUser.objects.exists()
    assert logged() == [("enduser", "user_42", "Asked to be erased")]


def test_a_broker_that_is_down_leaves_the_erasure_to_beat(reader: Reader, known: EndUser) -> None:
    with celery_apps.current(broker_url=celery_apps.NO_BROKER):
        assert said(act(reader(*ALL), "erase", confirmed="yes")) == ["Asked to be erased: 1 end user."]

    assert Erasure.objects.pending().count() == 1
    assert "Being erased." in reader(*ALL).get(PAGE).content.decode()


def test_an_erasure_under_way_is_seen_found_and_not_asked_for_again(
    admin_client: Client, known: EndUser
) -> None:
    assert 'value="erase"' in admin_client.get(PAGE).content.decode()
    assert "user_42" not in admin_client.get(f"{LIST}?state=erasing").content.decode()

    Erasure.objects.create(end_user="user_42", pending_for="user_42", asked_at=BEGIN)

    page = admin_client.get(PAGE).content.decode()
    assert 'value="erase"' not in page
    assert "workers go on with it and try again what failed." in page
    found = admin_client.get(f"{LIST}?state=erasing").content.decode()
    assert "user_42" in found
    assert "being erased" in found


def test_an_erasure_that_waits_for_a_hold_says_so(admin_client: Client, known: EndUser) -> None:
    row = Erasure.objects.create(end_user="user_42", pending_for="user_42", asked_at=BEGIN)
    erasure = f"{ROOT}erasure/{row.pk}/change/"
    assert "on hold" not in admin_client.get(erasure).content.decode()

    holds.hold(user="user_42", now=BEGIN)

    assert "it waits until the hold is lifted." in admin_client.get(PAGE).content.decode()
    assert "on hold" in admin_client.get(erasure).content.decode()


@pytest.mark.parametrize(("deed", "is_red"), [("erase", True), ("hold", False)])
def test_only_what_cannot_be_undone_has_a_red_button(
    admin_client: Client, known: EndUser, deed: str, is_red: bool
) -> None:
    assert ("delete-confirmation" in act(admin_client, deed).content.decode()) is is_red


def test_who_is_held_is_not_erased_and_that_is_said(
    reader: Reader, known: EndUser, upstream: Emulator
) -> None:
    holds.hold(user="user_42", now=BEGIN)

    (message,) = said(act(reader(*ALL), "erase", confirmed="yes"))

    assert message.startswith(
        "end user user_42: failed. the end user is on hold: nothing of theirs is deleted"
    )
    assert upstream.count() == 0
    assert logged() == []
    assert "on hold" in act(reader(*ALL), "erase").content.decode()


def test_a_thread_of_who_is_held_is_not_deleted_upstream(
    admin_client: Client, known: EndUser, upstream: Emulator
) -> None:
    holds.hold(user="user_42", now=BEGIN)
    data = {"action": "delete_upstream", "_selected_action": ["cthr_1"], "confirmed": "yes"}

    (message,) = said(admin_client.post(f"{ROOT}chatthread/", data, follow=True))

    assert message.startswith("thread cthr_1: failed. the end user is on hold: nothing of theirs is deleted")
    assert upstream.count() == 0


def test_the_page_of_a_thread_says_that_its_end_user_is_held_and_offers_no_deletion(
    admin_client: Client, known: EndUser
) -> None:
    page = f"/admin/django_chatkit/chatthread/{quote('cthr_1')}/change/"
    free = admin_client.get(page).content.decode()
    holds.hold(user="user_42", reason="a <b>lawsuit", as_="grace", now=BEGIN)
    held = admin_client.get(page).content.decode()

    assert ("Delete upstream…" in free, "On hold." in free) == (True, False)
    assert ("Delete upstream…" in held, "Sync now" in held) == (False, True)
    assert "Since Nov. 3, 2026, 9 a.m., by grace: nothing is erased or pruned" in held
    assert "a &lt;b&gt;lawsuit" in held


def test_who_is_held_is_named_so_before_threads_are_deleted(admin_client: Client, known: EndUser) -> None:
    chosen = {"action": "delete_upstream", "_selected_action": ["cthr_1"]}
    assert "on hold" not in admin_client.post(f"{ROOT}chatthread/", chosen).content.decode()
    holds.hold(user="user_42", now=BEGIN)
    assert "· on hold" in admin_client.post(f"{ROOT}chatthread/", chosen).content.decode()


def test_a_note_on_who_is_held_is_not_removed(admin_client: Client, known: EndUser) -> None:
    note = ThreadNote.objects.create(thread_id="cthr_1", text="Angry", created_at=BEGIN)
    holds.hold(user="user_42", now=BEGIN)
    address = f"{ROOT}chatthread/{quote('cthr_1')}/annotate/"
    data = {"deed": "take-back", "note": str(note.pk)}

    (message,) = said(admin_client.post(address, data, follow=True))

    assert message == "This end user is on hold: no note of theirs can be removed."
    assert ThreadNote.objects.exists()
    holds.lift(user="user_42")
    assert said(admin_client.post(address, data, follow=True)) == ["Removed a note"]


def test_a_review_of_who_is_held_is_not_changed(admin_client: Client, known: EndUser) -> None:
    address = f"{ROOT}chatthread/{quote('cthr_1')}/annotate/"
    good, bad = ({"deed": "review", "review-rating": rating} for rating in ("1", "-1"))
    holds.hold(user="user_42", now=BEGIN)
    assert said(admin_client.post(address, good, follow=True)) == ["Changed rating and tags"]

    (message,) = said(admin_client.post(address, bad, follow=True))

    assert message == "This end user is on hold: rating and tags can't be changed."
    assert ThreadReview.objects.get().rating == 1
    holds.lift(user="user_42")
    assert said(admin_client.post(address, bad, follow=True)) == ["Changed rating and tags"]


def test_too_many_at_once_are_refused(admin_client: Client, upstream: Emulator) -> None:
    ids = [f"user_{number:03}" for number in range(MOST_AT_ONCE + 1)]
    EndUser.objects.bulk_create(EndUser(id=id) for id in ids)

    page = act(admin_client, "erase", *ids).content.decode()
    (message,) = said(act(admin_client, "erase", *ids, confirmed="yes"))

    assert "Back to the list" in page
    assert 'name="confirmed"' not in page
    assert message.startswith("Nothing was done: at most 100 at once here.")
    assert not Erasure.objects.exists()


# Hold


def test_a_hold_is_set_with_a_reason_seen_and_lifted(reader: Reader, known: EndUser) -> None:
    client = reader(*ALL)
    assert 'name="reason"' in act(client, "hold").content.decode()
    assert 'value="lift"' not in client.get(PAGE).content.decode()

    assert said(act(client, "hold", confirmed="yes", reason="a <b>lawsuit")) == ["Held: 1 end user."]

    row = Hold.objects.get()
    assert (row.reason, row.held_as) == ("a <b>lawsuit", "reader1")
    page = client.get(PAGE).content.decode()
    assert "On hold." in page
    assert "a &lt;b&gt;lawsuit" in page
    assert 'value="erase"' not in page
    assert "Lift the hold?" in act(client, "lift").content.decode()
    assert said(act(client, "lift", confirmed="yes")) == ["Hold lifted: 1 end user."]
    assert not Hold.objects.exists()
    assert said(act(client, "lift", confirmed="yes")) == []  # nothing to lift, and nothing is logged
    assert logged() == [("enduser", "user_42", "Held"), ("enduser", "user_42", "Hold lifted")]


@pytest.mark.parametrize(
    ("action", "permission"),
    [("erase", "erase_enduser"), ("hold", "hold_enduser"), ("lift", "hold_enduser")],
)
def test_each_deed_has_a_permission_of_its_own(
    reader: Reader, known: EndUser, action: str, permission: str
) -> None:
    client = reader(*(name for name in ALL if name != permission))

    answer = act(client, action, confirmed="yes")

    assert not Erasure.objects.exists()
    assert not Hold.objects.exists()
    assert f'value="{action}"' not in client.get(PAGE).content.decode()
    assert answer.status_code == 200
    assert logged() == []


def test_the_former_owner_is_named_and_found(admin_client: Client) -> None:
    EndUser.objects.create(id="user_7", former_owner="4711")

    assert "4711" in admin_client.get(f"{LIST}user_5F7/change/").content.decode()
    assert "user_7" in admin_client.get(f"{LIST}?q=4711").content.decode()


# Erasures


def erasure(**fields: Any) -> Erasure:
    values: dict[str, Any] = {"end_user": "user_42", "asked_as": "grace", "asked_at": BEGIN, **fields}
    return Erasure.objects.create(**values)


def test_erasures_are_listed_and_none_can_be_changed(reader: Reader) -> None:
    row = erasure(threads=3, items=70, finished_at=BEGIN)
    client = reader("view_erasure")

    listed = client.get(f"{ROOT}erasure/").content.decode()
    page = client.get(f"{ROOT}erasure/{row.pk}/change/")

    for word in ("user_42", "grace", "done"):
        assert word in listed
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert client.post(f"{ROOT}erasure/{row.pk}/change/", {"end_user": "x"}).status_code == 403
    assert client.post(f"{ROOT}erasure/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{ROOT}erasure/add/").status_code == 403
    assert reader("view_enduser").get(f"{ROOT}erasure/").status_code == 403


def test_what_is_not_done_is_named_on_its_page(admin_client: Client) -> None:
    row = erasure(pending_for="user_42", failures=2, last_error="InternalServerError: <b>down")
    ErasedThread.objects.bulk_create(
        ErasedThread(id=f"cthr_{number:03}", erasure=row, last_error="refused") for number in range(120)
    )
    ErasedThread.objects.create(id="cthr_done", erasure=row, gone_at=BEGIN, erased_at=BEGIN)

    page = admin_client.get(f"{ROOT}erasure/{row.pk}/change/").content.decode()

    assert "cthr_099" in page
    assert "cthr_100" not in page
    assert "cthr_done" not in page
    assert "120 in all." in page
    assert "&lt;b&gt;down" in page


def test_what_upstream_did_not_confirm_is_named_on_its_page(admin_client: Client) -> None:
    row = erasure(finished_at=BEGIN, here_only=True)
    ErasedThread.objects.create(id="cthr_here", erasure=row, erased_at=BEGIN)
    ErasedThread.objects.create(id="cthr_gone", erasure=row, gone_at=BEGIN, erased_at=BEGIN)

    page = admin_client.get(f"{ROOT}erasure/{row.pk}/change/").content.decode()

    assert "done here only" in page
    assert "Threads that upstream did not confirm" in page
    assert "cthr_here" in page
    assert "cthr_gone" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=waiting", {"waits"}),
        ("state=failing", {"fails"}),
        ("state=done", {"went"}),
        ("state=here", {"here"}),
        ("q=grace", {"waits", "fails", "went", "here"}),
        ("q=went", {"went"}),
    ],
)
def test_erasures_are_found(admin_client: Client, query: str, found: set[str]) -> None:
    erasure(end_user="waits")
    erasure(end_user="fails", failures=1)
    erasure(end_user="went", finished_at=BEGIN)
    erasure(end_user="here", finished_at=BEGIN, here_only=True)

    rows = admin_client.get(f"{ROOT}erasure/?{query}").context["cl"].result_list

    assert {row.end_user for row in rows} == found
