"""A pause holds up all workers of a run together, and nobody for longer than that."""

import threading
from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from django_chatkit.client import AuthenticationError, ChatKit, MemoryGate
from django_chatkit.services import sync
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter
from tests.deadline import until
from tests.services.conftest import Clock, World

from .conftest import (
    KEY,
    Run,
    Wall,
    assert_nothing_is_gone,
    assert_the_next_run_mends_it,
    assert_told_without_a_secret,
    refuse,
    said,
)

pytestmark = pytest.mark.django_db


class TestAPause:
    def test_holds_up_all_workers_together(self, world: World) -> None:
        """On real clocks: for most of two seconds after the one 429 nobody asks for anything."""
        emulator = Emulator(seed=7)
        for number in range(30):
            emulator.add_thread(user=f"user {number}", items=[{"text": "Hello"}])
        emulator.fail("*", status=429, headers={"retry-after-ms": "2000"}, after=12)
        chatkit = ChatKit(api_key=KEY, adapter=EmulatorAdapter(emulator))
        pace = Pace(interval=timedelta(seconds=15), grace=timedelta(), workers=8)

        report = sync.reconcile(client=chatkit, clock=timezone.now, pace=pace, using=world.database)

        moments = sorted(request.at for request in emulator.requests)
        quiet, since = max((later - sooner, later) for sooner, later in pairwise(moments))
        assert report.ok
        assert len([request for request in emulator.requests if request.status == 429]) == 1
        assert quiet > 1
        assert len([moment for moment in moments if moment >= since]) > 8, (
            "not the refused one alone comes back"
        )
        assert 1 < report.paused < 20
        World(emulator, world.database).assert_exact()

    def test_that_lasts_ends_the_run_soon_and_nothing_is_gone(
        self, world: World, reconcile: Run, wall: Wall, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(5):
            world.thread(*said(1))
        reconcile()
        refuse(world.emulator, "*", {"status": 503, "headers": {"retry-after": "60"}})
        began = wall.now

        report = reconcile()

        assert_told_without_a_secret(report, caplog)
        assert_nothing_is_gone(report, world)
        assert wall.now - began < 300
        assert_the_next_run_mends_it(world, reconcile)

    def test_holds_up_nobody_once_the_run_is_over(self, clock: Clock, pace: Pace) -> None:
        meeting = threading.Barrier(2, timeout=120)

        def sleep(seconds: float) -> None:
            """Answer neither before both are under way, and the second once the first one's pause lasts."""
            meeting.wait()
            if seconds == 2:
                until(chatkit.gate.seconds_left)

        emulator = Emulator(seed=7, sleep=sleep)
        first, second = (emulator.add_thread(user="ada")["id"] for _ in range(2))
        emulator.fail("list_items", status=429, headers={"retry-after": "100"}, match=first, delay=1)
        emulator.fail("list_items", status=401, match=second, delay=2)
        chatkit = ChatKit(api_key=KEY, adapter=EmulatorAdapter(emulator))

        with pytest.raises(AuthenticationError):
            sync.reconcile(client=chatkit, clock=clock, pace=pace)

        until(lambda: not any(thread.name.startswith("chatkit") for thread in threading.enumerate()))
        assert sorted(request.status or 0 for request in emulator.requests) == [200, 401, 429]

    def test_that_one_client_was_told_holds_up_another(
        self, world: World, chatkit: ChatKit, clock: Clock, pace: Pace, wall: Wall
    ) -> None:
        gate = MemoryGate(wall)
        gate.close_for(60)
        world.thread(*said(1))
        patient = ChatKit(
            api_key=KEY,
            adapter=EmulatorAdapter(world.emulator),
            gate=gate,
            sleep=wall.sleep,
            monotonic=wall,
        )

        report = sync.reconcile(client=patient, clock=clock, pace=pace, using=world.database)

        assert report.ok
        assert wall.now >= 60
        world.assert_exact()

    def test_that_is_too_long_for_the_caller_is_a_failure_with_nothing_sent(
        self, world: World, chatkit: ChatKit, clock: Clock, pace: Pace
    ) -> None:
        world.thread(*said(1))
        chatkit.gate.close_for(60)

        report = sync.reconcile(
            client=chatkit.with_options(longest_wait=5), clock=clock, pace=pace, using=world.database
        )

        (failure,) = report.failures
        assert "nothing was sent" in failure.error
        assert world.emulator.count() == 0
