"""Holds: set, lifted, and asked about before anything of an end user is erased or pruned."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import F

from ..models import ChatThread, EndUser, Erasure, Hold
from ..models.fields import storable
from . import mirror
from .transactions import atomically

T = TypeVar("T")

LONGEST_NAME = 150


class Held(Exception):
    """The end user is held: nothing of theirs is erased or pruned, by anyone, until the hold is lifted."""

    def __init__(self, user: str) -> None:
        super().__init__(f"end user {user!r} is held: nothing of theirs is deleted until the hold is lifted")
        self.user = user


class UnknownEndUser(Exception):
    """Nobody with this id is known here."""

    def __init__(self, user: str) -> None:
        super().__init__(f"end user {user!r} is unknown here")
        self.user = user


def hold(
    *, user: str, reason: str = "", by: Any = None, as_: str = "", now: datetime, using: str = "default"
) -> Hold:
    """Hold an end user; who is held already stays so, with the reason and the moment of the first hold.

    From the moment in which this returns, no deletion begins. One that upstream was asked for just before may still be
    done there; what we have here of that thread stays. Somebody who is not known here yet is held as well, and so is what a
    sync then brings.
    """

    def write() -> Hold:
        if not lock(user, using=using):
            EndUser.objects.using(using).bulk_create([EndUser(id=user)], ignore_conflicts=True)
            lock(user, using=using)
        row, _created = Hold.objects.using(using).get_or_create(
            end_user_id=user,
            defaults={
                "reason": storable(reason),
                "held_by": by,
                "held_as": storable(as_)[:LONGEST_NAME],
                "held_at": now,
            },
        )
        return row

    return atomically(write, using=using)


def lift(*, user: str, using: str = "default") -> bool:
    """Lift the hold on an end user, and tell whether there was one. An erasure that waits for this is tried at once."""

    def write() -> bool:
        deleted, _by_model = Hold.objects.using(using).of(user).delete()
        Erasure.objects.using(using).pending().of(user).update(retry_at=None)
        return bool(deleted)

    return atomically(write, using=using)


def check(user: str, *, using: str) -> None:
    """Let nothing pass of somebody who is held.

    Raises:
        Held: who is.
    """
    if Hold.objects.using(using).of(user).exists():
        raise Held(user)


def lock(user: str, *, using: str) -> bool:
    """Lock an end user's row within a transaction, and tell whether there is one. Note [Locks] in mirror."""
    # A write that changes nothing: it locks on every database, and is the first statement, as SQLite wants it.
    return bool(EndUser.objects.using(using).filter(pk=user).update(failures=F("failures")))


def with_free(threads: Collection[str], work: Callable[[list[str]], T], *, using: str) -> T:
    """Give to ``work`` those of some threads whose end users nobody holds, in a transaction during which nobody begins to.

    It is given ids in the database's order, and its outcome is returned. A thread that is somebody else's since a moment
    ago is not among them.
    """
    rows = ChatThread.objects.using(using).filter(pk__in=threads)
    users = set(rows.values_list("end_user_id", flat=True))

    def locked() -> T:
        mirror.lock_end_users(users, using=using)
        free = rows.not_held().filter(end_user__in=users)
        return work(list(free.order_by("pk").values_list("pk", flat=True)))

    return atomically(locked, using=using)
