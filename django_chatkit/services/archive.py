"""Everything that upstream has, written down as it was sent, and mirrored on the way.

Upstream's whole list is walked from its oldest thread on. A page of it is dealt with once each of its threads is in the
archive, could not be read, or is gone; up to where all pages are dealt with, a cursor remembers. A run that is killed loses
the threads that were under way, at most.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..client import ChatKit, StandStill
from ..models import ChatThread
from . import archive_folder, faults, mirror, reading, thread_walks
from . import archive_format as form
from .archive_format import Compression
from .archive_reports import ArchiveReport
from .archive_threads import Archivist, Wanted
from .budget import Budget, BudgetSpent
from .crew import Beside, Crew, Job, Joined
from .leases import renew_all
from .looks import Clock
from .previews import Fetcher
from .reports import Failure
from .transactions import persistently

OnProgress = Callable[[ArchiveReport], None]


def make(
    *,
    client: ChatKit,
    clock: Clock,
    path: Path,
    compression: Compression | None = None,
    budget: Budget | None = None,
    fetcher: Fetcher | None = None,
    workers: int = 1,
    using: str = "default",
    on_progress: OnProgress | None = None,
) -> ArchiveReport:
    """Archive all threads of all end users into a folder, or go on with that; a finished archive is read anew.

    ``fetcher`` fetches the previews of attachments. Without ``compression`` it is as it was begun, or none.

    Raises:
        AuthenticationError: upstream refused the key; what was read is kept.
        Unusable: the folder can't be used.
        BrokenArchive: what it holds can't be gone on with.
        OSError: the disk refuses.
    """
    budget = budget or Budget()
    paused = StandStill(lambda: clock().timestamp())
    report = ArchiveReport()
    began = clock()
    with archive_folder.opened(path, upstream=client.base_url, compression=compression, now=began) as folder:
        archivist = Archivist(
            client=client, clock=clock, using=using, folder=folder, report=report, fetcher=fetcher
        )

        def look_up() -> None:
            renew_all(archivist.leases, now=clock())
            report.requests, report.paused = budget.taken, paused.seconds
            if on_progress:
                on_progress(report)

        crew = Crew(workers=workers, idle=look_up)
        budget.is_over = crew.is_over
        archivist.client = client.with_options(
            on_wait=paused, given_up=crew.is_over, on_request=budget.take, keeps_texts=True
        )
        run = _Walk(archivist=archivist, began=began)
        try:
            crew.run([run.job()])
            archivist.mark()
        finally:
            report.requests, report.paused, report.is_spent = budget.taken, paused.seconds, archivist.is_spent
            report.is_finished = run.is_complete
            folder.note(
                requests=budget.taken,
                finished_at=clock() if report.is_finished else None,
                is_through=run.is_through,
            )
            report.totals, report.finished_at = folder.header.totals, folder.header.finished_at
    return report


@dataclass(slots=True)
class _Page:
    """A page of upstream's list, and how many of its threads are not dealt with."""

    last_id: str | None
    left: int


@dataclass(slots=True, kw_only=True)
class _Walk:
    """The walk through upstream's list."""

    archivist: Archivist
    # When this run began: it read itself what was read since then.
    began: datetime
    # Whether it began at the top, and whether it came to the end, and every page is dealt with.
    is_whole: bool = True
    is_through: bool = False
    _place: mirror.Place | None = None
    _pages: deque[_Page] = field(default_factory=deque)

    @property
    def is_complete(self) -> bool:
        """Tell whether every thread on upstream's list is in the archive.

        What an earlier run could not read, and this one did not meet, is no longer on the list; but only if this one has
        seen all of that.
        """
        archivist = self.archivist
        if not self.is_through or archivist.report.unread:
            return False
        return self.is_whole or next(archivist.folder.index.failed(), None) is None

    def job(self) -> Job:
        """Walk through the list, and archive its threads beside it."""
        using, error = self.archivist.using, None
        try:
            error = yield from faults.attempt(self._walk(), using=using, fail=self._fail)
        except BudgetSpent:
            self.archivist.is_spent = True
        yield Joined()
        yield from self._make_up()
        self.is_through = error is None and not self.archivist.is_spent and not self._pages

    def _make_up(self) -> Job:
        """Fetch what earlier runs left out of the threads that they read: the cursor may have passed them by."""
        archivist = self.archivist
        if (fetcher := archivist.fetcher) is not None:
            folder = archivist.folder
            earlier = folder.index.read_between(folder.header.started_at, self.began)
            yield Beside(archivist.make_up(fetcher, entry) for entry in earlier)
            yield Joined()

    def _fail(self, error: Exception) -> None:
        self.archivist.report.failures.append(Failure.of("listing", "of all threads", error))

    def _walk(self) -> Job:
        client = self.archivist.client
        newest = (yield partial(client.threads.list, order="desc", limit=1)).result()
        for thread in newest.data:
            self.archivist.report.newest = reading.moment(thread.payload, "created_at", None)
        cursor = self.archivist.folder.cursor()
        self.is_whole, self._place = cursor is None, self._place_after(cursor)
        yield from thread_walks.walk(
            client,
            clock=self.archivist.clock,
            each_page=self._page,
            start=cursor,
            goes_on=lambda: not self.archivist.is_spent,
        )

    def _page(self, page: Any, as_of: datetime) -> Iterator[Job]:
        threads = list(self._listed(page))
        mirrored = {each.id: each for _, each in threads if each is not None}
        write = partial(
            mirror.write_threads,
            list(mirrored.values()),
            as_of=as_of,
            using=self.archivist.using,
            above=self._place,
        )
        self._place = persistently(write, using=self.archivist.using).next_place
        ids = [thread_walks.id_of(thread) for thread in reversed(page.data)]
        return self._threads([wanted for wanted, _ in threads], next(filter(None, ids), None))

    def _listed(self, page: Any) -> Iterator[tuple[Wanted, mirror.Listed | None]]:
        """Read a page's threads; one without an id can't be asked for, and is refused."""
        for thread, text in zip(page.data, page.texts, strict=True):
            payload, listed = thread.payload, None
            id, user = thread_walks.id_of(thread), payload.get("user")
            if id is None:
                self.archivist.refuse(None, user if isinstance(user, str) else None, _NAMELESS)
                continue
            try:
                listed = mirror.listed(payload)
            except reading.Unmirrorable as error:
                self.archivist.fail_mirror(id, error)
            wanted = Wanted(
                id=id,
                user=user if isinstance(user, str) else None,
                line=form.line_of(text),
                created_at=reading.moment(payload, "created_at", None),
                is_mirrored=listed is not None,
            )
            yield wanted, listed

    def _threads(self, threads: list[Wanted], last_id: str | None) -> Iterator[Job]:
        known = {each.id for each in threads if self.archivist.folder.is_read(each.id)}
        self.archivist.mark_known(known)
        self.archivist.report.known += len(known)
        wanted = [each for each in threads if each.id not in known]
        page = _Page(last_id, len(wanted))
        self._pages.append(page)
        self._move_on()
        return (self._thread(each, page) for each in wanted)

    def _thread(self, wanted: Wanted, page: _Page) -> Job:
        if (yield from self.archivist.thread(wanted)):
            page.left -= 1
            self._move_on()

    def _move_on(self) -> None:
        """Move the cursor over the first pages, as far as they are dealt with."""
        last_id = None
        while self._pages and not self._pages[0].left:
            last_id = self._pages.popleft().last_id or last_id
        if last_id is not None:
            self.archivist.mark()
            self.archivist.folder.move_cursor(last_id)

    def _place_after(self, cursor: str | None) -> mirror.Place | None:
        """Return the place in the mirror's order after the thread that the walk goes on from."""
        rows = ChatThread.objects.using(self.archivist.using).filter(pk=cursor)
        found = rows.values_list("created_at", "tie").first()
        return None if found is None else mirror.Place(found[0], found[1] + 1)


# What is wrong with a thread that nobody can ask for.
_NAMELESS = reading.Unmirrorable("upstream sent an object without id")
