"""The claim on sessions of the ledger that one process alone cancels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ..models import ChatSession
from ..models.sessions import ChatSessionQuerySet
from .transactions import persistently

# So many sessions a process takes for itself at once, and for how long; while it works it moves the end.
LARGEST_CLAIM = 100
CLAIM = timedelta(minutes=2)

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

    def _move(self, until: datetime | None) -> None:
        ids = [each.id for each in self.sessions]
        mine = ChatSession.objects.using(self.using).filter(pk__in=ids, claimed_until=self.until)
        persistently(lambda: mine.update(claimed_until=until), using=self.using)


def claim(
    rows: Callable[[datetime], ChatSessionQuerySet], *, clock: Clock, batch_size: int
) -> Iterator[Claim]:
    """Claim sessions batch by batch, each once: those of ``rows`` as of then that nobody else has claimed."""
    last = ""
    while True:
        now = clock()
        free = rows(now).unclaimed(now=now)
        batch = free.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
        ids = list(batch[: min(batch_size, LARGEST_CLAIM)])
        if not ids:
            return
        last, until = ids[-1], now + CLAIM
        claimed = free.filter(pk__in=ids)
        persistently(partial(claimed.update, claimed_until=until), using=free.db)
        mine = ChatSession.objects.using(free.db).active().filter(pk__in=ids, claimed_until=until)
        yield Claim(list(mine.defer("payload")), until, free.db)  # a lost key keeps no session alive
