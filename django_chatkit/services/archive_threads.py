"""One thread on its way into the archive and into the mirror: read once, written twice."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from django.db.models import Q

from ..client import APIError, ChatKit
from ..models import ChatThread
from . import archive_format as form
from . import faults, item_walks
from .archive_entries import AttachmentEntry, FailureEntry, ThreadEntry, fits
from .archive_folder import Folder
from .archive_format import BrokenArchive
from .archive_generations import succession
from .archive_reports import ArchiveReport
from .budget import BudgetSpent
from .crew import Job
from .gone import is_gone
from .items import ItemSync
from .leases import Lease
from .looks import Clock
from .previews import Fetcher, Preview, Refused, previews_of
from .reports import Failure, describe
from .spool import Spool
from .transactions import persistently

# So many threads are marked as archived by one statement.
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A thread to be archived: as upstream listed it, and whether the mirror can hold it."""

    id: str
    user: str | None
    line: bytes
    created_at: datetime | None
    is_mirrored: bool


@dataclass(slots=True, kw_only=True)
class Archivist:
    """Put threads into one archive and one mirror, and count."""

    client: ChatKit
    clock: Clock
    using: str
    folder: Folder
    report: ArchiveReport
    fetcher: Fetcher | None = None
    leases: set[Lease] = field(default_factory=set)
    # Whose turn is not over: a thread may be listed twice.
    under_way: set[str] = field(default_factory=set)
    # Set once no request is left: nothing more is begun.
    is_spent: bool = False
    _marked: dict[str, datetime] = field(default_factory=dict)

    def thread(self, wanted: Wanted) -> Job:
        """Archive one thread, and return whether it is dealt with: read, refused, or gone."""
        if wanted.id in self.under_way:
            return True  # the page that it was listed on before waits for it
        if self.is_spent:
            return False
        self.under_way.add(wanted.id)
        try:
            yield from self._thread(wanted)
        except BudgetSpent:
            self.is_spent = True
            return False
        finally:
            self.under_way.discard(wanted.id)
        self.report.reach(wanted.created_at)
        return True

    def refuse(self, thread: str | None, user: str | None, error: Exception) -> None:
        """Note that a thread could not be read."""
        failure = Failure.of("thread", thread or "without an id", error)
        self.report.unread += 1
        self.report.failures.append(failure)
        entry = FailureEntry(thread=thread, user=user, error=failure.error, at=self.clock())
        self.folder.append(entry if fits(entry) else replace(entry, thread=None, user=None))

    def mark_known(self, threads: Collection[str]) -> None:
        """Tell the mirror of threads that an earlier run archived, and had no time to tell of."""
        since = self.folder.header.started_at
        rows = ChatThread.objects.using(self.using).filter(pk__in=threads)
        untold = rows.filter(Q(archived_at=None) | Q(archived_at__lt=since))
        persistently(partial(untold.update, archived_at=since), using=self.using)

    def mark(self) -> None:
        """Tell the mirror which threads are in the archive, as of the moment when the first of them was read."""
        marked, self._marked = self._marked, {}
        if marked:
            rows = ChatThread.objects.using(self.using).filter(pk__in=marked)
            persistently(partial(rows.update, archived_at=min(marked.values())), using=self.using)

    def _thread(self, wanted: Wanted) -> Job:
        spool = Spool(
            folder=self.folder.path,
            partial=self.folder.partial,
            thread_id=wanted.id,
            compression=self.folder.header.compression,
            head=wanted.line,
        )
        read_at = self.clock()
        try:
            error = (yield from self._read(wanted, spool)) or spool.fault
            if error is None:
                yield from self._keep(wanted, spool, read_at)
            elif is_gone(error, wanted.id):
                self.report.gone += 1
            else:
                self.refuse(wanted.id, wanted.user, error)
        finally:
            spool.drop()

    def _read(self, wanted: Wanted, spool: Spool) -> Job:
        """Read the items into the spool; return what went wrong, where they are not all there."""
        if wanted.is_mirrored:
            error = yield from self._attempt(self._mirrored(wanted.id, spool))
            if isinstance(error, APIError) or (error is None and spool.is_whole):
                return error
            # The mirror alone may be what can't take it, or lacks it by now: what upstream says is archived all the same.
            if error is not None:
                self.fail_mirror(wanted.id, error)
            spool.is_whole = False
        return (yield from self._attempt(item_walks.walk(self.client, wanted.id, on_page=spool.hear)))

    def _attempt(self, job: Job) -> Job:
        return faults.attempt(job, using=self.using, fail=lambda error: None)

    def _mirrored(self, thread_id: str, spool: Spool) -> Job:
        sync = ItemSync(
            thread_id=thread_id,
            client=self.client,
            clock=self.clock,
            using=self.using,
            report=self.report.mirrored,
            since=self.clock(),
            patient=True,
            deep=True,
            leases=self.leases,
            on_page=spool.hear,
        )
        return faults.resumed(sync.run, using=self.using)

    def fail_mirror(self, thread_id: str, error: Exception) -> None:
        """Note that the mirror does not take a thread; the archive does."""
        failure = Failure.of("thread", thread_id, error)
        self.report.failures.append(replace(failure, noun="mirror of thread"))

    def _keep(self, wanted: Wanted, spool: Spool, read_at: datetime) -> Job:
        """Put the thread's file in place, and then its line into the manifest."""
        entry = _entry(wanted, spool, read_at)
        if not fits(entry):
            self.refuse(wanted.id, wanted.user, _ENDLESS)
            return
        (yield spool.finish).result()
        held = self.folder.index.held(wanted.id)
        after = (yield partial(succession, self.folder.path, held, entry)).result()
        self.folder.append(replace(entry, earlier=after.earlier), supersedes=after.supersedes)
        self.report.shrunk += after.is_shrunk
        if after.error is not None:
            self.report.failures.append(Failure.of("earlier file of thread", wanted.id, after.error))
        self.report.threads += 1
        self.report.items += entry.items
        if wanted.is_mirrored:
            self._marked[wanted.id] = read_at
            if len(self._marked) >= _AT_ONCE:
                self.mark()
        # After the thread's line: whose a preview is can always be told.
        if self.fetcher is not None:
            yield from self._previews(self.fetcher, wanted.id, form.plain_file(self.folder.path, entry.file))

    def make_up(self, fetcher: Fetcher, entry: ThreadEntry) -> Job:
        """Fetch the previews of a thread that an earlier run read, as far as nobody did."""
        try:
            if not self.is_spent:
                yield from self._previews(
                    fetcher, entry.thread, form.plain_file(self.folder.path, entry.file)
                )
        except BudgetSpent:
            self.is_spent = True
        except BrokenArchive as error:
            self.report.failures.append(Failure.of("thread", entry.thread, error))

    def _previews(self, fetcher: Fetcher, thread: str, path: Path) -> Job:
        for preview in (yield partial(_previews_in, path)).result():
            yield from self._attachment(fetcher, thread, preview)

    def _attachment(self, fetcher: Fetcher, thread: str, preview: Preview) -> Job:
        entry = AttachmentEntry(attachment=preview.attachment, thread=thread)
        if self.folder.index.is_kept(thread, preview.attachment):
            return
        if not fits(entry):
            self.report.failures.append(Failure.of("attachment", preview.attachment, _ENDLESS))
            return
        file = form.attachment_file(f"{thread}/{preview.attachment}")
        part = self.folder.partial / f"{form.digest_of(file)}.preview"
        try:
            fetched = (yield partial(fetcher.fetch, preview.url, part)).result()
        except Refused as error:
            part.unlink(missing_ok=True)
            self._leave_out(entry, error)
            return
        form.put_in_place(part, self.folder.path / file)
        self.report.attachments += 1
        self.folder.append(
            replace(
                entry,
                file=file,
                bytes=fetched.bytes,
                sha256=fetched.sha256,
                content_type=fetched.content_type,
            )
        )

    def _leave_out(self, entry: AttachmentEntry, error: Refused) -> None:
        """Note that a preview is not kept: a failure where it may be another time, else told of once."""
        if error.is_final and self.folder.index.is_refused(entry.thread, entry.attachment):
            return
        told = self.report.left_out if error.is_final else self.report.failures
        told.append(Failure.of("attachment", entry.attachment, error))
        self.folder.append(replace(entry, error=describe(error), final=error.is_final or None))


# What is wrong with ids that are longer than the manifest's line.
_ENDLESS = form.TooLong("its ids are longer than a line of the manifest may be")


def _entry(wanted: Wanted, spool: Spool, read_at: datetime) -> ThreadEntry:
    digest = spool.digest
    return ThreadEntry(
        thread=wanted.id,
        user=wanted.user,
        file=spool.file,
        items=digest.items,
        first=digest.first,
        last=digest.last,
        sha256=digest.sha256,
        thread_sha256=form.line_digest(wanted.line),
        read_at=read_at,
    )


def _previews_in(path: Path) -> list[Preview]:
    """Return the previews of which a thread's file tells, each once.

    Raises:
        BrokenArchive: it can't be read.
    """
    with form.open_lines(path) as lines:
        next(lines, None)
        found = [
            preview
            for line in lines
            if b'"preview_url"' in line
            for preview in previews_of(form.object_of(line, path))
        ]
    return list(dict.fromkeys(found))
