"""Rows are brought to what the keys say, page by page, from wherever a run was broken off."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connections
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser, ThreadNote
from django_chatkit.models.fields import as_kept
from django_chatkit.models.sealing import Keyring, MissingKey, keyring
from django_chatkit.services import bulk, rotation, sync, verify
from django_chatkit.services.rotation import RotationReport
from tests.keys import FIRST, SECOND, THIRD, dump, use

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

WORD = "canary"


@pytest.fixture
def said(world: World, run: Any, clock: Clock, settings: Settings) -> World:
    """Mirror two threads in clear, with a session and notes."""
    for number in (1, 2):
        id = world.thread(*(f"{WORD} {number}.{each}" for each in range(5)), title=f"{WORD} {number}")
    run(sync.reconcile)
    rows: dict[str, Any] = {"end_user_id": "ada", "expires_at": clock.now, "created_at": clock.now}
    ChatSession.objects.using(world.database).create(id="cksess_1", payload={"state": WORD}, **rows)
    notes = ThreadNote.objects.using(world.database)
    notes.create(thread_id=id, text=f"{WORD} one", created_at=clock.now)
    notes.create(thread_id=id, text=f"{WORD} two", created_at=clock.now)
    return world


def rotate(world: World, **options: Any) -> RotationReport:
    return rotation.rotate(keyring=keyring(), using=world.database, **options)


def counts(report: RotationReport) -> tuple[int, ...]:
    return report.threads, report.items, report.sessions, report.notes


def everything(world: World) -> list[Any]:
    """Return what the rows say, however they are kept."""
    return [
        [(row.pk, row.title, row.payload) for row in ChatThread.objects.using(world.database).order_by("pk")],
        [
            (row.pk, row.text, row.payload)
            for row in ChatThreadItem.objects.using(world.database).order_by("pk")
        ],
        [row.payload for row in ChatSession.objects.using(world.database).order_by("pk")],
        [row.text for row in ThreadNote.objects.using(world.database).order_by("pk")],
    ]


def test_rows_become_sealed_with_the_first_key_and_with_the_next_and_plain_again(
    said: World, settings: Settings
) -> None:
    before, clear = everything(said), sorted(dump(said.database, index=False))

    use(settings, FIRST)
    assert counts(rotate(said)) == (2, 10, 1, 2)
    assert [value for value in dump(said.database, index=False) if WORD in value] == []
    assert everything(said) == before

    use(settings, SECOND, FIRST)
    report = rotate(said)
    assert (counts(report), report.were_plain) == ((2, 10, 1, 2), 0)
    use(settings, SECOND)
    assert everything(said) == before

    use(settings, "", SECOND)
    assert counts(rotate(said)) == (2, 10, 1, 2)
    use(settings)
    assert everything(said) == before
    assert sorted(dump(said.database, index=False)) == clear


@pytest.mark.parametrize("batch_size", [1, 3, 200])
def test_pages_of_any_size_reach_every_row_once(said: World, settings: Settings, batch_size: int) -> None:
    use(settings, FIRST)
    seen = list[int]()

    report = rotate(said, batch_size=batch_size, on_progress=lambda now: seen.append(now.rows))

    assert (report.ok, report.rows, report.found, report.were_plain) == (True, 15, 15, 15)
    assert seen == sorted(seen)
    assert counts(rotate(said)) == (0, 0, 0, 0)


class BrokenOff(Exception):
    pass


def test_a_run_that_is_broken_off_goes_on_where_it_stopped(said: World, settings: Settings) -> None:
    before = everything(said)
    use(settings, FIRST)

    def stop(now: RotationReport) -> None:
        if now.rows >= 7:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        rotate(said, batch_size=1, on_progress=stop)
    assert everything(said) == before
    rest = rotate(said)

    assert (rest.rows, rest.ok) == (8, True)
    assert everything(said) == before


def test_a_dry_run_counts_and_writes_nothing(said: World, settings: Settings) -> None:
    use(settings, FIRST)
    before = list(dump(said.database))

    with CaptureQueriesContext(connections[said.database]) as queries:
        report = rotate(said, dry_run=True)

    assert (counts(report), report.ok) == ((2, 10, 1, 2), True)
    assert list(dump(said.database)) == before
    assert all(query["sql"].startswith("SELECT") for query in queries)


def test_a_missing_key_stops_before_anything_is_changed(said: World, settings: Settings) -> None:
    use(settings, FIRST)
    rotate(said)
    use(settings, SECOND)
    before = list(dump(said.database))

    for options in ({}, {"dry_run": True}):
        with pytest.raises(MissingKey, match=Keyring([FIRST]).prefixes[0].split(":")[1]):
            rotate(said, **options)

    assert list(dump(said.database)) == before
    use(settings, SECOND, FIRST, THIRD)
    assert rotate(said).rows == 15


def test_a_damaged_row_is_a_failure_and_keeps_no_other_waiting(said: World, settings: Settings) -> None:
    use(settings, FIRST)
    rotate(said)
    items = ChatThreadItem.objects.using(said.database)
    (id, kept), *_ = items.values_list("pk", as_kept("payload"))
    table = bulk.Table(model=ChatThreadItem, columns=("id", "payload"), updates=())
    bulk.rewrite(table, [(id, kept[:-10])], using=said.database)
    use(settings, SECOND, FIRST)

    report = rotate(said, batch_size=1)

    (failure,) = report.failures
    assert (failure.noun, failure.id) == ("item", id)
    assert "a row is damaged" in failure.error
    assert report.rows == 14


def test_a_row_that_comes_from_a_process_with_other_keys_is_told(said: World, settings: Settings) -> None:
    use(settings, FIRST)
    ring = keyring()

    use(settings, "", FIRST)
    first = ChatThreadItem.objects.using(said.database).order_by("pk")[:1].get()

    def write_back(now: RotationReport) -> None:
        if now.items == 10:
            use(settings, "", FIRST)
            first.save(using=said.database)

    report = rotation.rotate(keyring=ring, using=said.database, on_progress=write_back)

    (failure,) = report.failures
    assert (failure.noun, failure.id) == ("rows", "of items")
    assert "1 came meanwhile from a process with other ENCRYPTION_KEYS" in failure.error


def test_words_that_stayed_beside_a_sealed_payload_are_hidden(said: World, settings: Settings) -> None:
    use(settings, FIRST)
    rotate(said)
    items = ChatThreadItem.objects.using(said.database)
    id = items.order_by("pk").values_list("pk", flat=True)[:1].get()
    table = bulk.Table(model=ChatThreadItem, columns=("id", "text"), updates=())
    bulk.rewrite(table, [(id, WORD)], using=said.database)

    assert counts(rotate(said)) == (0, 1, 0, 0)
    assert WORD not in " ".join(dump(said.database, index=False))


def test_with_keys_a_sync_keeps_what_it_promises(
    world: World, run: Any, chatkit: Any, settings: Settings
) -> None:
    """The same queries, no write where nothing changed, exact on both sides, whatever key a row is sealed with."""
    id = world.thread("one", "two", title="first")
    run(sync.reconcile)
    with CaptureQueriesContext(connections[world.database]) as plain:
        assert not run(sync.sync_thread, thread_id=id).has_news

    for keys in ((FIRST,), (SECOND, FIRST), ("", FIRST, SECOND)):
        use(settings, *keys)
        with CaptureQueriesContext(connections[world.database]) as sealed:
            assert not run(sync.sync_thread, thread_id=id).has_news
        assert len(sealed) == len(plain)
        assert not run(sync.reconcile, deep=True).has_news
        world.emulator.add_item(id, text=f"more {len(keys)}")
        assert run(sync.reconcile).items_new == 1
        world.assert_exact()
        assert verify.compare(client=chatkit, using=world.database).ok
        rotation.rotate(keyring=keyring(), using=world.database)


def test_a_sync_without_the_key_stops_with_the_remedy_and_writes_nothing(
    world: World, run: Any, settings: Settings
) -> None:
    use(settings, FIRST)
    id = world.thread("one", title="first")
    run(sync.reconcile)
    kept = ChatThreadItem.objects.using(world.database).values_list(as_kept("payload"), flat=True)
    before = list(kept)
    use(settings, SECOND)
    world.emulator.add_item(id, text="two")

    with pytest.raises(MissingKey, match="add that key at the end of the list"):
        run(sync.sync_thread, thread_id=id)

    assert list(kept) == before
    use(settings, SECOND, FIRST)
    assert run(sync.sync_thread, thread_id=id).items_new == 1


def test_an_end_user_is_looked_at_with_keys_as_without(
    world: World, run: Any, live: Any, settings: Settings
) -> None:
    use(settings, FIRST)
    live()
    id = world.thread("one", title="first")

    run(sync.sync_due)

    assert EndUser.objects.using(world.database).get().last_error == ""
    assert [row.text for row in ChatThreadItem.objects.using(world.database)] == ["one"]
    assert world.row(id).title == "first"


def test_no_column_that_is_encrypted_is_forgotten() -> None:
    encrypted = {
        (model, field.name)
        for model in apps.get_app_config("django_chatkit").get_models()
        for field in model._meta.local_fields
        if hasattr(field, "at_rest")
    }

    rotated = {(each.model, each.sealed) for each in rotation._TABLES}
    read_from_a_payload = {(each.model, each.words) for each in rotation._TABLES if each.words}
    assert encrypted == rotated | read_from_a_payload
