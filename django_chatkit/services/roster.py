"""The order in which jobs go on. Nothing here waits, asks or knows the time.

A job is a generator: it yields a wish and is resumed when that is fulfilled. A request (a function without arguments)
is resumed with its future, which is done: ``(yield request).result()`` is the answer, or raises the request's error. So
a job reads as if it were alone.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

# So many jobs may wait for `Later`. Several processes that walk the same list leap over each other: each has to pass by
# what the others are at, some dozens of threads, to find work of its own.
PATIENCE = 256


@dataclass(frozen=True, slots=True)
class Beside:
    """Yielded by a job to have others run beside it; it goes on when the last of them has begun.

    They are made one by one, as there is room for them.
    """

    jobs: Iterable["Job"]


@dataclass(frozen=True, slots=True)
class Joined:
    """Yielded by a job to go on when all that run beside it have ended."""


@dataclass(frozen=True, slots=True)
class Later:
    """Yielded by a job whose work somebody else does right now: it goes on after all others, to look again."""


Request = Callable[[], Any]
Wish = Request | Beside | Joined | Later
Job = Generator[Wish, Any, Any]


def unless(is_over: Callable[[Any], bool], job: Generator[Any, Any, T]) -> Generator[Any, Any, T | None]:
    """Run a job to its end, or up to a wish of its that says that it is over."""
    heard = None
    with closing(job):
        while True:
            try:
                wish = job.send(heard)
            except StopIteration as end:
                value: T = end.value
                return value
            if is_over(wish):
                return None
            heard = yield wish


@dataclass(slots=True, eq=False)
class Running:
    """A job under way, the one that it runs beside, and how many run beside it."""

    job: Job
    parent: "Running | None" = None
    beside: int = 0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class _Feed:
    """Jobs to begin, and who goes on when the last of them has begun."""

    jobs: Iterator[Job]
    parent: Running | None


class Roster:
    """Begin jobs no faster than there is ``room`` for their requests, and resume each in its turn.

    What runs beside a job is begun before what the feed holds, that of several jobs in turns. Once jobs that wait for
    `Later` are many, none is begun, and the longest waiting looks again with each answer.
    """

    def __init__(self, feed: Iterable[Job], *, room: int) -> None:
        self._feed = _Feed(iter(feed), None)
        self._beside: deque[_Feed] = deque()
        self._wishes: deque[tuple[Running, Request]] = deque()
        self._later: deque[Running] = deque()
        self._begun: set[Running] = set()
        self._room = room
        self._asking = 0

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left to wait for, once there is no `next_request`."""
        return not self._asking and not self._later

    def next_request(self) -> tuple[Running, Request] | None:
        """Return a request to make and the job that wants its answer; None while there is none, or no room."""
        while not self._wishes and self._has_room():
            if not self._begin_another():
                break
        if not self._wishes:
            return None
        self._asking += 1
        return self._wishes.popleft()

    def answer(self, running: Running, answer: Future[Any]) -> None:
        """Resume a job with what came of its request."""
        self._asking -= 1
        self._advance(running, answer)
        if len(self._later) >= PATIENCE:
            self._advance(self._later.popleft())

    def look_again(self) -> None:
        """Resume those that wait for `Later`."""
        for _ in range(len(self._later)):
            self._advance(self._later.popleft())

    def close(self) -> None:
        """Close every job where it stands."""
        with ExitStack() as stack:  # one that fails to close keeps no other from it
            for running in self._begun:
                stack.callback(running.job.close)

    def _has_room(self) -> bool:
        return self._asking < self._room and len(self._later) < PATIENCE

    def _begin_another(self) -> bool:
        feed = self._beside.popleft() if self._beside else self._feed
        job = next(feed.jobs, None)
        if job is not None:
            if feed.parent is not None:
                feed.parent.beside += 1
                self._beside.append(feed)
            running = Running(job, feed.parent)
            self._begun.add(running)
            self._advance(running)
        elif feed.parent is not None:
            self._advance(feed.parent)
        else:
            return False
        return True

    def _advance(self, running: Running, answer: Future[Any] | None = None) -> None:
        while True:
            try:
                wish = running.job.send(answer)
            except StopIteration:
                self._end(running)
                return
            if not isinstance(wish, Joined):
                break
            if running.beside:
                running.waits = True
                return
            answer = None
        if isinstance(wish, Beside):
            self._beside.append(_Feed(iter(wish.jobs), running))
        elif isinstance(wish, Later):
            self._later.append(running)
        else:
            self._wishes.append((running, wish))

    def _end(self, running: Running) -> None:
        self._begun.discard(running)
        parent = running.parent
        if parent is None:
            return
        parent.beside -= 1
        if parent.waits and not parent.beside:
            parent.waits = False
            self._advance(parent)
