"""Erasures asked for and surveyed: what would go, and the row that outlives what went."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..client import ChatKit
from ..models import ChatThread, EndUser, Erasure
from ..models.fields import storable
from . import holds, people, reading
from .paging import PAGE, Contradiction, has_more
from .reading import Unmirrorable
from .reports import Failure
from .transactions import atomically


def ask(
    *,
    user: str,
    by: Any = None,
    as_: str = "",
    now: datetime,
    waits_for_hold: bool = False,
    using: str = "default",
) -> Erasure:
    """Note that an end user is to be erased, and return the row; one that is under way already is that one.

    With ``waits_for_hold`` one who is held is noted all the same: it begins when the hold is lifted.

    Raises:
        Held: nothing was noted.
    """

    def write() -> Erasure:
        EndUser.objects.using(using).bulk_create([EndUser(id=user)], ignore_conflicts=True)
        holds.lock(user, using=using)
        if not waits_for_hold:
            holds.check(user, using=using)
        row, _created = Erasure.objects.using(using).get_or_create(
            pending_for=user,
            defaults={
                "end_user": user,
                "asked_by": by,
                "asked_as": storable(as_)[: holds.LONGEST_NAME],
                "asked_at": now,
            },
        )
        return row

    return atomically(write, using=using)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """Name one thread that would go, from where, and with how many items of ours."""

    id: str
    is_upstream: bool
    is_here: bool
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Tell exactly what an erasure would delete, on both sides."""

    facts: people.Facts
    threads: tuple[Doomed, ...]
    # Threads that upstream lists in a way that they can't be erased by: an erasure names them, and is not done.
    unfit: tuple[Failure, ...] = ()
    # Upstream was not asked.
    here_only: bool = False

    @property
    def is_known(self) -> bool:
        """Tell whether either side has anything of the end user."""
        return self.facts.is_known or bool(self.threads or self.unfit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of upstream's list: the threads on it, those that can't be erased, and where it goes on, if it does."""

    ids: list[str]
    unfit: list[tuple[str, Unmirrorable]]
    # The cursor to the next; None on the last.
    after: str | None


def survey(*, client: ChatKit | None, user: str, now: datetime, using: str = "default") -> Survey:
    """Look at what an erasure would delete: upstream's list, page by page, and our rows. Nothing is written.

    Without a client upstream is not asked.

    Raises:
        APIError: what upstream answered.
        Contradiction: its list makes no sense.
    """
    listed = list(pages(client=client, user=user, using=using)) if client else []
    upstream = dict.fromkeys(id for page in listed for id in page.ids)
    here = people.items_by_thread(user=user, using=using)
    return Survey(
        facts=people.facts(user=user, now=now, using=using),
        threads=tuple(
            Doomed(id=id, is_upstream=id in upstream, is_here=id in here, items=here.get(id, 0))
            for id in [*upstream, *sorted(here.keys() - upstream.keys())]
        ),
        unfit=tuple(Failure.of("thread", id, why) for page in listed for id, why in page.unfit),
        here_only=client is None,
    )


def pages(*, client: ChatKit, user: str, using: str) -> Iterator[Page]:
    """Yield upstream's list of an end user's threads, oldest first, page by page.

    Raises:
        APIError: what upstream answered.
        Contradiction: its list makes no sense, or has somebody else's thread. Nobody's thread is deleted by mistake.
        Unmirrorable: nobody can ask in this end user's name.
    """
    # As upstream has them: nothing of them is kept, and a hook that can't redact one is to stop no erasure.
    asking = client.with_options(redacts=False)
    seen: set[str] = set()
    after: str | None = None
    while True:
        page = _page(asking, user, after, using)
        if page.after in seen or not seen.isdisjoint(page.ids):
            raise Contradiction("upstream gave the same page of threads twice")
        yield page
        after = page.after
        if after is None:
            return
        seen.update(page.ids, [after])


def _page(client: ChatKit, user: str, after: str | None, using: str) -> Page:
    """Read one page, and judge each thread on it alone."""
    cursor: dict[str, Any] = {} if after is None else {"after": after}
    listed = client.threads.list(user=reading.asked_user(user), order="asc", limit=PAGE, **cursor)
    told: dict[str, str | None] = {}
    unfit: list[tuple[str, Unmirrorable]] = []
    for each in listed.data:
        try:
            told[reading.key(each.payload)] = reading.user_of(each.payload)
        except Unmirrorable as error:
            unfit.append((str(each.payload.get("id", "")), error))
    others = ChatThread.objects.using(using).filter(pk__in=told).exclude(end_user=user)
    if any(whose not in (None, user) for whose in told.values()) or others.exists():
        raise Contradiction("upstream listed somebody else's thread for this end user")
    return Page(ids=list(told), unfit=unfit, after=listed.last_id if has_more(listed) else None)
