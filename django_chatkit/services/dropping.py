"""Drops the words of threads: their items stay, each in its place, with nothing said in it.

Note [Nothing half]
Each page of items is one transaction, and so is the mark on their threads, which comes last. A run that was killed leaves
whole items, emptied or not; their threads have no mark yet, so the next run finds what is left. With the mark the moment
as of which the items are known moves on: who asked upstream before can't write any more, and whatever is written later is
later than the mark, so that it is found when its time comes.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ..models import ChatThread, ChatThreadItem
from ..models.fields import as_stored
from . import bulk, emptied, holds, item_places, mirror

_ITEM_COLUMNS = mirror.ItemRow._fields
_ITEMS = bulk.Table(
    model=ChatThreadItem,
    columns=(*_ITEM_COLUMNS, "words_dropped_at"),
    updates=("text", "payload", "words_dropped_at"),
)
_THREAD_COLUMNS = ("id", "end_user_id", "title", "status", "payload", "created_at", "tie")
_THREADS = bulk.Table(
    model=ChatThread,
    columns=(*_THREAD_COLUMNS, "words_dropped_at", "items_as_of"),
    updates=("title", "payload", "words_dropped_at", "items_as_of"),
)

# The threads to be emptied, in the database's order of ids, each with the moment as of which its items are known.
Seen = Mapping[str, datetime | None]


def drop(threads: Seen, *, now: datetime, size: int, using: str, note: Callable[[int], None]) -> int:
    """Empty some threads and all of their items, ``size`` items in a transaction, and return how many threads it was.

    ``note`` hears of each transaction how many items it emptied. A thread in which something is written meanwhile keeps
    its title, and is left for next time. Note [Nothing half] So is what is left of one whose end user is held meanwhile.
    """
    items = ChatThreadItem.objects.using(using).filter(words_dropped_at=None)
    for page in item_places.pages(list(threads), items, size=size):
        of = {place.thread_id for place in page}
        note(holds.with_free(of, partial(_empty_items, page, now=now, using=using), using=using))
    return holds.with_free(threads, partial(_empty_threads, threads, now=now, using=using), using=using)


def _empty_items(page: list[item_places.Place], free: list[str], *, now: datetime, using: str) -> int:
    item_places.lock(free, using=using)
    ids = [place.id for place in page if place.thread_id in free]
    full = ChatThreadItem.objects.using(using).filter(pk__in=ids, words_dropped_at=None)
    rows = [_emptied_item(mirror.ItemRow(*row), now) for row in full.values_list(*_read(_ITEM_COLUMNS))]
    bulk.upsert(_ITEMS, rows, using=using)
    return len(rows)


def _emptied_item(row: mirror.ItemRow, now: datetime) -> bulk.Row:
    return (*row._replace(text="", payload=emptied.stored(emptied.item, row.payload)), now)


def _empty_threads(threads: Seen, free: list[str], *, now: datetime, using: str) -> int:
    item_places.lock(free, using=using)
    rows = ChatThread.objects.using(using).filter(pk__in=free)
    found = [
        _emptied_thread(dict(zip(_THREAD_COLUMNS, row, strict=True)), as_of, now)
        for *row, as_of in rows.values_list(*_read(_THREAD_COLUMNS), "items_as_of")
        if as_of == threads[row[0]]
    ]
    bulk.upsert(_THREADS, found, using=using)
    return len(found)


def _emptied_thread(row: dict[str, Any], as_of: datetime | None, now: datetime) -> bulk.Row:
    row |= {"title": "", "payload": emptied.stored(emptied.thread, row["payload"])}
    dropped_at = max(now, as_of or now)
    return (*row.values(), dropped_at, dropped_at)


def _read(columns: tuple[str, ...]) -> list[Any]:
    return [as_stored(name) if name == "payload" else name for name in columns]
