"""The pause that all processes of a site keep together: a gate over Django's cache.

What stands in the cache is ``[until, seconds]``: the moment when the gate opens, as Unix time, and how long the pause was
when it was told. Clocks of several machines differ, so nobody who learns of it stays out for longer than that, whatever
its clock says of the moment; and the cache forgets it by its own clock soon after.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, NamedTuple

from django.core.cache import BaseCache
from django.db import connections

from .client import MemoryGate
from .client.retry import LONGEST_WAIT

logger = logging.getLogger("django_chatkit.pause")

# Seconds for which an answer of the cache is good, and for which a cache that failed is left alone.
REMEMBERED = 0.5
LEFT_ALONE = 5.0
# Seconds for which a refused call waits for its turn to tell.
PATIENCE = 1.0
# What the same pause may seem to differ by, in seconds.
SLACK = 0.05
# Seconds for which the cache keeps a pause after its end, for clocks that are late.
KEPT_ON = 5


class Term(NamedTuple):
    """A pause as it stands in the cache: until when, in Unix time, and how long it was when it was told."""

    until: float
    seconds: float


def key_of(*scope: str) -> str:
    """Return the key under which those who use the same address, API key and project meet; it tells none of them."""
    digest = sha256("\0".join(scope).encode(errors="surrogatepass")).hexdigest()
    return f"django_chatkit:pause:{digest}"


class SharedGate:
    """A gate that is closed where this process closed it, or another one did.

    Threads ask the cache one at a time and the others go by its last answer, so ``cache`` needs not be thread-safe. A
    cache that is down is told to the log once; meanwhile each process keeps its own pauses.
    """

    def __init__(
        self,
        *,
        cache: BaseCache,
        key: str,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache, self._key, self._now, self._monotonic = cache, key, now, monotonic
        self._memory = MemoryGate(monotonic)
        self._learnt: Term | None = None
        self._ask_at = -math.inf
        self._is_down = False
        self._lock = threading.Lock()

    def seconds_left(self) -> float:
        """Return for how many seconds the gate stays closed."""
        if self._monotonic() >= self._ask_at:
            self._ask(patience=0)
        return self._memory.seconds_left()

    def close_for(self, seconds: float) -> None:
        """Keep the gate closed for so many seconds from now; one that is closed for longer stays so."""
        self._memory.close_for(seconds)
        if not self._is_down or self._monotonic() >= self._ask_at:
            self._ask(patience=PATIENCE)

    def _ask(self, *, patience: float) -> None:
        """Agree with the cache, unless another thread is at it for longer than that, and go on without it if it fails."""
        if not self._lock.acquire(timeout=patience):
            return
        try:
            with _no_connection_left():
                self._agree()
        except Exception as error:  # noqa: BLE001 -- each cache has errors of its own, and none may stop a call
            self._ask_at = self._monotonic() + LEFT_ALONE
            if not self._is_down:
                # By its class: the words of some name the cache's address, password included.
                logger.warning(
                    "Django's cache failed (%s): until it works again, each process keeps its own pauses.",
                    type(error).__name__,
                )
            self._is_down = True
        else:
            self._ask_at = self._monotonic() + REMEMBERED
            self._is_down = False
        finally:
            self._lock.release()

    def _agree(self) -> None:
        """Learn a pause that another process told, and tell ours where the cache has none that lasts as long.

        Two that tell theirs in the same instant overwrite each other; the one with the longer pause tells it again.
        """
        term = _read(self._cache.get(self._key))
        left = min(term.until - self._now(), term.seconds)
        if term != self._learnt:
            self._memory.close_for(left)
            self._learnt = term
        ours = self._memory.seconds_left()
        if ours > left + SLACK:
            self._learnt = Term(self._now() + ours, ours)
            self._cache.set(self._key, list(self._learnt), timeout=math.ceil(ours) + KEPT_ON)


def _read(value: Any) -> Term:
    """Return what stands in the cache; what makes no sense is no pause."""
    match value:
        case [int() | float() as until, int() | float() as seconds]:
            return Term(until, min(seconds, LONGEST_WAIT))
    return Term(0.0, 0.0)


@contextmanager
def _no_connection_left() -> Iterator[None]:
    """Close the database connections that the block opens: a cache in the database opens one for each thread."""
    open_before = set(_open_connections())
    try:
        yield
    finally:
        for alias, connection in _open_connections().items():
            if alias not in open_before:
                connection.close()


def _open_connections() -> dict[str, Any]:
    known = connections.all(initialized_only=True)
    return {each.alias: each for each in known if each.connection is not None}
