"""Each opening and each export of what was said leaves an entry in the admin's log, without a word of it."""

from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client

from django_chatkit.models import ChatThread, EndUser

from .conftest import Reader, make_item, make_thread
from .test_export import LIST, body, export_of
from .test_pages import list_of, page_of, text_of

WORDS = "I lost my key"


@pytest.fixture
def secret(end_user: EndUser) -> ChatThread:
    """Keep a thread whose title and items are nobody's business."""
    thread = make_thread(end_user, "cthr_1", title=WORDS)
    make_item(thread, 1, text=WORDS)
    return thread


def entries() -> list[tuple[str, str]]:
    """Return what the log says, of which thread."""
    found = LogEntry.objects.order_by("pk").select_related("content_type")
    assert {entry.content_type.model for entry in found if entry.content_type} <= {"chatthread"}
    assert all(entry.action_flag == CHANGE for entry in found)
    assert WORDS not in "".join(f"{entry}{entry.object_repr}{entry.change_message}" for entry in found)
    return [(str(entry.object_id), entry.change_message) for entry in found]


def test_each_page_of_a_conversation_that_is_opened_leaves_an_entry(
    reader: Reader, secret: ChatThread
) -> None:
    client = reader("view_chatthread", "view_transcript")

    text_of(client, page_of("chatthread", secret.pk))
    text_of(client, page_of("chatthread", secret.pk) + "?before=1")

    assert entries() == [("cthr_1", "Opened the transcript")] * 2
    assert {entry.user for entry in LogEntry.objects.all()} == {
        User.objects.get(username__startswith="reader")
    }


def test_an_item_that_is_opened_leaves_an_entry_at_its_thread(staff: Client, secret: ChatThread) -> None:
    text_of(staff, page_of("chatthreaditem", "cti_1"))

    assert entries() == [("cthr_1", "Opened item cti_1 of the transcript")]


@pytest.mark.parametrize(
    ("query", "threads"),
    [
        pytest.param({"thread": "cthr_1"}, ["cthr_1"], id="filter"),
        pytest.param({"thread__id__exact": "cthr_1"}, ["cthr_1"], id="column"),
        pytest.param({"thread__in": "cthr_1,cthr_2"}, ["cthr_1", "cthr_2"], id="two threads"),
        pytest.param({"q": "cthr_1"}, ["cthr_1"], id="searched id"),
        pytest.param({"thread": "cthr_unknown"}, [], id="unknown"),
        pytest.param({"thread": "a\0b"}, [], id="nul"),
        pytest.param({}, [], id="all items"),
        pytest.param({"q": "lost key"}, [], id="words"),
        pytest.param({"q": "user_42"}, [], id="end user"),
        pytest.param({"type": "user_message"}, [], id="another filter"),
    ],
)
def test_a_list_of_the_items_of_a_thread_leaves_an_entry_at_it(
    staff: Client, secret: ChatThread, query: dict[str, str], threads: list[str]
) -> None:
    make_item(make_thread(secret.end_user, "cthr_2"), 1, id="cti_other", text="Hello")

    text_of(staff, list_of("chatthreaditem"), **query)

    assert entries() == [(thread, "Opened the transcript as a list of items") for thread in threads]


def test_who_may_not_list_items_leaves_no_entry(reader: Reader, secret: ChatThread) -> None:
    client = reader("view_chatthread", "view_chatthreaditem")

    assert client.get(list_of("chatthreaditem"), {"thread": "cthr_1"}).status_code == 403
    assert entries() == []


def test_who_sees_metadata_only_opens_nothing(reader: Reader, secret: ChatThread) -> None:
    text_of(reader("view_chatthread"), page_of("chatthread", secret.pk))

    assert entries() == []


def test_where_content_is_hidden_nothing_is_opened(
    settings: Any, admin_client: Client, secret: ChatThread
) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "HIDE_CONTENT": True}

    text_of(admin_client, page_of("chatthread", secret.pk))

    assert entries() == []


def test_lists_open_nothing(staff: Client, secret: ChatThread) -> None:
    for noun in ("chatthread", "chatthreaditem", "enduser"):
        text_of(staff, list_of(noun))

    assert entries() == []


def test_each_thread_that_is_exported_leaves_an_entry(
    staff: Client, secret: ChatThread, end_user: EndUser
) -> None:
    make_thread(end_user, "cthr_2", title=WORDS)

    body(staff.get(export_of("cthr_1", "markdown")))
    body(staff.get(f"{LIST}export/csv/"))

    assert entries() == [
        ("cthr_1", "Exported as Markdown"),
        ("cthr_1", "Exported as CSV"),
        ("cthr_2", "Exported as CSV"),
    ]


def test_the_entry_is_written_before_the_first_word_goes_out(staff: Client, secret: ChatThread) -> None:
    answer: Any = staff.get(export_of("cthr_1", "csv"))
    assert entries() == []

    next(iter(answer))
    answer.close()

    assert entries() == [("cthr_1", "Exported as CSV")]


def test_the_entries_stand_in_the_threads_history(staff: Client, secret: ChatThread) -> None:
    text_of(staff, page_of("chatthread", secret.pk))

    assert "Opened the transcript" in text_of(staff, f"{LIST}{quote('cthr_1')}/history/")
