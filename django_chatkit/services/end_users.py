"""End users: kept, made due, leased."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest, Least

from ..models import ChatThread, EndUser
from . import leases, reading
from .reports import describe
from .transactions import persistently

LONGEST_DELAY = timedelta(hours=1)
# How many due end users are read at once: a pass over very many holds few of them in memory.
BLOCK = 20


def opened(*, user: str, owner: Any, expires_at: datetime, due_at: datetime, using: str = "default") -> None:
    """Note that a session was opened for an end user: it is live until the session ends, and due by then."""
    end_users = EndUser.objects.using(using)
    known = {} if owner is None else {"owner": owner}

    def write() -> None:
        end_users.bulk_create([EndUser(id=user)], ignore_conflicts=True)
        end_users.filter(pk=user).update(
            live_until=Greatest(Coalesce("live_until", expires_at), expires_at),
            due_at=Least(Coalesce("due_at", due_at), due_at),
            **known,
        )

    persistently(write, using=using)


def make_due(*, now: datetime, user: str, using: str = "default") -> bool:
    """Make a live end user due at once, and tell whether there was one."""
    live = EndUser.objects.using(using).live(now=now).filter(pk=user)
    return bool(persistently(lambda: live.update(due_at=now), using=using))


def hasten(*, thread_id: str, now: datetime, using: str = "default") -> None:
    """Make the end user of a thread that we hold due at once."""
    owner = ChatThread.objects.using(using).filter(pk=thread_id).values("end_user_id")
    late = EndUser.objects.using(using).filter(Q(due_at=None) | Q(due_at__gt=now), pk__in=owner)
    named = late.exclude(pk=reading.UNKNOWN_USER)
    persistently(lambda: named.update(due_at=now), using=using)


def delay(failures: int, *, first: timedelta) -> timedelta:
    """Return how long to leave alone what has failed so many times in a row: doubled each time, an hour at most."""
    return min(first * (1 << min(failures, 20)), LONGEST_DELAY)


def put_back(*, user: str, error: Exception, now: datetime, first: timedelta, using: str = "default") -> None:
    """Make an end user due again whose threads could not all be read, later each time.

    One who is due anyway, as everybody live is, keeps that moment. Nobody can look at those whom upstream did not name:
    they wait for the next reconcile.
    """
    row = EndUser.objects.using(using).filter(pk=user)
    failures = row.values_list("failures", flat=True).first() or 0
    due = {} if user == reading.UNKNOWN_USER else {"due_at": now + delay(failures, first=first)}
    words = describe(error)

    def write() -> int:
        late = row.filter(due_at=None).update(failures=F("failures") + 1, last_error=words, **due)
        return late or row.update(last_error=words)

    persistently(write, using=using)


def heal(*, user: str, error: Exception | None = None, using: str = "default") -> None:
    """Forget what went wrong, now that all threads of an end user were read; all but those that can be no row."""
    well = _well(error)
    ailing = EndUser.objects.using(using).filter(pk=user).exclude(**well)
    persistently(lambda: ailing.update(**well), using=using)


def _well(error: Exception | None) -> dict[str, Any]:
    """Return what a look that came through leaves; an ``error`` that no repetition mends is shown, and delays nothing."""
    return {"failures": 0, "last_error": "" if error is None else describe(error)}


@dataclass(slots=True, kw_only=True, eq=False)
class Lease(leases.Lease):
    """The right to sync one end user until a moment."""

    live_until: datetime | None = None

    def settle(self, *, looked_at: datetime, due_at: datetime | None, error: Exception | None = None) -> None:
        """Give the lease back after a look, with the moment of the next one, or None for no next one.

        An ``error`` that no repetition mends is shown, and delays nothing.
        A session that was opened meanwhile has set that moment, and it stands.
        """
        fresh = {"looked_at": looked_at, **_well(error)}
        unmoved = self.mine().filter(live_until=self.live_until)
        self._end(lambda: unmoved.update(leased_until=None, due_at=due_at, **fresh) or self._give_back(fresh))

    def fail(self, error: Exception, *, now: datetime, first: timedelta) -> None:
        """Give the lease back after a failed look: the end user is due again, later each time."""
        failures = self.mine().values_list("failures", flat=True).first() or 0
        late = {"due_at": now + delay(failures, first=first), "failures": F("failures") + 1}
        self._end(lambda: self._give_back({**late, "last_error": describe(error)}))

    def _give_back(self, values: dict[str, Any]) -> int:
        changed: int = self.mine().update(leased_until=None, **values)
        return changed

    def _end(self, change: Callable[[], int]) -> None:
        persistently(change, using=self.rows.db)
        self.is_ours = False


def lease_due(
    *, clock: Any, limit: int, longest: timedelta | None = None, using: str = "default"
) -> Iterator[Lease]:
    """Lease due end users one by one, the longest due first, each when it is asked for.

    After ``longest`` none is leased any more. Passes that run at once share what is due: who finds that another was
    first reads anew who is left behind there.
    """
    began = clock()
    due = EndUser.objects.using(using).due(now=began).order_by("due_at", "pk")
    behind, leased = Q(), 0
    while leased < limit:
        block = list(due.filter(behind).unleased(now=clock()).values_list("due_at", "pk")[:BLOCK])
        if not block:
            return
        for due_at, user in block[: limit - leased]:
            if longest is not None and clock() - began >= longest:
                return
            behind = Q(due_at__gt=due_at) | Q(due_at=due_at, pk__gt=user)
            lease = take(user=user, now=clock(), using=using)
            if lease is None:
                break
            leased += 1
            yield lease


def take(*, user: str, now: datetime, using: str = "default") -> Lease | None:
    """Lease one due end user, or return None when another was first."""
    lease = Lease.take(EndUser.objects.using(using).due(now=now), user, now=now)
    if lease is not None:
        lease.live_until = lease.mine().values_list("live_until", flat=True).first()
    return lease
