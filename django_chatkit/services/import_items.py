"""One thread's items brought back from a file, page by page, unless the mirror knows as much or more.

Note [Newer stays]
A file counts as of the moment at which it was read from upstream, and is written as a page of a sync is that was asked for
then (Note [As of] in mirror):

- Nothing of the items is known here, or only something older: all of them are compared, and what we hold and the file
  lacks is gone. A thread of which nobody ever wrote an item needs no comparing.
- They are known whole as of then or later: nothing is taken.
- They are known in part, as of then or later, by a first copy that was broken off: what we hold stays as it is, and the
  file goes on after our last item, as a sync would. Where the file does not have that item, upstream cut the thread
  since, and nothing is taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from ..models import ChatThread, ChatThreadItem
from .item_pages import Items
from .item_progress import AN_INSTANT, Progress, Youth
from .item_rows import ItemRows, Overtaken
from .kept import KeptThread
from .leases import Lease
from .reports import SyncReport

_Pages = Iterator[tuple[Items, bool]]


class _Way(Enum):
    BLANK = auto()
    COMPARED = auto()
    AFTER_OURS = auto()


@dataclass(slots=True, kw_only=True)
class ItemImport:
    """The import of one thread's items; ``each_page`` is called after each page."""

    thread: KeptThread
    clock: Callable[[], datetime]
    using: str
    counts: SyncReport
    each_page: Callable[[], object] = field(default=lambda: None)

    def run(self) -> bool:
        """Take what the mirror lacks; False where somebody else writes there right now: come back later.

        Raises:
            Damaged: the file was changed since it was examined; what was taken of it until then was sound.
            Contradiction: an item stands in another thread here.
        """
        progress = self._rows().progress(unsettled_since=None)
        way = None if progress is None else _way(progress, self.thread.read_at)
        if progress is None or way is None:
            return True
        unmoved = ChatThread.objects.using(self.using).present().filter(items_as_of=progress.as_of)
        lease = Lease.take(unmoved, self.thread.id, now=self.clock())
        if lease is None:
            return False
        try:
            # What was young may still be, whatever the file says.
            youth = Youth(stands=progress.young_from, met=progress.young_from)
            self._write(self._rows(lease, youth), lease, way, _as_of(progress, self.thread.read_at))
        except Overtaken:
            return False
        finally:
            lease.release()
        return True

    def foresee(self, *, comes: bool) -> None:
        """Count what `run` would do, and write nothing.

        A thread that we do not hold would be taken whole where its row ``comes``: not if it is left out here or was erased.
        """
        progress = self._rows().progress(unsettled_since=None)
        way = None
        if progress is not None:
            way = _way(progress, self.thread.read_at)
        elif comes:
            way = self._way_of_absent()
        if way is _Way.BLANK:
            self.counts.items_new += self.thread.examined.items
        elif way is not None:
            seen = sum(self._foresee(page) for page, _ in self._pages(way))
            if way is _Way.COMPARED:
                here = ChatThreadItem.objects.using(self.using).of(self.thread.id).present()
                self.counts.items_gone += here.count() - seen

    def _way_of_absent(self) -> _Way | None:
        """Return how a thread would be taken that we do not hold as present."""
        gone = ChatThread.objects.using(self.using).filter(pk=self.thread.id).values_list("as_of", flat=True)
        if not gone:
            return _Way.BLANK
        return _Way.COMPARED if gone[0] is None or gone[0] <= self.thread.read_at else None

    def _foresee(self, page: Items) -> int:
        """Count a page, and return how many of its items we hold as present."""
        held = self._rows().held(page)
        present = {id: each for id, each in held.items() if each.gone_at is None}
        unchanged = sum(each.is_as(page[id]) for id, each in present.items())
        self.counts.items_new += len(page) - len(held)
        self.counts.items_changed += len(held) - unchanged
        self.counts.items_unchanged += unchanged
        self.each_page()
        return len(present)

    def _write(self, rows: ItemRows, lease: Lease, way: _Way, as_of: datetime) -> None:
        above = -1
        for page, is_last in self._pages(way):
            lease.renew(now=self.clock())
            above = rows.write(
                page,
                as_of=as_of,
                asked_at=self.thread.read_at,
                complete=is_last,
                above=above if way is _Way.COMPARED else None,
                free=above + 1 if way is _Way.BLANK else None,
            )
            self.each_page()

    def _pages(self, way: _Way) -> _Pages:
        if way is _Way.AFTER_OURS:
            return self._after_ours()
        return self.thread.pages()

    def _after_ours(self) -> _Pages:
        """Yield what comes after our last item, less what we know as gone; nothing where the file does not have that item."""
        rows = self._rows()
        id, _ = rows.last(below=None) or (None, None)
        is_reached = False
        for page, is_last in self.thread.pages():
            new = page if is_reached else _after(page, id)
            if new is not None:
                is_reached = True
                held = rows.held(new)
                yield {id: item for id, item in new.items() if id not in held}, is_last

    def _rows(self, lease: Lease | None = None, youth: Youth | None = None) -> ItemRows:
        return ItemRows(
            thread_id=self.thread.id,
            using=self.using,
            report=self.counts,
            youth=youth or Youth(),
            lease=lease,
            read_at=self.thread.read_at,
        )


def _way(progress: Progress, read_at: datetime) -> _Way | None:
    """Return how a file's items are to be taken, or None where nothing is. Note [Newer stays]"""
    if progress.as_of is None:
        return _Way.BLANK
    if progress.as_of < read_at:
        return _Way.COMPARED
    return _Way.AFTER_OURS if progress.synced_at is None else None


def _as_of(progress: Progress, read_at: datetime) -> datetime:
    """Return the moment as of which is written: when the file was read, or the instant after what we know."""
    return max(read_at, progress.as_of + AN_INSTANT) if progress.as_of is not None else read_at


def _after(page: Items, id: str | None) -> Items | None:
    """Return what follows an item on a page, or None where it is not there."""
    if id not in page:
        return None
    ids = list(page)
    return {each: page[each] for each in ids[ids.index(id) + 1 :]}
