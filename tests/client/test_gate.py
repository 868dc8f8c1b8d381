"""A refusal for pace stops every thread of a client, and every copy of it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest

from django_chatkit.client import (
    ChatKit,
    ChatKitError,
    InternalServerError,
    MemoryGate,
    NotFoundError,
    RateLimitError,
    StandStill,
)

from .conftest import Make
from .scripted import SESSION, Script, Step

THREAD = Step({"id": "cthr_1"})
NOW = 1_000_000.0


class Wall:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def world(self, chance: float = 0.0) -> dict[str, Any]:
        return {
            "sleep": self.sleep,
            "monotonic": self,
            "now": lambda: NOW + self.now,
            "chance": lambda: chance,
        }


@pytest.fixture
def wall() -> Wall:
    return Wall()


def refused(make: Make, wall: Wall, *steps: Step, **options: Any) -> tuple[ChatKit, Script]:
    """Return a client whose first call was refused, without another attempt."""
    script = Script(*steps, THREAD)
    client = make(script, **{"max_retries": 0, **wall.world(), **options})
    with pytest.raises((RateLimitError, InternalServerError)):
        client.threads.retrieve("cthr_0")
    return client, script


PAUSES = [
    pytest.param({"Retry_After_Ms": "1500", "Retry_After": "9"}, 1.5, id="milliseconds"),
    pytest.param({"Retry_After": "3"}, 3.0, id="seconds"),
    pytest.param({"Retry_After": "2.5"}, 2.5, id="a-fraction"),
    pytest.param({"Retry_After": formatdate(NOW + 60, usegmt=True)}, 60.0, id="a-date"),
    pytest.param({"Retry_After": formatdate(NOW - 60, usegmt=True)}, 0.5, id="a-date-gone-by"),
    pytest.param({"Retry_After": "-4"}, 0.5, id="less-than-nothing"),
    pytest.param({"Retry_After": "0"}, 0.5, id="nothing"),
    pytest.param({"Retry_After": "soon"}, 0.5, id="words"),
    pytest.param({"Retry_After": "120"}, 120.0, id="two-minutes"),
    pytest.param({}, 0.5, id="no-header"),
    pytest.param({"X_Should_Retry": "true"}, 0.5, id="asked-to-retry"),
    pytest.param({"X_Should_Retry": "false", "Retry_After": "7"}, 7.0, id="no-retry-but-a-time"),
    pytest.param({"X_Should_Retry": "false"}, 0.0, id="no-retry-a-spent-quota"),
    pytest.param({"Retry_After": "121"}, 0.0, id="more-than-two-minutes"),
    pytest.param({"Retry_After_Ms": "120001"}, 0.0, id="more-than-two-minutes-in-milliseconds"),
]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("headers", "pause"), PAUSES)
def test_a_refusal_for_pace_closes_the_gate_though_no_attempt_is_left(
    make: Make, wall: Wall, status: int, headers: dict[str, str], pause: float
) -> None:
    client, script = refused(make, wall, Step({}, status, **headers))

    assert client.gate.seconds_left() == pytest.approx(pause)
    assert client.threads.retrieve("cthr_1").id == "cthr_1"
    assert wall.sleeps == pytest.approx([pause] if pause else [])
    assert len(script.sent) == 2


@pytest.mark.parametrize("status", [400, 404, 408, 409, 500, 502, 529])
def test_another_refusal_closes_it_for_nobody(make: Make, wall: Wall, status: int) -> None:
    client = make(Step({}, status, Retry_After="9"), max_retries=0, **wall.world())

    with pytest.raises(Exception, match="Error code"):
        client.threads.retrieve("cthr_1")

    assert client.gate.seconds_left() == 0


def test_the_call_that_is_refused_waits_once(make: Make, wall: Wall) -> None:
    client = make(Step({}, 429, Retry_After="3"), Step({}, 503), THREAD, **wall.world())

    client.threads.retrieve("cthr_1")

    assert wall.sleeps == [3.0, 1.0]


def test_a_copy_with_other_options_stands_before_the_same_gate(make: Make, wall: Wall) -> None:
    client, _ = refused(make, wall, Step({}, 429, Retry_After="3"))

    client.with_options(timeout=1).threads.retrieve("cthr_1")

    assert wall.sleeps == [3.0]


def test_two_clients_may_share_a_gate(make: Make, wall: Wall) -> None:
    gate = MemoryGate(wall)
    refused(make, wall, Step({}, 429, Retry_After="3"), gate=gate)

    make(THREAD, gate=gate, **wall.world()).threads.retrieve("cthr_1")

    assert wall.sleeps == [3.0]


def test_those_who_waited_do_not_come_back_in_the_same_instant(make: Make, wall: Wall) -> None:
    client, _ = refused(make, wall, Step({}, 429, Retry_After="3"), **wall.world(chance=1.0))

    client.threads.retrieve("cthr_1")

    assert wall.sleeps == [pytest.approx(3.3)]


def test_a_second_at_most_is_added(make: Make, wall: Wall) -> None:
    client = make(Step({}, 429, Retry_After="60"), THREAD, **wall.world(chance=1.0))

    client.threads.retrieve("cthr_1")

    assert wall.sleeps == [61.0]


class TestAPauseLongerThanTheCallerCanWait:
    def test_ends_the_call_with_nothing_sent(self, make: Make, wall: Wall) -> None:
        client, script = refused(make, wall, Step({}, 503, Retry_After="30"))

        with pytest.raises(RateLimitError, match=r"lasts 30\.0 s more: nothing was sent") as caught:
            client.with_options(longest_wait=5, max_retries=2).threads.retrieve("cthr_1")

        assert (caught.value.retry_after, caught.value.unsent, caught.value.status_code) == (30.0, True, 429)
        assert (wall.sleeps, len(script.sent)) == ([], 1)

    def test_is_not_made_longer_by_that(self, make: Make, wall: Wall) -> None:
        client, _ = refused(make, wall, Step({}, 503, Retry_After="30"))
        wall.now += 10

        with pytest.raises(RateLimitError):
            client.with_options(longest_wait=5).threads.retrieve("cthr_1")

        assert client.gate.seconds_left() == 20.0

    def test_is_told_by_a_call_that_would_wait_for_itself_too(self, make: Make, wall: Wall) -> None:
        client = make(Step({}, 429, Retry_After="30"), longest_wait=5, **wall.world())

        with pytest.raises(RateLimitError) as caught:
            client.threads.retrieve("cthr_1")

        assert (caught.value.unsent, client.gate.seconds_left()) == (False, 30.0)

    def test_may_hide_what_an_earlier_attempt_did(self, make: Make, wall: Wall) -> None:
        gate = MemoryGate(wall)
        script = Script(Step({}, 500), Step({}, 404))
        client = make(script, gate=gate, longest_wait=5, **wall.world())
        slept = wall.sleep

        def meanwhile_another_is_refused(seconds: float) -> None:
            slept(seconds)
            gate.close_for(30)

        impatient = make(
            script,
            gate=gate,
            longest_wait=5,
            **{**wall.world(), "sleep": meanwhile_another_is_refused},
        )
        with pytest.raises(RateLimitError) as caught:
            impatient.threads.delete("cthr_1")
        wall.now += 30
        with pytest.raises(NotFoundError) as plain:
            client.threads.delete("cthr_1")

        assert (caught.value.after_lost_answer, plain.value.after_lost_answer) == (True, False)


def test_a_pause_that_others_make_longer_is_stood_through_while_the_caller_can_wait(
    make: Make, wall: Wall
) -> None:
    gate = MemoryGate(wall)
    refusals = [40.0, 40.0, 60.0]

    def sleep(seconds: float) -> None:
        wall.sleep(seconds)
        if refusals:
            gate.close_for(refusals.pop(0))

    client = make(THREAD, gate=gate, **{**wall.world(), "sleep": sleep})
    gate.close_for(30)

    with pytest.raises(RateLimitError) as caught:
        client.threads.retrieve("cthr_1")

    assert (wall.sleeps, caught.value.retry_after) == ([30.0, 40.0, 40.0], 60.0)


def test_a_pause_of_two_minutes_can_be_waited_for_whatever_the_clock_shows(make: Make, wall: Wall) -> None:
    for wall.now in (0.1, 1e5 / 3, 1e9 / 7):
        wall.sleeps.clear()
        client, _ = refused(make, wall, Step({}, 429, Retry_After="120"))
        client.threads.retrieve("cthr_1")
        assert wall.sleeps == pytest.approx([120])


def test_a_create_waits_too(make: Make, wall: Wall) -> None:
    gate = MemoryGate(wall)
    gate.close_for(2)

    make(Step(SESSION), gate=gate, **wall.world()).sessions.create(user="u", workflow="wf_1")

    assert wall.sleeps == [2.0]


class TestACallThatIsGivenUp:
    def test_ends_within_a_moment_of_its_wait_and_sends_nothing_more(self, make: Make, wall: Wall) -> None:
        client, script = refused(make, wall, Step({}, 429, Retry_After="60"))

        with pytest.raises(ChatKitError, match="given up"):
            client.with_options(given_up=lambda: wall.now >= 2, max_retries=2).threads.retrieve("cthr_1")

        assert (wall.now, len(script.sent)) == (2.0, 1)

    def test_does_not_make_another_attempt(self, make: Make, wall: Wall) -> None:
        script = Script(Step({}, 500))
        client = make(script, **wall.world()).with_options(given_up=lambda: True)

        with pytest.raises(ChatKitError, match="given up"):
            client.with_options(timeout=1).threads.retrieve("cthr_1")

        assert (wall.sleeps, len(script.sent)) == ([0.25], 1)

    def test_waits_as_long_as_any_other_where_it_is_not(self, make: Make, wall: Wall) -> None:
        client = make(Step({}, 429, Retry_After="0.6"), THREAD, **wall.world())

        client.with_options(given_up=lambda: False).threads.retrieve("cthr_1")

        assert sum(wall.sleeps) == pytest.approx(0.6)


class TestAGateInMemory:
    def test_is_open_at_first(self) -> None:
        assert MemoryGate().seconds_left() == 0.0

    def test_opens_again(self, wall: Wall) -> None:
        gate = MemoryGate(wall)
        gate.close_for(2)
        wall.now += 1.5
        assert gate.seconds_left() == 0.5
        wall.now += 1
        assert gate.seconds_left() == 0.0

    def test_stays_closed_for_the_longest_that_was_asked(self, wall: Wall) -> None:
        gate = MemoryGate(wall)
        for seconds in (2, 5, 1):
            gate.close_for(seconds)

        assert gate.seconds_left() == 5.0


class TestHowLongAClientStoodStill:
    def test_is_told_before_each_wait(self, make: Make, wall: Wall) -> None:
        told: list[tuple[float, float]] = []
        client = make(Step({}, 429, Retry_After="3"), Step({}, 500), THREAD, **wall.world())

        client.with_options(on_wait=lambda seconds: told.append((wall.now, seconds))).with_options(
            timeout=1
        ).threads.retrieve("cthr_1")

        assert told == [(0.0, 3.0), (3.0, 1.0)]

    def test_is_told_to_all_who_asked_for_it(self, make: Make, wall: Wall) -> None:
        told: list[str] = []
        client = make(Step({}, 500), THREAD, **wall.world()).with_options(
            on_wait=lambda _: told.append("first")
        )

        client.with_options(on_wait=lambda _: told.append("second")).threads.retrieve("cthr_1")

        assert told == ["first", "second"]

    def test_is_added_up_as_a_clock_on_the_wall_sees_it(self, wall: Wall) -> None:
        stood = StandStill(wall)
        for at, seconds in ((0, 10), (2, 3), (5, 10), (20, 5)):
            wall.now = at
            stood(seconds)

        assert stood.seconds == 15.0
        wall.now = 22
        assert stood.seconds == 17.0
        wall.now = 99
        assert stood.seconds == 20.0

    def test_can_be_told_by_many_threads(self, wall: Wall) -> None:
        stood, start = StandStill(wall), threading.Barrier(8)

        def many(_: int) -> None:
            start.wait(120)
            for _number in range(200):
                stood(1.0)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(many, range(8)))
        wall.now = 1.0

        assert stood.seconds == 1.0


def test_all_threads_of_a_client_stand_still_together(make: Make) -> None:
    times: list[float] = []

    class Upstream(Script):
        def send(self, *arguments: Any, **options: Any) -> Any:
            times.append(time.monotonic())
            return super().send(*arguments, **options)

    def wait(seconds: float) -> None:
        threading.Event().wait(seconds)

    client = make(Upstream(Step({}, 429, Retry_After_Ms="300"), THREAD), max_retries=0, sleep=wait)
    with pytest.raises(RateLimitError):
        client.threads.retrieve("cthr_1")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.threads.retrieve("cthr_1"), range(8)))

    refused_at, *others = times
    assert len(others) == 8
    assert min(others) - refused_at >= 0.3
