"""One person taken out of an archive: first the manifest says so, then their files go. A kill in between costs nothing.

A hold on the person is looked for in the database before the manifest says a word, and before each file that goes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from . import archive_entries, archive_folder, holds
from . import archive_format as form
from .archive_entries import AttachmentEntry, FailureEntry, ForgottenEntry, ThreadEntry
from .archive_format import BrokenArchive
from .reports import Report


@dataclass(slots=True, kw_only=True)
class ForgetReport(Report):
    """Count the threads of a person that the archive knows, and the files that were deleted."""

    threads: int = 0
    files: int = 0


def survey(*, path: Path, user: str) -> ForgetReport:
    """Count what would go, and write nothing.

    Raises:
        Unusable: there is no archive, or somebody else writes to it.
        BrokenArchive: its header or its manifest can't be read.
    """
    with archive_folder.reopened(path):
        threads = _threads_of(path, user)
        return ForgetReport(threads=len(threads), files=len(_all_files_of(path, threads)))


def forget(*, path: Path, user: str, now: datetime, using: str = "default") -> ForgetReport:
    """Delete all files of a person's threads, previews and earlier ones too; run again, it goes on where it was killed.

    Raises:
        Held: the person is, in the database ``using``; files that were not deleted before the hold stay.
        Unusable: there is no archive, or somebody else writes to it.
        BrokenArchive: its header or its manifest can't be read.
        OSError: the disk refuses.
    """
    with archive_folder.reopened(path) as folder:
        holds.check(user, using=using)
        threads = _threads_of(path, user)
        for thread in sorted(threads):
            if not folder.index.is_forgotten(thread):
                folder.append(ForgottenEntry(forgotten=thread, at=now))
        folder.settle()
        report = ForgetReport(threads=len(threads))
        for file in _all_files_of(path, threads):
            holds.check(user, using=using)
            file.unlink()
            form.make_durable(file.parent)
            report.files += 1
        folder.note(requests=0, finished_at=folder.header.finished_at)
    return report


def _threads_of(path: Path, user: str) -> set[str]:
    """Return the threads of a person, as the manifest or the files themselves say: a killed run leaves some untold of."""
    found = {id for file in _thread_files(path) for id in _owned(file, user)}
    for entry in archive_entries.read_manifest(path):
        if isinstance(entry, ThreadEntry | FailureEntry) and entry.user == user and entry.thread is not None:
            found.add(entry.thread)
    return found


def _owned(file: Path, user: str) -> Iterator[str]:
    try:
        with form.open_lines(file) as lines:
            thread = form.object_of(next(lines, b""), file)
    except BrokenArchive:
        return  # whose it is, the manifest may tell
    id = thread.get("id")
    if thread.get("user") == user and isinstance(id, str):
        yield id


def _all_files_of(path: Path, threads: set[str]) -> list[Path]:
    return [*_files_of(path, threads), *_previews_of(path, threads)]


def _files_of(path: Path, threads: set[str]) -> Iterator[Path]:
    names = {form.name_of(thread) for thread in threads}
    return (file for file in _thread_files(path) if file.name.partition(".")[0] in names)


def _thread_files(path: Path) -> list[Path]:
    return [file for file in (path / form.THREADS).glob("*/*") if file.is_file()]


def _previews_of(path: Path, threads: set[str]) -> list[Path]:
    """Return the previews that the manifest tells of, and those of a killed run whose names tell."""
    starts = tuple(form.name_of(f"{thread}/") for thread in threads)
    found = {file for file in (path / form.ATTACHMENTS).glob("*/*") if file.name.startswith(starts)}
    found |= {
        path / form.attachment_file(f"{entry.thread}/{entry.attachment}")
        for entry in archive_entries.read_manifest(path)
        if isinstance(entry, AttachmentEntry) and entry.thread in threads
    }
    return [file for file in sorted(found) if file.is_file()]
