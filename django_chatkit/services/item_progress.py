"""How far a thread's items are copied, and what of them need not be asked for again."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import Min, OuterRef, QuerySet, Subquery

from ..models import ChatThread, ChatThreadItem
from . import emptied
from .item_pages import Item

# The least by which one moment comes after another.
AN_INSTANT = timedelta(microseconds=1)


class Held(NamedTuple):
    """What we hold of an item."""

    position: int
    settled: bool
    gone_at: datetime | None
    words_dropped_at: datetime | None
    stored: str

    def is_as(self, item: Item) -> bool:
        """Tell whether upstream says of the item what we hold; where its words were dropped, but for these."""
        if self.words_dropped_at is None:
            return self.stored == item.payload
        return self.settled == item.settled and self.stored == emptied.stored(emptied.item, item.payload)


class Progress(NamedTuple):
    """How far a thread's items are copied, as of when, and the position of the lowest that is not settled.

    ``heard_at`` is the moment as of which the thread itself is known.
    """

    synced_at: datetime | None
    as_of: datetime | None
    heard_at: datetime | None
    leased_until: datetime | None
    unsettled: int | None

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
        return self.unsettled is None or held.position < self.unsettled


@lru_cache(maxsize=4)
def with_progress(unsettled_since: datetime | None) -> QuerySet[ChatThread, tuple[Any, ...]]:
    """Return all present threads as `Progress`. To build this query takes longer than to run it, and a run asks it often."""
    unsettled = ChatThreadItem.objects.present().filter(thread=OuterRef("pk"), settled=False)
    if unsettled_since is not None:
        unsettled = unsettled.filter(created_at__gt=unsettled_since)
    lowest = unsettled.order_by().values("thread").annotate(lowest=Min("position")).values("lowest")
    threads = ChatThread.objects.present().order_by().annotate(unsettled=Subquery(lowest))
    return threads.values_list("synced_at", "items_as_of", "as_of", "leased_until", "unsettled")
