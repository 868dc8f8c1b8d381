"""A walk through upstream's whole list of threads, from the oldest on, for whoever wants to see each."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from ..client import ChatKit
from .crew import Beside, Job
from .paging import CURSOR_REFUSED, PAGE, Contradiction, has_more


def walk(
    client: ChatKit,
    *,
    clock: Callable[[], datetime],
    each_page: Callable[[Any, datetime], Iterable[Job]],
    start: str | None = None,
    goes_on: Callable[[], bool] = lambda: True,
) -> Job:
    """Walk to the end of the list, or until it ``goes_on`` no more, and run the jobs of ``each_page`` beside the walk.

    That is given the page and the moment before it was asked for. A walk may ``start`` after a thread; where upstream does
    not know that one any more it begins at the top.

    Raises:
        APIError: what upstream answered, other than that a cursor vanished.
        Contradiction: when its pages make no sense.
    """
    last_ids = [] if start is None else [start]
    ends, more = set[str](), True
    while more and goes_on():
        as_of = clock()
        page = yield from _after(client, last_ids)
        more = has_more(page)
        last_ids = [id for id in map(id_of, page.data) if id is not None]
        if more and ends.issuperset(last_ids[-1:]):
            raise Contradiction("upstream gave the same page of threads twice")
        ends.update(last_ids[-1:])
        yield Beside(each_page(page, as_of))


def id_of(named: Any) -> str | None:
    """Return the id of a thread or an item, or None where it has none that it could be asked for by."""
    id = named.payload.get("id")
    return id if isinstance(id, str) and id else None


def _after(client: ChatKit, last_ids: list[str]) -> Job:
    """Ask for the page after the last one; a cursor deleted meanwhile gives way to one before it, twice as far each time."""
    cursors, back = last_ids[:], 1
    while True:
        ask = partial(client.threads.list, order="asc", limit=PAGE, after=cursors[-1] if cursors else None)
        try:
            return (yield ask).result()
        except CURSOR_REFUSED:
            if not cursors:
                raise
            del cursors[-back:]
            back *= 2
