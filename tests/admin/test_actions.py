"""Acting from the admin: sync, cancel, delete upstream, and what is said when it fails."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from django_chatkit.admin.actions import MOST_AT_ONCE, say
from django_chatkit.client import ChatKitError
from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser
from django_chatkit.testing import Emulator
from django_chatkit.wiring import connect
from tests import celery_apps

from .conftest import BEGIN, Reader, make_run, make_session, make_thread

ROOT = "/admin/django_chatkit/"
SECRET_WORDS = "the words of a private conversation"


@pytest.fixture
def upstream(chatkit_emulator: Emulator, settings: Any) -> Emulator:
    """Play upstream, met once each: a fault that is ordered is not retried away. Nothing is queued yet."""
    cache.clear()
    settings.CHATKIT = {**settings.CHATKIT, "MAX_RETRIES": 0}
    return chatkit_emulator


def act(client: Client, noun: str, action: str, *ids: str, **more: Any) -> str:
    """Run an action on a list and return its messages, in order, a line each."""
    data = {"action": action, "_selected_action": ids, **more}
    answer = client.post(f"{ROOT}{noun}/", data, follow=True)
    assert answer.status_code == 200
    return "\n".join(str(message) for message in answer.context["messages"])


def known(upstream: Emulator, id: str = "cthr_1") -> ChatThread:
    """Keep a thread that upstream has, with two items that are not copied yet."""
    upstream.add_thread(user="user_42", id=id, title="Old", items=[{"text": "Hello"}, {"text": "Again"}])
    end_user, _created = EndUser.objects.get_or_create(id="user_42")
    return make_thread(end_user, id, synced_at=None)


def opened() -> ChatSession:
    """Open a session upstream and keep it in the ledger."""
    answer = connect().sessions.create(user="user_42", workflow={"id": "wf_1"})
    end_user, _created = EndUser.objects.get_or_create(id="user_42")
    return make_session(end_user, str(answer.payload["id"]))


# What is done


def test_a_thread_is_synced(staff: Client, upstream: Emulator) -> None:
    thread = known(upstream)
    assert act(staff, "chatthread", "sync_now", thread.pk) == "Queued for a sync: 1 thread."
    assert ChatThreadItem.objects.filter(thread=thread).count() == 2


def test_an_end_user_is_synced(staff: Client, upstream: Emulator) -> None:
    upstream.add_thread(user="user_42", items=[{"text": "Hello"}])
    EndUser.objects.create(id="user_42")
    assert act(staff, "enduser", "sync_now", "user_42") == "Queued for a sync: 1 end user."
    assert ChatThread.objects.filter(end_user="user_42").count() == 1


def test_sessions_are_cancelled(staff: Client, upstream: Emulator) -> None:
    sessions = [opened(), opened()]
    assert act(staff, "chatsession", "cancel", *(each.pk for each in sessions)) == "Cancelled: 2 sessions."
    assert {each["status"] for each in upstream.sessions.values()} == {"cancelled"}
    assert not ChatSession.objects.active().exists()


def test_a_session_that_is_over_has_no_button_to_cancel_it(staff: Client, upstream: Emulator) -> None:
    session = opened()
    page = f"{ROOT}chatsession/{quote(session.pk)}/change/"
    assert 'name="action" value="cancel"' in staff.get(page).content.decode()

    act(staff, "chatsession", "cancel", session.pk)

    assert 'name="action"' not in staff.get(page).content.decode()


def test_a_thread_that_is_gone_can_be_synced_and_not_deleted_again(staff: Client, upstream: Emulator) -> None:
    thread = known(upstream)
    page = f"{ROOT}chatthread/{quote(thread.pk)}/change/"
    assert 'value="delete_upstream"' in staff.get(page).content.decode()

    act(staff, "chatthread", "delete_upstream", thread.pk, confirmed="yes")

    shown = staff.get(page).content.decode()
    assert 'value="delete_upstream"' not in shown
    assert 'value="sync_now"' in shown


@pytest.mark.parametrize(
    ("more", "back"),
    [
        pytest.param({"from_page": "yes"}, "cthr_5F1/change/", id="page"),
        pytest.param({}, "?q=cthr_1", id="list"),
    ],
)
def test_who_does_not_confirm_is_led_back_to_where_they_were(
    staff: Client, upstream: Emulator, more: dict[str, str], back: str
) -> None:
    thread = known(upstream)
    data = {"action": "delete_upstream", "_selected_action": [thread.pk], **more}

    page = staff.post(f"{ROOT}chatthread/?q=cthr_1", data).content.decode()

    assert f'<a class="button cancel-link" href="{ROOT}chatthread/{back}">No, take me back</a>' in page
    path = re.search(r'<div class="breadcrumbs">(.*?)</div>', page, re.DOTALL)
    assert path
    assert re.sub(r"<[^>]*>|\s+", " ", path[1]).split("&rsaquo;")[-1].strip() == "Delete upstream?"
    assert f'<a href="{ROOT}chatthread/">Threads</a>' in path[1]


def test_deleting_upstream_asks_first(staff: Client, upstream: Emulator) -> None:
    thread = known(upstream)
    answer = staff.post(f"{ROOT}chatthread/", {"action": "delete_upstream", "_selected_action": [thread.pk]})
    page = answer.content.decode()
    assert "Delete upstream?" in page
    assert thread.pk in page
    assert 'name="confirmed"' in page
    assert "from_page" not in page
    assert upstream.count("delete_thread") == 0


def test_deleting_upstream_marks_the_copy_as_gone(staff: Client, upstream: Emulator) -> None:
    thread = known(upstream)
    said = act(staff, "chatthread", "delete_upstream", thread.pk, confirmed="yes")
    assert said == "Deleted upstream: 1 thread."
    assert upstream.threads() == []
    thread.refresh_from_db()
    assert thread.gone_at is not None


def test_a_thread_that_upstream_no_longer_has_counts_as_deleted(staff: Client, upstream: Emulator) -> None:
    thread = known(upstream)
    upstream.remove_thread(thread.pk)
    said = act(staff, "chatthread", "delete_upstream", thread.pk, confirmed="yes")
    assert said == "Deleted upstream: 1 thread."


@pytest.mark.parametrize("action", ["sync_now", "delete_upstream"])
def test_the_button_on_a_page_leads_back_to_the_page(action: str, staff: Client, upstream: Emulator) -> None:
    thread = known(upstream)
    data = {"action": action, "_selected_action": [thread.pk], "from_page": "yes", "confirmed": "yes"}
    answer = staff.post(f"{ROOT}chatthread/", data)
    assert answer.headers["Location"] == f"{ROOT}chatthread/{quote(thread.pk)}/change/"


def test_the_confirmation_remembers_the_page(staff: Client, upstream: Emulator) -> None:
    data = {"action": "delete_upstream", "_selected_action": [known(upstream).pk], "from_page": "yes"}
    assert 'name="from_page"' in staff.post(f"{ROOT}chatthread/", data).content.decode()


def test_what_was_done_is_logged_by_id_and_not_by_title(staff: Client, upstream: Emulator) -> None:
    thread = known(upstream)
    ChatThread.objects.update(title=SECRET_WORDS)
    act(staff, "chatthread", "sync_now", thread.pk)
    entry = LogEntry.objects.get()
    assert entry.object_id == entry.object_repr == thread.pk
    assert entry.change_message == "Queued for a sync"
    assert SECRET_WORDS not in str(entry)


# What fails


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param({"status": 500}, "upstream answered 500 (InternalServerError)", id="server-error"),
        pytest.param({"status": 403}, "upstream answered 403 (PermissionDeniedError)", id="forbidden"),
        pytest.param({"kind": "reset"}, "upstream can't be reached", id="reset"),
        pytest.param({"kind": "timeout"}, "upstream did not answer in time", id="timeout"),
        pytest.param({"kind": "not_json"}, "upstream's answer can't be read", id="not-json"),
    ],
)
def test_a_fault_is_said_in_words_and_keeps_the_row(
    fault: dict[str, Any], words: str, staff: Client, upstream: Emulator
) -> None:
    thread = known(upstream)
    upstream.fail("delete_thread", **fault)
    said = act(staff, "chatthread", "delete_upstream", thread.pk, confirmed="yes")
    assert said.startswith(f"thread {thread.pk}: failed. {words}")
    thread.refresh_from_db()
    assert thread.gone_at is None
    assert not LogEntry.objects.exists()


def test_a_refusal_is_told_with_its_request_id_and_without_its_words(
    staff: Client, upstream: Emulator
) -> None:
    thread = known(upstream)
    body = {"error": {"message": SECRET_WORDS, "type": "x", "param": None, "code": None}}
    upstream.fail("delete_thread", status=400, body=body, headers={"x-request-id": "req_evidence"})
    said = act(staff, "chatthread", "delete_upstream", thread.pk, confirmed="yes")
    assert "request id req_evidence" in said
    assert SECRET_WORDS not in said


def test_one_that_fails_stops_no_other(staff: Client, upstream: Emulator) -> None:
    ids = [known(upstream, f"cthr_{number}").pk for number in range(3)]
    upstream.fail("delete_thread", match="cthr_1")
    said = act(staff, "chatthread", "delete_upstream", *ids, confirmed="yes")
    assert "thread cthr_1: failed." in said
    assert said.endswith("Deleted upstream: 2 threads.")
    assert set(ChatThread.objects.present().values_list("pk", flat=True)) == {"cthr_1"}


def test_a_refused_key_ends_the_work(staff: Client, upstream: Emulator) -> None:
    ids = [known(upstream, f"cthr_{number}").pk for number in range(3)]
    upstream.fail("delete_thread", status=401, times=None)
    said = act(staff, "chatthread", "delete_upstream", *ids, confirmed="yes")
    assert "thread cthr_0: failed. upstream answered 401" in said
    assert "2 more not tried: upstream refuses the API key." in said
    assert upstream.count("delete_thread") == 1
    assert "more not tried" not in act(staff, "chatthread", "delete_upstream", ids[2], confirmed="yes")


def test_a_delete_that_did_not_delete_is_a_failure(staff: Client, upstream: Emulator) -> None:
    thread = known(upstream)
    body = {"id": thread.pk, "object": "chatkit.thread.deleted", "deleted": False}
    upstream.fail("delete_thread", status=200, body=body)
    said = act(staff, "chatthread", "delete_upstream", thread.pk, confirmed="yes")
    assert said.startswith(f"thread {thread.pk}: failed. upstream says that it did not delete it")


def test_an_id_that_no_address_can_hold_is_a_failure(staff: Client, upstream: Emulator) -> None:
    make_thread(EndUser.objects.create(id="user_42"), "..")
    said = act(staff, "chatthread", "delete_upstream", "..", confirmed="yes")
    assert said.startswith("thread ..: failed. ValueError")


@pytest.mark.parametrize(
    ("noun", "action", "more"),
    [
        pytest.param("enduser", "sync_now", {}, id="sync"),
        pytest.param("chatthread", "delete_upstream", {"confirmed": "yes"}, id="delete"),
        pytest.param("chatsession", "cancel", {}, id="cancel"),
    ],
)
def test_without_a_key_nothing_is_done_and_it_is_said(
    noun: str, action: str, more: dict[str, str], staff: Client, settings: Any, thread: ChatThread
) -> None:
    session = make_session(thread.end_user, "cksess_1")
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("OPENAI_API_KEY", raising=False)
        settings.CHATKIT = {**settings.CHATKIT, "API_KEY": ""}
        ids = {"enduser": thread.end_user_id, "chatthread": thread.pk, "chatsession": session.pk}
        said = act(staff, noun, action, ids[noun], **more)
    assert said.startswith("Nothing was done. ChatKit has no API key")


def test_a_setting_that_makes_no_client_is_named(staff: Client, settings: Any, thread: ChatThread) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "ADAPTER": "nowhere.Adapter"}
    said = act(staff, "chatthread", "sync_now", thread.pk)
    assert said.startswith("Nothing was done. CHATKIT['ADAPTER'] can't be imported")


def test_too_many_at_once_are_refused(staff: Client, end_user: EndUser, upstream: Emulator) -> None:
    ids = [f"cthr_{number}" for number in range(MOST_AT_ONCE + 1)]
    ChatThread.objects.bulk_create(ChatThread(id=id, end_user=end_user, created_at=BEGIN) for id in ids)
    said = act(staff, "chatthread", "sync_now", *ids)
    assert said.startswith("Nothing was done: at most 100 at once")
    page = staff.post(f"{ROOT}chatthread/", {"action": "delete_upstream", "_selected_action": ids})
    assert "Nothing was done: at most 100 at once" in page.content.decode()
    assert upstream.count() == 0


def test_an_error_of_another_kind_is_named() -> None:
    assert say(ChatKitError("x")) == "ChatKitError"


# What is queued


@pytest.mark.parametrize(
    ("noun", "id", "message"),
    [
        pytest.param(
            "chatthread", "cthr_1", ("sync_thread", {"thread_id": "cthr_1", "watched": True}), id="thread"
        ),
        pytest.param("enduser", "user_42", ("sync_user", {"user": "user_42"}), id="end-user"),
    ],
)
def test_a_sync_is_left_to_the_workers_and_queued_once(
    noun: str, id: str, message: tuple[str, dict[str, Any]], staff: Client, upstream: Emulator
) -> None:
    known(upstream)
    with celery_apps.current(broker_url="memory://", task_default_queue=f"of-the-admins-{noun}") as app:
        said = [act(staff, noun, "sync_now", id) for _ in range(2)]
        with app.connection_for_read() as connection:
            messages = connection.SimpleQueue(f"of-the-admins-{noun}")
            sent = [messages.get_nowait() for _ in range(messages.qsize())]
    cache.clear()

    task, arguments = message
    assert [(each.headers["task"], each.payload[1]) for each in sent] == [
        (f"django_chatkit.tasks.{task}", arguments)
    ]
    assert said[0] == said[1]
    assert said[0].startswith("Queued for a sync: 1")
    assert upstream.count() == 0


def test_a_broker_that_is_down_is_said_and_nothing_is_taken_for_queued(
    staff: Client, upstream: Emulator
) -> None:
    ids = [known(upstream, f"cthr_{number}").pk for number in range(3)]

    with celery_apps.current(broker_url=celery_apps.NO_BROKER):
        said = act(staff, "chatthread", "sync_now", *ids)

    assert said == "Not queued: 3. The broker of Celery can't be reached; ask again when it runs."
    assert not LogEntry.objects.exists()
    assert act(staff, "chatthread", "sync_now", *ids) == "Queued for a sync: 3 threads."
    assert ChatThreadItem.objects.count() == 6


def test_where_tasks_run_within_the_request_a_refused_key_is_told_of_each(
    staff: Client, upstream: Emulator
) -> None:
    thread = known(upstream)
    upstream.fail("list_items", status=401, times=None)

    said = act(staff, "chatthread", "sync_now", thread.pk)

    assert said.startswith(f"thread {thread.pk}: failed. upstream answered 401")
    assert "Queued" not in said


def run_states(client: Client, noun: str, id: str) -> list[str]:
    """Return the states that a page tells of the last runs about its row."""
    page = client.get(f"{ROOT}{noun}/{quote(id)}/change/").content.decode()
    table = page.partition('<details id="syncs"')[2].partition("</details>")[0]
    return re.findall(r'class="ck-state ck-\w+">([^<]+)<', table)


@pytest.mark.parametrize(("noun", "id"), [("chatthread", "cthr_1"), ("enduser", "user_42")])
def test_the_page_tells_what_became_of_the_sync_news_or_not(
    noun: str, id: str, staff: Client, upstream: Emulator
) -> None:
    known(upstream)
    assert run_states(staff, noun, id) == []

    act(staff, noun, "sync_now", id)
    assert run_states(staff, noun, id) == ["ended"]
    act(staff, noun, "sync_now", id)
    assert run_states(staff, noun, id) == ["ended", "ended"]
    upstream.fail("list_items", times=None)
    act(staff, noun, "sync_now", id)

    assert run_states(staff, noun, id) == ["ended", "1 error", "ended", "ended"]


def test_a_run_at_work_is_shown_open_with_its_counts(staff: Client, thread: ChatThread) -> None:
    now = timezone.now()
    make_run("thread", thread.pk, started_at=now, noted_at=now, ended_at=None, items_new=17)
    make_run("thread", "cthr_other", started_at=now, noted_at=now, ended_at=None)
    make_run("user", thread.pk, started_at=now, noted_at=now, ended_at=None)

    page = staff.get(f"{ROOT}chatthread/{quote(thread.pk)}/change/").content.decode()

    assert run_states(staff, "chatthread", thread.pk) == ["running"]
    assert '<details id="syncs" class="ck-fold ck-syncs" open>' in page
    assert ">17</span> new" in page


def test_old_runs_are_folded_and_few(staff: Client, thread: ChatThread) -> None:
    for minutes in range(7):
        make_run("thread", thread.pk, started_at=BEGIN + timedelta(minutes=minutes))

    page = staff.get(f"{ROOT}chatthread/{quote(thread.pk)}/change/").content.decode()

    assert run_states(staff, "chatthread", thread.pk) == ["ended"] * 5
    assert '<details id="syncs" class="ck-fold ck-syncs">' in page


def test_the_page_of_an_end_user_tells_of_the_last_sync_of_everything(
    staff: Client, thread: ChatThread
) -> None:
    def whole(noun: str, id: str) -> list[str]:
        page = staff.get(f"{ROOT}{noun}/{quote(id)}/change/").content.decode()
        return re.findall(r'Last sync of everything, without an error: <a href="([^"]+)">11/03/2026', page)

    make_run(errors=1, started_at=BEGIN + timedelta(hours=3))
    make_run(stopped=True, started_at=BEGIN + timedelta(hours=2))
    make_run(ended_at=None, started_at=BEGIN + timedelta(hours=2))
    make_run("user", "user_43", started_at=BEGIN + timedelta(hours=2))
    assert whole("enduser", "user_42") == []
    make_run(started_at=BEGIN)
    newest = make_run(started_at=BEGIN + timedelta(hours=1))

    assert whole("enduser", "user_42") == [f"{ROOT}syncrun/{newest.pk}/change/"]
    assert whole("chatthread", "cthr_1") == []


def test_runs_are_shown_to_those_who_may_view_runs(reader: Reader, thread: ChatThread) -> None:
    make_run("thread", thread.pk)

    page = reader("view_chatthread").get(f"{ROOT}chatthread/{quote(thread.pk)}/change/").content.decode()

    assert "Last sync runs" not in page


# Who may act


@pytest.mark.parametrize(
    ("noun", "verb", "offered"),
    [
        pytest.param("enduser", "view", set(), id="end-user-view"),
        pytest.param("enduser", "change", set(), id="end-user-change"),
        pytest.param("enduser", "sync", {"sync_now"}, id="end-user-sync"),
        pytest.param("enduser", "delete", set(), id="end-user-delete"),
        pytest.param("chatsession", "view", set(), id="session-view"),
        pytest.param("chatsession", "change", {"cancel"}, id="session-change"),
        pytest.param("chatsession", "delete", set(), id="session-delete"),
        pytest.param("chatthread", "view", set(), id="thread-view"),
        pytest.param("chatthread", "change", set(), id="thread-change"),
        pytest.param("chatthread", "sync", {"sync_now"}, id="thread-sync"),
        pytest.param("chatthread", "delete", {"delete_upstream"}, id="thread-delete"),
        pytest.param("chatthreaditem", "change", set(), id="item-change"),
        pytest.param("chatthreaditem", "delete", set(), id="item-delete"),
    ],
)
def test_each_action_has_its_permission(
    noun: str, verb: str, offered: set[str], reader: Reader, thread: ChatThread, upstream: Emulator
) -> None:
    session = make_session(thread.end_user, "cksess_1")
    ids = {"enduser": "user_42", "chatthread": thread.pk, "chatsession": session.pk, "chatthreaditem": "x"}
    deed = "sync_chatthread" if verb == "sync" else f"{verb}_{noun}"
    client = reader(f"view_{noun}", "view_transcript", deed)
    page = client.get(f"{ROOT}{noun}/").content.decode()
    assert set(re.findall(r'<option value="(\w+)"', page)) == offered
    for action in {"sync_now", "cancel", "delete_upstream"} - offered:
        act(client, noun, action, ids[noun], confirmed="yes")
    assert upstream.count() == 0
