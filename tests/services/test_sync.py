"""One thread, one end user, and what upstream tells of them."""

from datetime import timedelta
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, EndUser
from django_chatkit.services import end_users, mirror, reading, sync
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.sync import Pace

from .conftest import Clock, World, end_user

pytestmark = pytest.mark.django_db


def test_a_thread_without_an_id_is_counted_and_nothing_is_marked_as_gone(world: World, run: Any) -> None:
    known = world.thread()
    run(sync.reconcile)
    body = {"object": "list", "data": [{"object": "chatkit.thread", "user": "ada"}], "has_more": False}
    world.emulator.fail("list_threads", status=200, body=body)

    report = run(sync.reconcile)

    assert [failure.noun for failure in report.failures] == ["thread"]
    assert world.row(known).gone_at is None


def test_a_thread_that_can_be_no_row_stops_no_other(world: World, run: Any, live: Any) -> None:
    gone = world.thread()
    run(sync.reconcile)
    world.emulator.remove_thread(gone)
    bad = [world.thread("hello", user=user) for user in ("x" * 513, "\ud800\0")]
    good = world.thread("hello")

    report = run(sync.reconcile)

    assert [failure.id for failure in report.failures] == bad
    assert world.words(good) == ["hello"]
    assert world.row(gone).gone_at is not None

    world.emulator.change_thread(bad[0], user="ada")
    world.emulator.add_thread(user="ada", id="x" * 256)
    live()
    assert [failure.noun for failure in run(sync.sync_due).failures] == ["thread"]
    assert world.words(bad[0]) == ["hello"]


def test_those_whose_end_user_nobody_told_are_not_looked_for_by_name(world: World, run: Any) -> None:
    report = run(sync.sync_user, user=reading.UNKNOWN_USER)

    assert [failure.noun for failure in report.failures] == ["end user"]
    assert world.emulator.count() == 0


def test_a_thread_written_after_the_listing_began_is_not_marked(
    world: World, run: Any, chatkit: ChatKit, clock: Clock, pace: Pace
) -> None:
    world.thread("old")

    def discover_elsewhere(report: SyncReport) -> None:
        clock.move(seconds=1)
        if not ChatThread.objects.using(world.database).filter(pk="cthr_new").exists():
            world.emulator.add_thread(user="bob", id="cthr_new")
            sync.sync_thread(client=chatkit, clock=clock, thread_id="cthr_new", using=world.database)

    sync.reconcile(
        client=chatkit, clock=clock, pace=pace, using=world.database, on_progress=discover_elsewhere
    )

    assert world.row("cthr_new").gone_at is None


def test_a_reconcile_without_items_reads_only_what_is_unfinished(world: World, run: Any) -> None:
    done = world.thread("done")
    waiting = world.thread()
    world.emulator.add_item(waiting, type="chatkit.client_tool_call", status="in_progress", output=None)
    run(sync.reconcile)
    new = world.thread("new")
    world.emulator.forget_requests()

    run(sync.reconcile, items=False)

    asked = {each.path.split("/")[-2] for each in world.emulator.requests if each.operation == "list_items"}
    assert asked == {waiting, new}
    assert done not in asked


def test_a_thread_without_a_user_is_kept_under_unknown(world: World, run: Any) -> None:
    body = {
        "object": "list",
        "data": [{"id": "cthr_doc", "object": "chatkit.thread", "created_at": 1712345600, "metadata": None}],
        "has_more": False,
    }
    world.emulator.fail("list_threads", status=200, body=body)
    run(sync.reconcile, items=False)

    assert world.row("cthr_doc").end_user_id == reading.UNKNOWN_USER


def test_the_documentations_dialect_is_mirrored_too(world: World, run: Any) -> None:
    world.thread("hello")
    world.emulator.switches.dialect = "documentation"

    report = run(sync.sync_user, user="ada")

    assert report.ok
    assert ChatThread.objects.using(world.database).get().end_user_id == "ada"
    assert world.words(ChatThread.objects.using(world.database).get().id) == ["hello"]


def test_one_end_users_sync_covers_all_of_that_end_users_threads_and_no_other(world: World, run: Any) -> None:
    for _ in range(105):
        world.thread("hello", user="ada")
    world.thread("foreign", user="bob")

    report = run(sync.sync_user, user="ada")

    assert (report.users, report.threads, report.items_new) == (1, 105, 105)
    assert not EndUser.objects.using(world.database).filter(pk="bob").exists()


def test_an_id_that_cannot_stand_in_an_address_is_a_counted_failure(
    world: World, chatkit: ChatKit, clock: Clock
) -> None:
    report = sync.sync_thread(client=chatkit, clock=clock, thread_id="..", using=world.database)

    assert [failure.id for failure in report.failures] == [".."]
    assert world.emulator.count() == 0


def test_older_knowledge_of_a_thread_never_overwrites_newer(world: World, run: Any, clock: Clock) -> None:
    thread = world.thread(title="old")
    stale = [mirror.listed(each) for each in world.emulator.threads()]
    asked_at = clock.now
    world.emulator.change_thread(thread, title="new")
    run(sync.reconcile)

    written = mirror.write_threads(stale, as_of=asked_at, using=world.database)

    assert (written.new, written.changed) == (set(), set())
    assert world.row(thread).title == "new"


def test_a_thread_that_another_run_copies_is_left_to_it_and_its_end_user_is_due(
    world: World, run: Any, chatkit: ChatKit, clock: Clock
) -> None:
    thread = world.thread("hello")
    run(sync.reconcile)
    requests = world.emulator.count()
    leased = ChatThread.objects.using(world.database).filter(pk=thread)
    leased.update(leased_until=clock.now + timedelta(seconds=30))

    report = sync.sync_thread(
        client=chatkit, clock=clock, thread_id=thread, waits=False, using=world.database
    )

    assert (report.ok, report.deferred, report.threads) == (True, 1, 0)
    assert world.emulator.count() == requests
    assert end_user(world).due_at == clock.now

    world.emulator.add_item(thread, text="world")
    leased.update(leased_until=None)
    run(sync.sync_due)
    assert world.words(thread) == ["hello", "world"]


def test_a_thread_that_nobody_else_copies_is_synced_at_once_without_waiting(
    world: World, chatkit: ChatKit, clock: Clock
) -> None:
    thread = world.thread("hello")

    report = sync.sync_thread(
        client=chatkit, clock=clock, thread_id=thread, waits=False, using=world.database
    )

    assert (report.deferred, report.threads) == (0, 1)
    assert world.words(thread) == ["hello"]


def test_those_whom_nobody_named_are_not_made_due(world: World, run: Any, clock: Clock) -> None:
    world.thread("hello", id="cthr_a")
    world.emulator.switches.dialect = "documentation"
    run(sync.reconcile)

    end_users.hasten(thread_id="cthr_a", now=clock.now, using=world.database)

    assert end_user(world, reading.UNKNOWN_USER).due_at is None
