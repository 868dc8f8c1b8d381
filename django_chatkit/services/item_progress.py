"""How far a thread's items are copied, and what of them need not be asked for again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import Min, OuterRef, QuerySet, Subquery

from ..models import ChatThread, ChatThreadItem
from . import columns, emptied
from .item_pages import Item

# The least by which one moment comes after another.
AN_INSTANT = timedelta(microseconds=1)
# Upstream's times have no finer grain; how it orders what is of one second is not known.
SECOND = timedelta(seconds=1)
# An item that claims to be further ahead of our clock than this is not waited for.
AHEAD = timedelta(hours=1)


class Held(NamedTuple):
    """What we hold of an item."""

    position: int
    gone_at: datetime | None
    words_dropped_at: datetime | None
    type: str
    text: str
    settled: bool
    created_at: datetime
    stored: str

    def is_as(self, item: Item) -> bool:
        """Tell whether upstream says of the item what we hold, columns and all; where words were dropped, but for these."""
        is_emptied = self.words_dropped_at is not None
        return (
            self.stored == (emptied.stored(emptied.item, item.payload) if is_emptied else item.payload)
            and self.settled == item.settled
            and self.type == item.type
            and columns.holds(self.text, "" if is_emptied else item.text)
            and columns.holds(self.created_at, item.created_at)
        )


def is_young(item: Item, *, asked_at: datetime) -> bool:
    """Tell whether an item's second was not over when it was asked for: others may yet come to stand before it."""
    if item.created_at is None:
        return False
    return asked_at - SECOND < item.created_at < asked_at + AHEAD


def least(*positions: int | None) -> int | None:
    """Return the lowest position of those that are one."""
    return min((each for each in positions if each is not None), default=None)


@dataclass(slots=True)
class Youth:
    """From which position on a thread's items are young: as its row says, and as a walk that began below that met it."""

    stands: int | None = None
    met: int | None = None

    def after(self, position: int | None, *, complete: bool) -> int | None:
        """Return what the row has to say after a page, of which the lowest young item stands at a position.

        Until the walk is complete, what the row says may lie ahead of it.
        """
        self.met = least(self.met, position)
        return self.met if complete else least(self.stands, self.met)


class Progress(NamedTuple):
    """How far a thread's items are copied, as of when, and the positions of the lowest in progress and the lowest young.

    ``heard_at`` is the moment as of which the thread itself is known.
    """

    synced_at: datetime | None
    as_of: datetime | None
    heard_at: datetime | None
    leased_until: datetime | None
    young_from: int | None
    in_progress: int | None

    @property
    def unsettled(self) -> int | None:
        """Return the position from which on upstream may have changed what we hold."""
        return least(self.in_progress, self.young_from)

    def is_known_since(self, moment: datetime, *, now: datetime) -> bool:
        """Tell whether all items are as upstream had them after a moment; what is yet to come is another's clock."""
        return self.synced_at is not None and moment < self.synced_at <= now and self.unsettled is None

    @property
    def next_moment(self) -> datetime | None:
        """Return the first moment as of which the items may be written. Note [As of] in mirror."""
        moments = [self.heard_at, self.as_of and self.as_of + AN_INSTANT]
        return max(filter(None, moments), default=None)

    def is_leased(self, *, now: datetime) -> bool:
        """Tell whether a run copies the items right now."""
        return self.leased_until is not None and self.leased_until > now

    def is_ground(self, held: Held | None) -> bool:
        """Tell whether what we hold of an item is solid ground."""
        if held is None or held.gone_at is not None or not held.settled:
            return False
        return self.young_from is None or held.position < self.young_from


@lru_cache(maxsize=4)
def with_progress(unsettled_since: datetime | None) -> QuerySet[ChatThread, tuple[Any, ...]]:
    """Return all present threads as `Progress`. To build this query takes longer than to run it, and a run asks it often."""
    unsettled = ChatThreadItem.objects.present().filter(thread=OuterRef("pk"), settled=False)
    if unsettled_since is not None:
        unsettled = unsettled.filter(created_at__gt=unsettled_since)
    lowest = unsettled.order_by().values("thread").annotate(lowest=Min("position")).values("lowest")
    threads = ChatThread.objects.present().order_by().annotate(in_progress=Subquery(lowest))
    return threads.values_list(
        "synced_at", "items_as_of", "as_of", "leased_until", "young_from", "in_progress"
    )
