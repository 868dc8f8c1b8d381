"""Staff's own words on threads: notes, and a review with one rating and tags. They stay here: upstream is never told."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from ..models import ChatThread, Tag, ThreadNote, ThreadReview
from ..models.fields import storable
from . import holds
from .transactions import atomically
from .visible import visible

LONGEST_NOTE = 10_000
LONGEST_TAG = 50
MOST_TAGS = 20


def note(*, thread_id: str, text: str, author: Any, now: datetime, using: str = "default") -> ThreadNote:
    """Keep a note on a thread."""
    row = ThreadNote(thread_id=thread_id, text=storable(text), author=author, created_at=now)
    atomically(partial(row.save, using=using), using=using)
    return row


def take_back(*, note: ThreadNote, using: str = "default") -> None:
    """Delete a note.

    Raises:
        Held: the thread's end user is; the note stays.
    """
    user = note.thread.end_user_id

    def delete() -> None:
        holds.lock(user, using=using)
        holds.check(user, using=using)
        ThreadNote.objects.using(using).filter(pk=note.pk).delete()

    atomically(delete, using=using)


def review(
    *,
    thread_id: str,
    rating: int | None,
    tags: Iterable[str],
    reviewer: Any,
    now: datetime,
    using: str = "default",
) -> ThreadReview:
    """Say what a thread is worth and what it is about, instead of what was said before.

    Raises:
        Held: the thread's end user is, and something was said before; that stays. The first review may still be given.
        DoesNotExist: there is no such thread.
        ValueError: a tag is too long. Nothing is changed.
    """
    names = sorted({name for tag in tags if (name := tag_name(tag))})
    if too_long := [name for name in names if len(name) > LONGEST_TAG]:
        raise ValueError(
            f"a tag may have at most {LONGEST_TAG} characters, not {len(too_long[0])}: {too_long[0]!r}"
        )
    user = ChatThread.objects.using(using).get(pk=thread_id).end_user_id

    def write() -> ThreadReview:
        holds.lock(user, using=using)
        if ThreadReview.objects.using(using).filter(pk=thread_id).exists():
            holds.check(user, using=using)
        row, _created = ThreadReview.objects.using(using).update_or_create(
            thread_id=thread_id, defaults={"rating": rating, "reviewer": reviewer, "reviewed_at": now}
        )
        known = Tag.objects.using(using)
        # Ours first: whoever makes the same tag at the same moment finds one.
        known.bulk_create((Tag(name=name) for name in names), ignore_conflicts=True)
        row.tags.set(known.filter(name__in=names))
        return row

    return atomically(write, using=using)


def tag_name(text: str) -> str:
    """Return a tag as it is kept: in small letters, with single blanks, nothing hidden. It may be too long to be kept."""
    return " ".join(visible(text).lower().split())


def tag_names(text: str) -> list[str]:
    """Return the tags in a text that separates them by commas, semicolons or line ends; each once, as they came."""
    names = (tag_name(part) for part in re.split(r"[,;\n]", text))
    return list(dict.fromkeys(filter(None, names)))
