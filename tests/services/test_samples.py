"""A sample: the newest threads, and picks with whom upstream lists next."""

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.services.differences import Sample
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator

from .comparing import Both
from .conftest import Clock, World

pytestmark = pytest.mark.django_db

THREADS = 24


@pytest.fixture
def both(world: World, chatkit: ChatKit, clock: Clock, pace: Pace) -> Both:
    """Give threads with an item each on both sides, four to a second."""
    return equal(world, chatkit, clock, pace)


@pytest.fixture
def here(emulator: Emulator, chatkit: ChatKit, clock: Clock, pace: Pace) -> Both:
    """Give the same on one database, for what is tried many times."""
    return equal(World(emulator, "default"), chatkit, clock, pace)


def equal(world: World, chatkit: ChatKit, clock: Clock, pace: Pace) -> Both:
    for number in range(THREADS):
        world.thread("hi", id=f"cthr_{number:02}", created_at=1_700_000_000 + number // 4)
    both = Both(world, chatkit, clock, pace)
    both.sync()
    return both


def sample(size: int, seed: int = 0) -> Sample:
    return Sample(size=size, seed=seed)


@pytest.mark.parametrize(
    ("size", "threads", "requests"),
    [(1, 1, 2), (2, 1, 2), (3, 2, 6), (9, 9, 19), (10, 10, 20), (300, THREADS, THREADS + 1)],
)
def test_a_sample_is_as_large_as_asked(both: Both, size: int, threads: int, requests: int) -> None:
    report = both.compare(sample=sample(size))

    assert report.ok
    # Of two neighbours that are both picked none is counted twice.
    assert threads - 2 <= report.threads == report.items <= threads + 1
    assert report.requests <= requests + 1


def test_the_seed_decides_whom_to_ask_for(both: Both) -> None:
    def asked(seed: int) -> list[str]:
        both.compare(sample=sample(9, seed))
        return sorted(each.path for each in both.emulator.requests)

    assert asked(1) == asked(1)
    assert len({tuple(asked(seed)) for seed in range(5)}) > 1


def test_nothing_is_told_of_what_is_equal_whatever_is_picked(both: Both) -> None:
    both.emulator.remove_thread("cthr_20")
    both.sync()

    for seed in range(10):
        assert both.told(sample=sample(8, seed)) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("remove", "thread cthr_07: present here, and not listed upstream"),
        ("drop", "thread cthr_07: missing here"),
        ("gone", "thread cthr_07: marked gone here, and upstream has it"),
        ("move", "thread cthr_07: in another place here"),
        ("rename", "thread cthr_07: differs in novelty"),
        ("append", "thread cthr_07: the mirror is behind: 1 newer upstream"),
    ],
)
def test_what_differs_anywhere_is_found_by_some_seed_and_nothing_else(
    here: Both, change: str, line: str
) -> None:
    row = here.threads.filter(pk="cthr_07")
    match change:
        case "remove":
            here.emulator.remove_thread("cthr_07")
        case "drop":
            row.get().delete()
        case "gone":
            row.update(gone_at=here.clock.now)
        case "move":
            row.update(tie=-1)
        case "rename":
            here.emulator.change_thread("cthr_07", novelty=1)
            here.emulator.change_thread(
                "cthr_04", title=None
            )  # as that goes to the end of its second, all do
            here.emulator.change_thread("cthr_05", title=None)
            here.emulator.change_thread("cthr_06", title=None)
            here.emulator.change_thread("cthr_07", title=None)
        case "append":
            here.emulator.add_item("cthr_07")

    told = [here.told(sample=sample(15, seed)) for seed in range(12)]

    found = {each for lines in told for each in lines}
    if change == "move":  # who of them moved can't be told from a part of the list
        found = {each.replace(each[7:14], "cthr_07") for each in found}
    assert found == {line}


@pytest.mark.parametrize("size", [3, 9, 60])
def test_an_empty_mirror_lacks_the_newest(both: Both, size: int) -> None:
    both.threads.all().delete()

    lines = both.told(sample=sample(size))

    newest = [f"thread cthr_{number:02}: missing here" for number in range(THREADS)]
    assert lines == newest[-(size // 3) :]


def test_new_threads_at_the_end_are_missing_and_those_before_are_not_surplus(both: Both) -> None:
    for number in range(5):
        both.world.thread(id=f"cthr_new{number}", created_at=1_700_000_100)

    for size in (9, 15, 21):
        assert (
            both.told(sample=sample(size))
            == [f"thread cthr_new{number}: missing here" for number in range(5)][-(size // 3) :]
        )


def test_an_empty_upstream_lacks_all_that_is_here(both: Both) -> None:
    for thread in both.emulator.threads():
        both.emulator.remove_thread(thread["id"])

    assert len(both.told(sample=sample(9))) > 9
    assert len(both.told(sample=sample(60))) == THREADS


def test_a_refused_pick_is_a_failure_and_stops_no_other(here: Both) -> None:
    here.emulator.fail("retrieve_thread", status=500)

    report = here.compare(sample=sample(12))

    assert [each.noun for each in report.failures] == ["thread"]
    assert report.threads > 6
