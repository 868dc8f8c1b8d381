"""What a manifest claims of a thread and no digest proves: whose it is, and when it was read. Verification and import ask here."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from . import reading
from .archive_entries import ThreadEntry
from .kept import Damaged

# Two machines' clocks may differ by this much; what was read later than that, or before there was a time, is a lie.
_CLOCKS_DIFFER = timedelta(hours=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Untimely(ValueError):
    """A file was read at no moment that can be: one yet to come would win over all that a sync hears until then."""


def user_of(payload: Mapping[str, Any], entry: ThreadEntry) -> str | None:
    """Return whose a thread is: as it says itself, else as its entry says.

    Raises:
        Damaged: both say, and not the same.
        Unmirrorable: it says it in a way that can't be.
    """
    user = reading.user_of(payload) or entry.user
    if entry.user not in (None, user):
        raise Damaged("the manifest says another end user than the thread itself")
    return user


def judge_moment(read_at: datetime, *, name: str, now: datetime) -> None:
    """Refuse a file that is said to have been read when it can't have been.

    Raises:
        Untimely: it is.
    """
    if not _BEGINNING <= read_at <= now + _CLOCKS_DIFFER:
        raise Untimely(f"{name} is said to have been read at a moment yet to come, or before 1970")
