"""The counts of a period, day by day, and the medians in them."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from ..models import DailyCount

Metric = DailyCount.Metric


class Days:
    """Hold the counts of a period, by day."""

    def __init__(self, first: date, last: date, rows: Iterable[tuple[date, str, str, int]]) -> None:
        self.days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        self._counts: Counter[tuple[date, str, str]] = Counter()
        self._turns: dict[date, Counter[int]] = {day: Counter() for day in self.days}
        for day, metric, type, value in rows:
            if metric == Metric.TURNS:
                self._turns[day][int(type)] = value
            else:
                self._counts[day, metric, type] = value

    def values(self, metric: Metric, type: str = "") -> list[float]:
        """Return a value for each day."""
        return [self._counts[day, metric.value, type] for day in self.days]

    def median_turns(self) -> list[float]:
        """Return each day's median, 0 where nobody wrote."""
        return [median(self._turns[day]) for day in self.days]

    def median_turns_of_all(self) -> float:
        """Return the median of the period."""
        return median(sum(self._turns.values(), Counter()))


def median(counts: Counter[int]) -> float:
    """Return the middle of numbers that are given with how often each occurs; of two in the middle, their mean."""
    total = counts.total()
    return (_at((total - 1) // 2, counts) + _at(total // 2, counts)) / 2 if total else 0


def _at(place: int, counts: Counter[int]) -> int:
    return next(value for value in sorted(counts) if (place := place - counts[value]) < 0)
