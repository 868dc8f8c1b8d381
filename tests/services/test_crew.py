"""Requests side by side, jobs as if alone."""

import threading
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

import pytest

from django_chatkit.services import roster
from django_chatkit.services.crew import Beside, Crew, Job, Joined, Later
from django_chatkit.services.roster import Roster

from .interleaving import answered


def answering(value: Any) -> Callable[[], Any]:
    return lambda: value


def failing(error: Exception) -> Callable[[], Any]:
    def request() -> Any:
        raise error

    return request


def test_a_job_gets_the_answers_to_its_requests_in_turn() -> None:
    heard = []

    def job() -> Job:
        heard.append((yield answering(1)).result())
        heard.append((yield answering(2)).result())

    crew = Crew(workers=1)
    crew.run([job()])

    assert heard == [1, 2]
    assert crew.requests == 2


def test_a_request_that_fails_raises_where_the_job_waits() -> None:
    heard: list[Any] = []

    def job() -> Job:
        try:
            (yield failing(KeyError("upstream"))).result()
        except KeyError as error:
            heard.append(error)

    Crew(workers=1).run([job()])

    assert [str(each) for each in heard] == ["'upstream'"]


def test_a_job_that_raises_stops_the_run() -> None:
    def broken() -> Job:
        (yield failing(RuntimeError("refused"))).result()

    with pytest.raises(RuntimeError, match="refused"):
        Crew(workers=1).run([broken()])


def test_without_workers_each_request_runs_on_the_callers_thread() -> None:
    threads = []

    def job() -> Job:
        threads.append((yield threading.current_thread).result())
        with pytest.raises(KeyError, match="upstream"):
            (yield failing(KeyError("upstream"))).result()

    Crew(workers=0).run([job()])

    assert threads == [threading.current_thread()]


def test_requests_run_side_by_side_up_to_the_number_of_workers() -> None:
    meeting = threading.Barrier(3, timeout=120)

    def job() -> Job:
        yield meeting.wait

    Crew(workers=3).run(job() for _ in range(3))

    assert not meeting.broken


def test_the_feed_is_read_only_as_fast_as_jobs_end() -> None:
    begun, most = 0, 0

    def job() -> Job:
        nonlocal begun, most
        begun += 1
        most = max(most, begun)
        yield answering(None)
        begun -= 1

    Crew(workers=2).run(job() for _ in range(50))

    assert most <= 4


def test_jobs_run_beside_another_and_it_can_wait_until_they_have_ended() -> None:
    heard: list[Any] = []

    def child(value: int) -> Job:
        heard.append((yield answering(value)).result())

    def parent() -> Job:
        yield Beside([child(1), child(2), child(3)])
        yield Joined()
        heard.append("all")
        yield Beside([])
        yield Joined()
        heard.append("none")

    Crew(workers=2).run([parent()])

    assert sorted(heard[:3]) == [1, 2, 3]
    assert heard[3:] == ["all", "none"]


def test_a_job_that_does_not_wait_ends_before_those_beside_it() -> None:
    heard: list[Any] = []

    def child() -> Job:
        heard.append((yield answering("child")).result())

    def parent() -> Job:
        yield Beside([child()])
        heard.append("parent")

    Crew(workers=1).run([parent()])

    assert heard == ["parent", "child"]


def test_a_job_may_end_without_any_request() -> None:
    def silent() -> Job:
        return
        yield

    def parent() -> Job:
        yield Beside(silent() for _ in range(5_000))
        yield Joined()

    crew = Crew(workers=1)
    crew.run([parent()])

    assert crew.requests == 0


def test_jobs_beside_are_made_as_there_is_room_for_them() -> None:
    begun, most = 0, 0

    def child() -> Job:
        nonlocal begun, most
        begun += 1
        most = max(most, begun)
        yield answering(None)
        begun -= 1

    def parent() -> Job:
        for _ in range(10):
            yield Beside(child() for _ in range(50))

    Crew(workers=2).run([parent()])

    assert begun == 0
    assert most <= 6


def test_jobs_of_several_parents_begin_in_turns_and_before_the_next_parent() -> None:
    begun: list[str] = []

    def child(name: str) -> Job:
        begun.append(name)
        yield answering(None)

    def parent(name: str) -> Job:
        begun.append(name)
        yield Beside(child(name.lower()) for _ in range(3))
        yield Joined()

    turns = Roster([parent("A"), parent("B"), parent("C")], room=1)
    while wish := turns.next_request():
        running, request = wish
        turns.answer(running, answered(request))

    assert begun == ["A", "a", "a", "a", "B", "b", "b", "b", "C", "c", "c", "c"]
    assert turns.is_over


def test_a_job_that_is_for_later_goes_on_after_all_others() -> None:
    heard: list[str] = []

    def patient() -> Job:
        yield Later()
        heard.append("later")

    def job() -> Job:
        heard.append((yield answering("first")).result())
        heard.append((yield answering("second")).result())

    Crew(workers=1, tick=0.01).run([patient(), job()])

    assert heard == ["first", "second", "later"]


def test_a_job_that_is_for_later_looks_again_with_each_tick() -> None:
    looks = iter(range(3))

    def patient() -> Job:
        for _ in looks:
            yield Later()

    Crew(workers=1, tick=0).run([patient()])

    assert next(looks, None) is None


def test_many_jobs_that_are_for_later_keep_others_from_beginning_and_look_again_with_each_answer() -> None:
    free, made, most = False, 0, 0

    def patient() -> Job:
        nonlocal made, most
        made += 1
        most = max(most, made)
        while not free:
            yield Later()
        made -= 1

    def job() -> Job:
        nonlocal free
        for _ in range(5):
            yield answering(None)
        free = True
        for _ in range(100):
            yield answering(None)

    Crew(workers=1, tick=0).run(chain([job()], (patient() for _ in range(3 * roster.PATIENCE))))

    assert made == 0
    assert most <= roster.PATIENCE


def test_the_crew_looks_up_from_waiting() -> None:
    ticked = threading.Event()

    def job() -> Job:
        assert (yield partial(ticked.wait, 120)).result()

    Crew(workers=1, idle=ticked.set, tick=0.01).run([job()])

    assert ticked.is_set()


def test_one_job_that_fails_to_close_keeps_no_other_from_it() -> None:
    closed: list[str] = []

    def stubborn() -> Job:
        try:
            yield Later()
        finally:
            raise LookupError("stubborn")

    def good() -> Job:
        try:
            yield Later()
        finally:
            closed.append("good")

    def broken() -> Job:
        (yield failing(RuntimeError("refused"))).result()

    with pytest.raises(LookupError, match="stubborn"):
        Crew(workers=1).run([good(), stubborn(), broken()])

    assert closed == ["good"]
