"""Querysets read what their names say, and the database keeps its own rules."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser, PrunedThread

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


@pytest.fixture
def ada(database: str) -> EndUser:
    return EndUser.objects.using(database).create(id="ada")


@pytest.fixture
def thread(database: str, ada: EndUser) -> ChatThread:
    return ChatThread.objects.using(database).create(id="cthr_1", end_user=ada, created_at=NOW)


def test_an_end_user_is_live_until_the_window_closes(database: str) -> None:
    end_users = EndUser.objects.using(database)
    end_users.create(id="never")
    end_users.create(id="over", live_until=NOW)
    end_users.create(id="live", live_until=AFTER)

    assert [each.id for each in end_users.live(now=NOW)] == ["live"]


def test_an_end_user_is_due_from_its_moment_on(database: str) -> None:
    end_users = EndUser.objects.using(database)
    end_users.create(id="never")
    end_users.create(id="due", due_at=NOW)
    end_users.create(id="later", due_at=AFTER)

    assert [each.id for each in end_users.due(now=NOW)] == ["due"]


def test_a_lease_that_ended_is_none(database: str) -> None:
    end_users = EndUser.objects.using(database)
    end_users.create(id="free")
    end_users.create(id="left behind", leased_until=NOW)
    end_users.create(id="leased", leased_until=AFTER)

    assert {each.id for each in end_users.unleased(now=NOW)} == {"free", "left behind"}


def test_sessions_to_cancel_are_expired_active_and_not_waiting_for_another_try(
    database: str, ada: EndUser
) -> None:
    ledger = ChatSession.objects.using(database)
    for id, status, expires_at, retry_at in [
        ("expired", "active", NOW, None),
        ("again", "active", BEFORE, NOW),
        ("waiting", "active", BEFORE, AFTER),
        ("talking", "active", AFTER, None),
        ("settled", "expired", BEFORE, None),
        ("cancelled", "cancelled", AFTER, None),
    ]:
        ledger.create(
            id=id, end_user=ada, status=status, expires_at=expires_at, created_at=BEFORE, retry_at=retry_at
        )
    ledger.filter(pk="expired").update(claimed_until=AFTER)
    ledger.filter(pk="again").update(claimed_until=NOW)

    assert {each.id for each in ledger.expired(now=NOW).to_try(now=NOW)} == {"expired", "again"}
    assert {each.id for each in ledger.expired(now=NOW)} == {"expired", "again", "waiting"}
    assert {each.id for each in ledger.expired(now=NOW).unclaimed(now=NOW)} == {"again", "waiting"}
    assert {each.id for each in ledger.settled()} == {"settled", "cancelled"}
    assert {each.id for each in ledger.past(now=NOW)} == {"settled", "cancelled"}
    assert {each.id for each in ledger.past(now=NOW + timedelta(days=2))} >= {"expired"}
    assert ledger.of("ada").count() == 6


def test_threads_are_listed_as_upstream_lists_them(database: str, ada: EndUser) -> None:
    threads = ChatThread.objects.using(database)
    for id, created_at, tie in [("c", BEFORE, 0), ("b", NOW, 1), ("a", NOW, 0), ("d", AFTER, 0)]:
        threads.create(id=id, end_user=ada, created_at=created_at, tie=tie)
    threads.create(id="gone", end_user=ada, created_at=NOW, gone_at=NOW)

    assert [each.id for each in threads.of("ada").present().oldest_first()] == ["c", "a", "b", "d"]
    assert [each.id for each in threads.of("ada").present().newest_first()] == ["d", "b", "a", "c"]


def test_items_are_read_in_their_order(database: str, thread: ChatThread) -> None:
    items = ChatThreadItem.objects.using(database)
    for id, position in [("b", 2), ("a", 1), ("c", 3)]:
        items.create(id=id, thread=thread, position=position, created_at=NOW)
    items.create(id="gone", thread=thread, position=0, created_at=NOW, gone_at=NOW)

    assert [each.id for each in items.of("cthr_1").present().in_order()] == ["a", "b", "c"]


def test_items_along_a_thread_are_those_of_the_thread(
    database: str, thread: ChatThread, ada: EndUser
) -> None:
    items = ChatThreadItem.objects.using(database)
    for id in ("cthr_0", "CTHR_1", "cthr_1 ", "cthr_10", "cthr_2"):
        other = ChatThread.objects.using(database).create(id=id, end_user=ada, created_at=NOW)
        items.create(id=f"of {id}", thread=other, position=2, created_at=NOW)
    for id, position in [("b", 2), ("a", 1), ("c", 3)]:
        items.create(id=id, thread=thread, position=position, created_at=NOW)

    along = items.along("cthr_1").in_order()

    assert [each.id for each in along] == ["a", "b", "c"]
    assert [each.id for each in along.filter(position__gt=1).reverse()] == ["c", "b"]


def test_two_items_never_have_one_position(database: str, thread: ChatThread) -> None:
    items = ChatThreadItem.objects.using(database)
    items.create(id="a", thread=thread, position=1, created_at=NOW)

    with pytest.raises(IntegrityError), transaction.atomic(using=database):
        items.create(id="b", thread=thread, position=1, created_at=NOW)


def test_nothing_has_an_empty_id(database: str, thread: ChatThread) -> None:
    for row in (
        EndUser(id=""),
        ChatThread(id="", end_user_id="ada", created_at=NOW),
        ChatThreadItem(id="", thread=thread, position=1, created_at=NOW),
        ChatSession(id="", end_user_id="ada", created_at=NOW, expires_at=NOW),
    ):
        with pytest.raises(IntegrityError), transaction.atomic(using=database):
            row.save(using=database, force_insert=True)


def test_rows_are_named_by_what_people_know_them_by(thread: ChatThread, ada: EndUser) -> None:
    assert str(ada) == "ada"
    assert str(thread) == "cthr_1"
    assert str(ChatThread(id="cthr_2", title="Holidays")) == "Holidays"
    assert str(ChatThreadItem(id="cti_1")) == "cti_1"
    assert str(ChatSession(id="cksess_1")) == "cksess_1"
    assert str(PrunedThread(id="cthr_3")) == "cthr_3"


def test_an_account_that_is_deleted_leaves_its_end_user(database: str, django_user_model: type) -> None:
    owner = django_user_model.objects.using(database).create(username="ada")  # type: ignore[attr-defined]
    EndUser.objects.using(database).create(id="ada", owner=owner)

    owner.delete(using=database)

    assert EndUser.objects.using(database).get().owner is None
