"""Both sides in a time in which nobody waits, refusals to order, and what must hold after each."""

from collections.abc import Callable
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem
from django_chatkit.services import sync
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter
from tests.services.conftest import Clock, World

KEY = "sk-secret-of-these-tests"
PRIVATE = "what ada said to nobody else"

Run = Callable[[], SyncReport]


class Wall:
    """The time of both sides; only waiting moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def emulator(clock: Clock, wall: Wall) -> Emulator:
    emulator = Emulator(clock=clock.timestamp, sleep=wall.sleep, seed=7)
    emulator.switches.rate_limit_headers = {}  # a 429 says how long only where a test does
    return emulator


@pytest.fixture
def chatkit(emulator: Emulator, clock: Clock, wall: Wall) -> ChatKit:
    """Make a client that tries again once, in a time in which nobody waits."""
    return ChatKit(
        api_key=KEY,
        base_url="http://emulator.invalid/v1",
        adapter=EmulatorAdapter(emulator),
        max_retries=1,
        sleep=wall.sleep,
        monotonic=wall,
        now=clock.timestamp,
    )


def refuse(emulator: Emulator, operation: str, fault: dict[str, Any], **where: Any) -> None:
    """Order a refusal that lasts; where it has words, they hold the key and what was said."""
    message = {"error": {"message": f"Refused for {KEY}.", "type": "x", "param": None, "code": None}}
    words = {"body": message} if "status" in fault else {}
    emulator.fail(operation, **{"times": None, **words, **fault, **where})


@pytest.fixture
def reconcile(chatkit: ChatKit, clock: Clock, pace: Pace, world: World) -> Run:
    def run() -> SyncReport:
        clock.move(seconds=1)
        return sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)

    return run


def assert_told_without_a_secret(report: SyncReport, caplog: pytest.LogCaptureFixture) -> None:
    """A failure is counted, and names what went wrong in words that anybody may read."""
    assert report.failures
    assert not report.ok
    for failure in report.failures:
        assert 0 < len(failure.error) <= 500
    told = str(report.as_dict()) + caplog.text
    assert KEY not in told
    assert PRIVATE not in told


def assert_nothing_is_gone(report: SyncReport, world: World) -> None:
    assert (report.threads_gone, report.items_gone) == (0, 0)
    assert not ChatThread.objects.using(world.database).exclude(gone_at=None).exists()
    assert not ChatThreadItem.objects.using(world.database).exclude(gone_at=None).exists()


def assert_the_next_run_mends_it(world: World, run: Run) -> None:
    world.emulator.faults.clear()
    report = run()
    assert report.ok, report.failures
    world.assert_exact()


def said(count: int) -> list[str]:
    return [f"{PRIVATE} {number}" for number in range(count)]
