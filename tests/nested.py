"""Values that are nested deep, and calls that leave little of the stack."""

import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def nested(levels: int) -> list[Any]:
    """Return lists in lists."""
    deep: list[Any] = []
    for _ in range(levels - 1):
        deep = [deep]
    return deep


def with_little_left(frames: int, work: Callable[[], T]) -> T:
    """Do some work where only so many frames of the stack are left."""

    def further_down(levels: int) -> T:
        return work() if levels == 0 else further_down(levels - 1)

    return further_down(sys.getrecursionlimit() - len(inspect.stack(0)) - frames)
