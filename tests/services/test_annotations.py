"""Staff's own words on threads."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, EndUser, Tag, ThreadNote, ThreadReview
from django_chatkit.services import annotations, cleanup, holds, sync
from django_chatkit.testing import Emulator

from .conftest import Clock

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param(" , ;\n", [], id="separators"),
        pytest.param("Billing, refund;late\nbilling", ["billing", "refund", "late"], id="each-once"),
        pytest.param("  two \t words ", ["two words"], id="blanks"),
        pytest.param("x" * 60, ["x" * 60], id="long"),
        pytest.param("a\x00b", ["a␀b"], id="nul"),
    ],
)
def test_tags_are_read_from_a_line(text: str, names: list[str]) -> None:
    assert annotations.tag_names(text) == names


def test_a_tag_that_is_too_long_is_refused_and_changes_nothing(db: None) -> None:
    thread = ChatThread.objects.create(
        id="cthr_1", end_user=EndUser.objects.create(id="user_1"), created_at=NOW
    )
    said: dict[str, Any] = {"thread_id": thread.pk, "rating": 1, "reviewer": None, "now": NOW}

    with pytest.raises(ValueError, match="at most 50 characters, not 51: 'xxx"):
        annotations.review(tags=["late", "x" * 51], **said)

    assert not ThreadReview.objects.exists()
    assert annotations.review(tags=["x" * 50], **said).tags.count() == 1


@pytest.mark.django_db
def test_a_review_takes_the_place_of_the_one_before(database: str) -> None:
    end_user = EndUser.objects.using(database).create(id="user_42")
    for id in ("cthr_1", "cthr_2"):
        ChatThread.objects.using(database).create(id=id, end_user=end_user, created_at=NOW)
    ann = User.objects.using(database).create(username="ann")

    def review(id: str, rating: int | None, *tags: str) -> None:
        annotations.review(thread_id=id, rating=rating, tags=tags, reviewer=ann, now=NOW, using=database)

    review("cthr_1", -1, "Café", "cafe", "  ")
    review("cthr_2", 1, "café")
    review("cthr_1", None, "CAFE", "late")

    first, second = ThreadReview.objects.using(database).order_by("pk")
    assert (first.rating, second.rating) == (None, 1)
    assert sorted(tag.name for tag in first.tags.all()) == ["cafe", "late"]
    assert [tag.name for tag in second.tags.all()] == ["café"]
    assert Tag.objects.using(database).count() == 3
    assert str(first) == "cthr_1"
    assert str(second.tags.get()) == "café"


@pytest.mark.django_db
def test_a_note_keeps_who_wrote_it_and_outlives_the_account(database: str) -> None:
    end_user = EndUser.objects.using(database).create(id="user_42")
    ChatThread.objects.using(database).create(id="cthr_1", end_user=end_user, created_at=NOW)
    ann = User.objects.using(database).create(username="ann")
    for hour in (2, 1):
        annotations.note(
            thread_id="cthr_1",
            text=f"Hour {hour}\x00",
            author=ann,
            now=NOW + timedelta(hours=hour),
            using=database,
        )

    ann.delete()

    notes = ThreadNote.objects.using(database).of("cthr_1").in_order()
    assert [note.text for note in notes] == ["Hour 1\ufffd", "Hour 2\ufffd"]
    assert {note.author for note in notes} == {None}
    assert str(notes[0]) == f"note {notes[0].pk}"


@pytest.mark.django_db
def test_nothing_that_staff_said_of_who_is_held_is_overwritten_or_deleted(database: str) -> None:
    end_user = EndUser.objects.using(database).create(id="user_42")
    for id in ("cthr_1", "cthr_2"):
        ChatThread.objects.using(database).create(id=id, end_user=end_user, created_at=NOW)
    note = annotations.note(thread_id="cthr_1", text="Angry", author=None, now=NOW, using=database)
    said: dict[str, Any] = {"reviewer": None, "now": NOW, "using": database}
    annotations.review(thread_id="cthr_1", rating=-1, tags=["late"], **said)
    holds.hold(user="user_42", now=NOW, using=database)

    with pytest.raises(holds.Held):
        annotations.take_back(note=note, using=database)
    with pytest.raises(holds.Held):
        annotations.review(thread_id="cthr_1", rating=1, tags=[], **said)
    annotations.review(thread_id="cthr_2", rating=1, tags=["first"], **said)  # nothing is lost

    first, second = ThreadReview.objects.using(database).order_by("pk")
    assert (first.rating, [tag.name for tag in first.tags.all()]) == (-1, ["late"])
    assert (second.rating, [tag.name for tag in second.tags.all()]) == (1, ["first"])
    holds.lift(user="user_42", using=database)
    annotations.take_back(note=note, using=database)
    assert annotations.review(thread_id="cthr_1", rating=1, tags=[], **said).rating == 1
    assert not ThreadNote.objects.using(database).exists()


@pytest.mark.django_db
def test_words_of_staff_survive_syncs_and_deletion_upstream_and_end_with_the_threads_row(
    chatkit: ChatKit, emulator: Emulator, clock: Clock
) -> None:
    emulator.add_thread(user="user_42", id="cthr_1", items=[{"text": "Hello"}])
    sync.sync_thread(client=chatkit, clock=clock, thread_id="cthr_1")
    annotations.note(thread_id="cthr_1", text="Call back", author=None, now=clock())
    annotations.review(thread_id="cthr_1", rating=1, tags=["billing"], reviewer=None, now=clock())
    requests = len(emulator.requests)

    emulator.remove_thread("cthr_1")
    sync.sync_thread(client=chatkit, clock=clock, thread_id="cthr_1")

    assert ChatThread.objects.get().gone_at is not None
    assert ThreadNote.objects.get().text == "Call back"
    assert [tag.name for tag in ThreadReview.objects.get().tags.all()] == ["billing"]
    assert all("Call back" not in str(each) for each in emulator.requests[requests:])

    clock.move(days=400)
    cleanup.run(client=chatkit, clock=clock, retention={"threads": timedelta(days=30)})

    assert not ThreadNote.objects.exists()
    assert not ThreadReview.objects.exists()
