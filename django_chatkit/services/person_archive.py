"""Writes all that there is of one end user into one archive, for that person to read: a zip of HTML and JSON.

It is written piece by piece and read in pages, so that memory stays flat however much there is. Nobody's secrets and no
words about a hold are in it; of staff it has the words, not the names.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.utils import timezone

from ..models import ChatThread, ThreadNote, ThreadReview
from ..models.fields import dumps
from . import people, person_pages
from .completeness import Completeness, completeness
from .holds import UnknownEndUser
from .transcript_rows import OnPage, walk
from .transcripts import FORMATS, moment

# Bytes of a piece: big enough that their number costs little, small enough to be nothing in memory.
PIECE = 65_536

Entry = tuple[str, Iterable[str]]


def write(
    *, user: str, now: datetime, using: str = "default", on_page: OnPage | None = None
) -> Iterator[bytes]:
    """Return the pieces of an archive of one end user.

    ``on_page`` is told the ids of each page of threads before any word of them is read.

    Raises:
        UnknownEndUser: there is no such row.
    """
    facts = people.facts(user=user, now=now, using=using)
    if not facts.is_known:
        raise UnknownEndUser(user)
    return _zipped(_entries(facts, now, using, on_page), at=now)


def _entries(facts: people.Facts, now: datetime, using: str, on_page: OnPage | None) -> Iterator[Entry]:
    known = completeness(user=facts.user, using=using)
    yield "index.html", person_pages.index(facts=facts, as_of=known.as_of, now=now, using=using)
    threads = ChatThread.objects.using(using).of(facts.user)
    for thread, items in walk(threads, on_page=on_page):
        for file, pieces in person_pages.transcript(thread, items, using=using):
            yield f"transcripts/{file}", pieces
    yield "threads.json", FORMATS["json"].write(walk(threads))
    yield "person.json", _person(facts, known, now, using)


def _person(facts: people.Facts, known: Completeness, now: datetime, using: str) -> Iterator[str]:
    """Write who it is, as of when, every session of theirs as upstream sent it, and staff's words on their threads."""
    head: dict[str, Any] = {
        "end_user": facts.user,
        "owner": facts.owner or facts.former_owner or None,
        "exported_at": moment(now),
        "as_of": moment(known.as_of) or None,
        "not_copied_whole": list(known.unfinished),
        "words_dropped": list(known.emptied),
    }
    yield dumps(head)[:-1]
    sessions = person_pages.sessions(facts.user, using)
    yield from _list("sessions", (_session(each) for each in sessions))
    yield from _list("notes", _notes(facts.user, using))
    yield from _list("reviews", _reviews(facts.user, using))
    yield "}\n"


def _list(name: str, values: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield f',\n"{name}":['
    for place, value in enumerate(values):
        yield f"{',' if place else ''}\n{dumps(value)}"
    yield "]"


def _session(row: Any) -> dict[str, Any]:
    return {
        "id": row.pk,
        "status": row.status,
        "created_at": moment(row.created_at),
        "expires_at": moment(row.expires_at),
        "session": row.payload,
    }


def _notes(user: str, using: str) -> Iterator[dict[str, Any]]:
    rows = ThreadNote.objects.using(using).filter(thread__end_user=user)
    for note in rows.order_by("pk").iterator(chunk_size=person_pages.ROWS_AT_ONCE):
        yield {"thread_id": note.thread_id, "text": note.text, "created_at": moment(note.created_at)}


def _reviews(user: str, using: str) -> Iterator[dict[str, Any]]:
    rows = ThreadReview.objects.using(using).filter(thread__end_user=user).prefetch_related("tags")
    for review in rows.order_by("pk").iterator(chunk_size=person_pages.ROWS_AT_ONCE):
        yield {
            "thread_id": review.pk,
            "rating": review.rating,
            "tags": sorted(tag.name for tag in review.tags.all()),
            "reviewed_at": moment(review.reviewed_at),
        }


class _Outlet:
    """Take what a zip writes and give it away; it can't go back, so no more than a piece is held."""

    def __init__(self) -> None:
        self.held = bytearray()

    def write(self, data: bytes) -> int:
        self.held += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: whoever reads takes what there is."""

    def take(self, *, at_least: int = 1) -> Iterator[bytes]:
        """Give away what is held, if it is so much."""
        if len(self.held) >= at_least:
            yield bytes(self.held)
            self.held.clear()


def _zipped(entries: Iterable[Entry], *, at: datetime) -> Iterator[bytes]:
    outlet = _Outlet()
    local = timezone.localtime(at)
    with ZipFile(outlet, "w", ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for name, texts in entries:
            info = ZipInfo(name, date_time=local.timetuple()[:6])
            info.compress_type = ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            # A file's size isn't known before it is written: one of more than 4 GiB needs the longer form.
            with archive.open(info, "w", force_zip64=name.endswith(".json")) as file:
                for text in texts:
                    file.write(text.encode())
                    yield from outlet.take(at_least=PIECE)
    yield from outlet.take()
