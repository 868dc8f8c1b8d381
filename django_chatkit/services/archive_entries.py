"""What an archive says of itself: its header, and the entries of its manifest, read and written."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from . import archive_format as form
from . import archive_values as values
from .archive_format import BrokenArchive, Compression

NOT_GIVEN = (
    "Upstream lists neither sessions nor client secrets: only the ledger of whoever opened them knows of them.",
    "Of an attachment upstream gives the name, the type and at most the address of a preview; never the file itself.",
    "A thread says neither which session or workflow it came from, nor when it last changed.",
    "Upstream gives no feedback and no metadata, and nothing of what was deleted or replaced before it was read.",
)
# No line of a manifest is longer, in bytes.
LONGEST_ENTRY = 1 << 20
# Bytes that are read at a time from the manifest's end.
_TAIL = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Count what an archive holds, as the last entry of each thread and attachment in its manifest says."""

    end_users: int = 0
    threads: int = 0
    items: int = 0
    # All that it took, whatever was asked for again.
    requests: int = 0
    failures: int = 0
    attachments: int = 0
    # Threads that were taken out.
    forgotten: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Say what an archive is of, when its last pass through upstream's list began, and when one last came to its end.

    ``finished_at`` is None until every thread that upstream lists was read once; a later pass leaves it until it is through.
    """

    upstream: str
    compression: Compression
    started_at: datetime
    finished_at: datetime | None = None
    totals: Totals = field(default_factory=Totals)

    @property
    def is_through(self) -> bool:
        """Tell whether the pass that began last came to its end."""
        return self.finished_at is not None and self.finished_at >= self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadEntry:
    """One thread whose file is in place."""

    thread: str
    user: str | None
    file: str
    items: int
    first: str | None
    last: str | None
    sha256: str
    thread_sha256: str
    read_at: datetime
    # Files that are kept since they hold items which this one lacks; earlier lines tell of them.
    earlier: tuple[str, ...] = ()

    def tells_of(self, digest: form.ItemDigest) -> bool:
        """Tell whether these are the items of which the entry tells."""
        return (self.items, self.first, self.last, self.sha256) == (
            digest.items,
            digest.first,
            digest.last,
            digest.sha256,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureEntry:
    """One thread that could not be read, and why; None where upstream gave no id or no end user."""

    thread: str | None
    user: str | None
    error: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentEntry:
    """One attachment: where its preview is, or the ``error`` that kept it away, and whether that is ``final``."""

    attachment: str
    thread: str
    file: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    content_type: str | None = None
    error: str | None = None
    final: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgottenEntry:
    """One thread that was taken out of the archive on purpose: nothing that earlier lines tell of it is there."""

    forgotten: str
    at: datetime


Entry = ThreadEntry | FailureEntry | AttachmentEntry | ForgottenEntry
_AnyEntry = TypeVar("_AnyEntry", ThreadEntry, FailureEntry, AttachmentEntry, ForgottenEntry)


def write_header(folder: Path, header: Header) -> None:
    """Write `archive.json` anew, whole or not at all."""
    document = {"format": form.FORMAT, "version": form.VERSION, **_said(header), "not_given": NOT_GIVEN}
    temporary = folder / f"{form.HEADER}.part"
    temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    form.put_in_place(temporary, folder / form.HEADER)


def read_header(folder: Path) -> Header | None:
    """Return what `archive.json` says, or None where there is none.

    Raises:
        BrokenArchive: it is no archive that this release can read.
    """
    try:
        document = json.loads((folder / form.HEADER).read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise BrokenArchive(f"{form.HEADER} is no JSON") from error
    if not isinstance(document, dict) or document.get("format") != form.FORMAT:
        raise BrokenArchive(f"{form.HEADER} does not say that this is an archive of ChatKit's")
    if document.get("version") != form.VERSION:
        raise BrokenArchive(
            f"{form.HEADER} is not of version {form.VERSION}, the one that this release knows"
        )
    try:
        # Archives that were begun before anybody could be taken out of one do not count those.
        totals = Totals(**values.read(_TOTALS, {"forgotten": 0, **document["totals"]}))
        return Header(**values.read(_HEADER, document), totals=totals)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BrokenArchive(
            f"{form.HEADER} lacks something, or says it in a way that can't be read"
        ) from error


def entry_line(entry: Entry) -> bytes:
    """Return an entry's line in the manifest, line feed included."""
    unsaid = _UNSAID[type(entry)]
    said = {
        name: value for name, value in _said(entry).items() if name not in unsaid or value != unsaid[name]
    }
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def fits(entry: Entry) -> bool:
    """Tell whether an entry leaves room in its line for the words that are not ids: an upstream may give ids of any length."""
    return len(entry_line(entry)) <= LONGEST_ENTRY // 2


def read_manifest(folder: Path) -> Iterator[Entry]:
    """Yield the entries of the manifest in the order that they were written; of each thread the last one counts.

    A last line without its end, left by a process that was killed, is passed over.

    Raises:
        BrokenArchive: another line can't be read.
    """
    return (entry for _, entry in read_places(folder))


def read_places(folder: Path) -> Iterator[tuple[int, Entry]]:
    """Yield each entry as `read_manifest` does, after the byte at which its line begins."""
    try:
        file = (folder / form.MANIFEST).open("rb")
    except FileNotFoundError:
        return
    with file:
        place = number = 0
        while line := file.readline(LONGEST_ENTRY + 1):
            number += 1
            if len(line) > LONGEST_ENTRY:
                raise BrokenArchive(f"{form.MANIFEST}, line {number}, is longer than {LONGEST_ENTRY} bytes")
            if line.endswith(b"\n"):
                yield place, _entry(line, number)
            place += len(line)


def read_entry(folder: Path, place: int) -> Entry:
    """Return the entry whose line begins at a byte.

    Raises:
        BrokenArchive: none that can be read does.
    """
    with (folder / form.MANIFEST).open("rb") as file:
        file.seek(place)
        return _entry(file.readline(LONGEST_ENTRY), 0)


def drop_torn_line(folder: Path) -> None:
    """Cut the manifest after its last whole line, so that it can be appended to."""
    try:
        file = (folder / form.MANIFEST).open("r+b")
    except FileNotFoundError:
        return
    with file:
        end = file.seek(0, os.SEEK_END)
        found = -1
        while end and found < 0:
            start = max(0, end - _TAIL)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            end = start + found + 1
        file.truncate(end)


def _entry(line: bytes, number: int) -> Entry:
    try:
        said = json.loads(line)
        if "attachment" in said:
            return _made(AttachmentEntry, said)
        if "forgotten" in said:
            return _made(ForgottenEntry, said)
        return _made(FailureEntry, said) if "error" in said else _made(ThreadEntry, said)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BrokenArchive(f"{form.MANIFEST}, line {number}, can't be read") from error


def _made(kind: type[_AnyEntry], said: Mapping[str, Any]) -> _AnyEntry:
    return kind(**values.read(_ENTRIES[kind], {**_UNSAID[kind], **said}))


def _said(record: Any) -> dict[str, Any]:
    """Return a record as JSON-able values."""
    return {each.name: _json(getattr(record, each.name)) for each in fields(record)}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return _said(value) if isinstance(value, Totals) else value


_TOTALS: Mapping[str, values.Reader] = dict.fromkeys((each.name for each in fields(Totals)), values.count)
_HEADER: Mapping[str, values.Reader] = {
    "upstream": values.text,
    "compression": values.compression,
    "started_at": values.moment,
    "finished_at": values.or_none(values.moment),
}
_ENTRIES: Mapping[type[Any], Mapping[str, values.Reader]] = {
    ThreadEntry: {
        "thread": values.text,
        "user": values.or_none(values.text),
        "file": values.text,
        "items": values.count,
        "first": values.or_none(values.text),
        "last": values.or_none(values.text),
        "sha256": values.text,
        "thread_sha256": values.text,
        "read_at": values.moment,
        "earlier": values.texts,
    },
    FailureEntry: {
        "thread": values.or_none(values.text),
        "user": values.or_none(values.text),
        "error": values.text,
        "at": values.moment,
    },
    ForgottenEntry: {"forgotten": values.text, "at": values.moment},
    AttachmentEntry: {
        "attachment": values.text,
        "thread": values.text,
        "file": values.or_none(values.text),
        "bytes": values.or_none(values.count),
        "sha256": values.or_none(values.text),
        "content_type": values.or_none(values.text),
        "error": values.or_none(values.text),
        "final": values.or_none(values.flag),
    },
}
# What a line need not say, and what it then means.
_UNSAID: Mapping[type[Any], Mapping[str, Any]] = {
    ThreadEntry: {"earlier": ()},
    FailureEntry: {},
    ForgottenEntry: {},
    AttachmentEntry: dict.fromkeys(("file", "bytes", "sha256", "content_type", "error", "final")),
}
