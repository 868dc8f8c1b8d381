import pytest

from django_chatkit.services.budget import Budget, BudgetSpent


class Wall:
    """A clock that moves by what is slept."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def test_no_more_is_handed_out_than_there_is() -> None:
    budget = Budget(limit=2)
    budget.take()
    budget.take()

    with pytest.raises(BudgetSpent):
        budget.take()
    assert budget.taken == 2


def test_without_a_bound_nobody_waits() -> None:
    wall = Wall()
    budget = Budget(sleep=wall.sleep, monotonic=wall)

    for _ in range(1000):
        budget.take()

    assert wall.slept == []


def test_each_waits_for_its_turn() -> None:
    wall = Wall()
    budget = Budget(rate=2, sleep=wall.sleep, monotonic=wall)
    turns = []
    for _ in range(4):
        budget.take()
        turns.append(wall.now)

    assert turns == [100.0, 100.5, 101.0, 101.5]
    assert max(wall.slept) <= 0.25


def test_who_comes_late_waits_for_nobody() -> None:
    wall = Wall()
    budget = Budget(rate=1, sleep=wall.sleep, monotonic=wall)
    budget.take()
    wall.now += 10

    budget.take()

    assert wall.slept == []


def test_who_waits_for_what_nobody_wants_any_more_gives_up() -> None:
    wall = Wall()
    budget = Budget(rate=0.1, sleep=wall.sleep, monotonic=wall)
    budget.is_over = lambda: wall.now >= 101
    budget.take()

    with pytest.raises(BudgetSpent):
        budget.take()
    assert wall.now == 101
