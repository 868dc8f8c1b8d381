"""Rows brought to what the settings say of encryption: sealed with the first key, or plain where there is no first.

It goes by pages of primary keys, each in a transaction of its own, and asks each row itself whether it is as it should be:
so it can be broken off anywhere and goes on where it stopped. docs/decisions/0025
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import connections
from django.db.models import Model, Q

from ..models import ChatSession, ChatThread, ChatThreadItem, ThreadNote
from ..models.fields import as_kept
from ..models.sealing import HIDDEN, PREFIX, DamagedRow, Keyring, MissingKey
from ..models.words import WordsField, revealed
from . import bulk
from .reports import Failure, Report
from .transactions import atomically

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class RotationReport(Report):
    """Count the rows that were written anew, or with ``dry_run`` those that would be."""

    dry_run: bool = False
    threads: int = 0
    items: int = 0
    sessions: int = 0
    notes: int = 0
    # How many there were to be written when it began.
    found: int = 0
    # How many stood in clear and are sealed now: what they said may still stand in space that the database freed.
    were_plain: int = 0

    @property
    def rows(self) -> int:
        """Return how many rows were written anew."""
        return self.threads + self.items + self.sessions + self.notes


OnProgress = Callable[[RotationReport], None]


@dataclass(frozen=True, slots=True)
class _Table:
    """Name a table's column that is sealed, and the one that holds words of it, where there is such."""

    noun: str
    model: type[Model]
    sealed: str
    words: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return ("pk", "kept") if self.words is None else ("pk", "kept", self.words)

    @property
    def written(self) -> bulk.Table:
        names = [self.model._meta.pk.name, self.sealed, self.words]
        return bulk.Table(model=self.model, columns=tuple(filter(None, names)), updates=())


_TABLES = (
    _Table("thread", ChatThread, "payload", "title"),
    _Table("item", ChatThreadItem, "payload", "text"),
    _Table("session", ChatSession, "payload"),
    _Table("note", ThreadNote, "text"),
)

# How many rows at each end of a table are looked at where no key is set.
AT_AN_END = 50

# The models whose tables hold what was said.
MODELS = tuple(table.model for table in _TABLES)


def rotate(
    *,
    keyring: Keyring,
    batch_size: int = 200,
    dry_run: bool = False,
    using: str = "default",
    on_progress: OnProgress | None = None,
) -> RotationReport:
    """Seal, open or seal anew every row that is not as the keys say, ``batch_size`` rows in one transaction.

    A damaged row is a failure and stays as it is. So are rows that came meanwhile from a process with other keys.

    Raises:
        MissingKey: some row is sealed with another key. Nothing was changed.
    """
    report = RotationReport(dry_run=dry_run)
    run = _Rotation(keyring, batch_size, using, report, on_progress)
    for table in _TABLES:
        run.refuse_strangers(table)
    waiting = {table.noun: run.stale(table).count() for table in _TABLES}
    report.found = sum(waiting.values())
    for table in _TABLES:
        if dry_run:
            run.count(table, waiting[table.noun])
        elif waiting[table.noun]:
            run.work(table)
    return report


def is_due(*, keyring: Keyring, using: str) -> bool:
    """Tell whether a row is not as the keys say. Reads whole tables where none is: for whoever asks by hand."""
    run = _Rotation(keyring, 1, using, RotationReport())
    return any(run.stale(table).exists() for table in _TABLES)


def missing_key(*, keyring: Keyring, using: str) -> MissingKey | None:
    """Return what there is to say of a row that no key opens, or None where none was found.

    With keys it reads whole tables. Without any, which is how most sites are, it looks at the first and the last rows of each.
    """
    run = _Rotation(keyring, 1, using, RotationReport())
    look = run.refuse_strangers if keyring.is_in_use else run.refuse_strangers_at_the_ends
    try:
        for table in _TABLES:
            look(table)
    except MissingKey as error:
        return error
    return None


@dataclass(frozen=True, slots=True)
class _Rotation:
    """One run."""

    keyring: Keyring
    batch_size: int
    using: str
    report: RotationReport
    on_progress: OnProgress | None = None
    # By id, for a page may be tried twice.
    _damaged: dict[Any, DamagedRow] = field(default_factory=dict)

    def rows(self, table: _Table) -> Any:
        rows = table.model._default_manager.using(self.using)
        return rows.annotate(kept=as_kept(table.sealed)).order_by("pk")

    def stale(self, table: _Table) -> Any:
        """Return the rows that are not as the keys say."""
        if not self.keyring.is_on:
            return self.rows(table).filter(kept__startswith=PREFIX)
        is_stale = ~Q(kept__startswith=self.keyring.prefix)
        if table.words:
            is_stale |= ~Q(**{f"{table.words}__in": ("", HIDDEN)})
        return self.rows(table).filter(is_stale)

    def refuse_strangers(self, table: _Table) -> None:
        """Raise where a row can't be opened: by its mark, without opening any."""
        strange = self.rows(table).filter(kept__startswith=PREFIX)
        for prefix in self.keyring.prefixes:
            strange = strange.exclude(kept__startswith=prefix)
        for stored in strange.values_list("kept", flat=True)[:1]:
            self.keyring.open(stored)

    def refuse_strangers_at_the_ends(self, table: _Table) -> None:
        """Raise where one of the first or last rows can't be opened."""
        rows = self.rows(table).values_list("kept", flat=True)
        for stored in (*rows[:AT_AN_END], *rows.reverse()[:AT_AN_END]):
            self.keyring.open(stored)

    def work(self, table: _Table) -> None:
        """Write a table's rows, page by page."""
        self._damaged.clear()
        ids = self._next(self.stale(table))
        while ids:
            done, were_plain = atomically(partial(self._write, table, ids), using=self.using)
            self.report.were_plain += were_plain
            self.count(table, done)
            ids = self._next(self.stale(table).filter(pk__gt=ids[-1]))
        for id, error in self._damaged.items():
            self._fail(Failure.of(table.noun, str(id), error))
        left = self.stale(table).count() - len(self._damaged)
        if left > 0:
            why = f"{left} came meanwhile from a process with other ENCRYPTION_KEYS: restart it, and run this again"
            self._fail(Failure(noun="rows", id=f"of {table.noun}s", error=why))

    def count(self, table: _Table, done: int) -> None:
        """Add to the report and tell."""
        name = f"{table.noun}s"
        setattr(self.report, name, getattr(self.report, name) + done)
        if self.on_progress:
            self.on_progress(self.report)

    def _next(self, rows: Any) -> list[Any]:
        return list(rows.values_list("pk", flat=True)[: self.batch_size])

    def _write(self, table: _Table, ids: list[Any]) -> tuple[int, int]:
        """Write a page, and return how many rows of it, and how many of those were plain."""
        rows = self.rows(table).filter(pk__in=ids)
        if connections[self.using].features.has_select_for_update:
            rows = rows.select_for_update()
        else:  # SQLite locks the whole file, for the first that writes
            ChatThread.objects.using(self.using).filter(pk="").update(title="")
        read = list(rows.values_list(*table.columns))
        written = [new for row in read if (new := self._renewed(table, *row)) is not None]
        if written:
            bulk.rewrite(table.written, written, using=self.using)
        is_plain = [not kept.startswith(PREFIX) for _, kept, *_ in read]
        return len(written), sum(is_plain) if self.keyring.is_on else 0

    def _renewed(self, table: _Table, id: Any, kept: str, words: str = "") -> tuple[Any, ...] | None:
        """Return a row as it should be; None where it can't be."""
        try:
            text = self.keyring.open(kept)
        except DamagedRow as error:
            self._damaged[id] = error
            return None
        sealed = self.keyring.seal(text)
        if table.words is None:
            return id, sealed
        column: Any = table.model._meta.get_field(table.words)
        assert isinstance(column, WordsField)
        in_clear = revealed(words, text, column.said_by)
        return id, sealed, HIDDEN if words and self.keyring.is_on else in_clear

    def _fail(self, failure: Failure) -> None:
        logger.warning("ChatKit rotation failed for %s", failure)
        self.report.failures.append(failure)
