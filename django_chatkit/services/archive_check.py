"""Upstream listed once more and held against an archive: every difference is named, and nothing is written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..client import ChatKit, ChatKitThreadItem, NotFoundError, Page
from ..models.fields import dumps
from . import archive_files, archive_folder, faults, item_walks, thread_walks
from . import archive_format as form
from .archive_entries import Header, ThreadEntry
from .archive_format import BrokenArchive, ItemDigest
from .archive_index import Index, indexed
from .budget import Budget, BudgetSpent
from .comparison import Comparison, Payloads
from .crew import Beside, Crew, Job, Joined
from .differences import Difference, VerifyReport, What, differing_keys, of_thread, printable
from .gone import is_gone
from .looks import Clock
from .paging import PAGE, Contradiction
from .reports import Failure
from .walks import Walk

OURS = "the archive"


def compare(
    *,
    client: ChatKit,
    clock: Clock,
    path: Path,
    budget: Budget | None = None,
    workers: int = 1,
    using: str = "default",
    on_difference: Callable[[Difference], None] | None = None,
    on_progress: Callable[[VerifyReport], None] | None = None,
) -> VerifyReport:
    """List upstream anew, thread by thread and item by item, and tell what differs from the archive, to the character.

    A thread that differs is read twice before it is told of. A file that is not what its manifest says is a failure.

    Raises:
        AuthenticationError: upstream refused the key.
        Unusable: there is no archive, or it is one of another upstream.
        BrokenArchive: its manifest can't be read.
    """
    budget = budget or Budget()
    header = archive_folder.read(path)
    if header.upstream != client.base_url:
        raise archive_folder.Unusable(f"{path} is an archive of {header.upstream}, not of {client.base_url}.")
    with indexed(path) as index:
        check = Check(
            client=client,
            clock=clock,
            path=path,
            header=header,
            index=index,
            using=using,
            on_difference=on_difference,
        )

        def look_up() -> None:
            check.report.requests = budget.taken
            if on_progress:
                on_progress(check.report)

        crew = Crew(workers=workers, idle=look_up)
        budget.is_over = crew.is_over
        # An archive holds what upstream sent, whatever the mirror leaves out of it.
        check.client = client.with_options(
            given_up=crew.is_over, on_request=budget.take, keeps_texts=True, redacts=False
        )
        try:
            crew.run([check.job()])
        except BudgetSpent:
            words = "the requests that were allowed are used up"
            check.report.failures.append(Failure(noun="listing", id="of all threads", error=words))
        look_up()
    return check.report


@dataclass(slots=True, kw_only=True)
class Check:
    """One check of an archive."""

    client: ChatKit
    clock: Clock
    path: Path
    header: Header
    index: Index
    using: str
    on_difference: Callable[[Difference], None] | None = None
    report: VerifyReport = field(default_factory=VerifyReport)

    def job(self) -> Job:
        """Walk through upstream's list, then look at what the archive holds and the list did not."""
        walk = thread_walks.walk(self.client, clock=self.clock, each_page=self._page)
        error = yield from self._attempt(walk, noun="listing", id="of all threads")
        yield Joined()
        if error is None:  # only a whole list tells what is not on it
            yield Beside(
                self._attempt(self._unlisted(entry), noun="thread", id=entry.thread)
                for entry in self.index.unseen()
            )

    def _attempt(self, job: Job, *, noun: str, id: str) -> Job:
        def fail(error: Exception) -> None:
            self.report.failures.append(Failure.of(noun, id, error))

        try:
            return (yield from faults.attempt(job, using=self.using, fail=fail))
        except BrokenArchive as error:
            fail(error)
            return error

    def _page(self, page: Any, as_of: datetime) -> Iterator[Job]:
        for thread, text in zip(page.data, page.texts, strict=True):
            id = thread_walks.id_of(thread)
            self.report.threads += 1
            if id is None:
                failure = Failure(
                    noun="thread", id="without an id", error="upstream sent an object without id"
                )
                self.report.failures.append(failure)
            elif (entry := self.index.see(id)) is None:
                if not self.index.is_forgotten(id):
                    self._tell(of_thread(id, What.MISSING))
            else:
                digest = form.line_digest(form.line_of(text))
                yield self._attempt(self._thread(entry, thread.payload, digest), noun="thread", id=id)

    def _unlisted(self, entry: ThreadEntry) -> Job:
        id = entry.thread
        try:
            thread = (yield partial(self.client.threads.retrieve, id)).result()
        except NotFoundError as error:
            if not is_gone(error, id):
                raise
            self._tell_gone(entry)
            return
        yield from self._thread(entry, thread.payload, None)

    def _thread(self, entry: ThreadEntry, payload: dict[str, Any], digest: str | None) -> Job:
        """Compare a thread that both sides have; ``digest`` is that of its line, where it was listed."""
        held = (yield partial(archive_files.head_of, self.path, entry)).result()
        self._compare_head(entry, payload, held, digest)
        try:
            theirs = yield from self._digest(entry.thread)
            if not entry.tells_of(theirs):
                yield from self._compare_items(entry)
        except NotFoundError as error:
            if not is_gone(error, entry.thread):
                raise
            self._tell_gone(entry)

    def _compare_head(
        self, entry: ThreadEntry, payload: dict[str, Any], held: dict[str, Any], digest: str | None
    ) -> None:
        ours, id = dumps(held), entry.thread
        if dumps(payload) != ours:
            keys = differing_keys(payload, ours)
            self._tell(of_thread(id, What.PAYLOAD, keys=keys))
        elif digest not in (None, entry.thread_sha256):
            self._tell(of_thread(id, What.TEXT))

    def _digest(self, id: str) -> Job:
        """Return the digest of the items that upstream has."""
        digest = ItemDigest()

        def hear(page: Page[ChatKitThreadItem], after: str | None) -> None:
            nonlocal digest
            if after is None:
                digest = ItemDigest()
            for item, text in zip(page.data, page.texts or (), strict=True):
                digest.add(item.payload["id"], form.line_of(text))

        yield from item_walks.walk(self.client, id, on_page=hear)
        self.report.items += digest.items
        return digest

    def _compare_items(self, entry: ThreadEntry) -> Job:
        """Read the items once more, and name those that differ."""
        id, differs = entry.thread, False

        def tell(difference: Difference) -> None:
            nonlocal differs
            differs = True
            self._tell(difference)

        list_items = partial(self.client.threads.list_items, id, order="asc", limit=PAGE)
        with archive_files.file_side(self.path, entry) as side:
            walk = Walk(
                ask=lambda after: partial(list_items, after=after),
                read=_by_id,
                comparison=Comparison(side=side, tell=tell),
                note=lambda look: None,
                exists=partial(self.client.threads.retrieve, id),
            )
            yield from walk.run()
        if not differs and not entry.tells_of((yield from self._digest(id))):
            self._tell(of_thread(id, What.TEXT))

    def _tell_gone(self, entry: ThreadEntry) -> None:
        """Tell of a thread that upstream has no more; a later reading of all that lacked it had found that out already."""
        since = self.header.started_at
        if self.header.is_through and entry.read_at < since:
            words = (
                f"thread {entry.thread}: gone upstream since {since:%Y-%m-%d} or before; the archive keeps it"
            )
            self.report.note(printable(words))
        else:
            self._tell(of_thread(entry.thread, What.NOT_UPSTREAM))

    def _tell(self, difference: Difference) -> None:
        told = replace(difference, ours=OURS)
        self.report.add(told)
        if self.on_difference:
            self.on_difference(told)


def _by_id(page: Any) -> Payloads:
    payloads: dict[str, Any] = {}
    for item in page.data:
        id = thread_walks.id_of(item)
        if id is None or id in payloads:
            raise Contradiction("upstream gave an item without an id, or one twice")
        payloads[id] = item.payload
    return payloads
