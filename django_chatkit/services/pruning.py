"""Deletes whole threads from the mirror, their items first, in short transactions.

Note [Nothing half]
A thread is marked as gone before its first item is deleted, so that nobody who reads the mirror sees a part of it, and
no sync writes in it. One that goes here alone is left out from then on. A run that was killed between leaves threads that
are gone and old, and the next one deletes the rest of them.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from ..models import ChatThread, ChatThreadItem, PrunedThread
from . import bulk, holds, item_places, mirror, retention
from .transactions import atomically

_PRUNED = bulk.Table(model=PrunedThread, columns=("id", "active_at"), updates=("active_at",))


class _Left(NamedTuple):
    """A thread that is left out: its columns in the table of those."""

    id: str
    active_at: datetime


def leave_out(ids: Sequence[str], due: Any, *, now: datetime, using: str) -> list[str]:
    """Mark those of some threads that are due still as gone here, and left out where upstream has them; return which.

    ``due`` are all that are due.
    """

    threads = ChatThread.objects.using(using).filter(pk__in=ids)
    users = set(threads.values_list("end_user_id", flat=True))

    def leave_out() -> list[str]:
        mirror.lock_end_users(users, using=using)
        item_places.lock(ids, using=using)
        rows = due.filter(pk__in=ids).order_by("pk").annotate(active=retention.active_at())
        found = list(rows.values_list("pk", "active", "gone_at"))
        present = [_Left(id, active_at) for id, active_at, gone_at in found if gone_at is None]
        bulk.upsert(_PRUNED, present, using=using)
        threads.filter(pk__in=[row.id for row in present]).update(gone_at=now)
        return [row[0] for row in found]

    return atomically(leave_out, using=using)


def delete(ids: Sequence[str], *, size: int, using: str, note: Callable[[], None]) -> int:
    """Delete threads that are gone, ``size`` items in a transaction, and return how many threads it was.

    ``ids`` are in the database's order. ``note`` is told of each transaction. From the moment in which an end user is held
    nothing of theirs is deleted any more; what was not yet stays.
    """
    for page in item_places.pages(ids, ChatThreadItem.objects.using(using), size=size):
        threads = {place.thread_id for place in page}
        holds.with_free(threads, partial(_delete_items, page, using=using), using=using)
        note()
    return holds.with_free(ids, partial(_delete_threads, using=using), using=using)


def _delete_items(page: Sequence[item_places.Place], free: Sequence[str], *, using: str) -> None:
    item_places.lock(free, using=using)
    # A sync may have taken a thread back since the page was read: what is there is its new copy.
    gone = set(
        ChatThread.objects.using(using)
        .filter(pk__in=free, gone_at__isnull=False)
        .values_list("pk", flat=True)
    )
    ids = [place.id for place in page if place.thread_id in gone]
    ChatThreadItem.objects.using(using).filter(pk__in=ids).delete()


def _delete_threads(free: Sequence[str], *, using: str) -> int:
    rows = ChatThread.objects.using(using).filter(pk__in=free).exclude(gone_at=None)
    _all, by_model = rows.only(
        "pk"
    ).delete()  # nothing but ids is read: rows whose key was lost have to go too
    return by_model.get(ChatThread._meta.label, 0)


def take_back(id: str, *, using: str) -> bool:
    """Leave a thread out no longer, and tell whether that was done.

    What a cleanup that did not come to its end had left of it goes, so that it is copied anew; where its end user is held
    that stays, and the thread is left out until the hold is lifted.
    """
    is_here = ChatThread.objects.using(using).filter(pk=id).exists()

    def take_back(free: Sequence[str]) -> bool:
        if is_here and not free:
            return False
        PrunedThread.objects.using(using).filter(pk=id).delete()
        _delete_threads(free, using=using)
        return True

    return holds.with_free([id], take_back, using=using)
