"""What becomes of a thread's file when the thread was read anew: nothing goes that the new one lacks."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from . import archive_files
from . import archive_format as form
from .archive_entries import ThreadEntry
from .archive_format import BrokenArchive


class Succession(NamedTuple):
    """What a new entry says of earlier files, and which of them is needed no more."""

    earlier: tuple[str, ...] = ()
    supersedes: str | None = None
    # Whether items are in the last file that are not in the new one.
    is_shrunk: bool = False
    # Why the last file could not be compared; it stays where it is.
    error: BrokenArchive | None = None


def succession(folder: Path, held: ThreadEntry | None, entry: ThreadEntry) -> Succession:
    """Compare a thread's new file with the one that was there before, by the ids of their items."""
    if held is None:
        return Succession()
    earlier = _without(entry.file, held.earlier)
    if held.file == entry.file or not form.is_thread_file(held.file, entry.thread):
        return Succession(earlier)
    try:
        if not _lacks(folder, entry, held):
            return Succession(earlier, supersedes=held.file)
    except BrokenArchive as error:
        return Succession(earlier, error=error)
    return Succession(_without(entry.file, (*held.earlier, held.file)), is_shrunk=True)


def _lacks(folder: Path, entry: ThreadEntry, held: ThreadEntry) -> bool:
    if held.sha256 == entry.sha256:
        return False
    before, now = set[str](), set[str]()
    archive_files.head_of(folder, held, ids=before)
    archive_files.head_of(folder, entry, ids=now)
    return not before <= now


def _without(file: str, files: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in dict.fromkeys(files) if each != file)
