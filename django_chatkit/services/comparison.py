"""Upstream's ordered list compared with what we hold of it, page by page: threads and items alike.

Our side is a `Side`: the mirror's rows (`sides`), or anything else that keeps such a list in order. Memory holds one
page, and the ids of what is out of place, up to a bound.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple, Protocol

from ..client.redaction import Withheld
from ..models.fields import dumps
from . import columns, emptied
from .columns import Columns
from .differences import Difference, Noun, What, differing_keys

# How many ids that wait for their explanation are remembered; who is further astray than this is told twice.
REMEMBERED = 1000

# Where something stands in our order. Only its side knows how to compare places.
Place = Any

# Objects by id, in upstream's order.
Payloads = Mapping[str, Mapping[str, Any]]


class Held(NamedTuple):
    """What we hold of a thread or an item."""

    id: str
    place: Place
    is_gone: bool
    # Whether it stands in our order after the place that was asked about.
    is_ahead: bool
    stored: str
    # Of a thread: whose it is here.
    end_user: str | None = None
    # Whether retention dropped its words: only what else upstream says is compared.
    is_emptied: bool = False
    # What the columns beside the payload hold, where there are any.
    columns: Columns | None = None


class Run(NamedTuple):
    """Things in a row on our side: their ids, or the first one only where they are too many."""

    ids: list[str]
    length: int


class Side(Protocol):
    """Our side of a list. What is gone has no place in the order, but can be found."""

    @property
    def noun(self) -> Noun:
        """Say what the list is of."""

    @property
    def thread_id(self) -> str | None:
        """Return whose items these are; None for a list of threads."""

    @property
    def user(self) -> str | None:
        """Return whose threads these are; None where they may be anybody's."""

    def after(self, place: Place, *, limit: int) -> list[Held]:
        """Return what comes after a place, in order; None is the place before all."""

    def find(self, ids: Collection[str], place: Place) -> list[Held]:
        """Return those of the ids that we hold, gone ones too, in order."""

    def between(self, place: Place, last: Place, *, without: Collection[str], limit: int) -> Run:
        """Return what comes after a place, as far as ``last`` or, with None, to the end."""


@dataclass(slots=True, kw_only=True)
class Look:
    """What one look at a page found."""

    ids: Sequence[str]
    # How far in our order the page reaches, and those of it that stand there in order, after another place.
    place: Place
    in_order: Sequence[str]
    since: Place
    differences: list[Difference]
    # Ids at the page's end that are newer than all that we hold.
    newer: frozenset[str] = frozenset()

    @property
    def both(self) -> list[str]:
        """Return the ids that both sides have."""
        one_sided = {each.id for each in self.differences if each.what in (What.MISSING, What.GONE_HERE)}
        return [id for id in self.ids if id not in one_sided]

    def confirmed_by(self, other: "Look") -> "Look":
        """Return this look with those of its differences only that the other found too."""
        confirmed = set(other.differences)
        self.differences = [each for each in self.differences if each in confirmed]
        return self


@dataclass(slots=True, kw_only=True)
class Comparison:
    """One list of upstream's beside ours, from the oldest on. `look` at each page, `accept` it, at last `end`."""

    side: Side
    tell: Callable[[Difference], None]
    place: Place = None
    # Items that upstream has after all that we hold.
    behind: int = 0
    # The last page, as far as it stands in order, and where that begins: what follows may show that it does not.
    _in_order: Sequence[str] = ()
    _since: Place = None
    # What we hold and did not meet yet where we expected it.
    _pending: dict[str, Difference] = field(default_factory=dict)
    # What we met out of its place.
    _astray: set[str] = field(default_factory=set)
    # What was told last: a page may be accepted anew after a step back.
    _told: list[Difference] = field(default_factory=list)

    def start(self, place: Place, *, behind: int = 0) -> None:
        """Go on from a place, or back to it."""
        self.place = self._since = place
        self.behind, self._in_order = behind, ()

    def look(self, payloads: Payloads, *, is_last: bool) -> Look:
        """Compare a page that follows those accepted; ``is_last`` says that nothing comes after it upstream."""
        rows = self.side.after(self.place, limit=len(payloads) + 1)
        page, rest = rows[: len(payloads)], rows[len(payloads) :]
        if [row.id for row in page] != list(payloads) or (is_last and rest):
            return self._look_closely(payloads, is_last=is_last)
        pairs = zip(page, payloads.values(), strict=True)
        return Look(
            ids=list(payloads),
            place=page[-1].place if page else self.place,
            in_order=list(payloads),
            since=self.place,
            differences=[found for row, payload in pairs for found in self._payload(row, payload)],
        )

    def look_alone(self, id: str, payload: Mapping[str, Any]) -> Look:
        """Compare one object wherever it stands."""
        found = {row.id: row for row in self.side.find([id], None)}
        differences = list(self._each({id: payload}, found, in_order={id}))
        return Look(ids=[id], place=None, in_order=(), since=None, differences=differences)

    def accept(self, look: Look) -> None:
        """Tell what a look found, and go on behind its page."""
        self.place, self._in_order, self._since = look.place, look.in_order, look.since
        for id in look.ids:
            self._pending.pop(id, None)
        for each in look.differences:
            if each.id in look.newer and each.what is What.MISSING:
                self.behind += 1
            elif each.what is What.NOT_UPSTREAM and each.count == 1:
                self._pending[each.id] = each
            elif each not in self._told:
                self.tell(each)
            if each.what is What.ORDER and len(self._astray) < REMEMBERED:
                self._astray.add(each.id)
        self._told = look.differences
        if len(self._pending) > REMEMBERED:
            self._tell_pending()

    def end(self) -> None:
        """Tell what only the whole list shows."""
        self._tell_pending()
        if self.behind and self.side.thread_id:
            id = self.side.thread_id
            self.tell(Difference(noun="thread", id=id, thread_id=id, what=What.BEHIND, count=self.behind))

    def differs(self, look: Look) -> bool:
        """Tell whether a look found anything but more of what we are known to be behind by."""
        return any(not self.behind or each.id not in look.newer for each in look.differences)

    def _look_closely(self, payloads: Payloads, *, is_last: bool) -> Look:
        """Compare a page that is not, id by id, what comes next on our side."""
        window = [*self._in_order, *payloads]
        found = {row.id: row for row in self.side.find(window, self._since)}
        in_order = rising(window, [id for id, row in found.items() if row.is_ahead])
        before, within = _parted(in_order, payloads)
        since = found[before[-1]].place if before else self._since
        place = found[in_order[-1]].place if in_order else since
        return Look(
            ids=list(payloads),
            place=place,
            in_order=within or before,
            since=since if within else self._since,
            differences=[
                *self._moved(found, before),
                *self._each(payloads, found, in_order=set(within)),
                *(
                    self._surplus(since, None if is_last else place, met=window)
                    if is_last or in_order
                    else ()
                ),
            ],
            newer=self._newer(payloads, found, place),
        )

    def _moved(self, found: Mapping[str, Held], in_order: Collection[str]) -> Iterable[Difference]:
        """Tell who of the page before stands too far on, as this page shows."""
        for id in self._in_order:
            if id not in in_order and id in found and not found[id].is_gone:
                yield self._difference(id, What.ORDER)

    def _each(
        self, payloads: Payloads, found: Mapping[str, Held], *, in_order: Collection[str]
    ) -> Iterable[Difference]:
        for id, payload in payloads.items():
            row = found.get(id)
            if row is None:
                yield self._difference(id, What.MISSING)
            elif row.is_gone:
                yield self._difference(id, What.GONE_HERE)
            else:
                yield from self._payload(row, payload)
                if id not in in_order and self._is_ours(row):
                    yield self._difference(id, What.ORDER)

    def _payload(self, row: Held, payload: Mapping[str, Any]) -> Iterable[Difference]:
        if isinstance(payload, Withheld):  # a failure says so; of what it holds nothing is known
            return
        if row.is_emptied:
            payload = emptied.thread(payload) if self.side.noun == "thread" else emptied.item(payload)
        said = dumps(payload)
        keys = () if row.stored == said else differing_keys(payload, row.stored)
        user = payload.get("user") or self.side.user
        if row.end_user is not None and user and user != row.end_user:
            keys = tuple(sorted({*keys, "user"}))
        if keys or row.stored != said:
            yield self._difference(row.id, What.PAYLOAD, keys=keys)
        elif row.columns is not None:
            of = columns.of_thread if self.side.noun == "thread" else columns.of_item
            astray = columns.differing(row.columns, of(payload, is_emptied=row.is_emptied))
            if astray:
                yield self._difference(row.id, What.COLUMNS, keys=astray)

    def _is_ours(self, row: Held) -> bool:
        """Tell whether a row belongs into our list at all: a thread may stand under another end user."""
        return self.side.user is None or self.side.user == row.end_user

    def _surplus(self, since: Place, last: Place, *, met: Collection[str]) -> list[Difference]:
        """Return what stands on our side as far as the page reaches, and did not come."""
        run = self.side.between(since, last, without={*met, *self._astray}, limit=REMEMBERED)
        count = 1 if len(run.ids) == run.length else run.length
        return [self._difference(id, What.NOT_UPSTREAM, count=count) for id in run.ids]

    def _newer(self, payloads: Payloads, found: Mapping[str, Held], place: Place) -> frozenset[str]:
        newer = frozenset(takewhile(lambda id: id not in found, reversed(list(payloads))))
        if not newer or self.side.thread_id is None or self.side.after(place, limit=1):
            return frozenset()
        return newer

    def _tell_pending(self) -> None:
        # Another process may have marked them as gone meanwhile.
        pending, self._pending = self._pending, {}
        for row in self.side.find(pending, None) if pending else ():
            if not row.is_gone:
                self.tell(pending[row.id])

    def _difference(self, id: str, what: What, **details: Any) -> Difference:
        return Difference(
            noun=self.side.noun, id=id, thread_id=self.side.thread_id or id, what=what, **details
        )


def _parted(ids: Iterable[str], payloads: Payloads) -> tuple[list[str], list[str]]:
    """Part ids into those of the page before and those of this one."""
    ids = list(ids)
    return [id for id in ids if id not in payloads], [id for id in ids if id in payloads]


def rising(theirs: Iterable[str], ours: Sequence[str]) -> list[str]:
    """Return the most ids that stand in the same order on both sides; whoever is not among them is out of place."""
    rank = {id: number for number, id in enumerate(ours)}
    # For each length, the lowest end of a chain that long, and before each id the one that it continues.
    ends: list[int] = []
    before: dict[str, str | None] = {}
    for id in theirs:
        if id not in rank:
            continue
        length = bisect_left(ends, rank[id])
        before[id] = ours[ends[length - 1]] if length else None
        ends[length : length + 1] = [rank[id]]
    chain: list[str] = []
    id_or_none = ours[ends[-1]] if ends else None
    while id_or_none is not None:
        chain.append(id_or_none)
        id_or_none = before[id_or_none]
    return chain[::-1]
