"""Which pages of open calls a sync looks at."""

from datetime import date, timedelta

import pytest

from django_chatkit.services import open_calls
from django_chatkit.services.paging import PAGE


@pytest.mark.parametrize(
    ("positions", "firsts"),
    [
        pytest.param([], [], id="none"),
        pytest.param([7], [7], id="one"),
        pytest.param([7, 8, 7 + PAGE - 1], [7], id="all on one page"),
        pytest.param([7, 7 + PAGE], [7, 7 + PAGE], id="the next page"),
        pytest.param([0, 5, 3 * PAGE, 3 * PAGE + 5], [0, 3 * PAGE], id="two on each"),
    ],
)
def test_calls_that_share_a_page_cost_one(positions: list[int], firsts: list[int]) -> None:
    assert open_calls.pages(positions) == firsts


@pytest.mark.parametrize("number", range(10))
def test_each_page_has_its_turn(number: int) -> None:
    firsts = list(range(0, number * PAGE, PAGE))
    days = [date(2026, 11, 24) + timedelta(days=day) for day in range(10)]

    turns = [open_calls.in_turn(firsts, day) for day in days]

    assert {first for turn in turns for first in turn} == set(firsts)
    assert all(len(turn) == min(number, open_calls.BUDGET) for turn in turns)


def test_a_look_takes_the_newest() -> None:
    assert open_calls.newest([0, 100, 200, 300, 400]) == [200, 300, 400]
