"""Transactions that are tried again when the database gave way to another writer, or closed the connection."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connections, transaction

T = TypeVar("T")

# What may have gone otherwise a moment later: a deadlock, a lock that took too long, a connection that was closed.
PASSING = (OperationalError, InterfaceError)
# Seconds to wait between tries, of which there is one more.
WAITS = (0.01, 0.05, 0.2, 0.5)


def atomically(work: Callable[[], T], *, using: str, waits: Sequence[float] = WAITS) -> T:
    """Run ``work`` in a transaction; one that lost a deadlock, a lock or its connection is run again.

    ``work`` reads what it decides by anew each time. Within a transaction of the caller's it runs once: that one is
    the caller's to repeat.

    Raises:
        OperationalError: it failed five times in a row.
        InterfaceError: so it did.
    """

    def attempt() -> T:
        with transaction.atomic(using=using):
            return work()

    return persistently(attempt, using=using, waits=waits)


def persistently(work: Callable[[], T], *, using: str, waits: Sequence[float] = WAITS) -> T:
    """Run ``work``, which may be repeated as it is, as often as `atomically` does, on a connection that works."""
    connection = connections[using]
    left = iter(() if connection.in_atomic_block else waits)
    while True:
        try:
            return work()
        except PASSING:
            wait = next(left, None)
            if wait is None:
                raise
            connection.close_if_unusable_or_obsolete()
            time.sleep(wait)
