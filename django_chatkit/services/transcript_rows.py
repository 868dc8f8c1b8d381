"""Reads threads with their items in pages: memory stays flat, and queries follow the rows, not the threads."""

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import QuerySet

from ..models import ChatThread, ChatThreadItem
from ..models.fields import as_stored
from ..models.words import revealed, text_of, title_of

THREADS_AT_ONCE = 100
ITEMS_AT_ONCE = 200

# Is told the ids of each page of threads before any word of them is read.
OnPage = Callable[[Sequence[str]], None]


class ThreadRow(NamedTuple):
    """A thread as an export needs it; ``stored`` is its payload as JSON text."""

    id: str
    end_user_id: str
    title: str
    status: str
    created_at: datetime
    last_activity_at: datetime | None
    gone_at: datetime | None
    stored: str


class ItemRow(NamedTuple):
    """An item as an export needs it; ``stored`` is its payload as JSON text."""

    id: str
    thread_id: str
    type: str
    position: int
    settled: bool
    text: str
    created_at: datetime
    gone_at: datetime | None
    words_dropped_at: datetime | None
    stored: str


Told = tuple[ThreadRow, Iterator[ItemRow]]


def walk(threads: QuerySet[ChatThread], *, on_page: OnPage | None = None) -> Iterator[Told]:
    """Walk threads by id, each with its items in order. The items of one are to be read before the next is asked for.

    The order of the queryset counts for nothing, its conditions and its database do.
    """
    for page in _pages(threads):
        ids = [thread.id for thread in page]
        if on_page:
            on_page(ids)
        # Both come in the database's own order of ids, so each thread's items follow those of the one before.
        groups = groupby(_items(ids, using=threads.db), key=attrgetter("thread_id"))
        group = next(groups, None)
        for thread in page:
            if group is not None and group[0] == thread.id:
                yield thread, group[1]
                group = next(groups, None)
            else:
                yield thread, iter(())


def _pages(threads: QuerySet[ChatThread]) -> Iterator[list[ThreadRow]]:
    rows, size = _rows(threads.order_by("pk"), ThreadRow), THREADS_AT_ONCE
    rest = rows
    while page := [_thread(row) for row in rest[:size]]:
        yield page
        if len(page) < size:
            return
        rest = rows.filter(pk__gt=page[-1].id)


def _items(ids: list[str], *, using: str) -> Iterator[ItemRow]:
    rows, left = _rows(ChatThreadItem.objects.using(using).in_order(), ItemRow), ids
    while left:
        last = yield from _page(rows.filter(thread__in=left))
        if last is None:
            return
        # What is left of a long thread is found by position, so that it costs no more at its end than at its beginning.
        thread = last.thread_id
        while last is not None:
            last = yield from _page(rows.filter(thread=thread, position__gt=last.position))
        left = left[left.index(thread) + 1 :]


def _page(rows: QuerySet[Any, Any]) -> Generator[ItemRow, None, ItemRow | None]:
    """Tell one page of rows, and return its last where there may be more. None of it is held when the next is read."""
    page = [_item(row) for row in rows[:ITEMS_AT_ONCE]]
    last = page[-1] if len(page) == ITEMS_AT_ONCE else None
    yield from page
    return last


def _thread(row: Any) -> ThreadRow:
    thread = ThreadRow._make(row)
    return thread._replace(title=revealed(thread.title, thread.stored, title_of))


def _item(row: Any) -> ItemRow:
    item = ItemRow._make(row)
    return item._replace(text=revealed(item.text, item.stored, text_of))


def _rows(rows: QuerySet[Any, Any], row: type[ThreadRow] | type[ItemRow]) -> QuerySet[Any, Any]:
    told: QuerySet[Any, Any] = rows.annotate(stored=as_stored("payload")).values_list(*row._fields)
    return told
