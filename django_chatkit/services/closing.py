"""The announced end of what hosted ChatKit runs on, and what of the mirror would go with it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..models import ChatThread

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
