"""Leases: the right to work on one row alone, until a moment.

The moment stands in the row (``leased_until``), and its exact value is what tells a lease from anybody else's. A
living run moves it on; one left by a dead process ends by itself.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.db.models import Q

from .transactions import persistently

# A lease left by a dead process ends after this; a living one is renewed when half of it is over.
TERM = timedelta(seconds=30)


@dataclass(slots=True, kw_only=True, eq=False)
class Lease:
    """The right to work on one row alone until a moment."""

    # The row's table, on its database.
    rows: Any
    id: str
    until: datetime
    is_ours: bool = True

    @classmethod
    def take(cls, rows: Any, id: str, *, now: datetime, **known: Any) -> Self | None:
        """Lease one of ``rows``, or return None when it is not among them or another was first."""
        until = now + TERM
        free = rows.filter(Q(leased_until=None) | Q(leased_until__lte=now), pk=id)
        if not persistently(lambda: free.update(leased_until=until), using=rows.db):
            return None
        return cls(rows=rows.model._default_manager.using(rows.db), id=id, until=until, **known)

    def renew(self, *, now: datetime) -> bool:
        """Move the end once half of the term is over, and tell whether the lease is still ours."""
        if self.is_ours and self.until - now <= TERM / 2:
            until = now + TERM
            self.is_ours = self._change(leased_until=until)
            self.until = until
        return self.is_ours

    def release(self) -> None:
        """Give the lease back as if it had never been taken."""
        if self.is_ours:
            self.is_ours = False
            self._change(leased_until=None)

    def mine(self) -> Any:
        """Return the row while the lease is ours, else nothing."""
        return self.rows.filter(pk=self.id, leased_until=self.until)

    def _change(self, **values: Any) -> bool:
        mine = self.mine()
        return bool(persistently(lambda: mine.update(**values), using=self.rows.db))


def renew_all(leases: Collection[Lease], *, now: datetime) -> None:
    """Move the end of each lease whose term is half over."""
    for lease in list(leases):
        lease.renew(now=now)
