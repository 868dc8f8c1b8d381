"""Requests side by side, everything else on the caller's thread.

Jobs (see `roster`) touch the database from one thread only, and hold no transaction open across the network.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any

from .roster import Beside, Job, Joined, Later, Request, Roster, Running, unless

__all__ = ["Beside", "Crew", "Job", "Joined", "Later", "Request", "unless"]

# Seconds without an answer after which a crew looks up from its waiting.
TICK = 1.0


class Crew:
    """Run jobs, with up to ``workers`` requests under way at once.

    With no workers each request runs at once, on the caller's thread: everything happens in one order, which a test
    can repeat. ``idle`` is called before each answer is heard, and with every ``tick`` of seconds that brings none.
    A job that raises stops the run: every other job is closed where it stands, what is under way is dropped, and the
    error reaches the caller of `run`.
    """

    def __init__(
        self, *, workers: int, idle: Callable[[], object] = lambda: None, tick: float = TICK
    ) -> None:
        self.requests = 0
        self._is_over = False
        self._workers = workers
        self._idle = idle
        self._tick = tick if workers else 0.0  # nobody else will answer
        self._answers: SimpleQueue[tuple[Running, Future[Any]]] = SimpleQueue()

    def is_over(self) -> bool:
        """Tell whether the run has ended, so that nobody hears an answer any more; a request that waits may ask."""
        return self._is_over

    def run(self, feed: Iterable[Job]) -> None:
        """Run all of ``feed``, which is read only as fast as jobs end."""
        # Twice as many as workers: a worker finds its next request while the caller's thread still writes.
        roster = Roster(feed, room=2 * max(self._workers, 1))
        pool = _pool(self._workers)
        try:
            self._ask(pool, roster)
            while not roster.is_over:
                self._hear(roster)
                self._ask(pool, roster)
        finally:
            self._is_over = True
            pool.shutdown(wait=False, cancel_futures=True)
            roster.close()

    def _ask(self, pool: Executor, roster: Roster) -> None:
        while wish := roster.next_request():
            running, request = wish
            self.requests += 1
            pool.submit(request).add_done_callback(self._answered(running))

    def _answered(self, running: Running) -> Callable[[Future[Any]], None]:
        return lambda answer: self._answers.put((running, answer))

    def _hear(self, roster: Roster) -> None:
        try:
            running, answer = self._answers.get(timeout=self._tick)
        except Empty:
            self._idle()
            roster.look_again()
        else:
            self._idle()
            roster.answer(running, answer)


class _Here(Executor):
    """Run each request on the caller's thread, while it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        try:
            answer.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the answer, as from a pool
            answer.set_exception(error)
        return answer


def _pool(workers: int) -> Executor:
    return ThreadPoolExecutor(max_workers=workers, thread_name_prefix="chatkit") if workers else _Here()
