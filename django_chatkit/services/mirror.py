"""Wire to rows: threads and items written in bulk, only where something changed.

Note [As of]
A page counts as of the moment it was *requested*. A thread's row carries that moment for what it knows of itself
(``as_of``) and of its items (``items_as_of``); who comes with older knowledge writes nothing.

Who asks for items reads these moments first, and what he asks for then counts as of his clock or, where that does not
come after them, as of the instant after them: no clock that is behind or was set back keeps the mirror from going on.
Items are written only where what stands there is older, so of two that asked as of the same instant one looks again.
By one clock that never goes back, older knowledge never overwrites newer. Where clocks differ, a page under way from the
clock ahead may, if it was asked for within the difference; the next look mends that.

Note [Locks]
Writers of one end user's threads queue up at the end user's row, writers of one thread's items at the thread's row,
and rows are locked and written in id order: two writers wait for each other, and never crosswise. The first statement
of each transaction is a write, because SQLite can't turn a reader into a writer while another writes.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest

from .. import signals
from ..models import ChatThread, ChatThreadItem, EndUser
from ..models.fields import as_stored, dumps
from . import bulk, columns, emptied, pruned, reading
from .transactions import atomically, persistently


class _ThreadRow(NamedTuple):
    """A thread as its row's columns hold it."""

    id: str
    end_user_id: str
    title: str
    status: str
    payload: str
    created_at: datetime
    last_activity_at: datetime
    tie: int
    as_of: datetime
    gone_at: datetime | None = None


_THREADS = bulk.Table(
    model=ChatThread,
    columns=_ThreadRow._fields,
    updates=("end_user", "title", "status", "payload", "created_at", "tie", "as_of", "gone_at"),
)


class ItemRow(NamedTuple):
    """An item as its row's columns hold it."""

    id: str
    thread_id: str
    type: str
    position: int
    text: str
    settled: bool
    payload: str
    created_at: datetime
    gone_at: datetime | None = None


_NEW_ITEMS = bulk.Table(model=ChatThreadItem, columns=ItemRow._fields, updates=())
_ITEMS = replace(
    _NEW_ITEMS, updates=("type", "position", "text", "settled", "payload", "created_at", "gone_at")
)


class _Held(NamedTuple):
    """What we hold of a thread."""

    id: str
    end_user_id: str
    title: str
    status: str
    payload: str
    created_at: datetime
    tie: int
    as_of: datetime | None
    gone_at: datetime | None
    words_dropped_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A thread as a listing gave it, ready for its row; ``as_of`` where it counts as of a moment of its own."""

    id: str
    user: str | None
    payload: Mapping[str, Any]
    as_of: datetime | None = None


class Place(NamedTuple):
    """A thread's place in upstream's list: its second, and the number within it."""

    created_at: datetime
    tie: int


@dataclass(frozen=True, slots=True)
class Written:
    """Tell which threads a page brought, and the place that comes after its last."""

    new: set[str]
    changed: set[str]
    next_place: Place | None


def listed(payload: Mapping[str, Any], *, user: str | None = None, as_of: datetime | None = None) -> Listed:
    """Read a thread as a list or a look-up gave it; ``user`` is whose it is where upstream does not say.

    Raises:
        Unmirrorable: when it has no usable id or user.
    """
    whose = reading.user_of(payload) or user
    return Listed(reading.key(payload), whose, reading.without_items(payload), as_of)


def write_threads(
    threads: Sequence[Listed],
    *,
    as_of: datetime,
    using: str,
    above: Place | None = None,
    dry_run: bool = False,
) -> Written:
    """Bring rows of threads to what upstream said, in one transaction; with ``dry_run`` only tell what would be done.

    ``threads`` are in upstream's ``asc`` order, so that those of one second keep their order; those of the second in
    ``above`` are numbered from its place on. Those that retention left out stay out.
    """

    def outdated() -> tuple[list[_ThreadRow], dict[str, _Held], list[_ThreadRow]]:
        held = _held_threads(threads, using=using)
        present = {id for id, row in held.items() if row.gone_at is None}
        left_out = pruned.left_out({each.id for each in threads} - present, using=using)
        rows = _fresh([each for each in threads if each.id not in left_out], held, as_of, above)
        stale = [row for row in rows if _differs(row, held.get(row.id))]
        erased = pruned.erased([row.id for row in stale], using=using)
        return rows, held, [row for row in stale if row.id not in erased]

    def write() -> tuple[list[_ThreadRow], dict[str, _Held], list[_ThreadRow]]:
        lock_end_users(users, using=using)
        rows, held, stale = outdated()
        bulk.upsert(_THREADS, [row for row in stale if not _is_older(row, held.get(row.id))], using=using)
        for row in stale:
            if _is_older(row, held.get(row.id)):
                ChatThread.objects.using(using).filter(pk=row.id).update(tie=row.tie)
        return rows, held, stale

    rows, held, stale = outdated()
    if stale and not dry_run:
        users = {row.end_user_id for row in stale} | {row.end_user_id for row in held.values()}
        _keep_end_users(users, using=using)
        rows, held, stale = atomically(write, using=using)
    changed = {row.id for row in stale if row.id in held}
    return Written(
        new={row.id for row in stale} - changed,
        changed=changed,
        next_place=Place(rows[-1].created_at, rows[-1].tie + 1) if rows else above,
    )


def _held_threads(threads: Sequence[Listed], *, using: str) -> dict[str, _Held]:
    rows = ChatThread.objects.using(using).filter(pk__in=[each.id for each in threads])
    names = [as_stored(name) if name == "payload" else name for name in _Held._fields]
    return {row[0]: _Held(*row) for row in rows.values_list(*names)}


def _keep_end_users(users: set[str], *, using: str) -> None:
    """See to it that end users have rows. Outside the transaction: an insert that finds a row there locks it shared."""
    end_users = EndUser.objects.using(using)
    missing = users - set(end_users.filter(pk__in=users).values_list("pk", flat=True))
    rows = [EndUser(id=user) for user in sorted(missing)]
    persistently(lambda: end_users.bulk_create(rows, ignore_conflicts=True), using=using)


def lock_end_users(users: Collection[str], *, using: str) -> None:
    """Have every other writer of these end users' threads wait for the end of the transaction. Note [Locks]"""
    end_users = EndUser.objects.using(using).filter(pk__in=users).order_by("pk")
    if connections[using].features.has_select_for_update:
        list(end_users.select_for_update().values_list("pk", flat=True))
    else:  # SQLite locks the whole file, for the first that writes
        end_users.update(failures=F("failures"))


def _user_of(thread: Listed, held: _Held | None) -> str:
    return thread.user or (held.end_user_id if held else reading.UNKNOWN_USER)


def _fresh(
    threads: Sequence[Listed], held: Mapping[str, _Held], as_of: datetime, above: Place | None
) -> list[_ThreadRow]:
    rows = [_thread_row(each, held.get(each.id), each.as_of or as_of) for each in threads]
    return list(_with_ties(rows, above))


def _thread_row(thread: Listed, held: _Held | None, as_of: datetime) -> _ThreadRow:
    created_at = reading.moment(thread.payload, "created_at", held.created_at if held else as_of)
    title, payload = reading.word(thread.payload, "title"), dumps(thread.payload)
    if held and held.words_dropped_at is not None:
        title, payload = "", dumps(emptied.thread(thread.payload))
    return _ThreadRow(
        id=thread.id,
        end_user_id=_user_of(thread, held),
        title=title,
        status=reading.status_of(thread.payload),
        payload=payload,
        created_at=created_at,
        last_activity_at=created_at,
        tie=held.tie if held else 0,
        as_of=as_of,
    )


def _with_ties(rows: Sequence[_ThreadRow], above: Place | None) -> Iterator[_ThreadRow]:
    """Number the threads of one second upwards in upstream's order, moving as few as can be."""
    for second, same_second in groupby(rows, key=attrgetter("created_at")):
        least = above.tie if above and above.created_at == second else None
        for row in same_second:
            tie = row.tie if least is None else max(row.tie, least)
            yield row._replace(tie=tie)
            least = tie + 1


def _differs(row: _ThreadRow, held: _Held | None) -> bool:
    if held is None or held.tie != row.tie:
        return True
    known = (held.gone_at, held.end_user_id, held.status, held.created_at, held.payload)
    said = (None, row.end_user_id, row.status, row.created_at, row.payload)
    return not _is_older(row, held) and not (known == said and columns.holds(held.title, row.title))


def _is_older(row: _ThreadRow, held: _Held | None) -> bool:
    """Tell whether all but a row's place is too old to be written (Note [As of]): upstream's order never changes."""
    return held is not None and held.as_of is not None and held.as_of > row.as_of


def mark_gone(
    ids: Iterable[str],
    *,
    now: datetime,
    using: str,
    as_of: datetime | None = None,
    since: datetime | None = None,
) -> set[str]:
    """Mark threads, and the items in them, as gone upstream, and return the ids that were not marked before.

    With ``as_of``, the moment as of which they are gone, a thread stays about which, or about whose items, something
    newer is known; where it took from ``since`` until then to find out, one that was itself heard of meanwhile.
    """
    moment = as_of or now

    def mark(thread_id: str) -> bool:
        threads = ChatThread.objects.using(using).present().filter(pk=thread_id)
        if as_of is not None:
            threads = threads.filter(Q(as_of=None) | Q(as_of__lte=since or as_of))
            threads = threads.filter(Q(items_as_of=None) | Q(items_as_of__lte=as_of))
        items_as_of = Greatest(Coalesce("items_as_of", moment), moment)
        if not threads.update(gone_at=now, as_of=moment, items_as_of=items_as_of):
            return False
        ChatThreadItem.objects.using(using).of(thread_id).present().update(gone_at=now)
        signals.send_after_commit(signals.thread_gone, sender=ChatThread, using=using, thread_id=thread_id)
        return True

    return {each for each in sorted(ids) if atomically(partial(mark, each), using=using)}


def write_items(new: Sequence[ItemRow], changed: Sequence[ItemRow], *, using: str) -> None:
    """Write rows of items that we do not hold, and of those that we do.

    Raises:
        IntegrityError: when a new one is there: another thread holds it, and keeps it.
    """
    bulk.upsert(_NEW_ITEMS, new, using=using)
    bulk.upsert(_ITEMS, changed, using=using)
