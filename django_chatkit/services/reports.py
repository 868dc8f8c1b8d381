"""What a run of a service did, in counts, and what it could not do."""

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from django.db import Error

MAX_ERROR_LENGTH = 500
# Upstream may give anything for an id, however long.
MAX_ID_LENGTH = 255

# The error of an end user whom neither side knows. No exception stands for it.
UNKNOWN_END_USER = "unknown here, and without threads upstream"
# The same where upstream was not asked: it may have threads that no sync brought.
UNKNOWN_HERE = "unknown here; upstream was not asked"

# What a database refuses, or what would make two lines of one in a log, or a terminal obey: ids and upstream's words may
# hold it.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


# Whose words may quote a row, and so an item.
_QUOTING = (Error, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Name one thing that was set out to be done and is not."""

    noun: str
    id: str
    error: str

    @classmethod
    def of(cls, noun: str, id: str, error: Exception) -> Self:
        """Describe an error without the content of anything."""
        return cls(noun=noun, id=_UNPRINTABLE.sub("\ufffd", id[:MAX_ID_LENGTH]), error=describe(error))

    def __str__(self) -> str:
        return f"{self.noun} {self.id}: {self.error}"


def describe(error: Exception) -> str:
    """Put an error into one line for operators, without the content of anything."""
    return type(error).__name__ if isinstance(error, _QUOTING) else in_words(error)


def in_words(error: BaseException) -> str:
    """Put an error into one line: its class and its words, cut to 500 characters."""
    words = _UNPRINTABLE.sub("\ufffd", " ".join(str(error).split()))
    return f"{type(error).__name__}: {words}"[:MAX_ERROR_LENGTH]


@dataclass(slots=True, kw_only=True)
class Report:
    """Count, and collect failures."""

    failures: list[Failure] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Tell whether all that was set out to be done is done."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able values, with ``ok``."""
        return {**asdict(self), "ok": self.ok}


@dataclass(slots=True, kw_only=True)
class SyncReport(Report):
    """Count what a sync looked at and what it wrote."""

    users: int = 0
    threads: int = 0
    threads_new: int = 0
    threads_changed: int = 0
    threads_gone: int = 0
    items_new: int = 0
    items_changed: int = 0
    items_gone: int = 0
    items_unchanged: int = 0
    # Threads that another run copies right now: their end users are due instead.
    deferred: int = 0
    requests: int = 0
    # Seconds during which upstream made it wait: what overlaps between requests side by side counts once.
    paused: float = 0.0
    # The rows of its runs as they stand in the table; None for an id where a run had no news to leave a row for.
    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def has_news(self) -> bool:
        """Tell whether it found anything changed, or failed at something."""
        return bool(self.failures) or any(getattr(self, name) for name in _NEWS)

    @property
    def is_list_whole(self) -> bool:
        """Tell whether upstream's list of all threads was read to its end, where it was read."""
        return all(failure.noun != "listing" for failure in self.failures)

    def as_dict(self) -> dict[str, Any]:
        """Return the report with what its runs were and when; None where nothing was to be done."""
        first, last = (self.runs[0], self.runs[-1]) if self.runs else ({}, {})
        return {
            **Report.as_dict(self),
            "errors": len(self.failures),
            "kind": first.get("kind"),
            "started_at": first.get("started_at"),
            "ended_at": last.get("ended_at"),
        }


_NEWS = [each.name for each in fields(SyncReport) if each.name.endswith(("_new", "_changed", "_gone"))]


@dataclass(slots=True, kw_only=True)
class CancelReport(Report):
    """Count the sessions that were settled and those that were not."""

    settled: int = 0
    failed: int = 0


@dataclass(slots=True, kw_only=True)
class CleanupReport(Report):
    """Count what a cleanup settled and pruned, or with ``dry_run`` what it would."""

    dry_run: bool = False
    sessions_cancelled: int = 0
    sessions_deleted: int = 0
    threads_deleted: int = 0
    # Deleted here, and kept upstream.
    threads_left_out: int = 0
    threads_emptied: int = 0
    items_emptied: int = 0
    runs_deleted: int = 0


@dataclass(slots=True, kw_only=True)
class DaysReport(Report):
    """Count the days that were counted, and the numbers of them that changed; ``whole`` says that it was all days."""

    whole: bool = False
    days: int = 0
    changed: int = 0


@dataclass(slots=True, kw_only=True)
class ImportReport(Report):
    """Count what an import did, or with ``dry_run`` would do. Each thread is new, changed, unchanged, erased, or a failure."""

    dry_run: bool = False
    threads: int = 0
    threads_new: int = 0
    threads_changed: int = 0
    # Of those nothing was taken: the mirror knew as much or more.
    threads_unchanged: int = 0
    items_new: int = 0
    items_changed: int = 0
    items_gone: int = 0
    items_unchanged: int = 0
    # End users who got their accounts back.
    owners: int = 0
    # Threads that are left out since their end users were erased after the file was read.
    erased: list[str] = field(default_factory=list)

    def counts(self) -> str:
        """Return the counts in a line, as ``name=value``."""
        names = [each.name for each in fields(ImportReport) if isinstance(getattr(self, each.name), int)]
        counts = [f"{name}={getattr(self, name)}" for name in names if name != "dry_run"]
        return " ".join([*counts, f"erased={len(self.erased)}", f"failures={len(self.failures)}"])


@dataclass(slots=True, kw_only=True)
class ErasureReport(Report):
    """Count what erasures deleted in this run; what is not done is among the failures."""

    # Upstream was not asked.
    here_only: bool = False
    people: int = 0
    finished: int = 0
    sessions_cancelled: int = 0
    sessions: int = 0
    threads: int = 0
    items: int = 0
    notes: int = 0
    reviews: int = 0
    runs: int = 0
