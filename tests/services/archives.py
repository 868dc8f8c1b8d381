"""Archives and dumps written for tests, of what the emulator has upstream."""

import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.services import archive_entries, archive_format, archived, dumps, importing
from django_chatkit.services.archive_entries import Header, ThreadEntry
from django_chatkit.services.archive_format import Compression
from django_chatkit.services.archive_index import indexed
from django_chatkit.services.kept import KeptThread
from django_chatkit.services.reports import ImportReport

from .conftest import Clock, World

STARTED_AT = datetime(2026, 11, 20, tzinfo=UTC)
UPSTREAM = "https://api.openai.com/v1"
Payload = Mapping[str, Any]


def line(payload: Payload) -> bytes:
    """Return an object's line, spelt as upstream spells it: not as the mirror does."""
    return archive_format.line_of(json.dumps(payload))


@dataclass
class Archive:
    """An archive in a folder, written by hand."""

    folder: Path
    compression: Compression = "none"
    entries: dict[str, ThreadEntry] = field(default_factory=dict)

    def add(self, thread: Payload, items: Iterable[Payload], *, read_at: datetime) -> ThreadEntry:
        """Write a thread's file and its line in the manifest."""
        digest, lines = archive_format.ItemDigest(), []
        for item in items:
            lines.append(line(item))
            digest.add(item["id"], lines[-1])
        entry = ThreadEntry(
            thread=thread["id"],
            user=thread.get("user"),
            file=archive_format.thread_file(
                thread["id"],
                self.compression,
                generation=archive_format.generation_of(
                    archive_format.line_digest(line(thread)), digest.sha256
                ),
            ),
            items=digest.items,
            first=digest.first,
            last=digest.last,
            sha256=digest.sha256,
            thread_sha256=archive_format.line_digest(line(thread)),
            read_at=read_at,
        )
        self.put(entry.file, line(thread) + b"".join(lines))
        self.note(entry)
        return entry

    def put(self, file: str, content: bytes) -> None:
        """Write a file as it is to be found."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)

    def content(self, thread: str) -> bytes:
        """Return what a thread's file says."""
        path = self.folder / self.entries[thread].file
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()

    def change(self, thread: str, change: Callable[[bytes], bytes]) -> None:
        """Change what a thread's file says."""
        self.put(self.entries[thread].file, change(self.content(thread)))

    def note(self, entry: archive_entries.Entry) -> None:
        """Append a line to the manifest."""
        if isinstance(entry, ThreadEntry):
            self.entries[entry.thread] = entry
        with (self.folder / archive_format.MANIFEST).open("ab") as manifest:
            manifest.write(archive_entries.entry_line(entry))

    def say(self, thread: str, **fields: Any) -> None:
        """Write another line for a thread, in which something is otherwise."""
        self.note(replace(self.entries[thread], **fields))

    def finish(self, *, upstream: str = UPSTREAM, finished_at: datetime | None = STARTED_AT) -> Path:
        """Write the header, and return the folder."""
        header = Header(
            upstream=upstream,
            compression=self.compression,
            started_at=STARTED_AT,
            finished_at=finished_at,
        )
        with indexed(self.folder) as index:
            header = replace(header, totals=index.totals(requests=0))
        archive_entries.write_header(self.folder, header)
        return self.folder


def archive_of(
    world: World, folder: Path, *, read_at: datetime, compression: Compression = "none"
) -> Archive:
    """Write an archive of all that upstream has."""
    archive = Archive(folder, compression)
    folder.mkdir(parents=True, exist_ok=True)
    for thread, items in world.upstream().values():
        archive.add(thread, items, read_at=read_at)
    archive.finish()
    return archive


def rows(database: str) -> dict[str, Any]:
    """Return every row of the mirror, every column of it."""
    return {
        model.__name__: list(model._default_manager.using(database).order_by("pk").values())
        for model in (EndUser, ChatThread, ChatThreadItem)
    }


def made(id: str, count: int, **fields: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a thread and its items, as upstream tells them, without an emulator: for thousands of items."""
    thread = {
        "id": id,
        "object": "chatkit.thread",
        "created_at": 1_760_000_000,
        "title": None,
        "status": {"type": "active"},
        "user": "ada",
        **fields,
    }
    items = [
        {
            "id": f"cti_{id}_{number}",
            "object": "chatkit.thread_item",
            "created_at": thread["created_at"] + number,
            "thread_id": id,
            "type": "chatkit.user_message",
            "content": [{"type": "input_text", "text": f"word {number}"}],
            "attachments": [],
            "inference_options": None,
        }
        for number in range(count)
    ]
    return thread, items


@dataclass
class Importer:
    """Imports into one database, with all that an import is given."""

    database: str
    clock: Clock
    slept: list[float] = field(default_factory=list)
    seen: list[KeptThread] = field(default_factory=list)
    # Called while the import waits for somebody else.
    while_waiting: Callable[[], object] = lambda: None

    def archive(self, folder: Path, **options: Any) -> ImportReport:
        return self.source(lambda fail: archived.threads(folder, fail=fail), **options)

    def dump(self, file: Path, **options: Any) -> ImportReport:
        return self.source(lambda fail: dumps.threads(file, fail=fail), **options)

    def source(self, source: importing.Source, **options: Any) -> ImportReport:
        arguments: dict[str, Any] = {"users_are_accounts": False, "using": self.database, **options}
        return importing.run(source=source, clock=self.clock, sleep=self._sleep, **arguments)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.while_waiting()
