"""An archive that is being made: who may write to it, how far it has come, and its manifest."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO

from django.core.files import locks

from . import archive_format as form
from .archive_entries import (
    AttachmentEntry,
    Entry,
    Header,
    ThreadEntry,
    drop_torn_line,
    entry_line,
    read_header,
    write_header,
)
from .archive_format import BrokenArchive, Compression
from .archive_index import Index, indexed

PARTIAL = "partial"
_LOCK = ".lock"
_CURSOR = "cursor.json"


class Unusable(Exception):
    """A folder can't be used for this archive; the message says why, and what helps."""


@dataclass(slots=True, kw_only=True)
class Folder:
    """An archive that this process alone writes to."""

    path: Path
    header: Header
    index: Index
    _manifest: IO[bytes]
    # Requests of earlier runs.
    _requests: int = 0
    # Folders with new names in them, and files of which nothing is needed once the manifest's last lines are safe.
    _changed: set[Path] = field(default_factory=set)
    _superseded: set[str] = field(default_factory=set)

    @property
    def partial(self) -> Path:
        """Return where threads are put together before they are whole."""
        return self.path / PARTIAL

    def is_read(self, thread: str) -> bool:
        """Tell whether a thread was read since this archive was begun, or begun anew; who was taken out is not read again."""
        return self.index.is_forgotten(thread) or self.index.is_read(thread, since=self.header.started_at)

    def append(self, entry: Entry, *, supersedes: str | None = None) -> None:
        """Write an entry to the manifest, in one piece; a file that it supersedes goes once that can't be lost."""
        place = self._manifest.tell()
        self._manifest.write(entry_line(entry))
        self._manifest.flush()  # out of this process, whatever befalls it
        self.index.add(place, entry)
        if isinstance(entry, ThreadEntry | AttachmentEntry) and entry.file is not None:
            self._changed.add((self.path / entry.file).parent)
            self._superseded.discard(entry.file)
        if supersedes is not None:
            self._superseded.add(supersedes)

    def settle(self) -> None:
        """Make all lines so far outlive a power failure, and the files that they name; then delete what they supersede."""
        above = {self.path, self.path / form.THREADS, self.path / form.ATTACHMENTS}
        for folder in above | self._changed if self._changed else ():
            form.make_durable(folder)
        os.fsync(self._manifest.fileno())
        for file in self._superseded:
            (self.path / file).unlink(missing_ok=True)
        self._changed, self._superseded = set(), set()

    def cursor(self) -> str | None:
        """Return the thread up to which all were dealt with, in upstream's order; None at the beginning."""
        try:
            said = json.loads((self.path / _CURSOR).read_bytes())
            return str(said["after"]) if said["started_at"] == self.header.started_at.isoformat() else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def move_cursor(self, after: str) -> None:
        """Remember up to where all threads were dealt with."""
        self.settle()
        temporary = self.path / f"{_CURSOR}.part"
        temporary.write_text(
            json.dumps({"after": after, "started_at": self.header.started_at.isoformat()}), encoding="utf-8"
        )
        form.put_in_place(temporary, self.path / _CURSOR)

    def note(self, *, requests: int, finished_at: datetime | None = None, is_through: bool = False) -> None:
        """Write the totals; with ``finished_at`` the pass is whole, and once it ``is_through`` a run begins at the top.

        A pass that is not whole takes nothing from the one before it: the moment at which that was finished stays.
        """
        self.settle()
        totals = self.index.totals(requests=self._requests + requests)
        self.header = replace(self.header, totals=totals, finished_at=finished_at or self.header.finished_at)
        write_header(self.path, self.header)
        if is_through:
            (self.path / _CURSOR).unlink(missing_ok=True)


@contextmanager
def opened(path: Path, *, upstream: str, compression: Compression | None, now: datetime) -> Iterator[Folder]:
    """Open a folder for an archive: a new one, one to go on with, or a finished one to be read anew.

    Raises:
        Unusable: somebody else writes to it, or it holds something else.
        BrokenArchive: its own files can't be read.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _checked(
            path, upstream=upstream, compression=compression
        )  # nothing is left in a folder that is refused
        lock = (path / _LOCK).open("ab")
    except OSError as error:
        raise Unusable(f"{path} can't be used: {error.strerror}.") from error
    with _locked(path, lock):
        header = _begun(path, upstream=upstream, compression=compression, now=now)
        with _entered(path, header) as folder:
            yield folder


@contextmanager
def reopened(path: Path) -> Iterator[Folder]:
    """Open an archive to change what it holds; nothing is begun.

    Raises:
        Unusable: there is none, or somebody else writes to it.
        BrokenArchive: its own files can't be read.
    """
    read(path)
    with _locked(path, (path / _LOCK).open("ab")), _entered(path, read(path)) as folder:
        yield folder


@contextmanager
def _locked(path: Path, lock: IO[bytes]) -> Iterator[None]:
    with lock:
        if not locks.lock(lock, locks.LOCK_EX | locks.LOCK_NB):
            raise Unusable(f"Another process writes to {path} right now.")
        yield


@contextmanager
def _entered(path: Path, header: Header) -> Iterator[Folder]:
    shutil.rmtree(path / PARTIAL, ignore_errors=True)
    (path / PARTIAL).mkdir()
    drop_torn_line(path)
    with (path / form.MANIFEST).open("ab") as manifest, indexed(path) as index:
        yield Folder(
            path=path,
            header=header,
            index=index,
            _manifest=manifest,
            _requests=header.totals.requests,
        )
    with suppress(OSError):
        (path / PARTIAL).rmdir()


def read(path: Path) -> Header:
    """Return the header of an archive.

    Raises:
        Unusable: there is none.
        BrokenArchive: it can't be read.
    """
    header = read_header(path)
    if header is None:
        raise Unusable(f"{path} holds no archive: {form.HEADER} is not there.")
    return header


def _checked(path: Path, *, upstream: str, compression: Compression | None) -> Header | None:
    """Return the header of an archive that can be gone on with, or None where there is none.

    Raises:
        Unusable: the folder holds something else, or an archive of another upstream or kind.
        BrokenArchive: the header can't be read.
    """
    header = read_header(path)
    if header is None:
        if {each.name for each in path.iterdir()} - {_LOCK, f"{form.HEADER}.part"}:
            raise Unusable(f"{path} holds something that is no archive: give a new folder, or an empty one.")
    elif header.upstream != upstream:
        raise Unusable(f"{path} is an archive of {header.upstream}, not of {upstream}: give another folder.")
    elif compression not in (None, header.compression):
        raise Unusable(f"{path} was begun with --compression {header.compression}: leave it so.")
    return header


def _begun(path: Path, *, upstream: str, compression: Compression | None, now: datetime) -> Header:
    header = _checked(path, upstream=upstream, compression=compression)
    if header is None:
        header = Header(upstream=upstream, compression=compression or "none", started_at=now)
    elif header.is_through:
        header = replace(header, started_at=now)
    else:
        return header
    write_header(path, header)
    return header


__all__ = ["BrokenArchive", "Folder", "Unusable", "opened", "read"]
