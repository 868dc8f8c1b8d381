"""The admin's pages: who may read them, what they cost, and that outside text stays text."""

import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.models import ChatThread, EndUser

from .conftest import BEGIN, Reader, make_item, make_run, make_session, make_thread

ROOT = "/admin/django_chatkit/"
NOUNS = ("enduser", "chatsession", "chatthread", "chatthreaditem", "syncrun")


def list_of(noun: str) -> str:
    return f"{ROOT}{noun}/"


def page_of(noun: str, id: str | int) -> str:
    return f"{ROOT}{noun}/{quote(id)}/change/"


def text_of(client: Client, address: str, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, (answer.status_code, address)
    return answer.content.decode()


def cost_of(client: Client, address: str, **query: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        text_of(client, address, **query)
    return len(queries)


def fill(end_user: EndUser, begin: int, end: int) -> None:
    for number in range(begin, end):
        owner = User.objects.create_user(f"owner{number}")
        other = EndUser.objects.create(id=f"user_{number}_", owner=owner)
        thread = make_thread(other, f"cthr_{number}_")
        make_item(thread, 1, id=f"cti_{number}_")
        make_session(other, f"cksess_{number}_")
        make_thread(end_user, f"cthr_{number}_own")
        make_session(end_user, f"cksess_{number}_own")
        make_run("user", other.pk, errors=1, last_error="Oh: dear")
        make_run("thread", thread.pk, ended_at=None)


# What a reader may do


@pytest.mark.parametrize("noun", NOUNS)
def test_view_permission_suffices_and_nothing_can_be_changed(
    noun: str, reader: Reader, thread: ChatThread, end_user: EndUser
) -> None:
    ids: dict[str, Any] = {
        "enduser": end_user.pk,
        "chatthread": thread.pk,
        "chatsession": make_session(end_user, "cksess_1").pk,
        "chatthreaditem": make_item(thread, 1).pk,
        "syncrun": make_run().pk,
    }
    client = reader(f"view_{noun}", "view_transcript")
    assert '<select name="action"' not in text_of(client, list_of(noun))
    page = text_of(client, page_of(noun, ids[noun]))
    assert "ck-acts" not in page
    assert 'name="_save"' not in page
    assert client.get(f"{list_of(noun)}add/").status_code == 403
    assert client.get(f"{ROOT}{noun}/{quote(ids[noun])}/delete/").status_code == 403
    assert client.post(page_of(noun, ids[noun]), {}).status_code == 403
    assert text_of(client, f"{ROOT}{noun}/{quote(ids[noun])}/history/")


@pytest.mark.parametrize("noun", NOUNS)
def test_without_permission_nothing_is_shown(noun: str, reader: Reader) -> None:
    client = reader()
    assert client.get(list_of(noun)).status_code == 403
    assert client.get(page_of(noun, "1")).status_code == 403


@pytest.mark.parametrize("noun", NOUNS)
def test_all_permissions_leave_the_pages_read_only(
    noun: str, staff: Client, thread: ChatThread, end_user: EndUser
) -> None:
    make_session(end_user, "cksess_1")
    make_item(thread, 1)
    assert staff.get(f"{list_of(noun)}add/").status_code == 403
    assert 'name="_save"' not in text_of(staff, page_of("chatthread", thread.pk))
    assert "delete_selected" not in text_of(staff, list_of(noun))


def test_an_end_users_page_shows_only_what_the_reader_may_view(
    reader: Reader, thread: ChatThread, end_user: EndUser
) -> None:
    make_session(end_user, "cksess_1")
    address = page_of("enduser", end_user.pk)
    alone = text_of(reader("view_enduser"), address)
    assert thread.title not in alone
    assert "cksess_1" not in alone
    both = text_of(reader("view_enduser", "view_chatthread", "view_chatsession"), address)
    assert thread.title in both
    assert "cksess_1" in both
    assert f"{list_of('chatthread')}?end_user=user_42" in both


def test_an_end_users_page_counts_what_it_has_of_each(staff: Client, end_user: EndUser) -> None:
    address = page_of("enduser", end_user.pk)
    make_thread(end_user, "cthr_0")
    assert "1 in all." in text_of(staff, address)
    ChatThread.objects.bulk_create(
        ChatThread(id=f"cthr_{number}", end_user=end_user, created_at=BEGIN) for number in range(1, 35)
    )
    page = text_of(staff, address)
    assert "The newest 20 of 35." in page
    assert "0 in all." in page
    ChatThread.objects.bulk_create(
        ChatThread(id=f"cthr_{number}", end_user=end_user, created_at=BEGIN) for number in range(35, 10_001)
    )
    assert "The newest 20 of 10000 or more." in text_of(staff, address)


def test_details_of_items_are_linked_for_those_who_may_view_items(reader: Reader, thread: ChatThread) -> None:
    make_item(thread, 1)
    address = page_of("chatthread", thread.pk)
    assert "Details" not in text_of(reader("view_chatthread", "view_transcript"), address)
    assert "Details" in text_of(reader("view_chatthread", "view_transcript", "view_chatthreaditem"), address)


def test_an_unknown_row_is_not_found_kindly(staff: Client) -> None:
    assert staff.get(page_of("chatthread", "cthr_none")).status_code == 302


# What pages cost


@pytest.mark.parametrize("noun", NOUNS)
def test_a_list_costs_the_same_with_one_row_and_with_sixty(
    noun: str, staff: Client, end_user: EndUser
) -> None:
    fill(end_user, 0, 1)
    text_of(staff, list_of(noun))  # content types are read once
    few = cost_of(staff, list_of(noun))
    fill(end_user, 1, 60)
    assert cost_of(staff, list_of(noun)) <= few + 1  # of more than a page the ids are asked for first
    assert few <= 6


def test_a_thread_of_a_hundred_thousand_items_costs_what_one_of_fifty_costs(
    staff: Client, end_user: EndUser
) -> None:
    for id, count in (("cthr_short", 50), ("cthr_long", 100_000)):
        say_often(make_thread(end_user, id), count)
    short, long = (page_of("chatthread", id) for id in ("cthr_short", "cthr_long"))
    text_of(staff, short)  # content types are read once
    page = text_of(staff, short)
    assert page.count("<article") == 50
    assert len(page.encode()) <= 200_000
    few = cost_of(staff, short)
    for place in (
        {},
        {"from": "oldest"},
        {"before": "50000"},
        {"after": "50000"},
        {"item": "cthr_long50000"},
    ):
        assert len(text_of(staff, long, **place).encode()) <= 1.05 * len(page.encode())
        assert cost_of(staff, long, **place) <= few + (2 if place else 0)
    assert cost_of(staff, long) == few
    by_day = (BEGIN + timedelta(minutes=50_000)).date().isoformat()
    assert cost_of(staff, long, on=by_day) <= few + 21
    assert f'<time datetime="{by_day}">' in text_of(staff, long, on=by_day)


def say_often(thread: ChatThread, count: int) -> None:
    """Let the assistant say something ordinary each minute, without a hundred thousand objects."""
    payload = {"content": [{"type": "output_text", "text": ORDINARY, "annotations": []}]}
    make_item(thread, 0, "chatkit.assistant_message", id=f"{thread.pk}0", payload=payload, created_at=BEGIN)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < %s)
            INSERT INTO django_chatkit_chatthreaditem
                (id, thread_id, type, position, text, settled, payload, created_at, gone_at)
            SELECT thread_id || n, thread_id, type, n, text, settled, payload,
                datetime(created_at, '+' || n || ' minutes'), gone_at
            FROM counted, django_chatkit_chatthreaditem WHERE id = %s
            """,
            [count, f"{thread.pk}0"],
        )


ORDINARY = """Your **order 77** left our house on Monday:

- it is in [Hamburg](https://track.example/77) now,
- it should be with you by Thursday at noon.

Is there anything else that I can do for you? If it does not come, write again, and we look for it.
"""


def test_an_end_users_page_costs_the_same_with_one_row_and_with_sixty(
    staff: Client, end_user: EndUser
) -> None:
    fill(end_user, 0, 1)
    address = page_of("enduser", end_user.pk)
    text_of(staff, address)
    few = cost_of(staff, address)
    fill(end_user, 1, 60)
    assert cost_of(staff, address) == few
    assert few <= 12


# What pages show


def test_a_thread_without_title_is_called_by_its_first_words(staff: Client, end_user: EndUser) -> None:
    thread = make_thread(end_user, "cthr_untitled")
    make_item(thread, 1, "chatkit.assistant_message", text="Welcome!")
    make_item(thread, 2, text="I lost my key")
    assert "I lost my key" in text_of(staff, list_of("chatthread"))
    assert "I lost my key" in text_of(staff, page_of("chatthread", thread.pk))
    make_thread(end_user, "cthr_silent")
    assert "Untitled" in text_of(staff, list_of("chatthread"))


def test_threads_stand_by_last_activity(staff: Client, end_user: EndUser) -> None:
    make_thread(end_user, "cthr_old", title="Old", last_activity_at=BEGIN)
    make_thread(end_user, "cthr_new", title="New", last_activity_at=BEGIN + timedelta(days=1))
    page = text_of(staff, list_of("chatthread"))
    assert page.index(">New<") < page.index(">Old<")


def test_lists_show_moments_that_break_between_day_and_time_only(staff: Client, thread: ChatThread) -> None:
    make_thread(thread.end_user, "cthr_silent", last_activity_at=None)
    make_item(thread, 1)

    threads, items = text_of(staff, list_of("chatthread")), text_of(staff, list_of("chatthreaditem"))

    assert '<td class="field-last_activity">11/03/2026 9\xa0a.m.</td>' in threads
    assert '<td class="field-last_activity">–</td>' in threads
    assert '<td class="field-said_at">11/03/2026 9\xa0a.m.</td>' in items


def test_a_thread_tells_when_a_sync_last_brought_something(staff: Client, thread: ChatThread) -> None:
    page = text_of(staff, page_of("chatthread", thread.pk))

    assert re.search(
        r'Last change copied:</label>\s*<div class="readonly">Nov\. 3, 2026, 9 a\.m\.</div>', page
    )
    assert "Synced at" not in page


def test_end_users_stand_by_last_activity(staff: Client, end_user: EndUser) -> None:
    other = EndUser.objects.create(id="user_43")
    EndUser.objects.create(id="user_silent")
    make_thread(other, "cthr_new", last_activity_at=BEGIN + timedelta(days=1))
    make_thread(end_user, "cthr_old")
    page = text_of(staff, list_of("enduser"))
    assert page.index(">user_43<") < page.index(">user_42<") < page.index(">user_silent<")


def test_states_are_told_in_words(staff: Client, end_user: EndUser) -> None:
    now, soon = timezone.now(), timezone.now() + timedelta(minutes=5)
    EndUser.objects.filter(pk=end_user.pk).update(
        live_until=soon, due_at=now, leased_until=soon, failures=2, last_error="NotFoundError: gone"
    )
    EndUser.objects.create(id="user_later", due_at=soon, live_until=now, leased_until=now)
    page = text_of(staff, list_of("enduser"))
    for word in (">live<", ">due<", ">due soon<", ">being synced<", ">2 failures<", "NotFoundError: gone"):
        assert word in page, word


def test_sessions_tell_what_is_to_be_done(staff: Client, end_user: EndUser) -> None:
    soon = timezone.now() + timedelta(minutes=5)
    make_session(end_user, "cksess_active", expires_at=soon)
    make_session(end_user, "cksess_late", failures=1, last_error="APITimeoutError: late")
    make_session(end_user, "cksess_done", status="cancelled")
    page = text_of(staff, list_of("chatsession"))
    for word in (">active<", ">expired, not cancelled yet<", ">cancel failed<", ">cancelled<", "late"):
        assert word in page, word
    assert "APITimeoutError: late" in text_of(staff, page_of("chatsession", "cksess_late"))


def test_items_tell_what_is_unusual(staff: Client, thread: ChatThread) -> None:
    make_item(thread, 1, gone_at=BEGIN)
    make_item(thread, 2, "chatkit.client_tool_call", settled=False, payload={"status": "in_progress"})
    page = text_of(staff, list_of("chatthreaditem"))
    assert ">gone<" in page
    assert ">in progress<" in page
    conversation = text_of(staff, page_of("chatthread", thread.pk))
    assert "gone upstream" in conversation
    assert "no answer yet" in conversation


def test_a_thread_tells_what_its_copy_lacks(staff: Client, end_user: EndUser) -> None:
    make_thread(end_user, "cthr_new", synced_at=None)
    make_thread(end_user, "cthr_gone", gone_at=BEGIN)
    page = text_of(staff, list_of("chatthread"))
    assert ">copy under way<" in page
    assert ">gone<" in page
    assert "No item has been copied yet." in text_of(staff, page_of("chatthread", "cthr_new"))
    assert "Nothing was said in this thread." in text_of(staff, page_of("chatthread", "cthr_gone"))


def test_a_conversation_is_walked_from_page_to_page(staff: Client, thread: ChatThread) -> None:
    for position in range(1, 121):
        make_item(thread, position)
    address = page_of("chatthread", thread.pk)
    seen: list[str] = []
    query = "?from=oldest&_changelist_filters=q%3Dx"
    while query:
        page = text_of(staff, address + query)
        seen += re.findall(r'<article id="p(\d+)"', page)
        newer = re.search(r'href="(\?[^"#]*)#conversation" rel="next"', page)
        query = newer[1].replace("&amp;", "&") if newer else ""
        assert not query or "_changelist_filters=q%3Dx" in query
    assert seen == [str(position) for position in range(1, 121)]


def test_a_permalink_opens_the_page_with_the_item(staff: Client, thread: ChatThread) -> None:
    for position in range(1, 121):
        make_item(thread, position)
    page = text_of(staff, page_of("chatthread", thread.pk), item="cti_20")
    assert re.search(r'<article id="p20" class="[^"]*ck-is-wanted', page)
    assert "This thread has no item cti_none." in text_of(
        staff, page_of("chatthread", thread.pk), item="cti_none"
    )
    assert "?item=cti_20#p20" in text_of(staff, page_of("chatthreaditem", "cti_20"))


def test_a_conversation_is_lists_of_a_day_each(staff: Client, thread: ChatThread) -> None:
    for position, hours in enumerate((0, 1, 24, 25, 2)):
        make_item(thread, position, created_at=BEGIN + timedelta(hours=hours))
    page = text_of(staff, page_of("chatthread", thread.pk))
    days = re.findall(r'<p class="ck-day" id="(.*?)"><time datetime="(.*?)">', page)
    assert [day for _, day in days] == ["2026-11-03", "2026-11-04", "2026-11-03"]
    assert re.findall(r'<ol class="ck-turns" role="list" aria-labelledby="(.*?)">', page) == [
        id for id, _ in days
    ]
    assert len(re.findall(r"<li><article ", page)) == 5
    assert len(re.findall(r'<h3 id="p\d-who">End user</h3>', page)) == 5
    assert len(set(re.findall(r' id="(.*?)"', page))) == len(re.findall(r' id="(.*?)"', page))


def test_a_day_is_gone_to_by_a_form_that_keeps_the_rest_of_the_address(
    staff: Client, thread: ChatThread
) -> None:
    for position in range(120):
        make_item(thread, position, created_at=BEGIN + timedelta(hours=position))
    address = page_of("chatthread", thread.pk)
    page = text_of(staff, address, on="2026-11-05", _changelist_filters="q=a&b")
    assert re.findall(r'<article id="(\w+)"', page)[0] == "p39"
    assert '<form class="ck-when" method="get" action="#conversation">' in page
    assert '<input type="hidden" name="_changelist_filters" value="q=a&amp;b">' in page
    assert 'type="date" name="on" required value="2026-11-05">' in page
    late = text_of(staff, address, on="2026-12-24")
    assert "Nothing was said on Dec. 24, 2026 or later. These are the newest." in late
    assert 'id="p119"' in late


def test_tool_calls_fold_task_groups_are_lists_and_widgets_lists_in_lists(
    staff: Client, thread: ChatThread
) -> None:
    call = {"status": "completed", "name": "track", "arguments": '{"a": 1}', "output": '{"b": [2]}'}
    make_item(thread, 1, "chatkit.client_tool_call", payload=call)
    make_item(thread, 2, "chatkit.task_group", payload={"tasks": [{"heading": "Search"}, "odd"]})
    widget = {"type": "Card", "children": [{"type": "Row", "children": [{"type": "Text", "value": "Hi"}]}]}
    make_item(thread, 3, "chatkit.widget", payload={"widget": json.dumps(widget)})
    make_item(thread, 4, "chatkit.task", payload={"task_type": "thought", "heading": "Think"})
    page = " ".join(text_of(staff, page_of("chatthread", thread.pk)).split())
    (fold,) = re.findall(r'<details class="ck-fold"><summary><code>track</code>.*?</details>', page)
    assert "&quot;a&quot;: 1" in fold
    assert "&quot;b&quot;: [ 2 ]" in fold
    assert ">Task group</h3>" in page
    assert '2 steps</p> <ol class="ck-steps" role="list"><li>' in page
    assert re.search(r"<strong[^>]*>Search ?</strong>", page)
    (tree,) = re.findall(r'<ul class="ck-tree".*?</ul></li></ul></li></ul>', page)
    assert re.sub(r"<span.*?</span>| ", "", re.sub(r"<(\w+)[^>]*>", r"<\1>", tree)) == (
        "<ul><li><ul><li><ul><li></li></ul></li></ul></li></ul>"
    )
    assert ">Thought</span>" in page


def test_the_script_is_loaded_where_there_is_a_conversation_to_read(
    reader: Reader, thread: ChatThread
) -> None:
    make_item(thread, 1)
    address = page_of("chatthread", thread.pk)
    assert 'src="/static/django_chatkit/admin.js" defer' in text_of(
        reader("view_chatthread", "view_transcript"), address
    )
    assert "admin.js" not in text_of(reader("view_chatthread"), address)


def test_a_long_message_is_cut_in_the_conversation_and_whole_on_its_page(
    staff: Client, thread: ChatThread
) -> None:
    text = "word " * 20_000 + "FINALE"
    item = make_item(thread, 1, payload={"content": [{"type": "input_text", "text": text}]})
    conversation = text_of(staff, page_of("chatthread", thread.pk))
    assert "more characters" in conversation
    assert "FINALE" not in conversation
    assert "FINALE" in text_of(staff, page_of("chatthreaditem", item.pk))


def test_a_list_of_very_many_says_where_it_ends(staff: Client, end_user: EndUser) -> None:
    EndUser.objects.bulk_create(EndUser(id=f"user_many{number}") for number in range(10_001))
    assert "there may be more" in text_of(staff, list_of("enduser"))


# Found


@pytest.mark.parametrize(
    ("noun", "query", "found"),
    [
        pytest.param("chatthread", {"q": "cthr_1"}, True, id="thread-id"),
        pytest.param("chatthread", {"q": "parcel"}, True, id="thread-title"),
        pytest.param("chatthread", {"q": "user_42"}, True, id="thread-end-user"),
        pytest.param("chatthread", {"q": "mia@example.org"}, True, id="thread-owner"),
        pytest.param("chatthread", {"q": "2026-11-03"}, True, id="thread-day"),
        pytest.param("chatthread", {"q": "2026-11-04"}, False, id="thread-other-day"),
        pytest.param("chatthread", {"q": "2026-02-31"}, False, id="thread-no-day"),
        pytest.param("chatthread", {"q": "9999-12-31"}, False, id="thread-last-day"),
        pytest.param("chatthread", {"q": "nothing"}, False, id="thread-none"),
        pytest.param("chatthread", {"status": "active"}, True, id="thread-active"),
        pytest.param("chatthread", {"status": "locked"}, False, id="thread-locked"),
        pytest.param("chatthread", {"status": "other"}, False, id="thread-other"),
        pytest.param("chatthread", {"status": "nonsense"}, True, id="thread-nonsense"),
        pytest.param("chatthread", {"status": "closed"}, False, id="thread-closed"),
        pytest.param("chatthread", {"copy": "whole"}, True, id="thread-whole"),
        pytest.param("chatthread", {"copy": "under-way"}, False, id="thread-under-way"),
        pytest.param("chatthread", {"copy": "failing"}, False, id="thread-failing"),
        pytest.param("chatthread", {"upstream": "present"}, True, id="thread-present"),
        pytest.param("chatthread", {"upstream": "gone"}, False, id="thread-gone"),
        pytest.param("chatthread", {"end_user": "user_42"}, True, id="thread-of-end-user"),
        pytest.param("chatthread", {"end_user": "user_43"}, False, id="thread-of-other"),
        pytest.param("chatthread", {"end_user": "a\0b"}, False, id="thread-of-nul"),
        pytest.param("enduser", {"q": "USER_4"}, True, id="end-user-id"),
        pytest.param("enduser", {"q": "mia.chen"}, True, id="end-user-owner"),
        pytest.param("enduser", {"state": "live"}, False, id="end-user-live"),
        pytest.param("enduser", {"state": "due"}, False, id="end-user-due"),
        pytest.param("enduser", {"state": "leased"}, False, id="end-user-leased"),
        pytest.param("enduser", {"state": "failing"}, False, id="end-user-failing"),
        pytest.param("enduser", {"owned": "yes"}, True, id="end-user-owned"),
        pytest.param("enduser", {"owned": "no"}, False, id="end-user-ownerless"),
        pytest.param("chatsession", {"q": "wf_1"}, True, id="session-workflow"),
        pytest.param("chatsession", {"q": "2026-11-03"}, True, id="session-day"),
        pytest.param("chatsession", {"state": "open"}, False, id="session-open"),
        pytest.param("chatsession", {"state": "overdue"}, True, id="session-overdue"),
        pytest.param("chatsession", {"state": "expired"}, False, id="session-expired"),
        pytest.param("chatsession", {"state": "cancelled"}, False, id="session-cancelled"),
        pytest.param("chatsession", {"state": "failing"}, False, id="session-failing"),
        pytest.param("chatthreaditem", {"q": "Message"}, True, id="item-words"),
        pytest.param("chatthreaditem", {"thread": "cthr_1"}, True, id="item-of-thread"),
        pytest.param("chatthreaditem", {"type": "user_message"}, True, id="item-user-message"),
        pytest.param("chatthreaditem", {"type": "assistant_message"}, False, id="item-assistant-message"),
        pytest.param("chatthreaditem", {"type": "client_tool_call"}, False, id="item-call"),
        pytest.param("chatthreaditem", {"type": "widget"}, False, id="item-widget"),
        pytest.param("chatthreaditem", {"type": "task"}, False, id="item-task"),
        pytest.param("chatthreaditem", {"type": "task_group"}, False, id="item-task-group"),
        pytest.param("chatthreaditem", {"type": "other"}, False, id="item-other"),
        pytest.param("chatthreaditem", {"settled": "yes"}, True, id="item-settled"),
        pytest.param("chatthreaditem", {"settled": "no"}, False, id="item-unsettled"),
    ],
)
def test_rows_are_found(
    noun: str, query: dict[str, str], found: bool, staff: Client, thread: ChatThread
) -> None:
    make_session(thread.end_user, "cksess_1", workflow_id="wf_1")
    make_item(thread, 1)
    rows = re.search(r'<table id="result_list">', text_of(staff, list_of(noun), **query))
    assert bool(rows) is found


# Outside text stays text

BAIT = (
    "<script>alert(1)</script><img src=x onerror=alert(1)><style>*{}</style>{{ 7|add:7 }} "
    "\x00 \x1b[31m \u202eevil\u202c \u2066x \ud800 javascript:alert(1) \" ' onmouseover=alert(1)"
)
LINK = 'https://x.example/" onmouseover="alert(1)'
HOSTILE: dict[str, dict[str, Any]] = {
    "chatkit.user_message": {
        "content": [
            {"type": BAIT, "text": BAIT},
            {"type": "input_text", "text": BAIT},
            {"type": "quoted_text", "text": BAIT},
        ],
        "attachments": [
            {"type": BAIT, "id": BAIT, "name": BAIT, "mime_type": BAIT, "preview_url": "https://x.example/p"}
        ],
        "inference_options": {"model": BAIT, "tool_choice": {"id": BAIT}},
    },
    "chatkit.assistant_message": {
        "content": [
            {
                "type": "output_text",
                "text": BAIT,
                "annotations": [
                    {"type": "url", "source": {"type": "url", "url": url}}
                    for url in (
                        BAIT,
                        LINK,
                        "javascript:alert(1)",
                        "data:text/html,x",
                        "//x.example",
                        "https://ok.example/",
                    )
                ]
                + [{"type": "file", "source": {"type": "file", "filename": BAIT}}],
            },
            {
                "type": "output_text",
                "text": f"# {BAIT}\n\n[a](javascript:alert(1)) ![b](https://ok.example/) [c](/d)\n\n```{BAIT}",
            },
        ]
    },
    "chatkit.client_tool_call": {
        "status": BAIT,
        "name": BAIT,
        "call_id": BAIT,
        "arguments": BAIT,
        "output": json.dumps({BAIT: BAIT}),
    },
    "chatkit.widget": {
        "widget": json.dumps(
            {
                "type": BAIT,
                BAIT: BAIT,
                "children": [{"type": "Image", "src": "https://x.example/i", "alt": BAIT}],
            }
        )
    },
    "chatkit.task": {"task_type": BAIT, "heading": BAIT, "summary": BAIT},
    "chatkit.task_group": {"tasks": [{"type": BAIT, "heading": BAIT, "summary": BAIT}]},
    "message": {"role": BAIT, "content": BAIT},
    "<b>new</b>\u202e": {BAIT: [BAIT]},
}


class Reading(HTMLParser):
    """Collect what would act: scripts, styles, handlers and addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.links: list[str] = []
        self.wrong: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.wrong += [f"{tag} {name}" for name in named if name.startswith("on") or name == "style"]
        if tag in ("script", "img"):  # the admin has icons of its own
            self.scripts.append(named.get("src"))
        if tag in ("style", "iframe", "base", "object", "embed"):
            self.wrong.append(tag)
        if tag == "a":
            self.links.append(named.get("href") or "")
            if (named.get("href") or "").startswith("http"):
                assert "noopener noreferrer" in (named.get("rel") or "")


def assert_tame(page: str) -> Reading:
    """Hold a page against `default-src 'self'`, and against text that hides or acts."""
    reading = Reading(page)
    assert reading.wrong == []
    assert all(source and source.startswith("/") for source in reading.scripts)
    assert all(re.match(r"/|\?|#|https://ok\.example/$", link) for link in reading.links), reading.links
    assert not re.search("[\x00\x1b\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert "&lt;/style&gt;14" not in page
    assert "onerror=alert(1)>" not in page
    return reading


@pytest.mark.parametrize("type", HOSTILE)
def test_hostile_items_stay_text(type: str, staff: Client, thread: ChatThread) -> None:
    text = BAIT.replace("\x00", "").replace("\ud800", "")
    item = make_item(thread, 1, type, payload={"type": type, **HOSTILE[type]}, text=text)
    for address in (
        page_of("chatthread", thread.pk),
        page_of("chatthreaditem", item.pk),
        list_of("chatthreaditem"),
        list_of("chatthread"),
    ):
        reading = assert_tame(text_of(staff, address))
        external = [link for link in reading.links if link.startswith("http")]
        assert set(external) <= {"https://ok.example/"}


def test_hostile_rows_stay_text(staff: Client) -> None:
    text = BAIT.replace("\x00", "").replace("\ud800", "")
    end_user = EndUser.objects.create(id=text[:500], last_error=text, failures=1)
    thread = make_thread(end_user, f"cthr_{text}"[:200], title=text, status=text, payload={"title": BAIT})
    session = make_session(
        end_user, f"cksess_{text}"[:200], workflow_id=text[:200], last_error=text, payload={"a": BAIT}
    )
    make_item(thread, 1, id=f"cti_{text}"[:200])
    run = make_run("user", text[:500], last_error=text, errors=1)
    rows: tuple[tuple[str, Any], ...] = (
        ("enduser", end_user),
        ("chatthread", thread),
        ("chatsession", session),
        ("syncrun", run),
    )
    for noun, row in rows:
        page = text_of(staff, page_of(noun, row.pk))
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<script>alert" not in text_of(staff, list_of(noun))
        reading = Reading(page)
        assert reading.wrong == []


def test_every_page_is_clean_under_a_strict_content_security_policy(
    staff: Client, thread: ChatThread, end_user: EndUser
) -> None:
    make_session(end_user, "cksess_1")
    make_item(thread, 1)
    run = make_run("user", end_user.pk, stopped=True, errors=1, last_error="Stopped by AuthenticationError")
    ids: tuple[str | int, ...] = (end_user.pk, "cksess_1", thread.pk, "cti_1", run.pk)
    for noun, id in zip(NOUNS, ids, strict=True):
        assert_tame(text_of(staff, list_of(noun)))
        assert_tame(text_of(staff, page_of(noun, id)))
