"""Writes what there is of one end user as pages of HTML, piece by piece: nothing is held that is written.

The pages stand in a folder, load nothing, run nothing, and say so to the browser by a policy of their own. All text is
escaped by the templates; what hides or reorders other text is spelt out.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import chain, islice
from typing import Any

from django.db.models import Q
from django.template.loader import get_template, render_to_string
from django.utils.translation import gettext as _

from ..models import ChatSession, ChatThread, ThreadNote, ThreadReview
from ..models.fields import loads
from .bubbles import Reading, describe
from .people import Facts
from .transcript_rows import ItemRow, ThreadRow
from .visible import one_line, visible

# Items on one page of a transcript: what a browser opens at once, and a person reads in one go.
ITEMS_ON_A_PAGE = 500
ROWS_AT_ONCE = 200

_FOLDER = "django_chatkit/person"
_BUBBLE = "admin/django_chatkit/includes/bubble.html"
_WHOLE = Reading(limit=None)
# What of an id stands in the name of a file.
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")

Pieces = Iterator[str]


def stem(thread_id: str) -> str:
    """Return the name of a thread's files, which no other thread has, on no file system."""
    digest = sha256(thread_id.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_UNFIT.sub('-', thread_id)[:40]}-{digest}"


def file_of(thread_id: str, number: int = 1) -> str:
    """Return the name of one page of a thread's transcript."""
    return f"{stem(thread_id)}.html" if number == 1 else f"{stem(thread_id)}-{number}.html"


def index(*, facts: Facts, as_of: datetime | None, now: datetime, using: str) -> Pieces:
    """Write the page that leads to all others: who, how much, as of when, every thread and every session."""
    context = {"facts": facts, "user": one_line(facts.user, limit=600), "at": now, "as_of": as_of}
    owner = one_line(facts.owner or facts.former_owner, limit=300)
    yield _render("index.html", title=_("Everything about one end user"), owner=owner, **context)
    row = get_template(f"{_FOLDER}/thread_row.html")
    for thread in _threads(facts.user, using):
        file = f"transcripts/{file_of(thread.pk)}"
        yield row.render({"thread": thread, "file": file, "name": _name(thread.title)})
    yield _render("sessions.html")
    row = get_template(f"{_FOLDER}/session_row.html")
    for session in sessions(facts.user, using):
        name, status = one_line(session.pk, limit=300), one_line(session.get_status_display())
        yield row.render({"session": session, "name": name, "status": status})
    yield _render("index_foot.html")


def transcript(thread: ThreadRow, items: Iterator[ItemRow], *, using: str) -> Iterator[tuple[str, Pieces]]:
    """Yield the name and the pieces of each page of a thread's transcript. Each is to be read before the next."""
    number, following = 1, next(items, None)
    while number == 1 or following is not None:
        held = [] if following is None else [following]
        rest = islice(items, ITEMS_ON_A_PAGE - len(held))
        ahead: list[ItemRow] = []
        page = _Page(thread=thread, number=number, ahead=ahead, using=using)
        yield file_of(thread.id, number), page.pieces(chain(held, rest), items)
        following = ahead[0] if ahead else None
        number += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """One page of a transcript. What comes after it is found out when it is written: ``ahead`` holds it then."""

    thread: ThreadRow
    number: int
    ahead: list[ItemRow]
    using: str

    def pieces(self, shown: Iterator[ItemRow], items: Iterator[ItemRow]) -> Pieces:
        said = _said_by_staff(self.thread.id, self.using) if self.number == 1 else {}
        yield _render(
            "transcript.html",
            title=_name(self.thread.title),
            name=one_line(self.thread.id, limit=300),
            thread=self.thread,
            number=self.number,
            **said,
        )
        bubble = get_template(_BUBBLE)
        for item in shown:
            yield bubble.render({"bubble": describe(_Item.of(item), _WHOLE), "permalinks": False})
        self.ahead.extend(islice(items, 1))
        yield _render(
            "transcript_foot.html",
            previous=file_of(self.thread.id, self.number - 1) if self.number > 1 else "",
            following=file_of(self.thread.id, self.number + 1) if self.ahead else "",
        )


@dataclass(slots=True, kw_only=True)
class _Item:
    """An item as a bubble is made from it."""

    id: str
    type: str
    position: int
    settled: bool
    payload: Any
    created_at: datetime
    gone_at: datetime | None
    words_dropped_at: datetime | None

    @classmethod
    def of(cls, row: ItemRow) -> "_Item":
        try:
            payload = loads(row.stored)
        except RecursionError:  # one item that nobody can read stops no other; its words are in the column
            payload = {"text": row.text}
        return cls(
            id=row.id,
            type=row.type,
            position=row.position,
            settled=row.settled,
            payload=payload,
            created_at=row.created_at,
            gone_at=row.gone_at,
            words_dropped_at=row.words_dropped_at,
        )


def sessions(user: str, using: str) -> Iterator[ChatSession]:
    """Walk an end user's sessions, page by page."""
    rows = ChatSession.objects.using(using).of(user).order_by("created_at", "pk")
    rest = rows
    while page := list(rest[:ROWS_AT_ONCE]):
        yield from page
        last = page[-1]
        rest = rows.filter(Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk))


def _threads(user: str, using: str) -> Iterator[ChatThread]:
    rows = ChatThread.objects.using(using).of(user).defer("payload").oldest_first()
    rest = rows
    while page := list(rest[:ROWS_AT_ONCE]):
        yield from page
        last = page[-1]
        later = Q(created_at=last.created_at, tie__gt=last.tie)
        beside = Q(created_at=last.created_at, tie=last.tie, pk__gt=last.pk)
        rest = rows.filter(Q(created_at__gt=last.created_at) | later | beside)


def _said_by_staff(thread_id: str, using: str) -> dict[str, Any]:
    """Return staff's words on a thread, without their names."""
    review = ThreadReview.objects.using(using).filter(pk=thread_id).prefetch_related("tags").first()
    notes = ThreadNote.objects.using(using).of(thread_id).in_order()
    return {
        "rating": review.get_rating_display() if review and review.rating is not None else "",
        "tags": sorted(one_line(tag.name) for tag in review.tags.all()) if review else [],
        "notes": [{"text": visible(note.text), "created_at": note.created_at} for note in notes],
    }


def _name(title: str) -> str:
    return one_line(title, limit=300) or _("Untitled")


def _render(file: str, /, **context: Any) -> str:
    return render_to_string(f"{_FOLDER}/{file}", {**context, "digest": _digest()})


def _digest() -> str:
    """Return the digest of the one stylesheet, which is all that the pages' policy lets in."""
    style = render_to_string(f"{_FOLDER}/style.css")
    return f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}"
