"""The mirror's side of a comparison: its threads, and the items of one thread, read in pages by key."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q, Value

from ..models import ChatThread, ChatThreadItem
from ..models.fields import as_stored
from .comparison import Held, Place, Run, rising
from .differences import Noun

# The columns that are read from the payload beside them.
_OF_ITEM = ("type", "text", "settled", "created_at")
_OF_THREAD = ("title", "status")


class _MirrorSide(ABC):
    """Read rows in order. Who inherits says which rows and in which order."""

    def after(self, place: Place, *, limit: int) -> list[Held]:
        """Return what comes after a place, in order; None is the place before all."""
        columns = self._columns(is_ahead=Value(value=True))
        return [self._held(row) for row in self._present(after=place).values_list(*columns)[:limit]]

    def find(self, ids: Collection[str], place: Place) -> list[Held]:
        """Return those of the ids that we hold, gone ones too, in order."""
        is_ahead = self._belongs() & Q(gone_at=None) & self._is_after(place)
        columns = self._columns(is_ahead=ExpressionWrapper(is_ahead, BooleanField()))
        return [self._held(row) for row in self._rows().filter(pk__in=ids).values_list(*columns)]

    def between(self, place: Place, last: Place, *, without: Collection[str], limit: int) -> Run:
        """Return what comes after a place, as far as ``last`` or, with None, to the end."""
        rows = self._present(after=place).exclude(pk__in=without)
        if last is not None:
            rows = rows.filter(self._is_up_to(last))
        ids = list(rows.values_list("pk", flat=True)[: limit + 1])
        return Run(ids, len(ids)) if len(ids) <= limit else Run(ids[:1], rows.count())

    def _present(self, *, after: Place) -> Any:
        return self._rows().present().filter(self._belongs() & self._is_after(after))

    @abstractmethod
    def _rows(self) -> Any:
        """Return all rows that may be asked about, in order."""

    @abstractmethod
    def _belongs(self) -> Q:
        """Keep the rows of this list."""

    @abstractmethod
    def _is_after(self, place: Place) -> Q:
        """Keep what comes after a place."""

    @abstractmethod
    def _is_up_to(self, place: Place) -> Q:
        """Keep what does not come after a place."""

    @abstractmethod
    def _columns(self, *, is_ahead: Any) -> list[Any]:
        """Name what is read of a row."""

    @abstractmethod
    def _held(self, row: Any) -> Held:
        """Make of a row what the comparison asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSide(_MirrorSide):
    """The items of one thread. An item's place is its position."""

    thread_id: str
    using: str
    noun: Noun = "item"
    user: None = None

    def _rows(self) -> Any:
        return ChatThreadItem.objects.using(self.using).of(self.thread_id).order_by("position")

    def _belongs(self) -> Q:
        return Q()

    def _is_after(self, place: Place) -> Q:
        return Q() if place is None else Q(position__gt=place)

    def _is_up_to(self, place: Place) -> Q:
        return Q(position__lte=place)

    def _columns(self, *, is_ahead: Any) -> list[Any]:
        names = ("words_dropped_at", *_OF_ITEM)
        return ["pk", "position", "gone_at", is_ahead, as_stored("payload"), *names]

    def _held(self, row: Any) -> Held:
        id, place, gone_at, is_ahead, stored, dropped_at, *columns = row
        is_gone, is_emptied = gone_at is not None, dropped_at is not None
        held = dict(zip(_OF_ITEM, columns, strict=True))
        return Held(id, place, is_gone, bool(is_ahead), stored, is_emptied=is_emptied, columns=held)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSide(_MirrorSide):
    """The threads of one end user, or of all. A thread's place is what the mirror lists it by."""

    using: str
    user: str | None = None
    noun: Noun = "thread"
    thread_id: None = None

    def place_before(self, ids: Collection[str]) -> Place:
        """Return the place before the first of these that stands in order; where none does, that of the last row."""
        places = {row.id: row.place for row in self.find(ids, None) if row.is_ahead}
        in_order = rising(ids, list(places))
        rows = self._present(after=None)
        if in_order:
            rows = rows.filter(self._is_up_to(places[in_order[0]])).exclude(pk=in_order[0])
        return rows.reverse().values_list("created_at", "tie", "pk").first()

    def _rows(self) -> Any:
        return ChatThread.objects.using(self.using).oldest_first()

    def _belongs(self) -> Q:
        return Q() if self.user is None else Q(end_user=self.user)

    def _is_after(self, place: Place) -> Q:
        if place is None:
            return Q()
        second, tie, id = place
        later = Q(created_at__gt=second) | Q(tie__gt=tie) | Q(tie=tie, pk__gt=id)
        return Q(created_at__gte=second) & later

    def _is_up_to(self, place: Place) -> Q:
        second, tie, id = place
        earlier = Q(created_at__lt=second) | Q(tie__lt=tie) | Q(tie=tie, pk__lte=id)
        return Q(created_at__lte=second) & earlier

    def _columns(self, *, is_ahead: Any) -> list[Any]:
        names = ("end_user_id", "words_dropped_at", *_OF_THREAD)
        return ["created_at", "tie", "pk", "gone_at", is_ahead, as_stored("payload"), *names]

    def _held(self, row: Any) -> Held:
        second, tie, id, gone_at, is_ahead, stored, end_user, dropped_at, *columns = row
        place, is_gone, is_emptied = (second, tie, id), gone_at is not None, dropped_at is not None
        held = {"created_at": second, **dict(zip(_OF_THREAD, columns, strict=True))}
        return Held(id, place, is_gone, bool(is_ahead), stored, end_user, is_emptied, held)
