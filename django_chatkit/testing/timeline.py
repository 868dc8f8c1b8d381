"""Ids in order of creation, found and paged by bisection: no page scans the list."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import NamedTuple

Key = tuple[int, int, str]


class Slice(NamedTuple):
    """Hold the ids of one page, in list order, and whether the list goes on beyond it."""

    ids: list[str]
    has_more: bool


class Timeline:
    """Keep ids sorted by (second of creation, tie), oldest first.

    `tie` orders ids of the same second: "insertion" (as they came), "reversed" or "id". Finding an id and cutting a
    page out cost O(log n); adding at the end costs nothing more, adding elsewhere one move of memory.
    """

    __slots__ = ("_keys", "_places", "_serial", "_tie")

    def __init__(self, tie: str = "insertion") -> None:
        self._tie = tie
        self._keys: list[Key] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._serial = 0

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, id: object) -> bool:
        return id in self._places

    def __iter__(self) -> Iterator[str]:
        return iter([key[2] for key in self._keys])

    def add(self, id: str, *, at: int) -> None:
        """Put an id in its place."""
        self._serial += 1
        self._places[id] = (at, self._serial)
        key = self._key(id)
        if not self._keys or key > self._keys[-1]:
            self._keys.append(key)
        else:
            bisect.insort(self._keys, key)

    def append(self, id: str, *, at: int) -> None:
        """Put an id at the end, whatever its second says: a log grows at its end only."""
        last = self._keys[-1][0] if self._keys else at
        self.add(id, at=max(at, last))

    def remove(self, id: str) -> None:
        """Take an id out; KeyError for one that is not there."""
        del self._keys[self._position(id)]
        del self._places[id]

    def cut(self, *, after: str) -> list[str]:
        """Take out and return every id behind `after`."""
        start = self._position(after) + 1
        gone = [key[2] for key in self._keys[start:]]
        del self._keys[start:]
        for id in gone:
            del self._places[id]
        return gone

    def arrange(self, tie: str) -> None:
        """Sort anew where another order of ties is asked for."""
        if tie != self._tie:
            self._tie = tie
            self._keys = sorted(map(self._key, self._places))

    def page(self, *, after: str | None, before: str | None, limit: int, descending: bool) -> Slice:
        """Cut one page out; both cursors are exclusive and must be known (KeyError).

        `before` alone is the page that ends just before it; with `after`, it bounds the page that begins there.
        `has_more` looks the way the page was cut: backwards for `before` alone, else forwards.
        """
        start = 0 if after is None else self._rank(after, descending) + 1
        stop = len(self._keys) if before is None else self._rank(before, descending)
        if before is not None and after is None:
            first = max(0, stop - limit)
            return Slice(self._between(first, stop, descending), first > 0)
        last = min(stop, start + limit)
        return Slice(self._between(start, last, descending), last < stop)

    def _key(self, id: str) -> Key:
        at, serial = self._places[id]
        return (at, {"insertion": serial, "reversed": -serial, "id": 0}[self._tie], id)

    def _position(self, id: str) -> int:
        return bisect.bisect_left(self._keys, self._key(id))

    def _rank(self, id: str, descending: bool) -> int:
        position = self._position(id)
        return len(self._keys) - 1 - position if descending else position

    def _between(self, first: int, last: int, descending: bool) -> list[str]:
        if first >= last:
            return []
        if not descending:
            return [key[2] for key in self._keys[first:last]]
        size = len(self._keys)
        return [key[2] for key in reversed(self._keys[size - last : size - first])]
