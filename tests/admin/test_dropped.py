"""What staff see of words that retention dropped."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from django_chatkit.models import ChatThread
from django_chatkit.models.sealing import keyring
from django_chatkit.services import dropping, rotation, transcript_rows
from django_chatkit.services.transcripts import FORMATS
from tests.keys import FIRST, use

from .conftest import BEGIN, make_item

pytestmark = pytest.mark.django_db

PATH = "/admin/django_chatkit/"
SAYS = "Words dropped on Feb. 1, 2027 by retention."


@pytest.fixture
def dropped(thread: ChatThread) -> ChatThread:
    """Drop what was said in a thread, and have something new said."""
    make_item(thread, 0, text="xylophonic words")
    make_item(thread, 1, "chatkit.client_tool_call", payload={"name": "xylophonic"})
    dropping.drop(
        {thread.pk: None}, now=BEGIN + timedelta(days=90), size=10, using="default", note=list[int]().append
    )
    make_item(thread, 2, payload={"content": [{"type": "input_text", "text": "said since"}]})
    return thread


def test_the_conversation_says_that_words_were_dropped_and_when(staff: Client, dropped: ChatThread) -> None:
    page = staff.get(f"{PATH}chatthread/{dropped.pk}/change/").content.decode()

    assert page.count(SAYS) == 2
    assert "said since" in page
    assert "xylophonic" not in page
    assert "words dropped" in page


def test_so_does_the_items_own_page(staff: Client, dropped: ChatThread) -> None:
    page = staff.get(f"{PATH}chatthreaditem/cti_1/change/").content.decode()

    assert SAYS in page
    assert "words dropped" in page
    assert "xylophonic" not in page


def test_nobody_finds_them(staff: Client, dropped: ChatThread) -> None:
    for model in ("chatthread", "chatthreaditem"):
        assert "0 results" in staff.get(f"{PATH}{model}/", {"q": "xylophonic"}).content.decode()


@pytest.mark.parametrize(
    ("format", "says"),
    [
        ("markdown", "Words dropped on 2027-02-01"),
        ("json", '"words_dropped":{"cti_0":"2027-02-01T09:00:00Z","cti_1":"2027-02-01T09:00:00Z"}'),
        ("jsonl", '"words_dropped_at":"2027-02-01T09:00:00Z"'),
        ("csv", '"cti_0"'),
    ],
)
def test_an_export_says_so(dropped: ChatThread, format: str, says: str) -> None:
    told = transcript_rows.walk(ChatThread.objects.all())

    written = "".join(FORMATS[format].write(told))

    assert says in written
    assert "xylophonic" not in written


@pytest.mark.parametrize("sealed", ["before", "after"])
@pytest.mark.parametrize(
    "path", ["chatthread/", "chatthread/cthr_1/change/", "chatthreaditem/", "chatthreaditem/cti_1/change/"]
)
def test_no_sign_of_what_was_sealed_stands_in_their_place(
    staff: Client, request: pytest.FixtureRequest, settings: Any, path: str, sealed: str
) -> None:
    if sealed == "before":
        use(settings, FIRST)
    thread: ChatThread = request.getfixturevalue("dropped")
    use(settings, FIRST)
    rotation.rotate(keyring=keyring())

    page = staff.get(PATH + path.replace("cthr_1", thread.pk)).content.decode()

    assert "xylophonic" not in page
    assert "***" not in page
    assert "chatkit-fernet" not in page
