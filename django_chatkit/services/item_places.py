"""Walks the items of some threads in pages, by the index that threads are read by: a query or two for each page."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import F

from ..models import ChatThread


class Place(NamedTuple):
    """An item, and where it stands."""

    id: str
    thread_id: str
    position: int


def pages(threads: Sequence[str], items: Any, *, size: int) -> Iterator[list[Place]]:
    """Yield the items of some threads, which are in the database's order of ids. No page is read before it is asked for."""
    rows, left = items.order_by("thread_id", "position"), list(threads)
    while left:
        page = _page(rows.filter(thread__in=left), size=size)
        if page:
            yield page
        if len(page) < size:
            return
        # The rest of the thread that the page ended in is found by position, however long it is.
        thread = page[-1].thread_id
        while len(page) == size:
            page = _page(rows.along(thread).filter(position__gt=page[-1].position), size=size)
            if page:
                yield page
        left = left[left.index(thread) + 1 :]


def lock(threads: Sequence[str], *, using: str) -> None:
    """Have every other writer of these threads' items wait for the end of the transaction. Note [Locks] in mirror."""
    rows = ChatThread.objects.using(using).filter(pk__in=threads).order_by("pk")
    if connections[using].features.has_select_for_update:
        list(rows.select_for_update().values_list("pk", flat=True))
    else:  # SQLite locks the whole file, for the first that writes
        rows.order_by().update(tie=F("tie"))


def _page(rows: Any, *, size: int) -> list[Place]:
    return [Place._make(row) for row in rows.values_list("pk", "thread_id", "position")[:size]]
