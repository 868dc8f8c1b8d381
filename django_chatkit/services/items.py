"""One thread's items: copied from the oldest on at first, then read from the newest down to solid ground.

Solid ground is an item that we hold, that is settled, and below which nothing is young: read before its second was over, so
that others of that second may yet come before it. Calls in progress below it are looked at one by one. What we hold above it and upstream does not is gone. Where the newest page does not reach it, the items are copied on from our end, page by page;
only one run at a time does that. Upstream may cut a thread's tail at any moment (a user's retry), and with it the very item
that a cursor names.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from ..client import ChatKit, NotFoundError
from ..models import ChatThread
from . import mirror, open_calls, pruned, pruning
from .crew import Job, Later
from .gone import is_gone
from .item_pages import OnPage
from .item_progress import Held, Progress, Youth
from .item_requests import CursorVanished, ItemRequests
from .item_rows import ItemRows, Overtaken
from .leases import Lease
from .paging import PAGE, Contradiction
from .reports import SyncReport

# The first look at a known thread asks for less: mostly nothing or one turn is new.
GLANCE = 20
# An item in progress for longer than this counts as settled: nobody answers that call any more.
PATIENCE = timedelta(days=1)
# How often a sync lets another that writes the same thread go ahead, before it gives up.
OVERTAKEN = 100
# How often it steps back from a cursor that vanished, twice as far each time.
STEPS_BACK = 20
# A position that nothing stands below.
_EVERYTHING = -(2**62)


@dataclass(slots=True, kw_only=True)
class ItemSync:
    """The sync of one thread's items, with what it needs of the world.

    With ``patient``, as in a reconcile, an old item in progress is looked at again; with ``deep`` every item is, solid
    ground or not. What another run has written of later than ``since`` is not asked for again. ``leases`` are those that
    the run keeps alive. ``on_page`` hears of each page: with ``deep`` they come from the oldest on, save where it steps back.
    """

    thread_id: str
    client: ChatKit
    clock: Callable[[], datetime]
    using: str
    report: SyncReport
    since: datetime
    patient: bool = False
    deep: bool = False
    leases: set[Lease] = field(default_factory=set)
    on_page: OnPage | None = None
    _ask: ItemRequests = field(init=False)
    # From which position on all items were read.
    _reached: int = field(init=False, default=_EVERYTHING)

    def __post_init__(self) -> None:
        self._ask = ItemRequests(thread_id=self.thread_id, client=self.client, clock=self.clock)

    def run(self) -> Job:
        """Bring the thread's items to what upstream has; counts go to the report.

        Raises:
            APIError: what upstream answered, other than that the thread is gone.
            Contradiction: when its pages make no sense.
            Unmirrorable: when an item has no usable id.
        """
        try:
            yield from self._run()
        except NotFoundError as error:
            if not is_gone(error, self.thread_id):
                raise
            as_of = self._ask.as_of
            gone = mirror.mark_gone([self.thread_id], now=self.clock(), as_of=as_of, using=self.using)
            self.report.threads_gone += len(gone)

    def _run(self) -> Job:
        for _ in range(OVERTAKEN):
            progress = yield from self._progress()
            if progress is None and (yield from self._is_back()):
                continue
            if progress is None or (not self.deep and progress.is_known_since(self.since, now=self.clock())):
                return
            is_copied = progress.synced_at is not None
            try:
                if (is_copied and not self.deep and (yield from self._read_tail(progress))) or (
                    yield from self._copy_alone(progress)
                ):
                    if progress.in_progress is not None:
                        yield from self._look_at_calls(progress)
                    return
            except Overtaken:  # the work is shared: what the other wrote is where this goes on
                continue
            except CursorVanished:
                # What stood before a call, below solid ground, is gone: only a deep look tells what is left.
                self.deep = True
        raise Contradiction("the thread's items moved under each look at them")

    def _progress(self) -> Generator[Any, Any, Progress | None]:
        """Return how far the thread is copied, once nobody else copies it."""
        while True:
            progress = self._rows().progress(unsettled_since=self._unsettled_since)
            if progress is None:
                return None
            self._ask.not_before(progress.next_moment)
            if not progress.is_leased(now=self.clock()):
                return progress
            yield Later()

    @property
    def _unsettled_since(self) -> datetime | None:
        return None if self.patient else self.since - PATIENCE

    def _is_back(self) -> Generator[Any, Any, bool]:
        """Mirror a thread again that retention left out, where something was said in it since."""
        active_at = pruned.active_at(self.thread_id, using=self.using)
        if active_at is None:
            return False
        page = yield from self._ask.page(order="desc", limit=1, after=None)
        newest = [item.created_at for item in page.items.values() if item.created_at]
        if not newest or newest[0] <= active_at:
            return False
        as_of = self.clock()
        thread = (yield partial(self.client.threads.retrieve, self.thread_id)).result()
        listed = mirror.listed(thread.payload)
        if not pruning.take_back(self.thread_id, using=self.using):
            return False
        written = mirror.write_threads([listed], as_of=as_of, using=self.using)
        self.report.threads_new += len(written.new)
        return True

    def _rows(self, progress: Progress | None = None, lease: Lease | None = None) -> ItemRows:
        youth = Youth(stands=progress and progress.young_from)
        return ItemRows(
            thread_id=self.thread_id, using=self.using, report=self.report, youth=youth, lease=lease
        )

    def _read_tail(self, progress: Progress) -> Generator[Any, Any, bool]:
        """Read the newest items; False when solid ground is not among them."""
        rows = self._rows(progress)
        self._reached = _EVERYTHING
        limit = GLANCE if progress.unsettled is None else PAGE
        page = yield from self._ask.page(order="desc", limit=limit, after=None)
        oldest = next(reversed(page.items)) if page.more else None
        if rows.are_newest(page, progress):
            self._reached = self._place(rows, oldest, progress)
            return True
        items = dict(reversed(page.items.items()))
        held = rows.held(items)
        if page.more and not any(map(progress.is_ground, held.values())):
            return False
        above = _lowest(held) - 1 if page.more else -1
        rows.write(
            items, as_of=self._ask.as_of, asked_at=self._ask.asked_at, complete=True, above=above, held=held
        )
        self._reached = self._place(rows, oldest, progress)
        return True

    def _place(self, rows: ItemRows, oldest: str | None, progress: Progress) -> int:
        """Return from which position on a page told of all items, by its oldest; None says that nothing is below it."""
        if oldest is None or progress.in_progress is None:
            return _EVERYTHING
        position = rows.position(oldest)
        assert position is not None  # it was just written, or found there
        return position

    def _look_at_calls(self, progress: Progress) -> Job:
        """Look at calls in progress below what was read, each with what follows it on its page, as far as the budget goes.

        Those not looked at stay as they are: not settled.
        """
        rows = self._rows(progress)
        firsts = open_calls.pages(rows.calls(below=self._reached, since=self._unsettled_since))
        since = progress.as_of or self.since
        in_turn = open_calls.in_turn(firsts, self.since.date()) if self.patient else open_calls.newest(firsts)
        for position in in_turn:
            start = rows.last(below=position)
            yield from self._copy_from(rows, start, since=since, compares=True, is_blank=False, pages=1)

    def _copy_alone(self, progress: Progress) -> Generator[Any, Any, bool]:
        """Copy what is new while nobody else does; False when another was first."""
        unmoved = ChatThread.objects.using(self.using).filter(items_as_of=progress.as_of)
        lease = Lease.take(unmoved, self.thread_id, now=self.clock())
        if lease is None:
            return False
        self.leases.add(lease)
        try:
            # Whoever writes an item says as of when: nobody ever did, and while the lease is ours nobody will.
            is_blank = progress.as_of is None
            below = _EVERYTHING if self.deep else progress.young_from
            since = progress.as_of or self.since
            yield from self._copy_on(self._rows(progress, lease), below=below, since=since, is_blank=is_blank)
        finally:
            self.leases.discard(lease)
            lease.release()
        return True

    def _copy_on(self, rows: ItemRows, *, below: int | None, since: datetime, is_blank: bool) -> Job:
        """Copy from the last item that we hold to the newest, each page with its progress in one transaction.

        With ``below`` from the last item below that position, and what we hold above it is compared. ``since`` is when
        our last item was last known to be there.
        """
        for step in range(STEPS_BACK):
            try:
                start = None if is_blank else rows.last(below=below)
                yield from self._copy_from(
                    rows, start, since=since, compares=below is not None, is_blank=is_blank
                )
                self._reached = start[1] + 1 if start else _EVERYTHING
                return
            except CursorVanished as vanished:
                is_blank = False
                position = rows.position(vanished.cursor)
                below = below if position is None else position - (1 << step) + 1
        raise Contradiction("upstream knows none of the last items that it gave")

    def _copy_from(
        self,
        rows: ItemRows,
        start: tuple[str, int] | None,
        *,
        since: datetime,
        compares: bool,
        is_blank: bool,
        pages: int | None = None,
    ) -> Job:
        last, above = start or (None, -1)
        first = rows.first() if start else None
        cursors, before = {last}, set[str]()
        while True:
            page = yield from self._ask.page(order="asc", limit=PAGE, after=last, on_page=self.on_page)
            as_of, asked_at = self._ask.as_of, self._ask.asked_at
            if page.more and page.last_id in cursors:
                raise Contradiction("upstream gave the same page of items twice")
            if last is not None and (
                first in page.items or (yield from self._ask.is_top(page, since=since))
            ):  # upstream ignores a cursor that names nothing
                raise CursorVanished(last)
            if not before.isdisjoint(page.items):
                raise Contradiction("upstream gave an item of the page before again")
            first = first or next(iter(page.items), None)
            above = rows.write(
                page.items,
                as_of=as_of,
                asked_at=asked_at,
                complete=not page.more,
                above=above if compares else None,
                free=above + 1 if is_blank else None,
            )
            pages = None if pages is None else pages - 1
            if not page.more or pages == 0:
                return
            last, before, since = page.last_id, set(page.items), asked_at
            cursors.add(last)


def _lowest(held: dict[str, Held]) -> int:
    return min(each.position for each in held.values() if each.gone_at is None)
