"""Each run of the sync told in a row of its own, and in one log record at its end.

The row is written on the caller's thread and between transactions, at most every five seconds and at the end. A run
that is killed leaves its row without an end; the last word in it tells until when it lived.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self

from django.db import Error, InterfaceError, OperationalError, connections

from ..client import ChatKitError
from ..models import SyncRun
from ..models.fields import storable
from .reports import SyncReport, in_words
from .transactions import atomically

logger = logging.getLogger(__name__)

NOTED_EVERY = timedelta(seconds=5)

_COUNTS = [each.name for each in fields(SyncReport) if each.name not in ("failures", "runs", "deferred")]
_LONGEST_SUBJECT = 512
# Whose words tell an operator what to do and hold nothing of an item. Others' may quote the row that was refused.
_OUTSPOKEN = (ChatKitError, OperationalError, InterfaceError)


@dataclass(slots=True, kw_only=True)
class Record:
    """Keep the row of one run. A database that refuses it is logged, and costs the run nothing else.

    A run that is ``brief`` (of one thread, or of those who are due: thousands a day) gets its row once it lasted five
    seconds, or at its end if it has news: looks that find nothing new write none. ``paused`` gives the seconds that upstream
    made it wait until now.
    """

    kind: SyncRun.Kind
    subject: str = ""
    brief: bool = False
    report: SyncReport
    clock: Callable[[], datetime]
    using: str
    paused: Callable[[], float] = lambda: 0.0
    _row: SyncRun | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)

    def begin(self) -> None:
        """Note that the run has something to do; one that never has leaves no trace."""
        if self._row is None:
            now = self.clock()
            subject = storable(self.subject)[:_LONGEST_SUBJECT]
            self._row = SyncRun(kind=self.kind.value, subject=subject, started_at=now, noted_at=now)
            if not self.brief:
                self._write(self._row)

    def note(self) -> None:
        """Write the counts, if the last ones were written some seconds ago."""
        self.report.paused = self.paused()
        row, now = self._row, self.clock()
        if row is not None and now - row.noted_at >= NOTED_EVERY:
            self._count(row, now, None)
            self._write(row)

    def _end(self, error: BaseException | None) -> None:
        row = self._row
        if row is None:
            return
        self.report.paused = self.paused()
        row.ended_at, row.stopped = self.clock(), error is not None
        self._count(row, row.ended_at, error)
        if row.pk or row.errors or self.report.has_news or not self.brief:
            self._renew_connection(error)
            self._write(row)
        self.report.runs.append(_told(row))
        logger.info(
            "ChatKit sync run %s (%s) %s after %.1f s: %s",
            row.pk or "without a row",
            " ".join(f"{row.kind} {row.subject}".split()),  # an id with a line end forges no record
            "ended" if error is None else f"was stopped by {type(error).__name__}",
            row.duration.total_seconds(),
            " ".join(f"{name}={round(getattr(row, name), 1)}" for name in (*_COUNTS, "errors")),
        )

    def _count(self, row: SyncRun, now: datetime, error: BaseException | None) -> None:
        for name in _COUNTS:
            setattr(row, name, getattr(self.report, name))
        failures = self.report.failures
        row.noted_at = now
        row.errors = len(failures) + (error is not None)
        row.last_error = (
            f"Stopped by {_words(error)}" if error is not None else str(failures[-1]) if failures else ""
        )

    def _write(self, row: SyncRun) -> None:
        try:
            atomically(partial(row.save, using=self.using), using=self.using)
        except Error as error:
            logger.warning("ChatKit can't record its sync run (%s): %s", row.kind, _words(error))

    def _renew_connection(self, error: BaseException | None) -> None:
        """Leave a connection that may have been interrupted in the middle of an answer for a fresh one."""
        connection = connections[self.using]
        if error is not None and not isinstance(error, ChatKitError) and not connection.in_atomic_block:
            connection.close()


def _words(error: BaseException) -> str:
    return in_words(error) if isinstance(error, _OUTSPOKEN) else type(error).__name__


def _told(row: SyncRun) -> dict[str, Any]:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }
