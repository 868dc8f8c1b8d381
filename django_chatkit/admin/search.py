"""Finds threads and items by what was said in them, at once, however many there are.

Note [Common and rare]
Of a rare word the index tells all places: their ids are handed to the list's query. A common one has more places than
anybody reads: there the list is walked in its own order, and each row asked whether it says the word, until a page is
full. Both find the same. Left to choose, a database's planner walks a million rows to find the four of a rare word, or
sorts the half million of a common one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Left
from django.db.models.lookups import IsNull

from ..models import ChatThread, ChatThreadItem
from ..models.fields import unless_sealed
from . import fulltext
from .terms import Term

# Ids that are handed from one query to the next. A word with more places is common.
MOST_KNOWN = 5_000
# Items that are read where no index helps: the newest.
MOST_READ = 100_000
# Characters of an item in which its line is looked for. PostgreSQL's index has no more of it either.
LONGEST_TEXT = 100_000

_ALL = 2**31 - 1


@dataclass(slots=True, kw_only=True)
class Words:
    """What was said, as one database can be asked for it."""

    using: str
    most_known: int = MOST_KNOWN
    most_read: int = MOST_READ
    is_indexed: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_indexed = fulltext.is_indexed(using=self.using)

    def in_threads(self, term: Term) -> Q:
        """Return the condition that an item of a thread says a term."""
        known = self._known([term], "thread_id")
        if known is not None:
            return Q(pk__in=known)
        said = self._items().filter(self._walking([term]), thread=OuterRef("pk"))
        # One value for each row. `Exists` might be answered by reading all items first.
        return Q(IsNull(Subquery(said.order_by().values("position")[:1]), False))

    def in_items(self, terms: Sequence[Term]) -> Q:
        """Return the condition that an item says all the terms."""
        known = self._known(terms, "pk")
        return self._walking(terms) if known is None else Q(pk__in=known)

    def newest(self, threads: Sequence[str], terms: Sequence[Term]) -> dict[str, ChatThreadItem]:
        """Return of each thread the newest item that says all the terms, or else any of them.

        Each has ``words``, the beginning of its text. An item's own id counts as said by it.
        """
        some = reduce(or_, (self._walking([term]) for term in terms), Q(pk__in=[term.text for term in terms]))
        found: dict[str, ChatThreadItem] = {}
        for condition in (self._walking(terms), some) if len(terms) > 1 else (some,):
            left = [id for id in threads if id not in found]
            if left:
                found.update(self._newest(left, condition))
        return found

    def leaves_out(self, terms: Sequence[Term]) -> bool:
        """Tell whether the search for some terms left older items unread."""
        return bool(self._parted(terms)[1]) and self._since() is not None

    def _known(self, terms: Sequence[Term], column: str) -> list[str] | None:
        """Return the ids of the items that say all the terms, or of their threads; None where there are too many."""
        indexed, plain = self._parted(terms)
        rows = self._items()
        if indexed:
            # Of what is looked at once more, all must be brought.
            rows = rows.filter(fulltext.saying(indexed, most=_ALL if plain else self.most_known + 1))
            rows = rows.filter(*map(fulltext.saying_plainly, plain))
        else:
            rows = rows.filter(self._walking(plain))
        ids = list(rows.order_by().values_list(column, flat=True)[: self.most_known + 1])
        return list(dict.fromkeys(ids)) if len(ids) <= self.most_known else None

    def _walking(self, terms: Sequence[Term]) -> Q:
        indexed, plain = self._parted(terms)
        said = Q(*map(fulltext.saying_plainly, plain))
        if indexed:
            return said & Q(fulltext.saying(indexed))
        since = self._since()
        return said if since is None else said & Q(created_at__gt=since)

    def _parted(self, terms: Sequence[Term]) -> tuple[list[Term], list[Term]]:
        """Return the terms that the index knows, and the others."""
        return (
            [term for term in terms if self._has_index(term)],
            [term for term in terms if not self._has_index(term)],
        )

    def _newest(self, threads: Sequence[str], condition: Q) -> dict[str, ChatThreadItem]:
        said = self._items().filter(condition, thread=OuterRef("pk")).order_by("-position")
        of_threads = ChatThread.objects.using(self.using).filter(pk__in=threads).order_by()
        ids = of_threads.values_list(Subquery(said.values("pk")[:1]), flat=True)
        rows = self._items().filter(pk__in=[id for id in ids if id is not None])
        if unread := unless_sealed("text", "payload"):
            return {
                row.thread_id: row for row in rows.annotate(words=Left("text", LONGEST_TEXT)).defer(*unread)
            }
        shown = list(rows)
        for row in shown:
            row.words = row.text[:LONGEST_TEXT]
        return {row.thread_id: row for row in shown}

    def _has_index(self, term: Term) -> bool:
        return self.is_indexed and bool(term.words)

    def _since(self) -> datetime | None:
        """Return the moment up to which items stay unread where no index helps; None where all are read."""
        moments = self._items().order_by("-created_at").values_list("created_at", flat=True)
        moment: datetime | None = moments[self.most_read : self.most_read + 1].first()
        return moment

    def _items(self) -> Any:
        return ChatThreadItem.objects.using(self.using)
