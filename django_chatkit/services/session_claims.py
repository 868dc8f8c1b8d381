"""The claim on sessions of the ledger that one process alone cancels."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ..models import ChatSession
from ..models.sessions import ChatSessionQuerySet
from .transactions import persistently

# So many sessions a process takes for itself at once, and for how long; while it works it moves the end, also while it
# hears nothing from upstream.
LARGEST_CLAIM = 100
CLAIM = timedelta(seconds=30)
# Seconds between two looks at what others have claimed.
PATIENCE = 1.0

Clock = Callable[[], datetime]


@dataclass(slots=True)
class Claim:
    """Sessions that this process alone cancels, until a moment. Its exact end is what tells it from anybody else's."""

    sessions: list[ChatSession]
    until: datetime
    using: str

    def keep(self, clock: Clock) -> None:
        """Move the end of the claim once half of it is over."""
        now = clock()
        if self.until - now < CLAIM / 2:
            until = now + CLAIM
            self._move(until)
            self.until = until

    def release(self) -> None:
        """Give back what is not settled."""
        self._move(None)

    def unsettled(self) -> set[str]:
        """Return the ids of those that are still to be cancelled."""
        ids = [each.id for each in self.sessions]
        left = ChatSession.objects.using(self.using).active().filter(pk__in=ids)
        return set(left.values_list("pk", flat=True))

    def _move(self, until: datetime | None) -> None:
        ids = [each.id for each in self.sessions]
        mine = ChatSession.objects.using(self.using).filter(pk__in=ids, claimed_until=self.until)
        persistently(lambda: mine.update(claimed_until=until), using=self.using)


def claim(
    rows: ChatSessionQuerySet,
    *,
    clock: Clock,
    batch_size: int,
    wait: Callable[[float], object] | None = None,
) -> Iterator[Claim]:
    """Claim sessions batch by batch, each once: those of ``rows`` that nobody else has claimed.

    With ``wait``, which stands still for so many seconds, those of others are waited for: they settle them, or give them
    back, or are dead and lose them; what is left is claimed then.
    """
    tried: set[str] = set()  # here, and not settled
    while True:
        found = False
        for mine in _free(rows, tried, clock=clock, batch_size=batch_size):
            found = True
            yield mine
            if wait is not None:
                tried |= mine.unsettled()
        if wait is None:
            return
        if rows.claimed(now=clock()).exists():
            wait(PATIENCE)
        elif not found:
            return


def _free(
    rows: ChatSessionQuerySet, tried: Collection[str], *, clock: Clock, batch_size: int
) -> Iterator[Claim]:
    """Claim once through the rows what is free right then."""
    last = ""
    while True:
        now = clock()
        free = rows.unclaimed(now=now)
        batch = free.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
        ids = list(batch[: min(batch_size, LARGEST_CLAIM)])
        if not ids:
            return
        last, until = ids[-1], now + CLAIM
        ids = [id for id in ids if id not in tried]
        if ids:
            claimed = free.filter(pk__in=ids)
            persistently(partial(claimed.update, claimed_until=until), using=free.db)
            mine = ChatSession.objects.using(free.db).active().filter(pk__in=ids, claimed_until=until)
            yield Claim(list(mine.defer("payload")), until, free.db)  # a lost key keeps no session alive
