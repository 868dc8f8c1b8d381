"""Both sides move while they are compared, and upstream refuses: what is told then, and what is not."""

from collections.abc import Callable
from typing import Any

import pytest

from django_chatkit.client import AuthenticationError, ChatKit
from django_chatkit.services.differences import Sample
from django_chatkit.services.sync import Pace
from django_chatkit.services.walks import STEPS_BACK
from django_chatkit.testing import Emulator

from .comparing import Both
from .conftest import Clock, World

pytestmark = pytest.mark.django_db

# Everything happens on the caller's thread, request by request.
ALONE: dict[str, Any] = {"workers": 0}


@pytest.fixture
def both(world: World, chatkit: ChatKit, clock: Clock, pace: Pace) -> Both:
    """Give a thread of 250 items and a small one on both sides."""
    return equal(world, chatkit, clock, pace)


@pytest.fixture
def here(emulator: Emulator, chatkit: ChatKit, clock: Clock, pace: Pace) -> Both:
    """Give the same on one database: what upstream refuses is the same for all."""
    return equal(World(emulator, "default"), chatkit, clock, pace)


def equal(world: World, chatkit: ChatKit, clock: Clock, pace: Pace) -> Both:
    world.thread(*map(str, range(250)), id="cthr_long", created_at=1_700_000_000)
    world.thread("one", "two", id="cthr_b", created_at=1_700_000_100)
    both = Both(world, chatkit, clock, pace)
    both.sync()
    return both


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda both, id: both.emulator.add_item(id), id="an item is added"),
        pytest.param(lambda both, id: both.emulator.change_thread(id, title="Cats"), id="a title changes"),
        pytest.param(lambda both, id: both.world.thread("hi"), id="a thread is opened"),
        pytest.param(
            lambda both, id: both.emulator.cut_items(id, after=both.item(id, 0)), id="a tail is cut"
        ),
        pytest.param(lambda both, id: both.emulator.remove_thread(id), id="a thread is deleted"),
    ],
)
def test_what_is_synced_while_it_is_compared_is_no_difference(
    both: Both, happens: Callable[[Both, str], None]
) -> None:
    for request in range(1, 7):
        both.emulator.latency = 0
        id = both.world.thread("one", "two", created_at=1_700_000_200 + request)
        both.sync()

        def both_move(id: str = id) -> None:
            happens(both, id)
            both.sync()

        both.meanwhile(both_move, request=request)

        assert both.told(**ALONE) == []


def test_a_page_that_upstream_changed_behind_our_back_is_told_at_the_second_look(both: Both) -> None:
    item = both.item("cthr_b", 0)
    both.emulator.change_item(item, novelty=1)
    both.meanwhile(lambda: both.emulator.change_item(item, more=2), request=2)

    assert both.told(threads=["cthr_b"], **ALONE) == [
        f"item {item} of thread cthr_b: differs in more, novelty"
    ]


def test_what_was_marked_gone_at_the_last_moment_is_not_told(both: Both) -> None:
    surplus = both.item("cthr_long", 249)
    both.emulator.remove_item(surplus)
    both.items.filter(pk=surplus).update(position=-1)  # met on the first page, told at the end
    both.meanwhile(lambda: both.items.filter(pk=surplus).update(gone_at=both.clock.now), request=4)

    assert both.told(threads=["cthr_long"], **ALONE) == []


def test_a_cursor_that_vanished_leads_back_to_the_page_before(both: Both) -> None:
    kept = both.item("cthr_long", 40)
    both.meanwhile(lambda: both.emulator.cut_items("cthr_long", after=kept), request=3)

    report = both.compare(threads=["cthr_long"], **ALONE)

    assert report.failures == []
    assert report.differences == 209
    assert {each.what for each in report.found} == {"not upstream"}


def test_what_was_told_before_a_step_back_is_not_told_again(both: Both) -> None:
    changed, kept = both.item("cthr_long", 110), both.item("cthr_long", 150)
    both.emulator.change_item(changed, novelty=1)
    both.meanwhile(lambda: both.emulator.cut_items("cthr_long", after=kept), request=4)

    report = both.compare(threads=["cthr_long"], **ALONE)

    assert [each.id for each in report.found if each.what == "payload"] == [changed]
    assert report.differences == 1 + 99


def test_a_thread_of_the_list_that_vanished_as_a_cursor_leads_back(both: Both) -> None:
    for number in range(150):
        both.world.thread(id=f"cthr_n{number:03}", created_at=1_700_000_200 + number)
    both.sync()
    both.meanwhile(lambda: both.emulator.remove_thread("cthr_n097"), request=1)  # the hundredth of the list

    assert both.told(**ALONE) == ["thread cthr_n097: present here, and not listed upstream"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param({"status": 500}, "InternalServerError", id="a fault"),
        pytest.param({"status": 429}, "RateLimitError", id="too many requests"),
        pytest.param({"kind": "not_json"}, "APIResponseValidationError", id="a web page"),
        pytest.param({"kind": "wrong_shape"}, "APIResponseValidationError", id="another shape"),
        pytest.param({"kind": "repeat_page", "after": 1}, "Contradiction", id="a page twice"),
        pytest.param({"kind": "reset"}, "APIConnectionError", id="a reset"),
    ],
)
@pytest.mark.parametrize("operation", ["list_items", "list_threads"])
def test_a_refusal_is_a_failure_and_no_difference(
    here: Both, operation: str, fault: dict[str, Any], says: str
) -> None:
    if says == "Contradiction":
        for number in range(120):
            here.world.thread(id=f"cthr_n{number:03}", created_at=1_700_000_200 + number)
        here.sync()
    here.emulator.fail(
        operation, times=None, **{"match": "cthr_long" if operation == "list_items" else None, **fault}
    )

    report = here.compare()

    assert [each.error.partition(":")[0] for each in report.failures] == [says]
    assert report.failures[0].noun == ("thread" if operation == "list_items" else "listing")
    assert (report.differences, report.ok) == (0, False)


@pytest.mark.parametrize("answer", ["not_found", "bad_request", "ignored"])
def test_a_list_whose_cursors_never_work_is_a_failure(here: Both, answer: str) -> None:
    here.emulator.switches.bad_cursor = answer
    kept = here.item("cthr_long", 10)

    def cut_and_grow() -> None:
        here.emulator.cut_items("cthr_long", after=kept)
        for number in range(300):
            here.emulator.add_item("cthr_long", text=str(number))

    def again() -> None:
        cut_and_grow()
        here.meanwhile(again, request=2)

    here.meanwhile(again, request=2)

    report = here.compare(threads=["cthr_long"], **ALONE)

    assert [each.noun for each in report.failures] == ["thread"]
    assert here.emulator.count() < 10 * STEPS_BACK


@pytest.mark.parametrize(
    "scope", [{}, {"sample": Sample(size=9, seed=1)}, {"users": ["ada"]}, {"threads": ["cthr_b"]}], ids=str
)
def test_a_refused_key_stops_everything(here: Both, scope: dict[str, Any]) -> None:
    here.emulator.fail(status=401, times=None)

    with pytest.raises(AuthenticationError):
        here.compare(**scope)


def test_a_thread_that_can_be_no_row_is_a_failure_and_stops_no_other(both: Both) -> None:
    both.world.thread("hi", id="cthr_\x00", created_at=1_700_000_100)
    both.emulator.add_item("cthr_b")  # so that the items differ
    both.emulator.change_thread("cthr_long", title="Cats")  # so that the page is asked for twice

    report = both.compare()

    assert [each.error.partition(":")[0] for each in report.failures] == ["Unmirrorable"]
    assert report.differences == 2


@pytest.mark.parametrize("what", ["thread", "item"])
def test_one_thing_twice_on_a_page_is_a_contradiction(both: Both, what: str) -> None:
    twice = (
        [{"id": "cti_1", "thread_id": "cthr_b"}] if what == "item" else [{"id": "cthr_b", "user": "ada"}]
    ) * 2
    both.emulator.fail(
        "list_items" if what == "item" else "list_threads",
        status=200,
        body={"object": "list", "data": twice, "has_more": False},
    )

    report = both.compare(**({"threads": ["cthr_b"]} if what == "item" else {}))

    assert [each.error.partition(":")[0] for each in report.failures] == ["Contradiction"]
    assert report.differences == 0
