"""Threads brought back from files: judged whole, written in short transactions, never over newer knowledge.

Each thread's row is written as a page of a list of threads that was asked for when the file was read, and its items as
pages of items asked for then (Note [As of] in mirror, Note [Newer stays] in import_items). So a later sync takes them for
what they are: a thread that it need not read again, if upstream says the same.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from . import archive_claims, archive_marks, faults, mirror, owners, pruned
from .import_items import ItemImport
from .kept import KeptThread
from .reports import Failure, ImportReport, SyncReport

logger = logging.getLogger(__name__)

Fail = Callable[[str, Exception], object]
Source = Callable[[Fail], Iterator[KeptThread]]
OnProgress = Callable[[ImportReport], object]

# Threads whose rows are written by one transaction: so many, or as many as hold so many bytes in memory.
_BATCH = 100
_BATCH_BYTES = 8 << 20
# Seconds between two looks at a thread that somebody else writes.
_PAUSE = 1.0


def run(
    *,
    source: Source,
    clock: Callable[[], datetime],
    users_are_accounts: bool,
    dry_run: bool = False,
    using: str = "default",
    sleep: Callable[[float], object] = time.sleep,
    on_progress: OnProgress | None = None,
) -> ImportReport:
    """Bring threads back that a source gives, and return what came of it.

    With ``users_are_accounts`` end users get their accounts back: they are named by the accounts' primary keys. With
    ``dry_run`` nothing is written: the counts say what would be done.

    Raises:
        BrokenArchive: the manifest can't be read.
        Damaged: a dump can't be read; nothing of it was taken.
        OSError: the source can't be opened.
    """
    work = _Import(
        clock=clock,
        using=using,
        sleep=sleep,
        users_are_accounts=users_are_accounts,
        report=ImportReport(dry_run=dry_run),
        on_progress=on_progress,
    )
    for batch in _batches(filter(work.is_possible, source(work.fail))):
        work.take(batch)
    work.take_busy()
    logger.info("ChatKit import ended: %s", work.report.counts())
    return work.report


def _batches(threads: Iterator[KeptThread]) -> Iterator[list[KeptThread]]:
    batch: list[KeptThread] = []
    size = 0
    for thread in threads:
        batch.append(thread)
        size += thread.examined.held_bytes
        if len(batch) == _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


@dataclass(slots=True)
class _Taking:
    """A thread whose row is written, and whether that was news."""

    thread: KeptThread
    is_new: bool
    is_changed: bool


@dataclass(slots=True, kw_only=True)
class _Import:
    """One import."""

    clock: Callable[[], datetime]
    using: str
    sleep: Callable[[float], object]
    users_are_accounts: bool
    report: ImportReport
    on_progress: OnProgress | None
    # What was done to items.
    _items: SyncReport = field(default_factory=SyncReport)
    # The place after the last thread in upstream's list: another of the same second comes there.
    _place: mirror.Place | None = None
    _busy: deque[_Taking] = field(default_factory=deque)
    # Threads that an archive holds and that are done with, and when each was read.
    _archived: dict[str, datetime] = field(default_factory=dict)

    def fail(self, id: str, error: Exception) -> None:
        """Count what is wrong with one thread."""
        failure = Failure.of("thread", id, error)
        logger.warning("ChatKit import failed for %s", failure)
        self.report.threads += 1
        self.report.failures.append(failure)
        self._note()

    def is_possible(self, thread: KeptThread) -> bool:
        """Tell whether a thread may have been read when its file says; one that may not is counted as failed."""
        try:
            archive_claims.judge_moment(thread.read_at, name=thread.name, now=self.clock())
        except archive_claims.Untimely as error:
            self.fail(thread.id, error)
            return False
        return True

    def take(self, batch: list[KeptThread]) -> None:
        """Write a batch: the rows of its threads at once, then the items of each."""
        batch = self._without_erased(batch) if batch else batch
        for taking in self._with_rows(batch):
            self._take(taking)
        users = {thread.user for thread in batch if thread.user is not None}
        if self.users_are_accounts and users and not self.report.dry_run:
            self.report.owners += owners.give_back(users, using=self.using)
        self._mark()

    def _without_erased(self, batch: list[KeptThread]) -> list[KeptThread]:
        """Leave out the threads of end users who were erased after the file was read: nothing else may remember them."""
        people = pruned.erased_people(since=min(each.read_at for each in batch), using=self.using)
        erased = {each.id for each in batch if each.user in people and people[each.user] > each.read_at}
        self.report.threads += len(erased)
        self.report.erased += sorted(erased)
        return [each for each in batch if each.id not in erased]

    def take_busy(self) -> None:
        """Come back to the threads that somebody else was writing, until each is free."""
        while self._busy:
            self.sleep(_PAUSE)
            for _ in range(len(self._busy)):
                self._take(self._busy.popleft())
        self._mark()

    def _with_rows(self, batch: list[KeptThread]) -> list[_Taking]:
        """Write the rows of threads; where the database refuses them, each alone, for most are innocent."""
        found: list[_Taking] = []
        if self._attempt(partial(self._write_rows, batch, found), fail=lambda error: None) is None:
            return found
        for thread in batch:
            self._attempt(partial(self._write_rows, [thread], found), fail=partial(self.fail, thread.id))
        return found

    def _write_rows(self, batch: list[KeptThread], found: list[_Taking]) -> None:
        written = mirror.write_threads(
            [mirror.listed(each.payload, user=each.user, as_of=each.read_at) for each in batch],
            as_of=self.clock(),
            using=self.using,
            above=self._place,
            dry_run=self.report.dry_run,
        )
        self._place = written.next_place
        found += [_Taking(each, each.id in written.new, each.id in written.changed) for each in batch]

    def _take(self, taking: _Taking) -> None:
        self._attempt(partial(self._take_items, taking), fail=partial(self.fail, taking.thread.id))

    def _take_items(self, taking: _Taking) -> None:
        items = ItemImport(
            thread=taking.thread, clock=self.clock, using=self.using, counts=self._items, each_page=self._note
        )
        before, is_done = self._news(), True
        if self.report.dry_run:
            items.foresee(comes=taking.is_new or taking.is_changed)
        else:
            is_done = items.run()
        taking.is_changed = taking.is_changed or self._news() > before
        if not is_done:
            self._busy.append(taking)
            return
        if taking.thread.is_archived and not self.report.dry_run:
            self._archived[taking.thread.id] = taking.thread.read_at
        self.report.threads += 1
        kind = "new" if taking.is_new else "changed" if taking.is_changed else "unchanged"
        setattr(self.report, f"threads_{kind}", getattr(self.report, f"threads_{kind}") + 1)
        self._note()

    def _mark(self) -> None:
        archive_marks.mark(self._archived, using=self.using)
        self._archived = {}

    def _attempt(
        self, work: Callable[[], object], *, fail: Callable[[Exception], object]
    ) -> Exception | None:
        return faults.attempt_here(work, using=self.using, fail=fail)

    def _news(self) -> int:
        return self._items.items_new + self._items.items_changed + self._items.items_gone

    def _note(self) -> None:
        self.report.items_new = self._items.items_new
        self.report.items_changed = self._items.items_changed
        self.report.items_gone = self._items.items_gone
        self.report.items_unchanged = self._items.items_unchanged
        if self.on_progress is not None:
            self.on_progress(self.report)
