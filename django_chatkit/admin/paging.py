"""Opens a page of a thread's items by position: the thread's length costs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from ..models import ChatThreadItem
from ..models.fields import is_storable
from ..models.items import ChatThreadItemQuerySet
from .days import begin_of, day_of

PAGE_SIZE = 50
_BIGGEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Hold some items of a thread, oldest first, and whether there are more on either side.

    ``wanted`` is the id that was asked for, ``day`` the day; ``is_missing`` tells that the thread has no such item,
    or none of that day or later.
    """

    items: list[ChatThreadItem]
    has_older: bool = False
    has_newer: bool = False
    wanted: str = ""
    day: date | None = None
    is_missing: bool = False


def open_page(items: ChatThreadItemQuerySet, query: Mapping[str, str], *, size: int = PAGE_SIZE) -> Page:
    """Open the page of the items `along` a thread that a query string asks for, the newest by default.

    ``item`` (an id), ``on`` (a day), ``before`` and ``after`` (positions, exclusive) and ``from=oldest`` are
    understood; anything else is the newest page, for an address that was cut must still open the thread.
    """
    if query.get("item"):
        return _around(items, query["item"], size)
    if (day := day_of(query.get("on", ""))) is not None:
        return _since(items, day, size)
    if query.get("from") == "oldest":
        return _after(items, None, size)
    if (position := _position(query.get("after"))) is not None:
        return _after(items, position, size)
    return _before(items, _position(query.get("before")), size)


def _before(items: ChatThreadItemQuerySet, position: int | None, size: int) -> Page:
    rest = items if position is None else items.filter(position__lt=position)
    rows, more = _take(rest.in_order().reverse(), size)
    newer = position is not None and items.filter(position__gte=position).exists()
    return Page(items=rows[::-1], has_older=more, has_newer=newer)


def _after(items: ChatThreadItemQuerySet, position: int | None, size: int) -> Page:
    rest = items if position is None else items.filter(position__gt=position)
    rows, more = _take(rest.in_order(), size)
    older = position is not None and items.filter(position__lte=position).exists()
    return Page(items=rows, has_older=older, has_newer=more)


def _around(items: ChatThreadItemQuerySet, item_id: str, size: int) -> Page:
    found = items.filter(id=item_id).values_list("position", flat=True) if is_storable(item_id) else ()
    position = next(iter(found), None)
    if position is None:
        return replace(_before(items, None, size), wanted=item_id, is_missing=True)
    above, older = _take(items.filter(position__lt=position).in_order().reverse(), size // 2)
    below, newer = _take(items.filter(position__gte=position).in_order(), size - size // 2)
    return Page(items=[*above[::-1], *below], has_older=older, has_newer=newer, wanted=item_id)


def _since(items: ChatThreadItemQuerySet, day: date, size: int) -> Page:
    position = _first_since(items, begin_of(day))
    if position is None:
        return replace(_before(items, None, size), day=day, is_missing=True)
    return replace(_after(items, position - 1, size), day=day)


def _first_since(items: ChatThreadItemQuerySet, begin: datetime) -> int | None:
    """Return the position of the first item since a moment, by halves: each look costs one step in the index.

    Later positions have later moments, as far as upstream's clock is right. An index on the moments would save some
    twenty such looks a jump, and cost each item that is ever copied.
    """
    placed = items.in_order().values_list("position", "created_at")
    low, high = (rows.first() or (0, begin) for rows in (placed, placed.reverse()))
    bottom, top = low[0], high[0] + 1
    found: tuple[int, datetime] | None = None
    while bottom < top:
        middle = (bottom + top) // 2
        seen = placed.filter(position__gte=middle).first()
        if seen and seen[1] < begin:
            bottom = seen[0] + 1
        else:
            top, found = middle, seen
    return found and found[0]


def _take(items: ChatThreadItemQuerySet, size: int) -> tuple[list[ChatThreadItem], bool]:
    rows = list(items[: size + 1])
    return rows[:size], len(rows) > size


def _position(text: str | None) -> int | None:
    try:
        position = int(text or "")
    except ValueError:
        return None
    return position if abs(position) <= _BIGGEST else None
