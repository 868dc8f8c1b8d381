"""What a run of the archive did, in counts, and what of it is left to do."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from .archive_entries import Totals
from .reports import Failure, Report, SyncReport


@dataclass(slots=True, kw_only=True)
class ArchiveReport(Report):
    """Count what this run read; ``totals`` tells of the archive, whoever filled it."""

    threads: int = 0
    items: int = 0
    attachments: int = 0
    # Threads that earlier runs had read.
    known: int = 0
    # Threads that upstream deleted before they could be read.
    gone: int = 0
    # Threads of which upstream lacks items that an earlier file has, and that is kept.
    shrunk: int = 0
    # Previews that are refused for good, each told of once.
    left_out: list[Failure] = field(default_factory=list)
    # Threads that could not be read.
    unread: int = 0
    requests: int = 0
    paused: float = 0.0
    # Whether every thread that upstream lists is in the archive, and whether the requests of the budget are used up.
    is_finished: bool = False
    # When a pass was last finished, by this run or one before it.
    finished_at: datetime | None = None
    is_spent: bool = False
    mirrored: SyncReport = field(default_factory=SyncReport)
    totals: Totals = field(default_factory=Totals)
    # When the first thread of this run, the newest read and the newest upstream were created.
    _first: datetime | None = None
    _reached: datetime | None = None
    newest: datetime | None = None

    def reach(self, moment: datetime | None) -> None:
        """Note that a thread of this moment is dealt with."""
        if moment is not None:
            self._first = self._first or moment
            self._reached = max(moment, self._reached or moment)

    @property
    def share(self) -> float | None:
        """Return about how much of this run is done, 0 to 1, as the creation of threads goes; None while nobody can tell."""
        if self._first is None or self._reached is None or self.newest is None or self.newest <= self._first:
            return None
        return min((self._reached - self._first) / (self.newest - self._first), 1.0)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {
            "threads": self.threads,
            "items": self.items,
            "attachments": self.attachments,
            "known": self.known,
            "gone": self.gone,
            "shrunk": self.shrunk,
            "requests": self.requests,
            "paused": self.paused,
            "finished": self.is_finished,
            "spent": self.is_spent,
            "mirrored": {
                name: getattr(self.mirrored, name)
                for name in ("items_new", "items_changed", "items_gone", "items_unchanged")
            },
            "totals": asdict(self.totals),
            "left_out": [asdict(each) for each in self.left_out],
            "failures": [asdict(each) for each in self.failures],
            "ok": self.ok and self.is_finished,
        }
