"""What a write of a thread's items has to do."""

from dataclasses import dataclass, field
from datetime import datetime

from . import emptied, mirror
from .item_pages import Item, Items
from .item_progress import Held, is_young


@dataclass(slots=True, kw_only=True)
class Plan:
    """What a write has to do."""

    created: list[mirror.ItemRow] = field(default_factory=list)
    changed: list[mirror.ItemRow] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    unchanged: int = 0
    # The position of the last item placed, and of the first that is young.
    last: int = -1
    young: int | None = None
    # Where some moved behind all: from which position on others must follow them, and how far.
    followers: tuple[int, int] | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return not (self.created or self.changed or self.gone)

    def follow(self, lowest: int | None) -> None:
        """Plan that what stands from a position on, if anything, moves behind the last item placed."""
        if lowest is not None:
            self.followers = (lowest, self.last + 1 - lowest)

    def place(
        self,
        items: Items,
        held: dict[str, Held],
        *,
        thread_id: str,
        as_of: datetime,
        asked_at: datetime,
        room: dict[str, int],
        free: int,
    ) -> None:
        """Plan rows in upstream's order: each keeps its position, or takes its room, where that is above the one before."""
        for id, item in items.items():
            mine = held.get(id)
            position = mine.position if mine else room.get(id, free)
            if position <= self.last:
                position = free
            free += position == free
            self.last = position
            if self.young is None and is_young(item, asked_at=asked_at):
                self.young = position
            if mine and mine.gone_at is None and mine.position == position and mine.is_as(item):
                self.unchanged += 1
            else:
                if mine and mine.words_dropped_at is not None:
                    item = item._replace(text="", payload=emptied.stored(emptied.item, item.payload))
                row = _row(id, item, thread_id=thread_id, position=position, as_of=as_of)
                (self.changed if mine else self.created).append(row)


def _row(id: str, item: Item, *, thread_id: str, position: int, as_of: datetime) -> mirror.ItemRow:
    return mirror.ItemRow(
        id=id,
        thread_id=thread_id,
        type=item.type,
        position=position,
        text=item.text,
        settled=item.settled,
        payload=item.payload,
        created_at=item.created_at or as_of,
    )
