"""Erasures carried out: upstream first, thread by thread and each confirmed, then here, in short transactions.

Whatever ends a run, `kill -9` too, the next goes on where it stopped: what is done is in the rows, and a thread is deleted
here only once upstream has said, by a 404 that names it, that it no longer has it (docs/decisions/0014, 0023). Without a
client upstream is not asked: our rows go at once, and the erasure keeps that upstream's half is not confirmed (0026).
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from django.db.models import F

from ..client import APIError, AuthenticationError, ChatKit
from ..models import Erasure
from . import days, end_users, erasures, holds, sessions, words
from .crew import Crew, Job
from .erasing_here import Here
from .erasing_there import delete
from .leases import Lease
from .paging import Contradiction
from .reading import Unmirrorable
from .reports import ErasureReport, Failure, describe
from .threads import NotDeleted
from .transactions import persistently

logger = logging.getLogger(__name__)

# The first wait after a try that left something; it doubles each time, up to an hour.
FIRST_DELAY = timedelta(minutes=1)
# How often a try reads upstream's list: once to erase what is on it, again because somebody chatted meanwhile. The last
# time nothing is to be on it.
WALKS = 3

# Upstream was not told, or told us nonsense; a ValueError is the client's, of an id that can't stand in an address.
_NOT_DONE = (APIError, NotDeleted, Contradiction, Unmirrorable, ValueError)

_CHATS = "somebody chats in this end user's name, so there is always more to erase"

Clock = Callable[[], datetime]
OnProgress = Callable[[ErasureReport], None]


class UnderWay(Exception):
    """Another process works on this erasure, or was killed less than half a minute ago."""


def carry_on(
    *,
    client: ChatKit | None,
    clock: Clock,
    user: str | None = None,
    at_once: bool = False,
    workers: int = 8,
    batch_size: int = 500,
    using: str = "default",
    on_progress: OnProgress | None = None,
) -> ErasureReport:
    """Work on the erasure of one end user, or on all that are to be tried now, ``workers`` requests side by side.

    Of all, those of end users who are held are left alone. With ``at_once`` those that wait for their next time are tried
    too. What is not done is a failure of the report, and is tried again, later each time, up to an hour. Without a client
    our half alone is done.

    Raises:
        AuthenticationError: upstream refused the key. What was done until then is done.
    """
    report = ErasureReport(here_only=client is None)
    rows = Erasure.objects.using(using)
    waiting = rows.pending() if at_once else rows.to_try(now=clock())
    waiting = waiting.not_held() if user is None else waiting.of(user)
    found = list(waiting.order_by("asked_at", "pk").values_list("pk", "end_user"))
    if found:
        _count_days(clock(), using)
    try:
        for id, whose in found:
            lease = Lease.take(rows.pending(), str(id), now=clock())
            if lease is None and user is None:
                continue  # whoever is at it goes on
            if lease is None:
                error = UnderWay("another process is at it, or was killed less than half a minute ago")
                report.failures.append(Failure.of("erasure of", whose, error))
                continue
            report.people += 1
            erasing = _Erasing(
                erasure_id=id,
                client=client,
                clock=clock,
                user=whose,
                lease=lease,
                workers=workers,
                batch_size=batch_size,
                using=using,
                report=report,
                on_progress=on_progress,
            )
            try:
                erasing.run()
            finally:
                lease.release()
    finally:
        if report.items:
            words.forget(using=using)
    return report


def _count_days(now: datetime, using: str) -> None:
    """Count what goes: the numbers of the days stay (docs/decisions/0019), those of the last hour too."""
    if not days.count_if_due(now=now, using=using).days:
        days.count(now=now, using=using)


@dataclass(slots=True, kw_only=True)
class _Erasing:
    """One try at one erasure, under its lease."""

    erasure_id: int
    client: ChatKit | None
    clock: Clock
    user: str
    lease: Lease
    workers: int
    batch_size: int
    using: str
    report: ErasureReport
    on_progress: OnProgress | None
    here: Here = field(init=False)
    # Threads that this try is done with, and those that it could not delete.
    done: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    # What went wrong first.
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.here = Here(
            erasure_id=self.erasure_id,
            user=self.user,
            clock=self.clock,
            batch_size=self.batch_size,
            using=self.using,
            report=self.report,
            on_batch=self._look_up,
        )

    def run(self) -> None:
        """Erase; what is left is counted, kept in the row, and tried again later."""
        try:
            is_finished = self._go_here() if self.client is None else self._go(self.client)
        except AuthenticationError as error:
            self._keep(error)
            raise
        except (*_NOT_DONE, holds.Held) as error:
            self._fail("end user", self.user, error)
            is_finished = False
        if is_finished:
            self.report.finished += 1
        else:
            self._keep(self.error)

    def _go(self, client: ChatKit) -> bool:
        holds.check(self.user, using=self.using)
        for _ in range(WALKS):
            self._cancel_sessions(client)
            is_empty = self._walk(client)
            if self.error is not None:
                return False
            if is_empty and self.here.finish():
                return True
        raise Contradiction(_CHATS)

    def _go_here(self) -> bool:
        holds.check(self.user, using=self.using)
        for _ in range(WALKS):
            self._erase_unasked(self.here.held())
            if self.here.finish(here_only=True):
                return True
        raise Contradiction(_CHATS)

    def _cancel_sessions(self, client: ChatKit) -> None:
        """Cancel who could still write."""
        done = sessions.cancel_live(
            client=client,
            clock=self.clock,
            user=self.user,
            before=self.clock() + timedelta(seconds=1),  # until now, and now
            workers=self.workers,
            using=self.using,
        )
        self.report.sessions_cancelled += done.settled
        self.report.failures += done.failures
        if done.failures:
            self.error = self.error or Contradiction(
                "a session could not be cancelled, and still accepts messages"
            )

    def _walk(self, client: ChatKit) -> bool:
        """Erase every thread that upstream lists, then every one that we know of beside; tell whether it listed none.

        The list is read before anything is deleted: what is begun meanwhile is the next walk's, so each has an end. Where it
        can't be read, what is known to be gone upstream goes here all the same.
        """
        listed, error = self._list(client)
        for id in self.done.intersection(listed):
            self._leave(id, Contradiction("upstream lists a thread that it says it does not have"))
        self._erase(client, [id for id in listed if id not in self.left])
        if error is not None:
            self._erase_unasked(self.here.held(gone=True))
            raise error
        for ids in self.here.known():
            self._erase(client, [id for id in ids if id not in self.left])
        return not listed

    def _list(self, client: ChatKit) -> tuple[list[str], Exception | None]:
        """Return the threads that upstream lists, and what kept it from listing all; of a list that is no list, none."""
        listed: list[str] = []
        try:
            for page in erasures.pages(client=client, user=self.user, using=self.using):
                listed += page.ids
                for id, why in page.unfit:
                    self._fail("thread", id, why)
                self._look_up()
        except AuthenticationError:
            raise
        except APIError as error:
            return listed, error
        except _NOT_DONE as error:
            return [], error
        return listed, None

    def _erase_unasked(self, pages: Iterable[list[str]]) -> None:
        for id in chain.from_iterable(pages):
            self.here.erase_unasked(id)
            self._look_up()

    def _erase(self, client: ChatKit, ids: Iterable[str]) -> None:
        crew = Crew(workers=self.workers, idle=self._look_up)
        asking = client.with_options(given_up=crew.is_over)
        crew.run(self._thread(asking, id) for id in ids)

    def _thread(self, client: ChatKit, id: str) -> Job:
        try:
            holds.check(self.user, using=self.using)
            yield from delete(client, id)
            self.here.erase(id)
        except AuthenticationError:
            raise
        except _NOT_DONE as error:
            self._leave(id, error)
        else:
            self.done.add(id)
        self._look_up()

    def _look_up(self) -> None:
        self.lease.renew(now=self.clock())
        if self.on_progress:
            self.on_progress(self.report)

    def _leave(self, id: str, error: Exception) -> None:
        self.done.discard(id)
        self.left.add(id)
        self.here.leave(id, error)
        self._fail("thread", id, error)

    def _fail(self, noun: str, id: str, error: Exception) -> None:
        failure = Failure.of(noun, id, error)
        logger.warning("ChatKit erasure failed for %s", failure)
        self.report.failures.append(failure)
        self.error = self.error or error

    def _keep(self, error: Exception | None) -> None:
        """Keep the erasure for its next time, with what went wrong first."""
        row = Erasure.objects.using(self.using).filter(pk=self.erasure_id)
        failures = row.values_list("failures", flat=True).first() or 0
        change = partial(
            row.update,
            failures=F("failures") + 1,
            retry_at=self.clock() + end_users.delay(failures, first=FIRST_DELAY),
            last_error=describe(error) if error else "",
        )
        persistently(change, using=self.using)
