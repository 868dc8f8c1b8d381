"""Which pages of a thread hold tool calls that nobody answered, and which of them a sync looks at."""

from collections.abc import Sequence
from datetime import date

from .paging import PAGE

# How many pages a sync asks for because of calls in progress on them, beside the newest items.
BUDGET = 3


def pages(positions: Sequence[int]) -> list[int]:
    """Return the first position of each page that it takes to see all these, which are in order."""
    firsts: list[int] = []
    for position in positions:
        # Positions may have gaps, so a page reaches this far at least.
        if not firsts or position >= firsts[-1] + PAGE:
            firsts.append(position)
    return firsts


def newest(firsts: Sequence[int]) -> Sequence[int]:
    """Return the pages that a look can afford: a call is answered soon or never."""
    return firsts[-BUDGET:]


def in_turn(firsts: Sequence[int], day: date) -> Sequence[int]:
    """Return the pages that a reconcile can afford, others on each day, so that none is left out for good."""
    if len(firsts) <= BUDGET:
        return firsts
    start = day.toordinal() * BUDGET
    return [firsts[(start + number) % len(firsts)] for number in range(BUDGET)]
