"""Threads that retention deletes here alone: upstream keeps them, and no sync brings them back until they go on."""

from datetime import timedelta
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem, PrunedThread
from django_chatkit.services import annotations, cleanup, holds, sync, verify
from django_chatkit.services.differences import Sample
from django_chatkit.services.reports import CleanupReport
from tests.keys import FIRST, SECOND, use

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

HERE = {"threads": {"days": timedelta(days=30), "upstream": False}}


@pytest.fixture
def clean(chatkit: ChatKit, clock: Clock, world: World) -> Any:
    def run(retention: Any = HERE, **options: Any) -> CleanupReport:
        return cleanup.run(client=chatkit, clock=clock, retention=retention, using=world.database, **options)

    return run


@pytest.fixture
def old(world: World, clock: Clock, run: Any) -> str:
    """Mirror a thread of which nobody has heard for forty days."""
    id = world.thread("one", "two", "three", created_at=int(clock.timestamp()))
    run(sync.reconcile)
    clock.move(days=40)
    world.emulator.forget_requests()
    return id


def rows(world: World) -> list[int]:
    models = (ChatThread, ChatThreadItem, PrunedThread)
    return [model.objects.using(world.database).count() for model in models]


def test_a_thread_goes_here_and_stays_upstream(world: World, clean: Any, old: str) -> None:
    report = clean(batch_size=2)

    assert (report.threads_left_out, report.threads_deleted) == (1, 0)
    assert rows(world) == [0, 0, 1]
    assert [thread["id"] for thread in world.emulator.threads()] == [old]
    assert world.emulator.count() == 0


@pytest.fixture
def sealed(settings: Any) -> Any:
    """Have what is written from now on encrypted with a key, and return how that key is lost."""
    use(settings, FIRST)
    return lambda: use(settings, SECOND)


def test_what_a_lost_key_had_sealed_goes_all_the_same(
    sealed: Any, world: World, clean: Any, old: str
) -> None:
    sealed()

    report = clean()

    assert (report.ok, report.threads_left_out) == (True, 1)
    assert rows(world) == [0, 0, 1]


@pytest.mark.parametrize(
    ("service", "scope"),
    [
        pytest.param(sync.reconcile, {}, id="reconcile"),
        pytest.param(sync.sync_user, {"user": "ada"}, id="end-user"),
        pytest.param(sync.sync_thread, {"thread_id": None}, id="thread"),
    ],
)
@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside-another"])
def test_no_sync_brings_it_back(
    world: World, clean: Any, run: Any, old: str, service: Any, scope: dict[str, Any], others: int
) -> None:
    clean()
    for _ in range(others):
        world.thread("hello")

    report = run(service, **{name: value or old for name, value in scope.items()})

    assert report.ok
    assert not ChatThread.objects.using(world.database).filter(pk=old).exists()
    assert PrunedThread.objects.using(world.database).filter(pk=old).exists()


@pytest.mark.parametrize(
    ("service", "scope"),
    [
        pytest.param(sync.reconcile, {}, id="reconcile"),
        pytest.param(sync.sync_user, {"user": "ada"}, id="end-user"),
        pytest.param(sync.sync_thread, {"thread_id": None}, id="thread"),
    ],
)
def test_one_that_goes_on_is_mirrored_again_whole(
    world: World, clean: Any, run: Any, old: str, service: Any, scope: dict[str, Any]
) -> None:
    clean()
    world.emulator.add_item(old, text="four")

    report = run(service, **{name: value or old for name, value in scope.items()})

    assert (report.ok, report.threads_new) == (True, 1)
    world.assert_exact()
    assert not PrunedThread.objects.using(world.database).exists()


def test_one_without_any_item_stays_out(world: World, clean: Any, run: Any, old: str) -> None:
    clean()
    for item in world.emulator.items(old):
        world.emulator.remove_item(item["id"])

    assert run(sync.reconcile).ok
    assert rows(world) == [0, 0, 1]


def test_a_look_at_it_costs_one_request(world: World, clean: Any, run: Any, old: str) -> None:
    clean()
    world.emulator.forget_requests()

    run(sync.reconcile)

    assert world.emulator.count() == 2  # the list, and its newest item


def test_it_is_no_difference(world: World, chatkit: ChatKit, clean: Any, run: Any, old: str) -> None:
    other = world.thread("hello")
    run(sync.reconcile)
    clean()

    for scope in ({}, {"users": ["ada"]}, {"threads": [old]}, {"sample": Sample(size=6, seed=1)}):
        report = verify.compare(client=chatkit, using=world.database, **scope)
        assert (report.found, report.failures) == ([], [])
    assert world.words(other) == ["hello"]


def test_notes_and_reviews_go_with_it(world: World, clean: Any, old: str, clock: Clock) -> None:
    annotations.note(thread_id=old, author=None, text="quite so", now=clock.now, using=world.database)

    clean()

    assert rows(world) == [0, 0, 1]


def test_one_that_is_gone_upstream_goes_and_nothing_is_remembered(
    world: World, clean: Any, run: Any, old: str
) -> None:
    world.emulator.remove_thread(old)
    run(sync.reconcile)

    assert clean().threads_left_out == 1
    assert rows(world) == [0, 0, 0]


def test_one_whose_first_copy_is_under_way_stays(world: World, clean: Any, old: str) -> None:
    ChatThread.objects.using(world.database).update(synced_at=None)

    assert clean().threads_left_out == 0
    assert rows(world) == [1, 3, 0]


def test_a_dry_run_names_it_and_writes_nothing(world: World, clean: Any, old: str) -> None:
    told: list[tuple[str, str, int]] = []

    report = clean(dry_run=True, on_due=lambda *due: told.append(due))

    assert (report.threads_left_out, told) == (1, [("thread", old, 1)])
    assert rows(world) == [1, 3, 0]


def test_what_a_killed_run_left_goes_before_it_is_mirrored_again(
    world: World, clean: Any, run: Any, old: str, clock: Clock
) -> None:
    """Marked and half deleted, as between two transactions of a run."""
    active_at = world.row(old).last_activity_at
    assert active_at is not None
    PrunedThread.objects.using(world.database).create(id=old, active_at=active_at)
    ChatThread.objects.using(world.database).update(gone_at=clock.now)
    ChatThreadItem.objects.using(world.database).filter(position=0).delete()
    run(sync.reconcile)
    assert rows(world) == [1, 2, 1]

    world.emulator.add_item(old, text="four")
    run(sync.reconcile)

    world.assert_exact()
    assert rows(world) == [1, 4, 0]


def test_what_a_hold_had_kept_stays_until_it_is_lifted(
    world: World, clean: Any, run: Any, old: str, clock: Clock
) -> None:
    def hold(report: CleanupReport) -> None:
        holds.hold(user="ada", now=clock.now, using=world.database)

    clean(batch_size=2, on_progress=hold)
    assert rows(world) == [1, 1, 1]
    world.emulator.add_item(old, text="four")
    run(sync.reconcile)
    assert rows(world) == [1, 1, 1]

    holds.lift(user="ada", using=world.database)
    run(sync.reconcile)

    world.assert_exact()
    assert rows(world) == [1, 4, 0]
