"""Where rows are encrypted staff reads as before, at no more queries, and is told what a search still finds."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser, ThreadNote
from tests.keys import FIRST, SECOND, dump, use

from .conftest import BEGIN, make_item, make_thread
from .test_export import body, export_of
from .test_pages import cost_of, list_of, page_of, text_of

SAID = {"content": [{"type": "input_text", "text": "Where is my canary"}]}


@pytest.fixture
def sealed(end_user: EndUser, settings: Any) -> ChatThread:
    """Keep a thread with a title and one without, sealed."""
    use(settings, FIRST)
    for number in (1, 2):
        title = {1: "A canary", 2: ""}[number]
        thread = make_thread(end_user, f"cthr_{number}", title=title, payload={"title": title})
        make_item(thread, 1, id=f"cti_{number}", text="Where is my canary", payload=SAID)
        ThreadNote.objects.create(thread=thread, text="a canary?", created_at=BEGIN)
    assert "canary" not in " ".join(dump("default"))
    return thread


def test_lists_and_pages_show_what_was_said(admin_client: Client, sealed: ChatThread) -> None:
    threads, items = (
        text_of(admin_client, list_of("chatthread")),
        text_of(admin_client, list_of("chatthreaditem")),
    )

    assert "A canary" in threads
    assert "Where is my canary" in threads  # the opening of the thread without a title
    assert items.count("Where is my canary") >= 2
    assert "Where is my canary" in text_of(admin_client, page_of("chatthread", "cthr_1"))
    assert "a canary?" in text_of(admin_client, page_of("chatthread", "cthr_1"))
    assert "Where is my canary" in text_of(admin_client, page_of("chatthreaditem", "cti_1"))
    assert "A canary" in text_of(admin_client, page_of("enduser", "user_42"))


@pytest.mark.parametrize("name", ["markdown", "csv", "json", "jsonl"])
def test_exports_say_what_was_said(admin_client: Client, sealed: ChatThread, name: str) -> None:
    answer = admin_client.get(export_of("cthr_1", name))
    if answer.status_code == 404:
        pytest.fail(f"there is no export {name}")

    said = body(answer)

    assert "Where is my canary" in said
    assert "***" not in said


def test_more_rows_cost_no_more_queries(admin_client: Client, sealed: ChatThread, end_user: EndUser) -> None:
    pages = [list_of("chatthread"), list_of("chatthreaditem"), page_of("enduser", "user_42")]
    before = [
        min(cost_of(admin_client, each) for _ in range(2)) for each in pages
    ]  # the first may fill caches
    for number in range(5, 15):
        thread = make_thread(
            end_user, f"cthr_{number}", title=f"No. {number}", payload={"title": f"No. {number}"}
        )
        make_item(thread, 1, id=f"cti_{number}", payload=SAID)

    assert [cost_of(admin_client, each) for each in pages] == before


def test_a_search_finds_ids_and_says_what_it_can_not_find(admin_client: Client, sealed: ChatThread) -> None:
    found = admin_client.get(list_of("chatthread"), {"q": "cthr_1"})
    by_words = admin_client.get(list_of("chatthread"), {"q": "canary"})
    by_owner = admin_client.get(list_of("chatthread"), {"q": "mia.chen"})
    two_ids = admin_client.get(list_of("chatthread"), {"q": "cti_1 cthr_1"})

    assert [row.pk for row in found.context["cl"].result_list] == ["cthr_1"]
    assert list(by_words.context["cl"].result_list) == []
    assert len(by_owner.context["cl"].result_list) == 2
    assert two_ids.status_code == 200
    for page in (by_words, admin_client.get(list_of("chatthreaditem"), {"q": "canary"})):
        words = page.content.decode()
        assert (
            "titles and notes are encrypted here: a search finds ids, end users, owners, tags and days"
            in words
        )
        assert (
            "encrypted here and can&#x27;t be searched" in words
            or "encrypted here and can't be searched" in words
        )


def test_without_a_search_the_list_says_it_in_its_help_only(admin_client: Client, sealed: ChatThread) -> None:
    words = text_of(admin_client, list_of("chatthread"))

    assert "a search finds ids" not in words
    assert "Search the id of a thread or an item" in words


def test_without_keys_nothing_is_said_of_encryption(admin_client: Client, end_user: EndUser) -> None:
    make_item(make_thread(end_user, "cthr_1"), 1)

    for query in ({}, {"q": "Message"}):
        words = text_of(admin_client, list_of("chatthread"), **query)
        assert "encrypted" not in words


@pytest.mark.parametrize("letters", ["chatkit", "gAAAA", "fernet", "=="])
def test_the_letters_of_sealed_notes_and_titles_are_no_words(
    admin_client: Client, sealed: ChatThread, letters: str
) -> None:
    found = admin_client.get(list_of("chatthread"), {"q": f"{letters} mia.chen"})

    assert found.context["cl"].result_count == 0


def test_a_note_that_is_not_sealed_yet_is_found(
    admin_client: Client, end_user: EndUser, settings: Any
) -> None:
    ThreadNote.objects.create(thread=make_thread(end_user, "cthr_1"), text="a canary?", created_at=BEGIN)
    use(settings, FIRST)

    found = admin_client.get(list_of("chatthread"), {"q": "canary"})

    assert [row.pk for row in found.context["cl"].result_list] == ["cthr_1"]


def test_rows_that_are_not_sealed_yet_are_found(
    admin_client: Client, end_user: EndUser, settings: Any
) -> None:
    make_item(make_thread(end_user, "cthr_1"), 1, text="my canary sings")
    use(settings, FIRST)

    found = admin_client.get(list_of("chatthread"), {"q": "canary"})

    assert [row.pk for row in found.context["cl"].result_list] == ["cthr_1"]
    assert "<mark>canary</mark>" in found.content.decode()


def test_without_the_key_a_page_is_an_error_that_names_the_setting(
    admin_client: Client, sealed: ChatThread, settings: Any
) -> None:
    use(settings, SECOND)

    with pytest.raises(Exception, match=r"CHATKIT\['ENCRYPTION_KEYS'\] does not hold"):
        admin_client.get(page_of("chatthread", "cthr_1"))

    use(settings, SECOND, FIRST)
    assert "Where is my canary" in text_of(admin_client, page_of("chatthread", "cthr_1"))


def test_a_note_taken_in_the_admin_is_sealed(admin_client: Client, sealed: ChatThread) -> None:
    address = f"{list_of('chatthread')}cthr_1/annotate/"

    admin_client.post(address, {"deed": "note", "note-text": "the canary again"})

    assert User.objects.filter(is_superuser=True).exists()
    assert ThreadNote.objects.order_by("-pk")[0].text == "the canary again"
    assert "canary" not in " ".join(dump("default"))
    assert ChatThreadItem.objects.count() == 2
