"""A reconcile whose list broke off comes again."""

from typing import Any

import pytest

from django_chatkit.services import comeback, sync
from django_chatkit.services.comeback import Again
from django_chatkit.services.reports import SyncReport

from .conftest import Clock, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def reconcile(world: World, run: Any) -> Any:
    def come(again: Again | None = None) -> tuple[SyncReport, Again | None]:
        outcome: tuple[SyncReport, Again | None] = run(comeback.reconcile, again=again)
        return outcome

    return come


def test_it_comes_again_after_a_wait_that_doubles_up_to_an_hour(
    world: World, clock: Clock, reconcile: Any
) -> None:
    world.emulator.fail("list_threads", status=500, times=None)
    waits, again = [], None

    for _ in range(9):
        _, again = reconcile(again)
        waits.append(again.wait)
        clock.move(seconds=again.wait - 1)  # `run` moves it by the last one

    assert waits == [60, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_it_does_nothing_before_its_time(world: World, clock: Clock, reconcile: Any) -> None:
    world.emulator.fail("list_threads", status=500)
    _, again = reconcile()
    world.emulator.forget_requests()
    clock.move(seconds=19)

    report, later = reconcile(again)

    assert world.emulator.count() == 0
    assert report == SyncReport()
    assert later == Again(again.failed_at, again.at, 40)


def test_it_comes_no_more_once_its_list_was_read_whole(world: World, clock: Clock, reconcile: Any) -> None:
    world.thread("hello")
    world.emulator.fail("list_threads", status=500)
    _, again = reconcile()
    clock.move(seconds=60)

    report, later = reconcile(again)

    world.assert_exact()
    assert (report.threads_new, later) == (1, None)


def test_it_does_nothing_where_another_came_through_since(
    world: World, clock: Clock, run: Any, reconcile: Any
) -> None:
    world.emulator.fail("list_threads", status=500)
    _, again = reconcile()
    clock.move(seconds=30)
    run(sync.reconcile)
    world.emulator.forget_requests()
    clock.move(seconds=30)

    assert reconcile(again) == (SyncReport(), None)
    assert world.emulator.count() == 0


def test_a_thread_that_fails_comes_again_with_its_end_user_and_brings_no_reconcile_back(
    world: World, reconcile: Any
) -> None:
    world.thread("hello")
    world.emulator.fail("list_items", status=500)

    report, again = reconcile()

    assert (len(report.failures), again) == (1, None)
