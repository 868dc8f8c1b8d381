"""The announced end of what hosted ChatKit runs on, and what of the mirror would go with it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ..models import ChatThread
from . import pruned

# Agent Builder is announced to shut down on this day; nobody has said what the endpoints answer from then on.
CLOSES = datetime(2026, 11, 30, tzinfo=UTC)
# From here on what is in no archive is worth a warning, and from there on it is wrong.
NEAR = timedelta(days=60)
LAST_CALL = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How many threads of the mirror are in no archive as they are now, and how near the end is."""

    unarchived: int
    now: datetime

    @property
    def is_near(self) -> bool:
        """Tell whether threads are unarchived while the end is near, or past."""
        return bool(self.unarchived) and self.now >= CLOSES - NEAR

    @property
    def is_late(self) -> bool:
        """Tell whether threads are unarchived while hardly any time is left."""
        return bool(self.unarchived) and self.now >= CLOSES - LAST_CALL

    @property
    def is_past(self) -> bool:
        """Tell whether the announced day has come."""
        return self.now >= CLOSES

    def __str__(self) -> str:
        threads = "1 thread is" if self.unarchived == 1 else f"{self.unarchived} threads are"
        days = (CLOSES.date() - self.now.date()).days
        when = "was" if days < 0 else "is"
        apart = (
            "today"
            if days == 0
            else f"{abs(days)} day{'' if abs(days) == 1 else 's'} {'ago' if days < 0 else 'from now'}"
        )
        return f"{threads} in no archive as they are now, and the announced end of Agent Builder, {CLOSES:%Y-%m-%d}, {when} {apart}."


def outlook(*, now: datetime, using: str = "default") -> Outlook:
    """Count what is in no archive.

    Raises:
        DatabaseError: the tables can't be read.
    """
    return Outlook(unarchived=ChatThread.objects.using(using).unarchived().count(), now=now)


class Standing(StrEnum):
    """Tell where a thread of upstream's stands here."""

    ARCHIVED = "in an archive as it is now"
    UNARCHIVED = "in no archive as it is now"
    UNMIRRORED = "not in the mirror, and so in no archive"
    KEPT_OUT = "kept out of the mirror, by an erasure or by retention"


def standing(id: str, *, using: str = "default") -> Standing:
    """Return where a thread stands that upstream lists, as far as the mirror knows."""
    moments = (
        ChatThread.objects.using(using).filter(pk=id).values_list("archived_at", "last_activity_at").first()
    )
    if moments is not None:
        archived_at, last_activity_at = moments
        is_current = archived_at and (last_activity_at is None or last_activity_at <= archived_at)
        return Standing.ARCHIVED if is_current else Standing.UNARCHIVED
    is_kept_out = pruned.left_out([id], using=using) or pruned.erased([id], using=using)
    return Standing.KEPT_OUT if is_kept_out else Standing.UNMIRRORED
