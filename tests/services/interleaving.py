"""Several runs in one process, taken forward step by step in an order that a test chooses."""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from random import Random
from typing import Any

from django_chatkit.services.looks import Run
from django_chatkit.services.roster import Job, Request, Roster, Running

from .conftest import Clock

# Room for this many requests in each run.
ROOM = 3
# More steps than any of these stories takes, unless it never ends.
ENDLESS = 20_000


@dataclass(slots=True)
class _Flight:
    """A request on its way there, or its answer on its way back."""

    running: Running
    request: Request
    answer: Future[Any] | None = None


@dataclass
class Player:
    """One run, that does nothing by itself."""

    run: Run
    feed: Iterable[Job]
    flights: list[_Flight] = field(default_factory=list)
    is_dead: bool = False

    def __post_init__(self) -> None:
        self.roster = Roster(self.feed, room=ROOM)
        self.ask()

    @property
    def is_over(self) -> bool:
        return self.is_dead or (not self.flights and self.roster.is_over)

    def ask(self) -> None:
        while wish := self.roster.next_request():
            self.flights.append(_Flight(*wish))

    def step(self, chance: Random) -> None:
        """Let upstream answer one request, or this run hear one answer; or look again while it only waits."""
        if not self.flights:
            self.roster.look_again()
        elif (flight := chance.choice(self.flights)).answer is None:
            flight.answer = answered(flight.request)
        else:
            self.flights.remove(flight)
            self.run.look_up()
            self.roster.answer(flight.running, flight.answer)
        self.ask()


def play(players: list[Player], *, chance: Random, clock: Clock) -> None:
    """Take all runs to their ends, each next step in a run that chance picks."""
    for _ in range(ENDLESS):
        waiting = [player for player in players if not player.is_over]
        if not waiting:
            return
        player = chance.choice(waiting)
        if not player.flights:
            tick(waiting, clock)
        player.step(chance)
    raise AssertionError("the runs wait for each other")


def tick(players: list[Player], clock: Clock) -> None:
    """Let a second pass."""
    clock.move(seconds=1)
    for player in players:
        player.run.look_up()


def answered(request: Request) -> Future[Any]:
    """Make a request, and return what came of it as a crew hands it to a job."""
    answer: Future[Any] = Future()
    try:
        answer.set_result(request())
    except Exception as error:  # noqa: BLE001 - it is the answer
        answer.set_exception(error)
    return answer
