"""How complete the mirror is for one end user: as of which sync, and which threads are not there whole."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from ..models import ChatThread, EndUser, PrunedThread, SyncRun
from .transcripts import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Say what the mirror lacks of one end user, as far as it knows."""

    # When the newest sync began that read all of their threads and failed at none; None where none is known.
    as_of: datetime | None
    # What went wrong at the last look at them.
    last_error: str
    # Threads whose items were never copied to their end, and those whose words retention dropped.
    unfinished: tuple[str, ...]
    emptied: tuple[str, ...]
    # Threads that retention keeps out of the mirror, of whomever: whose they were is not kept.
    left_out: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "as_of": moment(self.as_of) or None,
            "last_error": self.last_error,
            "not_copied_whole": list(self.unfinished),
            "words_dropped": list(self.emptied),
            "left_out_of_whomever": self.left_out,
        }


def completeness(*, user: str, using: str = "default") -> Completeness:
    """Look up how complete the mirror is for an end user, in five queries, whatever there is."""
    row = EndUser.objects.using(using).filter(pk=user).first()
    threads = ChatThread.objects.using(using).of(user).oldest_first().values_list("pk", flat=True)
    moments = (_looked_at(row) if row else None, _ran_at(user, using))
    return Completeness(
        as_of=max(filter(None, moments), default=None),
        last_error=row.last_error if row else "",
        unfinished=tuple(threads.filter(synced_at=None)),
        emptied=tuple(threads.filter(words_dropped_at__isnull=False)),
        left_out=PrunedThread.objects.using(using).count(),
    )


def _looked_at(row: EndUser) -> datetime | None:
    """Return when the last look was taken, if it read all threads: then no next one is due."""
    return row.looked_at if row.due_at is None and not row.last_error else None


def _ran_at(user: str, using: str) -> datetime | None:
    """Return when the newest run of the sync began that read all threads of an end user, and failed at nothing."""
    of_them = Q(kind=SyncRun.Kind.RECONCILE) | Q(kind=SyncRun.Kind.USER, subject=user)
    runs = SyncRun.objects.using(using).succeeded().filter(of_them).newest_first()
    return runs.values_list("started_at", flat=True).first()
