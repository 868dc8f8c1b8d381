"""Plain dumps made with OpenAI's SDK: threads and items, one JSON object a line, in whatever order they were written.

Note [Newest first]
The SDK lists newest first unless it is told otherwise, and so does a dump. The times of a thread's items tell which way
it goes. Where they are all the same, the file's other threads tell; where none does, it is taken for the SDK's own way.

Note [As of its newest item]
A dump does not say when it was made. It counts as of its newest item: before that it can't have been made, so what the
mirror heard of later is never overwritten by it.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from ..client.redaction import Redact
from . import kept, reading
from .kept import Damaged, KeptThread
from .reading import Unmirrorable

Fail = Callable[[str, Exception], object]

_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
_GZIP = b"\x1f\x8b"
_THREAD = "chatkit.thread"
_ITEMS = ("chatkit.thread_item", "chatkit.thread.item")


@dataclass(slots=True)
class _Direction:
    """Which way times go, line by line."""

    rises: bool = False
    falls: bool = False
    _before: Any = None

    def note(self, moment: datetime | None) -> None:
        if moment is not None and self._before is not None:
            self.rises = self.rises or moment > self._before
            self.falls = self.falls or moment < self._before
        self._before = moment or self._before


@dataclass(slots=True)
class _Place:
    """Where a thread and its items stand in the file."""

    thread: int | None = None
    items: "array[int]" = field(default_factory=lambda: array("q"))
    direction: _Direction = field(default_factory=_Direction)


@dataclass(slots=True)
class _Index:
    """Where all threads of a file stand: some 300 bytes a thread, and eight an item."""

    places: dict[str, _Place] = field(default_factory=dict)
    direction: _Direction = field(default_factory=_Direction)

    def in_order(self) -> Iterable[tuple[str, _Place]]:
        """Return the threads, oldest first."""
        places = self.places.items()
        return reversed(places) if self._is_newest_first(self.direction) else places

    def item_offsets(self, place: _Place) -> Iterable[int]:
        """Return where a thread's items stand, oldest first. Note [Newest first]

        Raises:
            Damaged: their times go up and down.
        """
        if place.direction.rises and place.direction.falls:
            raise Damaged("its items are in no order: by their times neither oldest nor newest first")
        return reversed(place.items) if self._is_newest_first(place.direction) else place.items

    def _is_newest_first(self, direction: _Direction) -> bool:
        if direction.rises or direction.falls:
            return direction.falls
        told = [place.direction for place in self.places.values()]
        return any(each.falls for each in told) or not any(each.rises for each in told)


def threads(path: Path, *, fail: Fail, redact: Redact | None = None) -> Iterator[KeptThread]:
    """Yield each thread of a dump that is sound, oldest first; what is wrong with one alone is told to ``fail``.

    With ``redact`` each gives only what that function leaves; one that it can't redact is told to ``fail``.

    Raises:
        Damaged: a line can't be read, or whose it is can't be told: nobody knows which thread would lack it.
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        if file.read(len(_GZIP)) == _GZIP:
            raise Damaged("it is packed by gzip: unpack it first")
        file.seek(0)
        index = _indexed(file)
    if not index.places:
        raise Damaged("it holds no thread and no item")
    for id, place in index.in_order():
        try:
            thread = kept.redact_whole(_thread(path, id, place, index), redact)
        except (Damaged, Unmirrorable) as error:
            fail(id, error)
        else:
            yield thread


def _indexed(file: BinaryIO) -> _Index:
    index, offset = _Index(), 0
    for number, line in enumerate(kept.lines_of(file), 1):
        if line.strip():
            try:
                _note(index, kept.read_object(line), offset)
            except (Damaged, Unmirrorable) as error:
                raise Damaged(f"line {number}: {error}") from None
        offset += len(line)
    return index


def _note(index: _Index, payload: Mapping[str, Any], offset: int) -> None:
    kind, moment = payload.get("object"), reading.moment(payload, "created_at", None)
    if kind in _ITEMS or "thread_id" in payload:
        place = index.places.setdefault(reading.key(payload, field="thread_id"), _Place())
        place.items.append(offset)
        place.direction.note(moment)
    elif kind == _THREAD:
        place = index.places.setdefault(reading.key(payload), _Place())
        place.thread = offset  # the last one counts
        index.direction.note(moment)
    elif isinstance(payload.get("data"), list):
        raise Damaged("it is a page; write a line for each object of its data")
    else:
        raise Damaged("it is neither a thread nor an item")


def _thread(path: Path, id: str, place: _Place, index: _Index) -> KeptThread:
    if place.thread is None:
        raise Damaged(f"{path.name} holds items of it, and not the thread itself")
    payload = kept.read_object(b"".join(_lines(path, [place.thread])))
    lines = partial(_lines, path, array("q", index.item_offsets(place)))
    examined = kept.examine(lines(), thread_id=id)
    made_at = reading.moment(payload, "created_at", _BEFORE_ALL)
    return KeptThread(
        id=id,
        user=reading.user_of(payload),
        payload=payload,
        read_at=max(made_at, examined.newest or made_at),
        name=path.name,
        examined=examined,
        lines=lines,
    )


def _lines(path: Path, offsets: Iterable[int]) -> kept.Lines:
    with path.open("rb") as file:
        for offset in offsets:
            file.seek(offset)
            yield next(kept.lines_of(file), b"")
