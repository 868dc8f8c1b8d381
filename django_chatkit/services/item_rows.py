"""The rows of one thread's items: what we hold, what a page changes about it, and the writing of that."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError
from django.db.models import F, Max, Min, Q, QuerySet

from .. import signals
from ..models import ChatThread, ChatThreadItem
from ..models.fields import as_stored
from . import mirror
from .claims import claim
from .item_pages import ItemPage, Items
from .item_plan import Plan
from .item_progress import AN_INSTANT, Held, Progress, Youth, with_progress
from .leases import Lease
from .paging import Contradiction
from .reports import SyncReport
from .rooms import rooms
from .transactions import atomically

# How many ids stand in one statement: databases take no more than some thousands.
_AT_ONCE = 500
_NO_POSITION_YET = 2**62
_STANDS_ELSEWHERE = "an item of the thread stands in another thread"


class Overtaken(Exception):
    """Somebody wrote knowledge of this thread's items meanwhile that is not older. Note [As of] in mirror."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRows:
    """The rows of one thread's items. Every write raises `Overtaken` where newer knowledge stands.

    An item that stands in another thread stays as it is there, and is a `Contradiction` here.

    With a ``lease`` of the thread each write needs it to be ours still, and the last one gives it back.

    With ``read_at`` all writes belong to one reading, of a file, that was made then: until the last of them the thread's
    items are known as of an instant before only, so that whoever comes after a kill may write them all again.
    """

    thread_id: str
    using: str
    report: SyncReport
    youth: Youth = field(default_factory=Youth)
    lease: Lease | None = None
    read_at: datetime | None = None

    def progress(self, *, unsettled_since: datetime | None) -> Progress | None:
        """Return how far the thread is copied, or None when we hold no such thread.

        An item that is older than ``unsettled_since`` counts as settled.
        """
        row = with_progress(unsettled_since).using(self.using).filter(pk=self.thread_id).first()
        return None if row is None else Progress(*row)

    def are_newest(self, page: ItemPage, progress: Progress) -> bool:
        """Tell whether the newest items that we hold are those of a page, on solid ground: nothing changed, then.

        What the page lacks or has anew, in another place or otherwise, would stand among them.
        """
        rows = self._items().present().order_by("-position")[: len(page.items) + 1]
        newest = _held(rows, thread_id=self.thread_id)
        if page.more:
            is_enough = any(progress.is_ground(newest.get(id)) for id in page.items)
        else:
            is_enough = len(newest) == len(page.items)
        known = list(newest)[: len(page.items)]
        is_same = (
            is_enough
            and self.youth.stands is None
            and known == list(page.items)
            and all(newest[id].is_as(item) for id, item in page.items.items())
        )
        if is_same:
            self.report.items_unchanged += len(page.items)
        return is_same

    def held(self, ids: Collection[str]) -> dict[str, Held]:
        """Return what we hold of these items, by id."""
        rows = ChatThreadItem.objects.using(self.using).filter(pk__in=ids)
        return _held(rows, thread_id=self.thread_id)

    def last(self, *, below: int | None) -> tuple[str, int] | None:
        """Return id and position of the newest item that we hold as present, below a position if one is given."""
        rows = self._items().present().order_by("-position")
        if below is not None:
            rows = rows.filter(position__lt=below)
        last: tuple[str, int] | None = rows.values_list("pk", "position").first()
        return last

    def calls(self, *, below: int, since: datetime | None) -> list[int]:
        """Return the positions of the items in progress below a position, with ``since`` of those not older."""
        rows = self._items().present().filter(settled=False, position__lt=below)
        if since is not None:
            rows = rows.filter(created_at__gt=since)
        return list(rows.order_by("position").values_list("position", flat=True))

    def first(self) -> str | None:
        """Return the id of the oldest item that we hold as present."""
        first: str | None = self._items().present().order_by("position").values_list("pk", flat=True).first()
        return first

    def position(self, id: str) -> int | None:
        """Return the position of an item that we hold."""
        position: int | None = self._items().filter(pk=id).values_list("position", flat=True).first()
        return position

    def write(
        self,
        items: Items,
        *,
        as_of: datetime,
        asked_at: datetime,
        complete: bool,
        above: int | None,
        held: dict[str, Held] | None = None,
        free: int | None = None,
    ) -> int:
        """Write a contiguous run of items, and with it how far the copy is; return the position of its last.

        ``complete`` says that the run reaches the newest item. ``above`` is the position that the run begins above:
        what we hold there and the run lacks is gone, unless it may come after the run, and where nothing differs nothing
        is written, save that a copy is complete or that other items are young. Without it we hold nothing there, as in a
        first copy. ``asked_at`` is the clock's moment of the request. ``held`` spares a look at what is known already,
        and so does ``free``: the lowest free position, where we hold none of the items.
        """
        plan_for = partial(self._plan, items, as_of=as_of, asked_at=asked_at, complete=complete, above=above)

        def write() -> Plan:
            self._claim(items, as_of=as_of, complete=complete)
            found = self.held(items) if free is None else {}
            plan = plan_for(found, free=self._free() if free is None else free)
            self._apply(plan, as_of=as_of, young_from=self.youth.after(plan.young, complete=complete))
            return plan

        if above is not None:
            plan = plan_for(self.held(items) if held is None else held, free=_NO_POSITION_YET)
        is_last_of_copy = complete and self.lease is not None
        if (
            above is None
            or is_last_of_copy
            or not plan.is_empty
            or self.youth.after(plan.young, complete=complete) != self.youth.stands
        ):
            try:
                plan = atomically(write, using=self.using)
            except (
                IntegrityError
            ) as error:  # nobody else writes in this thread now, so what was there is not of it
                raise Contradiction(_STANDS_ELSEWHERE) from error
            if self.lease is not None and complete:
                self.lease.is_ours = False
        self._count(plan)
        return plan.last

    def _plan(
        self,
        items: Items,
        held: dict[str, Held],
        *,
        as_of: datetime,
        asked_at: datetime,
        complete: bool,
        above: int | None,
        free: int,
    ) -> Plan:
        plan = Plan(last=-1 if above is None else above)
        room = {} if above is None else self._room(items, held, above=above)
        plan.place(
            items, held, thread_id=self.thread_id, as_of=as_of, asked_at=asked_at, room=room, free=free
        )
        if above is not None:
            others = self._items().present().filter(position__gt=above).exclude(pk__in=items)
            is_missing = Q() if complete else _is_passed(items, held, as_of=as_of)
            plan.gone = list(others.filter(is_missing).values_list("pk", flat=True))
            if not complete and free <= plan.last < _NO_POSITION_YET:
                plan.follow(others.exclude(is_missing).aggregate(lowest=Min("position"))["lowest"])
        return plan

    def _room(self, items: Items, held: dict[str, Held], *, above: int) -> dict[str, int]:
        room = rooms(items, {id: each.position for id, each in held.items()}, above=above)
        is_taken = room and self._items().filter(position__in=room.values()).exists()
        return {} if is_taken else room

    def _claim(self, items: Items, *, as_of: datetime, complete: bool) -> None:
        is_between = self.read_at is not None and not complete
        moments: dict[str, datetime | None] = {"items_as_of": as_of - AN_INSTANT if is_between else as_of}
        if complete:
            moments["synced_at"] = self.read_at or as_of
        if items:
            moments["last_activity_at"] = items[next(reversed(items))].created_at or as_of
        if self.lease is not None and complete:
            moments["leased_until"] = None
        until = None if self.lease is None else self.lease.until
        if not claim(self.thread_id, moments, as_of=as_of, leased_until=until, using=self.using):
            raise Overtaken

    def _apply(self, plan: Plan, *, as_of: datetime, young_from: int | None) -> None:
        if young_from != self.youth.stands:
            ChatThread.objects.using(self.using).filter(pk=self.thread_id).update(young_from=young_from)
        if plan.followers is not None:
            first, way = plan.followers
            self._items().present().filter(position__gte=first).update(position=F("position") + way)
        mirror.write_items(plan.created, plan.changed, using=self.using)
        for start in range(0, len(plan.gone), _AT_ONCE):
            self._items().filter(pk__in=plan.gone[start : start + _AT_ONCE]).update(gone_at=as_of)
        if not plan.is_empty:
            signals.send_after_commit(
                signals.thread_synced,
                sender=ChatThread,
                using=self.using,
                thread_id=self.thread_id,
                created=[row.id for row in plan.created],
                changed=[row.id for row in plan.changed],
                gone=plan.gone,
            )

    def _count(self, plan: Plan) -> None:
        self.report.items_new += len(plan.created)
        self.report.items_changed += len(plan.changed)
        self.report.items_gone += len(plan.gone)
        self.report.items_unchanged += plan.unchanged

    def _items(self) -> Any:
        return ChatThreadItem.objects.using(self.using).of(self.thread_id)

    def _free(self) -> int:
        """Return the lowest position above all, gone items included."""
        highest: int | None = self._items().aggregate(highest=Max("position"))["highest"]
        return 0 if highest is None else highest + 1


def _is_passed(items: Items, held: dict[str, Held], *, as_of: datetime) -> Q:
    """Keep what would stand in a run, and not after it, if upstream still had it.

    What was known keeps its order; what is new comes after all that is older.
    """
    present = {id: each.position for id, each in held.items() if each.gone_at is None}
    is_passed = Q(position__lt=max(present.values(), default=0))
    end = next(reversed(items))
    return is_passed if end in present else is_passed | Q(created_at__lt=items[end].created_at or as_of)


def _held(rows: QuerySet[ChatThreadItem], *, thread_id: str) -> dict[str, Held]:
    names = ("position", "gone_at", "words_dropped_at", "type", "text", "settled", "created_at")
    held = {}
    for home, id, *values in rows.values_list("thread_id", "pk", *names, as_stored("payload")):
        if home != thread_id:
            raise Contradiction(_STANDS_ELSEWHERE)
        held[id] = Held(*values)
    return held
