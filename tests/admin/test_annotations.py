"""Staff's own words on a thread's page: who may write and see them, and that threads are found by them."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client

from django_chatkit.models import ChatThread, EndUser, ThreadNote, ThreadReview
from django_chatkit.services import annotations

from .conftest import BEGIN, Reader, make_thread
from .test_export import exported
from .test_pages import assert_tame, cost_of, list_of, page_of, text_of

LIST = list_of("chatthread")
WORDS = "Call her back on Monday"
WRITER = ("view_chatthread", "view_threadnote", "add_threadnote")
REVIEWER = ("view_chatthread", "change_threadreview")


def send(client: Client, deed: str, id: str = "cthr_1", **data: Any) -> str:
    """Send a form of the thread's page and return what is said about it."""
    answer = client.post(f"{LIST}{quote(id)}/annotate/", {"deed": deed, **data}, follow=True)
    assert answer.redirect_chain == [(f"{page_of('chatthread', id)}#staff", 302)]
    return "\n".join(str(message) for message in answer.context["messages"])


def status_of(client: Client, deed: str, id: str = "cthr_1", **data: Any) -> int:
    """Send a form and return the status."""
    return client.post(f"{LIST}{quote(id)}/annotate/", {"deed": deed, **data}).status_code


def note(thread: ChatThread, text: str = WORDS, author: User | None = None) -> ThreadNote:
    """Keep a note."""
    return annotations.note(thread_id=thread.pk, text=text, author=author, now=BEGIN)


def review(thread: ChatThread, rating: int | None, *tags: str) -> None:
    """Keep a review."""
    annotations.review(thread_id=thread.pk, rating=rating, tags=tags, reviewer=None, now=BEGIN)


# Writing


def test_a_note_is_written_and_shown_with_its_author(reader: Reader, thread: ChatThread) -> None:
    client = reader(*WRITER)

    said = send(client, "note", **{"note-text": WORDS})

    page = text_of(client, page_of("chatthread", thread.pk))
    assert said == "Added a note"
    assert WORDS in page
    assert f"<bdi>{User.objects.get(username__startswith='reader')}</bdi>" in page


def test_a_note_as_long_as_the_browser_lets_it_be_is_kept(reader: Reader, thread: ChatThread) -> None:
    """A browser counts a line end as one character, and sends two."""
    text = "x" * 4_999 + "\r\n" + "y" * 5_000

    assert send(reader(*WRITER), "note", **{"note-text": text}) == "Added a note"
    assert ThreadNote.objects.get().text == text.replace("\r\n", "\n")


def test_rating_and_tags_are_saved_and_shown_in_the_form(reader: Reader, thread: ChatThread) -> None:
    client = reader(*REVIEWER)

    said = send(client, "review", **{"review-rating": "-1", "review-tags": "Late, billing , late"})

    page = text_of(client, page_of("chatthread", thread.pk))
    row = ThreadReview.objects.get()
    assert said == "Changed rating and tags"
    assert (row.rating, row.reviewer) == (-1, User.objects.get(username__startswith="reader"))
    assert 'value="billing, late"' in page
    assert '<option value="-1" selected>Bad</option>' in page


def test_a_rating_is_taken_back(reader: Reader, thread: ChatThread) -> None:
    review(thread, 1, "billing")

    send(reader(*REVIEWER), "review", **{"review-rating": "", "review-tags": ""})

    assert ThreadReview.objects.get().rating is None
    assert not ThreadReview.objects.get().tags.exists()


@pytest.mark.parametrize(
    ("deed", "data", "says"),
    [
        pytest.param("note", {"note-text": "  "}, "New note: This field is required.", id="no-words"),
        pytest.param("note", {"note-text": "x" * 10_001}, "at most 10000 characters", id="long-note"),
        pytest.param("note", {"note-text": "a\x00b"}, "Null characters are not allowed", id="nul"),
        pytest.param("review", {"review-rating": "7"}, "Rating: Select a valid choice", id="no-rating"),
        pytest.param(
            "review",
            {"review-tags": ",".join(map(str, range(21)))},
            "separated by commas: At most 20 tags.",
            id="many-tags",
        ),
        pytest.param(
            "review",
            {"review-tags": f"late, {'x' * 51}"},
            f"A tag may have at most 50 characters; {'x' * 51} has 51.",
            id="long-tag",
        ),
        pytest.param("take-back", {"note": "x"}, "no longer here", id="no-number"),
        pytest.param("take-back", {"note": "4711"}, "no longer here", id="no-note"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    admin_client: Client, thread: ChatThread, deed: str, data: dict[str, str], says: str
) -> None:
    assert says in send(admin_client, deed, **data)
    assert not ThreadNote.objects.exists()
    assert not ThreadReview.objects.exists()
    assert not LogEntry.objects.exclude(change_message__startswith="Opened").exists()


def test_deeds_are_logged_without_the_words(admin_client: Client, thread: ChatThread) -> None:
    send(admin_client, "note", **{"note-text": WORDS})
    send(admin_client, "review", **{"review-tags": "billing"})
    send(admin_client, "take-back", note=str(ThreadNote.objects.get().pk))

    entries = LogEntry.objects.exclude(change_message__startswith="Opened").order_by("pk")
    assert [entry.change_message for entry in entries] == [
        "Added a note",
        "Changed rating and tags",
        "Removed a note",
    ]
    assert {(entry.object_id, entry.object_repr) for entry in entries} == {("cthr_1", "cthr_1")}


def test_a_note_on_another_thread_is_not_taken_back_from_here(
    admin_client: Client, thread: ChatThread, end_user: EndUser
) -> None:
    other = note(make_thread(end_user, "cthr_2"))

    assert "no longer here" in send(admin_client, "take-back", note=str(other.pk))
    assert ThreadNote.objects.get() == other


# Who may


@pytest.mark.parametrize(
    ("codenames", "note_status", "review_status"),
    [
        pytest.param(("view_chatthread",), 403, 403, id="threads-only"),
        pytest.param(("view_chatthread", "view_threadnote", "view_threadreview"), 403, 403, id="viewer"),
        pytest.param(WRITER, 302, 403, id="writer"),
        pytest.param(REVIEWER, 403, 302, id="reviewer"),
        pytest.param(("add_threadnote", "change_threadreview"), 403, 403, id="without-threads"),
    ],
)
def test_each_deed_needs_its_permission_and_that_to_view_the_thread(
    reader: Reader,
    thread: ChatThread,
    codenames: tuple[str, ...],
    note_status: int,
    review_status: int,
) -> None:
    client = reader(*codenames)

    assert status_of(client, "note", **{"note-text": WORDS}) == note_status
    assert status_of(client, "review", **{"review-rating": "1"}) == review_status


def test_a_note_is_taken_back_by_its_author_or_by_who_may_remove_any(
    reader: Reader, thread: ChatThread
) -> None:
    author = reader(*WRITER)
    mine = note(thread, author=User.objects.get(username__startswith="reader"))
    orphan = note(thread)
    other, keeper = reader(*WRITER), reader("view_chatthread", "view_threadnote", "delete_threadnote")
    former = User.objects.get(pk=str(mine.author_id))

    assert status_of(other, "take-back", note=str(mine.pk)) == 403
    assert status_of(author, "take-back", note=str(orphan.pk)) == 403
    assert "Remove" not in text_of(other, page_of("chatthread", thread.pk))
    assert text_of(author, page_of("chatthread", thread.pk)).count(">Remove<") == 1
    assert text_of(keeper, page_of("chatthread", thread.pk)).count(">Remove<") == 2
    assert send(author, "take-back", note=str(mine.pk)) == "Removed a note"
    assert send(keeper, "take-back", note=str(orphan.pk)) == "Removed a note"
    later = note(thread, author=former)
    former.user_permissions.remove(*former.user_permissions.filter(codename="add_threadnote"))
    assert status_of(author, "take-back", note=str(later.pk)) == 403


def test_words_of_staff_are_shown_to_those_who_may_see_them(reader: Reader, thread: ChatThread) -> None:
    note(thread)
    review(thread, 1, "billing")
    address = page_of("chatthread", thread.pk)

    metadata = text_of(reader("view_chatthread"), address)
    notes = text_of(reader("view_chatthread", "view_threadnote"), address)
    reviews = text_of(reader("view_chatthread", "view_threadreview"), address)

    assert "Notes of staff" not in metadata
    assert (WORDS in notes, "billing" in notes) == (True, False)
    assert (WORDS in reviews, ">good<" in reviews) == (False, True)
    assert f'href="{LIST}?tag=billing"' in reviews
    assert "<form" not in reviews.partition('id="staff"')[2].partition("</section>")[0]
    assert "somebody who left" in notes


def test_an_unrated_thread_says_so(reader: Reader, thread: ChatThread) -> None:
    client = reader("view_chatthread", "view_threadreview")

    assert "Not rated" in text_of(client, page_of("chatthread", thread.pk))
    review(thread, None, "billing")
    assert "Not rated" in text_of(client, page_of("chatthread", thread.pk))


def test_words_of_staff_stay_where_content_is_hidden(
    settings: Any, admin_client: Client, thread: ChatThread
) -> None:
    note(thread)
    settings.CHATKIT = {**settings.CHATKIT, "HIDE_CONTENT": True}

    assert WORDS in text_of(admin_client, page_of("chatthread", thread.pk))


@pytest.mark.parametrize(("id", "deed"), [("cthr_none", "note"), ("cthr_1", "nonsense")])
def test_an_unknown_thread_or_deed_is_not_found(
    admin_client: Client, thread: ChatThread, id: str, deed: str
) -> None:
    assert status_of(admin_client, deed, id) == 404


def test_a_form_is_sent_by_post_and_with_its_token(thread: ChatThread, admin_user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)

    assert client.get(f"{LIST}{quote('cthr_1')}/annotate/").status_code == 405
    assert status_of(client, "note", **{"note-text": WORDS}) == 403
    token = re.search(
        r'name="csrfmiddlewaretoken" value="(\w+)"', text_of(client, page_of("chatthread", "cthr_1"))
    )
    assert token is not None
    assert status_of(client, "note", csrfmiddlewaretoken=token[1], **{"note-text": WORDS}) == 302


def test_hostile_words_of_staff_stay_text(admin_client: Client, thread: ChatThread) -> None:
    text = "<script>alert(1)</script> \u202e <img src=x onerror=alert(1)>"
    note(thread, text, author=User.objects.create_user(text[:150]))
    review(thread, 1, text[:30], text[26:])

    for address in (page_of("chatthread", thread.pk), LIST):
        page = text_of(admin_client, address)
        assert_tame(page)
        assert "<script>alert" not in page
        assert "\u202e" not in page


def test_many_notes_cost_no_more_than_one(admin_client: Client, thread: ChatThread) -> None:
    address = page_of("chatthread", thread.pk)
    note(thread, "Note 0")
    review(thread, 1, "one")
    text_of(admin_client, address)
    few = cost_of(admin_client, address)

    for number in range(1, 120):
        note(thread, f"Note {number}", author=User.objects.create_user(f"author{number}"))
    review(thread, 1, *map(str, range(20)))

    assert cost_of(admin_client, address) == few
    page = text_of(admin_client, address)
    assert "Note 119<" in page
    assert "Note 19<" not in page


def test_notes_that_a_page_leaves_out_are_told_and_a_click_away(
    admin_client: Client, thread: ChatThread
) -> None:
    for number in range(101):
        note(thread, f"Note {number}")

    newest = text_of(admin_client, page_of("chatthread", thread.pk), **{"from": "oldest"})
    everything = text_of(admin_client, page_of("chatthread", thread.pk), notes="all")

    assert ("Note 1<" in newest, "Note 0<" in newest) == (True, False)
    assert "Only the newest 100 notes are shown." in newest
    assert 'href="?from=oldest&amp;notes=all#staff">Show all' in newest
    assert "Note 0<" in everything
    assert "Only the newest" not in everything


# Finding


@pytest.fixture
def marked(end_user: EndUser) -> None:
    """Keep threads with words of staff on them."""
    good = make_thread(end_user, "cthr_good")
    review(good, 1, "billing")
    bad = make_thread(end_user, "cthr_bad")
    review(bad, -1, "billing", "late answer")
    noted = make_thread(end_user, "cthr_noted")
    review(noted, 0)
    note(noted)
    note(noted, "Parcel")
    make_thread(end_user, "cthr_plain", title="Monday parcel")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        pytest.param("rating=good", ["cthr_good"], id="good"),
        pytest.param("rating=mixed", ["cthr_noted"], id="mixed"),
        pytest.param("rating=bad", ["cthr_bad"], id="bad"),
        pytest.param("rating=none", ["cthr_plain"], id="not-rated"),
        pytest.param("tag=billing", ["cthr_bad", "cthr_good"], id="tag"),
        pytest.param("tag=late+answer&rating=bad", ["cthr_bad"], id="tag-and-rating"),
        pytest.param("tag=unheard", [], id="unheard-tag"),
        pytest.param("tag=a%00b", [], id="tag-with-nul"),
        pytest.param("q=monday", ["cthr_noted", "cthr_plain"], id="note-and-title"),
        pytest.param("q=back+monday", ["cthr_noted"], id="words-of-one-note"),
        pytest.param("q=monday+parcel", ["cthr_noted", "cthr_plain"], id="words-of-note-and-title"),
        pytest.param("q=Billing", ["cthr_bad", "cthr_good"], id="tag-by-search"),
        pytest.param("q=nothing", [], id="nothing"),
        pytest.param("q=+", ["cthr_bad", "cthr_good", "cthr_noted", "cthr_plain"], id="blank"),
    ],
)
def test_threads_are_found_by_what_staff_said(
    staff_writer: Client, marked: None, query: str, ids: list[str]
) -> None:
    assert exported(staff_writer, f"?{query}") == ids


@pytest.mark.parametrize(
    ("query", "line"),
    [
        pytest.param("back", "Call her <mark>back</mark> on Monday", id="note"),
        pytest.param("billing", "<mark>billing</mark>", id="tag"),
        pytest.param("monday parcel", "Call her back on <mark>Monday</mark>", id="one-of-the-words"),
    ],
)
def test_the_line_of_staff_that_was_found_is_shown_and_said_to_be_theirs(
    staff_writer: Client, end_user: EndUser, query: str, line: str
) -> None:
    thread = make_thread(end_user, "cthr_noted", title="Parcel")
    review(thread, 0, "billing")
    note(thread)
    note(thread, "Nothing else")

    page = text_of(staff_writer, LIST, q=query)

    place = f"{page_of('chatthread', thread.pk)}#staff"
    assert f'Notes of staff</span> <a class="ck-found" dir="auto" href="{place}">{line}</a>' in page


def test_the_newest_note_that_holds_the_word_is_shown(staff_writer: Client, thread: ChatThread) -> None:
    note(thread, "Billing, once")
    note(thread, "Billing, twice")

    page = text_of(staff_writer, LIST, q="billing")

    assert "<mark>Billing</mark>, twice" in page
    assert "once" not in page


def test_what_staff_said_is_not_shown_to_who_may_not_see_it(reader: Reader, marked: None) -> None:
    page = text_of(reader("view_chatthread", "view_transcript"), LIST, q="monday")

    assert page_of("chatthread", "cthr_plain") in page
    assert "Notes of staff" not in page


@pytest.fixture
def staff_writer(reader: Reader) -> Client:
    """Log in somebody who may read, export and see what staff said."""
    return reader(
        *("view_chatthread", "view_transcript", "export_chatthread"),
        *("view_threadnote", "view_threadreview"),
    )


def test_who_may_not_see_words_of_staff_finds_nothing_by_them(reader: Reader, marked: None) -> None:
    client = reader("view_chatthread", "view_transcript", "export_chatthread")

    assert exported(client, "?q=back") == exported(client, "?q=billing") == []
    assert len(exported(client, "?rating=good")) == len(exported(client, "?tag=billing")) == 4
    page = text_of(client, LIST)
    assert "By rating" not in page
    assert "billing" not in page


def test_the_filter_offers_the_tags_in_use(staff_writer: Client, marked: None, thread: ChatThread) -> None:
    review(thread, 1, "passing")
    review(thread, 1)

    page = text_of(staff_writer, LIST)

    assert "?tag=billing" in page
    assert "?tag=late+answer" in page
    assert "passing" not in page
