"""The files of an archive, held against what its manifest says, and read as one side of a comparison."""

import tempfile
from array import array
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, Any

from ..models.fields import dumps
from . import archive_format as form
from .archive_entries import AttachmentEntry, ThreadEntry
from .archive_format import BrokenArchive, ItemDigest
from .comparison import Held, Place, Run
from .differences import Noun

CHUNK = 1 << 20  # bytes


def head_of(folder: Path, entry: ThreadEntry, *, ids: set[str] | None = None) -> dict[str, Any]:
    """Read a thread's file, hold it against its entry, and return the thread; add the items' ids to a set.

    Raises:
        BrokenArchive: it is not there, can't be read, or is not what the manifest says.
    """
    path = form.plain_file(folder, entry.file)
    digest = ItemDigest()
    with form.open_lines(path) as lines:
        head = next(lines, b"\n")
        thread = form.object_of(head, path)
        for line in islice(lines, entry.items + 1):
            digest.add(id_of(line, path), line)
            if ids is not None:
                ids.add(digest.last or "")
    if thread.get("id") != entry.thread:
        raise BrokenArchive(f"{path.name} is the file of another thread")
    if not entry.tells_of(digest) or form.line_digest(head) != entry.thread_sha256:
        raise BrokenArchive(f"{path.name} is not what the manifest says")
    return thread


def check_attachment(folder: Path, entry: AttachmentEntry) -> None:
    """Hold the file of a preview against its entry.

    Raises:
        BrokenArchive: it is not there, or is not what the manifest says.
    """
    path = form.plain_file(folder, entry.file or "")
    digest, size = sha256(), 0
    with form.readable(path), path.open("rb") as file:
        while size <= (entry.bytes or 0) and (part := file.read(CHUNK)):
            digest.update(part)
            size += len(part)
    if (size, digest.hexdigest()) != (entry.bytes, entry.sha256):
        raise BrokenArchive(f"{path.name} is not what the manifest says")


def id_of(line: bytes, path: Path) -> str:
    """Return the id of an item's line.

    Raises:
        BrokenArchive: it has none.
    """
    id = form.object_of(line, path).get("id")
    if not isinstance(id, str):
        raise BrokenArchive(f"{path.name} holds an item without an id")
    return id


@dataclass(slots=True, kw_only=True)
class FileSide:
    """The items of one thread's file. An item's place is the number of its line, from 1 on.

    Lines are in a temporary file; memory holds their ids and where they begin.
    """

    thread_id: str
    noun: Noun = "item"
    user: None = None
    _lines: IO[bytes]
    _starts: "array[int]" = field(default_factory=lambda: array("Q"))
    _numbers: dict[str, int] = field(default_factory=dict)
    _ids: list[str] = field(default_factory=list)

    def after(self, place: Place, *, limit: int) -> list[Held]:
        """Return what comes after a place, in order; None is the place before all."""
        start = place or 0
        return [self._held(number, 0) for number in range(start + 1, min(start + limit, len(self._ids)) + 1)]

    def find(self, ids: Collection[str], place: Place) -> list[Held]:
        """Return those of the ids that we hold, in order."""
        numbers = sorted(self._numbers[id] for id in ids if id in self._numbers)
        return [self._held(number, place or 0) for number in numbers]

    def between(self, place: Place, last: Place, *, without: Collection[str], limit: int) -> Run:
        """Return what comes after a place, as far as ``last`` or, with None, to the end."""
        end = len(self._ids) if last is None else last
        ids = [id for id in self._ids[place or 0 : end] if id not in without]
        return Run(ids, len(ids)) if len(ids) <= limit else Run(ids[:1], len(ids))

    def _held(self, number: int, place: int) -> Held:
        self._lines.seek(self._starts[number - 1])
        stored = dumps(form.object_of(self._lines.readline(), Path(self.thread_id)))
        return Held(self._ids[number - 1], number, is_gone=False, is_ahead=number > place, stored=stored)

    def _add(self, line: bytes, path: Path) -> None:
        self._starts.append(self._lines.tell())
        self._lines.write(line)
        id = id_of(line, path)
        self._ids.append(id)
        self._numbers[id] = len(self._ids)


@contextmanager
def file_side(folder: Path, entry: ThreadEntry) -> Iterator[FileSide]:
    """Open a thread's file as one side of a comparison.

    Raises:
        BrokenArchive: it can't be read.
    """
    path = form.plain_file(folder, entry.file)
    with tempfile.TemporaryFile() as copy, form.open_lines(path) as lines:
        side = FileSide(thread_id=entry.thread, _lines=copy)
        next(lines, None)
        for line in islice(lines, entry.items):
            side._add(line, path)
        yield side
