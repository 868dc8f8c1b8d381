"""Bars as paths of SVG: a column a day, stacked where a day has several parts. Pure arithmetic; the template draws.

The drawing has no text and is stretched to its place, so that letters beside it keep their size at every width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

HEIGHT = 100
# The width of a day's column, of which a bar leaves a part free; where days are many, none.
COLUMN = 10
GAP = 2
CROWDED = 120
# What is there at all can be seen: a bar is at least so high.
LEAST = 1.5

_STEPS = (1, 2, 3, 4, 5, 6, 8, 10)
_SPANS = (10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
_DAY = 86_400

Values = Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Hold what the template writes into an ``svg``: its box, a path for each series, and the columns' places."""

    box: str
    grid: str
    paths: list[str]
    columns: list[str]


def draw(series: Sequence[Values], *, top: float) -> Drawing:
    """Draw series of equal length, each stacked upon those before it; ``top`` is the value at the upper edge."""
    days = len(series[0])
    width = days * COLUMN
    gap = GAP if days <= CROWDED else 0
    sums = [list(accumulate(parts)) for parts in zip(*series, strict=True)]
    return Drawing(
        box=f"0 0 {width} {HEIGHT}",
        grid=f"M0 0H{width}M0 {HEIGHT // 2}H{width}",
        paths=["".join(_bars(number, sums, top=top, gap=gap)) for number in range(len(series))],
        columns=[str(number * COLUMN) for number in range(days)],
    )


def _bars(number: int, sums: Sequence[Sequence[float]], *, top: float, gap: int) -> Iterator[str]:
    for day, ends in enumerate(sums):
        begin = ends[number - 1] if number else 0
        if ends[number] > begin:
            lower, upper = _height(begin, top), _height(ends[number], top)
            left, right = day * COLUMN + gap / 2, (day + 1) * COLUMN - gap / 2
            yield f"M{left:g} {HEIGHT - lower:g}V{HEIGHT - upper:g}H{right:g}V{HEIGHT - lower:g}z"


def _height(value: float, top: float) -> float:
    return round(max(value / top * HEIGHT, LEAST), 2) if value else 0


def top_of(most: float) -> float:
    """Return a round number, no less than what is to be shown."""
    power = 1
    while _STEPS[-1] * power < most:
        power *= 10
    return float(next(step * power for step in _STEPS if step * power >= most))


def top_of_span(most: float) -> float:
    """Return a round span in seconds, no shorter than what is to be shown."""
    if most > _SPANS[-1]:
        return top_of(most / _DAY) * _DAY
    return float(next(each for each in _SPANS if each >= most))
