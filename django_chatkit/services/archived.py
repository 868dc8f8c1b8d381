"""The threads of an archive, each found to be what the manifest says before it is given away.

Whoever wrote the archive may not be who hands it over: a file that the manifest names is read only where it is a plain file
within the archive's folder, and what it holds is judged by its digests.
"""

import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from ..client.redaction import Redact
from . import archive_claims, archive_entries, archive_format, kept, reading
from .archive_entries import FailureEntry, ForgottenEntry, ThreadEntry
from .archive_format import BrokenArchive
from .kept import Damaged, Examined, KeptThread
from .reading import Unmirrorable

Fail = Callable[[str, Exception], object]


def lacking(folder: Path) -> int:
    """Return how many threads an archive tells of without a file of them: they could not be read from upstream.

    Raises:
        BrokenArchive: its manifest can't be read.
    """
    found, missed, nameless = set[str](), set[str](), 0
    for entry in archive_entries.read_manifest(folder):
        if isinstance(entry, ThreadEntry):
            found.add(entry.thread)
        elif isinstance(entry, ForgottenEntry):
            found.add(entry.forgotten)
        elif isinstance(entry, FailureEntry):
            missed.add(entry.thread or "")
            nameless += entry.thread is None
    return len(missed - found - {""}) + nameless


def threads(folder: Path, *, fail: Fail, redact: Redact | None = None) -> Iterator[KeptThread]:
    """Yield each thread of an archive whose file is sound; what is wrong with another is told to ``fail``.

    Of several lines for one thread the last that names a file counts: an attempt that failed later takes nothing away. To
    know it costs some 150 bytes a thread. With ``redact`` each gives only what that function leaves; one that it can't redact
    is told to ``fail``.

    Raises:
        BrokenArchive: the manifest can't be read.
    """
    last = _last(folder)
    for number, entry in enumerate(archive_entries.read_manifest(folder)):
        if isinstance(entry, ThreadEntry) and last.get(entry.thread) == number:
            try:
                thread = kept.redact_whole(_thread(folder, entry), redact)
            except (Damaged, BrokenArchive, Unmirrorable) as error:
                fail(entry.thread, error)
            else:
                yield thread


def _last(folder: Path) -> dict[str, int]:
    """Return which entry of each thread counts; of those that were taken out of the archive none does."""
    last: dict[str, int] = {}
    for number, entry in enumerate(archive_entries.read_manifest(folder)):
        if isinstance(entry, ThreadEntry):
            last[entry.thread] = number
        elif isinstance(entry, ForgottenEntry):
            last.pop(entry.forgotten, None)
    return last


def _thread(folder: Path, entry: ThreadEntry) -> KeptThread:
    try:
        return _judged(_path(folder, entry), entry)
    except Damaged as error:
        raise Damaged(f"{entry.file}: {error}") from None


def _path(folder: Path, entry: ThreadEntry) -> Path:
    """Return where a thread's file is.

    Raises:
        BrokenArchive: the manifest names none within the archive.
        Damaged: it is no plain file there, or a link leads out of the archive.
    """
    archive_format.within(folder, entry.file)
    try:
        return archive_format.plain_file(folder, entry.file)
    except BrokenArchive as error:
        raise Damaged(str(error)) from None


def _judged(path: Path, entry: ThreadEntry) -> KeptThread:
    lines = _lines(path)
    first = next(lines, b"")
    if archive_format.line_digest(first) != entry.thread_sha256:
        raise Damaged("the thread's own line is not the one that the manifest tells of")
    payload = kept.read_object(first)
    examined = kept.examine(islice(lines, entry.items + 1), thread_id=entry.thread)
    _compare(examined, entry)
    if reading.key(payload) != entry.thread:
        raise Damaged("it holds another thread than the manifest says")
    return KeptThread(
        id=entry.thread,
        user=archive_claims.user_of(payload, entry),
        payload=payload,
        read_at=entry.read_at,
        name=entry.file,
        is_archived=True,
        examined=examined,
        lines=partial(_item_lines, path),
    )


def _compare(examined: Examined, entry: ThreadEntry) -> None:
    """Hold what a file's items are against what the manifest says of them.

    Raises:
        Damaged: they differ.
    """
    if examined.items > entry.items:
        raise Damaged(f"it holds more than the {entry.items} items of which the manifest tells")
    if examined.items < entry.items:
        raise Damaged(f"it holds {examined.items} items, and the manifest says {entry.items}")
    if (examined.first, examined.last) != (entry.first, entry.last):
        raise Damaged("its first or last item is not the one that the manifest names")
    if examined.sha256 != entry.sha256:
        raise Damaged("the SHA-256 of its items is not the one that the manifest tells")


def _item_lines(path: Path) -> kept.Lines:
    return islice(_lines(path), 1, None)


def _lines(path: Path) -> kept.Lines:
    """Yield the lines of a file, compressed or not, each of bounded length.

    Raises:
        Damaged: it can't be read.
    """
    try:
        with archive_format.opened(path) as file:
            yield from kept.lines_of(file)
    except (OSError, EOFError, zlib.error) as error:
        raise Damaged(f"it can't be read: {type(error).__name__}") from None
