"""Staff that may see threads reads what was said in them only with a permission of its own."""

from typing import Any

import pytest
from django.test import Client

from django_chatkit.models import ChatThread, EndUser
from django_chatkit.testing import Emulator

from .conftest import Reader, make_item, make_thread
from .test_actions import act
from .test_pages import cost_of, list_of, page_of, text_of

WORDS = "I lost my key"
EVERYTHING = ("view_enduser", "view_chatthread", "view_chatthreaditem", "view_chatsession")


@pytest.fixture
def untitled(end_user: EndUser) -> ChatThread:
    """Keep a thread that is called by its first words."""
    thread = make_thread(end_user, "cthr_untitled")
    payload = {"content": [{"type": "input_text", "text": WORDS}]}
    make_item(thread, 1, id="cti_said", text=WORDS, payload=payload)
    return thread


def pages(thread: ChatThread) -> list[str]:
    return [
        list_of("chatthread"),
        f"{list_of('chatthread')}?q=key",
        page_of("chatthread", thread.pk),
        f"{page_of('chatthread', thread.pk)}?item=cti_said",
        f"{page_of('chatthread', thread.pk)}?from=oldest",
        page_of("enduser", thread.end_user_id),
        list_of("enduser"),
    ]


def test_the_words_are_on_no_page_of_who_may_see_threads_only(reader: Reader, untitled: ChatThread) -> None:
    watcher, listener = reader(*EVERYTHING), reader(*EVERYTHING, "view_transcript")

    assert [address for address in pages(untitled) if WORDS in text_of(watcher, address)] == []
    assert WORDS in text_of(listener, page_of("chatthread", untitled.pk))
    assert WORDS in text_of(listener, page_of("enduser", untitled.end_user_id))
    assert WORDS in text_of(listener, list_of("chatthread"))


def test_who_may_see_threads_only_is_told_so_and_sees_title_and_state(
    reader: Reader, thread: ChatThread
) -> None:
    make_item(thread, 1, payload={"content": [{"type": "input_text", "text": WORDS}]})

    page = text_of(reader("view_chatthread"), page_of("chatthread", thread.pk))

    assert "not what was said in it" in page
    assert 'href="#conversation"' not in page
    assert thread.title in page
    assert "ck-transcript" not in page


@pytest.mark.parametrize("codenames", [EVERYTHING, ("view_transcript",)], ids=["metadata", "transcripts"])
def test_items_need_the_permission_to_view_them_and_the_one_for_transcripts(
    reader: Reader, untitled: ChatThread, codenames: tuple[str, ...]
) -> None:
    client = reader(*codenames)

    assert client.get(list_of("chatthreaditem")).status_code == 403
    assert client.get(page_of("chatthreaditem", "cti_said")).status_code == 403
    assert "chatthreaditem" not in client.get("/admin/").content.decode()


def test_who_may_not_search_in_words_is_not_told_to(reader: Reader, thread: ChatThread) -> None:
    assert "Search title, end user," in text_of(reader("view_chatthread"), list_of("chatthread"))
    assert "Search words," in text_of(reader("view_chatthread", "view_transcript"), list_of("chatthread"))


@pytest.mark.parametrize(
    ("noun", "lookup"),
    [
        pytest.param("chatthread", "items__text__contains", id="words of items"),
        pytest.param("chatthread", "items__id__startswith", id="ids of items"),
        pytest.param("chatthread", "items", id="items"),
        pytest.param("chatthread", "payload__contains", id="payload"),
        pytest.param("chatthread", "notes__id__gt", id="notes"),
        pytest.param("chatthread", "review__isnull", id="review"),
        pytest.param("enduser", "threads__id", id="threads of end users"),
        pytest.param("chatsession", "payload__contains", id="payload of sessions"),
    ],
)
def test_a_lookup_in_the_address_asks_for_nothing_but_the_rows_own_columns(
    admin_client: Client, noun: str, lookup: str
) -> None:
    assert admin_client.get(list_of(noun), {lookup: "1"}).status_code == 400


@pytest.mark.parametrize("lookup", ["id__startswith", "end_user__id", "title__contains", "synced_at__isnull"])
def test_a_lookup_of_the_rows_own_columns_is_answered(admin_client: Client, lookup: str) -> None:
    assert admin_client.get(list_of("chatthread"), {lookup: "1"}).status_code == 200


@pytest.mark.parametrize(
    ("codenames", "status", "found"),
    [
        pytest.param((), 403, None, id="nothing"),
        pytest.param(("view_chatthread",), 200, [], id="threads"),
        pytest.param(("view_chatthread", "view_transcript"), 200, ["cthr_untitled"], id="transcripts"),
    ],
)
def test_a_field_of_the_site_that_completes_threads_finds_what_the_list_finds(
    reader: Reader, untitled: ChatThread, codenames: tuple[str, ...], status: int, found: Any
) -> None:
    field = {"app_label": "django_chatkit", "model_name": "threadnote", "field_name": "thread"}

    answer = reader(*codenames).get("/admin/autocomplete/", {**field, "term": "key"})

    assert answer.status_code == status
    assert found is None or [each["id"] for each in answer.json()["results"]] == found


def test_to_be_denied_the_words_costs_no_query(reader: Reader, untitled: ChatThread) -> None:
    watcher, listener = reader(*EVERYTHING), reader(*EVERYTHING, "view_transcript")

    for address in pages(untitled):
        text_of(watcher, address)  # content types are read once
        assert cost_of(watcher, address) <= cost_of(listener, address)


def test_where_content_is_hidden_not_even_a_superuser_sees_a_word(
    settings: Any, untitled: ChatThread, admin_client: Client
) -> None:
    assert WORDS in text_of(admin_client, page_of("chatthread", untitled.pk))
    settings.CHATKIT = {**settings.CHATKIT, "HIDE_CONTENT": True}

    assert [address for address in pages(untitled) if WORDS in text_of(admin_client, address)] == []
    assert "hidden on this site" in text_of(admin_client, page_of("chatthread", untitled.pk))
    assert admin_client.get(list_of("chatthreaditem")).status_code == 403
    assert admin_client.get(page_of("chatthreaditem", "cti_said")).status_code == 403


@pytest.mark.parametrize("query", ["lost", "cti_said"])
def test_where_content_is_hidden_no_search_tells_what_was_said(
    query: str, settings: Any, untitled: ChatThread, admin_client: Client
) -> None:
    row = page_of("chatthread", untitled.pk)
    assert row in text_of(admin_client, list_of("chatthread"), q=query)
    settings.CHATKIT = {**settings.CHATKIT, "HIDE_CONTENT": True}

    assert row not in text_of(admin_client, list_of("chatthread"), q=query)


@pytest.mark.parametrize("noun", ["chatthread", "enduser"])
def test_syncing_needs_the_permission_to_sync(
    noun: str, reader: Reader, untitled: ChatThread, chatkit_emulator: Emulator
) -> None:
    id: Any = untitled.pk if noun == "chatthread" else untitled.end_user_id
    chatkit_emulator.add_thread(user=untitled.end_user_id, id=untitled.pk)
    may: Client = reader(f"view_{noun}", "sync_chatthread")
    may_not: Client = reader(f"view_{noun}", f"change_{noun}")

    act(may_not, noun, "sync_now", id)
    assert chatkit_emulator.count() == 0
    assert act(may, noun, "sync_now", id).startswith("Queued for a sync: 1")
