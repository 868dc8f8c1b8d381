"""JSON that is nested deep is read and written with a whole stack, however little of it the caller has left.

A parser goes down a level with each bracket, and Python bounds how deep a thread may be. What was read when it came, a few
calls deep, must still be readable below all of a host's middleware.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def with_room(convert: Callable[[Any], T], value: Any) -> T:
    """Convert a value; where the stack is too short for that, in a thread of its own, whose stack is empty.

    Raises:
        RecursionError: it is nested deeper than any stack goes.
    """
    try:
        return convert(value)
    except RecursionError:
        with ThreadPoolExecutor(max_workers=1) as alone:
            return alone.submit(convert, value).result()
