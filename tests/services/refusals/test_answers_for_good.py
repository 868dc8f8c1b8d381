"""A 401 ends the run, and a 404 says that something is gone; nothing else does."""

import pytest

from django_chatkit.client import AuthenticationError, ChatKit
from django_chatkit.models import ChatThread, EndUser
from django_chatkit.services import sync
from django_chatkit.services.sync import Pace
from tests.services.conftest import Clock, World

from .conftest import (
    KEY,
    Run,
    assert_nothing_is_gone,
    assert_the_next_run_mends_it,
    refuse,
    said,
)

pytestmark = pytest.mark.django_db


class TestARefusedKey:
    @pytest.fixture
    def crowd(self, world: World, clock: Clock) -> World:
        """Make fifty end users due, two of whose threads are known."""
        for number in range(50):
            world.thread(*said(1), user=f"user {number}")
        EndUser.objects.using(world.database).bulk_create(
            EndUser(id=f"user {number}", due_at=clock.now) for number in range(50)
        )
        return world

    def test_stops_a_pass_at_once_and_leaves_everybody_due(
        self, crowd: World, chatkit: ChatKit, clock: Clock, pace: Pace
    ) -> None:
        refuse(crowd.emulator, "*", {"status": 401}, after=6)

        with pytest.raises(AuthenticationError) as caught:
            sync.sync_due(client=chatkit, clock=clock, pace=pace, using=crowd.database)

        users = EndUser.objects.using(crowd.database)
        done = users.filter(due_at=None).count()
        assert users.filter(due_at=clock.now).count() == 50 - done > 40
        assert not users.exclude(leased_until=None).exists()
        assert not users.exclude(failures=0).exists()
        assert not ChatThread.objects.using(crowd.database).exclude(leased_until=None).exists()
        # Those under way when the first was refused, and no other.
        assert crowd.emulator.count() <= 6 + 1 + 2 * pace.workers
        assert KEY not in str(caught.value)

    def test_stops_a_reconcile_at_once(
        self, crowd: World, reconcile: Run, pace: Pace, caplog: pytest.LogCaptureFixture
    ) -> None:
        refuse(crowd.emulator, "*", {"status": 401}, after=6)

        with pytest.raises(AuthenticationError):
            reconcile()

        assert crowd.emulator.count() <= 6 + 1 + 2 * pace.workers
        assert not ChatThread.objects.using(crowd.database).exclude(leased_until=None).exists()
        assert KEY not in caplog.text
        assert_the_next_run_mends_it(crowd, reconcile)


class TestNotFound:
    def test_in_the_middle_of_a_first_copy_means_that_the_thread_is_gone(
        self, world: World, reconcile: Run
    ) -> None:
        thread, other = world.thread(*said(103)), world.thread(*said(1))
        for operation in ("list_items", "retrieve_thread"):
            world.emulator.fail(
                operation, status=404, times=None, match=thread, after=operation == "list_items"
            )

        report = reconcile()

        assert (report.ok, report.threads_gone) == (True, 1)
        assert world.row(thread).gone_at is not None
        assert world.words(other) == said(1)

    def test_of_a_cursor_only_means_nothing_of_the_kind(self, world: World, reconcile: Run) -> None:
        thread = world.thread(*said(103))
        world.emulator.fail("list_items", status=404, after=1)

        report = reconcile()

        assert (report.ok, report.threads_gone) == (True, 0)
        assert world.words(thread) == said(103)

    def test_of_the_whole_listing_means_nothing_of_the_kind(self, world: World, reconcile: Run) -> None:
        world.thread(*said(1))
        reconcile()
        refuse(world.emulator, "list_threads", {"status": 404})

        report = reconcile()

        assert not report.ok
        assert_nothing_is_gone(report, world)
