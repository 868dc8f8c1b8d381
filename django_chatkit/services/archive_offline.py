"""An archive's files held against their manifest, and against the mirror, without a request to anybody."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..client.redaction import THREAD, Redact, Withheld, redacted
from ..models import ChatThread
from ..models.fields import dumps
from . import archive_claims, archive_files, archive_folder, emptied, pruned, reading
from . import archive_format as form
from .archive_entries import AttachmentEntry, Header, ThreadEntry, read_manifest
from .archive_format import BrokenArchive
from .archive_index import Index, indexed
from .archive_tally import tally
from .comparison import Comparison, Held
from .differences import Difference, VerifyReport, What, differing_keys, of_thread
from .kept import Damaged
from .looks import Clock
from .paging import PAGE
from .reading import Unmirrorable
from .reports import Failure
from .sides import ItemSide, ThreadSide

ARCHIVE = "the archive"
_MINUTES = "%Y-%m-%d %H:%M %Z"


class Unfinished(Exception):
    """An archive never came to its end, so that nothing can be said of what is not in it. Nothing is damaged."""


def compare(
    *,
    clock: Clock,
    path: Path,
    using: str = "default",
    redact: Redact | None = None,
    on_difference: Callable[[Difference], None] | None = None,
    on_progress: Callable[[VerifyReport], None] | None = None,
) -> VerifyReport:
    """Read every file of an archive, hold it against the manifest, and the mirror against it.

    An archive that was never finished is told of as that, and not compared.
    A file that is not what the manifest says is a failure, and so is what was not read, or is lacking of what the archive says
    it holds; what the mirror has otherwise is a difference. A thread that is gone upstream by now is compared no more: the mirror may have learnt of it later.
    The mirror is held against what ``redact`` leaves of the files, and what that function fails at is a failure. Words that
    retention dropped, and threads that it left out, are no differences.

    Raises:
        Unusable: there is no archive.
        BrokenArchive: its header or its manifest can't be read.
    """
    header = archive_folder.read(path)
    with indexed(path) as index:
        check = _Check(
            clock=clock,
            path=path,
            using=using,
            redact=redact,
            index=index,
            on_difference=on_difference,
            on_progress=on_progress,
        )
        if header.finished_at is None:
            check.fail("archive", path.name, _unfinished(path, index))
            return check.report
        if not header.is_through:
            check.report.notes.append(_standing(header))
        whole = tally(path, header, index)
        check.report.failures += whole.failures
        check.report.notes += whole.notes
        for entry in index.threads():
            check.thread(entry)
        for said in read_manifest(path):
            if isinstance(said, AttachmentEntry) and said.file is not None:
                check.attachment(said)
            elif isinstance(said, ThreadEntry):
                check.earlier(said)
        check.mirror()
    return check.report


def _unfinished(path: Path, index: Index) -> Unfinished:
    unread = sum(1 for _ in index.failed())
    lacking = f"; so far {unread} of its threads could not be read" if unread else ""
    return Unfinished(f"it is not finished: run chatkit_archive {path} again{lacking}")


def _standing(header: Header) -> str:
    finished_at, started_at = f"{header.finished_at:{_MINUTES}}", f"{header.started_at:{_MINUTES}}"
    return (
        f"All that upstream listed was read by {finished_at}. The reading anew that began at {started_at} is not finished: "
        "threads that it did not come to are as they were read before."
    )


@dataclass(slots=True, kw_only=True)
class _Check:
    """One check: the archive, the mirror, and whom to tell."""

    clock: Clock
    path: Path
    using: str
    index: Index
    redact: Redact | None = None
    on_difference: Callable[[Difference], None] | None = None
    on_progress: Callable[[VerifyReport], None] | None = None
    report: VerifyReport = field(default_factory=VerifyReport)

    def fail(self, noun: str, id: str, error: Exception) -> None:
        """Count a failure."""
        self.report.failures.append(Failure.of(noun, id, error))

    def thread(self, entry: ThreadEntry) -> None:
        """Hold a thread's file against its entry, and the mirror's rows against the file."""
        self.report.threads += 1
        self.report.items += entry.items
        try:
            held = archive_files.head_of(self.path, entry)
            archive_claims.user_of(held, entry)
            archive_claims.judge_moment(entry.read_at, name=entry.file, now=self.clock())
            self._compare(entry, held)
        except (BrokenArchive, Damaged, Unmirrorable, archive_claims.Untimely) as error:
            self.fail("thread", entry.thread, error)
        if self.on_progress:
            self.on_progress(self.report)

    def earlier(self, entry: ThreadEntry) -> None:
        """Hold a file against its entry that is kept for items which the thread's last one lacks."""
        last = self.index.held(entry.thread)
        if last is not None and entry.file in last.earlier:
            try:
                archive_files.head_of(self.path, entry)
            except BrokenArchive as error:
                self.fail("earlier file of thread", entry.thread, error)

    def attachment(self, entry: AttachmentEntry) -> None:
        """Hold the file of a preview against its entry."""
        if self.index.is_forgotten(entry.thread):
            return
        try:
            archive_files.check_attachment(self.path, entry)
        except BrokenArchive as error:
            self.fail("attachment", entry.attachment, error)

    def mirror(self) -> None:
        """Tell of the threads that the mirror holds and the archive does not."""
        rows = ChatThread.objects.using(self.using).present().order_by("pk").values_list("pk", flat=True)
        last = ""
        while ids := list(rows.filter(pk__gt=last)[:PAGE]):
            last = ids[-1]
            for id in ids:
                if self.index.see(id) is None and not self.index.is_forgotten(id):
                    self._tell(of_thread(id, What.MISSING, ours=ARCHIVE, theirs="the mirror"))

    def _compare(self, entry: ThreadEntry, thread: dict[str, Any]) -> None:
        id = entry.thread
        side = ThreadSide(using=self.using)
        found = side.find([id], None)
        if not found:
            if not pruned.left_out([id], using=self.using):
                self._tell_mirror(of_thread(id, What.MISSING))
        elif not found[0].is_gone:
            self._compare_head(
                id, found[0], self._left(reading.without_items(thread), noun="thread", type=THREAD)
            )
            self._compare_items(entry)

    def _compare_head(self, id: str, held: Held, thread: Mapping[str, Any]) -> None:
        if isinstance(thread, Withheld):
            return
        said = emptied.thread(thread) if held.is_emptied else thread
        if held.stored != dumps(said):
            self._tell_mirror(of_thread(id, What.PAYLOAD, keys=differing_keys(said, held.stored)))

    def _left(self, payload: dict[str, Any], *, noun: str, type: str | None = None) -> dict[str, Any]:
        """Return what the host's function leaves of an object; what it fails at is a failure."""
        if self.redact is None:
            return payload
        left = redacted(self.redact, payload, type=type)
        if isinstance(left, Withheld):
            self.fail(noun, str(payload["id"]), Unmirrorable(f"it is not stored: {left.why}"))
        return left

    def _compare_items(self, entry: ThreadEntry) -> None:
        side = ItemSide(thread_id=entry.thread, using=self.using)
        comparison = Comparison(side=side, tell=self._tell_mirror)
        path = form.plain_file(self.path, entry.file)
        with form.open_lines(path) as all_lines:
            lines = islice(all_lines, 1, entry.items + 1)
            page, is_last = self._payloads(lines, path), False
            while not is_last:
                following = self._payloads(lines, path)
                is_last = not following
                comparison.accept(comparison.look(page, is_last=is_last))
                page = following
        comparison.end()

    def _tell_mirror(self, difference: Difference) -> None:
        self._tell(replace(difference, ours="this mirror", theirs=ARCHIVE))

    def _tell(self, difference: Difference) -> None:
        self.report.add(difference)
        if self.on_difference:
            self.on_difference(difference)

    def _payloads(self, lines: Iterator[bytes], path: Path) -> dict[str, Mapping[str, Any]]:
        """Read the next hundred items."""
        objects = (form.object_of(line, path) for line in islice(lines, PAGE))
        return {each["id"]: self._left(each, noun="item") for each in objects}
