"""What a manifest says, to be asked by id: a private database on disk, so that no archive is too long for the memory.

SQLite makes it in the system's temporary folder, keeps the pages in use in memory (2 MB) and deletes it at the end.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath

from .archive_entries import (
    AttachmentEntry,
    Entry,
    FailureEntry,
    ForgottenEntry,
    ThreadEntry,
    Totals,
    read_entry,
    read_places,
)

_TABLES = """
    CREATE TABLE thread (
        digest BLOB PRIMARY KEY, place INTEGER, items INTEGER, user BLOB, read_at REAL, failed INTEGER,
        is_forgotten INTEGER DEFAULT 0, seen INTEGER DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX thread_place ON thread (place);
    CREATE INDEX thread_failed ON thread (failed);
    CREATE TABLE file (digest BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE attachment (digest BLOB PRIMARY KEY, is_whole INTEGER, is_final INTEGER, thread BLOB) WITHOUT ROWID;
"""


class Index:
    """Know the last entry of each thread and attachment. For one thread of the process only.

    Of a thread it knows the last entry that names a file, and a failure after it: that takes nothing away from the file.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self._folder, self._database = folder, database

    def add(self, place: int, entry: Entry) -> None:
        """Take in an entry and the byte at which its line begins; it takes the place of an earlier one."""
        if isinstance(entry, AttachmentEntry):
            key = _digest(f"{entry.thread}\0{entry.attachment}")
            row = (key, entry.error is None, bool(entry.final), _digest(entry.thread))
            self._database.execute("INSERT OR REPLACE INTO attachment VALUES (?, ?, ?, ?)", row)
        elif isinstance(entry, ForgottenEntry):
            self._forget(_digest(entry.forgotten))
        elif isinstance(entry, FailureEntry):
            self._fail(place, _digest(entry.thread or ""))
        else:
            self._add(place, entry)

    def _forget(self, thread: bytes) -> None:
        self._database.execute("DELETE FROM attachment WHERE thread = ?", (thread,))
        self._database.execute(
            "INSERT OR REPLACE INTO thread (digest, is_forgotten) VALUES (?, 1)", (thread,)
        )

    def _fail(self, place: int, thread: bytes) -> None:
        self._database.execute(
            "INSERT INTO thread (digest, failed) VALUES (?, ?) "
            "ON CONFLICT (digest) DO UPDATE SET failed = excluded.failed, is_forgotten = 0",
            (thread, place),
        )

    def _add(self, place: int, entry: ThreadEntry) -> None:
        self._database.execute("INSERT OR IGNORE INTO file VALUES (?)", (_file_digest(entry.file),))
        user = None if entry.user is None else _digest(entry.user)
        self._database.execute(
            "INSERT INTO thread VALUES (?, ?, ?, ?, ?, NULL, 0, 0) ON CONFLICT (digest) DO UPDATE SET place = excluded.place, "
            "items = excluded.items, user = excluded.user, read_at = excluded.read_at, failed = NULL, is_forgotten = 0",
            (_digest(entry.thread), place, entry.items, user, entry.read_at.timestamp()),
        )

    def is_read(self, thread: str, *, since: datetime) -> bool:
        """Tell whether a thread was read whole, not before a moment, and not failed at since."""
        found = self._one(
            "SELECT failed IS NULL AND read_at >= ? FROM thread WHERE digest = ?", since.timestamp(), thread
        )
        return bool(found and found[0])

    def is_forgotten(self, thread: str) -> bool:
        """Tell whether a thread was taken out of the archive."""
        return bool(self._one("SELECT 1 FROM thread WHERE is_forgotten AND digest = ?", thread))

    def forgotten(self) -> int:
        """Return how many threads were taken out of the archive."""
        return self._row("SELECT COUNT(*) FROM thread WHERE is_forgotten")[0]

    def is_kept(self, thread: str, attachment: str) -> bool:
        """Tell whether the preview of an attachment is in the archive."""
        return bool(
            self._one("SELECT 1 FROM attachment WHERE is_whole AND digest = ?", f"{thread}\0{attachment}")
        )

    def names(self, file: str) -> bool:
        """Tell whether any entry of a thread names a file, be it the last one or not."""
        row = self._row("SELECT COUNT(*) FROM file WHERE digest = ?", _file_digest(file))
        return row[0] > 0

    def is_refused(self, thread: str, attachment: str) -> bool:
        """Tell whether the preview of an attachment was refused for good."""
        return bool(
            self._one("SELECT 1 FROM attachment WHERE is_final AND digest = ?", f"{thread}\0{attachment}")
        )

    def see(self, thread: str) -> ThreadEntry | None:
        """Mark a thread as seen, and return what the archive tells of it; None where it does not hold it."""
        self._database.execute("UPDATE thread SET seen = 1 WHERE digest = ?", (_digest(thread),))
        return self.held(thread)

    def held(self, thread: str) -> ThreadEntry | None:
        """Return the last entry that names a file of a thread, whatever failed since; None where there is none."""
        found = self._one("SELECT place FROM thread WHERE place IS NOT NULL AND digest = ?", thread)
        return None if found is None else self._thread(found[0])

    def unseen(self) -> Iterator[ThreadEntry]:
        """Yield the entries of the threads that nobody has seen."""
        return self._threads("NOT seen")

    def threads(self) -> Iterator[ThreadEntry]:
        """Yield the entries of all threads that the archive holds."""
        return self._threads()

    def read_between(self, since: datetime, before: datetime) -> Iterator[ThreadEntry]:
        """Yield the entries of the threads that were read whole from a moment on, and before another."""
        return self._threads(
            "failed IS NULL AND read_at >= ? AND read_at < ?", since.timestamp(), before.timestamp()
        )

    def failed(self) -> Iterator[FailureEntry]:
        """Yield the entries of the threads that could not be read when that was last tried."""
        for entry in self._entries("failed"):
            assert isinstance(entry, FailureEntry)
            yield entry

    def totals(self, *, requests: int) -> Totals:
        """Count what the archive holds."""
        users, threads, items = self._row(
            "SELECT COUNT(DISTINCT user), COUNT(place), COALESCE(SUM(items), 0) FROM thread"
        )
        (lost,) = self._row("SELECT COUNT(failed) FROM thread")
        kept, missing = self._row(
            "SELECT COALESCE(SUM(is_whole), 0), COALESCE(SUM(NOT is_whole AND NOT is_final), 0) FROM attachment"
        )
        return Totals(
            end_users=users,
            threads=threads,
            items=items,
            requests=requests,
            failures=lost + missing,
            attachments=kept,
            forgotten=self.forgotten(),
        )

    def _threads(self, condition: str = "TRUE", *values: float) -> Iterator[ThreadEntry]:
        for entry in self._entries("place", condition, *values):
            assert isinstance(entry, ThreadEntry)
            yield entry

    def _entries(self, column: str, condition: str = "TRUE", *values: float) -> Iterator[Entry]:
        sql = f"SELECT {column} FROM thread WHERE {condition} AND {column} > ? ORDER BY {column} LIMIT 1"  # noqa: S608 -- our own words
        place = -1
        # No cursor stays open: rows change meanwhile.
        while found := self._database.execute(sql, (*values, place)).fetchone():
            (place,) = found
            yield read_entry(self._folder, place)

    def _thread(self, place: int) -> ThreadEntry:
        entry = read_entry(self._folder, place)
        assert isinstance(entry, ThreadEntry)
        return entry

    def _one(self, sql: str, *values: object) -> tuple[int, ...] | None:
        *others, thread = values
        found: tuple[int, ...] | None = self._database.execute(
            sql, (*others, _digest(str(thread)))
        ).fetchone()
        return found

    def _row(self, sql: str, *values: object) -> tuple[int, ...]:
        row: tuple[int, ...] = self._database.execute(sql, values).fetchone()
        return row


@contextmanager
def indexed(folder: Path) -> Iterator[Index]:
    """Read the manifest of an archive, and forget it at the end.

    Raises:
        BrokenArchive: a line of it can't be read.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
        index = Index(folder, database)
        for place, entry in read_places(folder):
            index.add(place, entry)
        yield index


def _file_digest(file: str) -> bytes:
    return _digest(str(PurePosixPath(file)))


def _digest(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()[:16]
