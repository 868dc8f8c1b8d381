"""What a run of the sync looks at: leased end users, one thread, one end user, everything.

Each function here returns jobs (see `roster`); `sync` gives them to a crew.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import Error
from django.db.models import Q

from ..client import AuthenticationError, ChatKit, StandStill
from ..models import ChatThread, SyncRun
from . import end_users, faults, mirror
from .crew import Beside, Crew, Job, Joined, Later, unless
from .items import ItemSync
from .leases import Lease, renew_all
from .reading import UNKNOWN_USER
from .reports import Failure, SyncReport
from .runs import Record
from .threads import Listing

logger = logging.getLogger(__name__)

# How many threads a look at a live end user lists, and how many of them it reads whatever we know of them.
LISTED = 20
NEWEST = 3
# A thread with an item younger than this may go on at any moment.
RECENT = timedelta(minutes=30)

Clock = Callable[[], datetime]
OnProgress = Callable[[SyncReport], None]
Outcome = Generator[Any, Any, Exception | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Say how often a live end user is looked at, how long after the window, and how many requests run side by side."""

    interval: timedelta
    grace: timedelta
    workers: int


@dataclass(slots=True, kw_only=True)
class Run:
    """One run: what every look in it needs."""

    kind: SyncRun.Kind
    subject: str = ""
    client: ChatKit
    clock: Clock
    using: str
    pace: Pace
    on_progress: OnProgress | None = None
    patient: bool = False
    deep: bool = False
    waits: bool = True
    watched: bool = False
    report: SyncReport = field(default_factory=SyncReport)
    leases: set[Lease] = field(default_factory=set)
    # End users some thread of whom could not be read.
    ailing: set[str] = field(default_factory=set)
    record: Record = field(init=False)
    crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        paused = StandStill(lambda: self.clock().timestamp())
        self.crew = Crew(workers=self.pace.workers, idle=self.look_up)
        self.client = self.client.with_options(on_wait=paused, given_up=self.crew.is_over)
        self.record = Record(
            kind=self.kind,
            subject=self.subject,
            brief=self.kind in (SyncRun.Kind.THREAD, SyncRun.Kind.DUE) and not self.watched,
            report=self.report,
            clock=self.clock,
            using=self.using,
            paused=lambda: paused.seconds,
        )

    def go(self, feed: Iterable[Job]) -> SyncReport:
        """Run jobs to their end and return the report; with the first of them the run's record begins."""
        with self.record:
            try:
                self.crew.run(self._begun(feed))
            finally:
                self.report.requests = self.crew.requests
        return self.report

    def _begun(self, feed: Iterable[Job]) -> Iterator[Job]:
        for job in feed:
            self.record.begin()
            yield job

    def look_up(self) -> None:
        """Renew the leases that the run works under, and tell how far it has come: between answers, never within a page."""
        renew_all(self.leases, now=self.clock())
        self._note()

    def listing(self, user: str | None) -> Listing:
        """Return a walk through the threads of one end user, or of all."""
        return Listing(client=self.client, clock=self.clock, using=self.using, report=self.report, user=user)

    def items(self, thread_id: str, *, since: datetime) -> ItemSync:
        """Return the sync of one thread's items; what another wrote of later than ``since`` is not asked for again."""
        return ItemSync(
            thread_id=thread_id,
            client=self.client,
            clock=self.clock,
            using=self.using,
            report=self.report,
            since=since,
            patient=self.patient,
            deep=self.deep,
            leases=self.leases,
        )

    def thread(self, thread_id: str, *, since: datetime) -> Outcome:
        """Sync one thread's items; what went wrong is counted and returned."""
        self.report.threads += 1
        job = faults.resumed(lambda: self.items(thread_id, since=since).run(), using=self.using)
        outcome = self.attempt(job, noun="thread", id=thread_id)
        return outcome if self.waits else unless(partial(self._defer, thread_id), outcome)

    def put_back(self, user: str, error: Exception) -> None:
        """Make an end user due again whose threads could not all be read, once in a run."""
        if user not in self.ailing:
            self.ailing.add(user)
            end_users.put_back(
                user=user, error=error, now=self.clock(), first=self.pace.interval, using=self.using
            )

    def attempt(self, job: Job, *, noun: str, id: str) -> Outcome:
        """Run a job to its end; what went wrong with it alone is counted and returned."""

        def fail(error: Exception) -> None:
            failure = Failure.of(noun, id, error)
            logger.warning("ChatKit sync failed for %s", failure)
            self.report.failures.append(failure)

        try:
            return (yield from faults.attempt(job, using=self.using, fail=fail))
        finally:
            self._note()

    def _defer(self, thread_id: str, wish: Any) -> bool:
        """Leave a thread to whoever copies it right now, and what comes after that to the next look at its end user."""
        if not isinstance(wish, Later):
            return False
        end_users.hasten(thread_id=thread_id, now=self.clock(), using=self.using)
        self.report.threads -= 1
        self.report.deferred += 1
        return True

    def _note(self) -> None:
        self.report.requests = self.crew.requests
        self.record.note()
        if self.on_progress:
            self.on_progress(self.report)


def at_leased(run: Run, lease: end_users.Lease) -> Job:
    """Look at one leased end user, and settle when the next look is due."""
    run.report.users += 1
    looked_at = run.clock()
    is_live = lease.live_until is not None and looked_at <= lease.live_until + run.pace.grace
    look = _LeasedLook(run, lease, looked_at)
    threads = look.recent_threads() if is_live else look.all_threads()
    run.leases.add(lease)
    try:
        error = yield from look.blamed(run.attempt(threads, noun="end user", id=lease.id))
        yield Joined()
        error = error or look.error
        if error is not None:
            lease.fail(error, now=run.clock(), first=run.pace.interval)
        else:
            due_at = looked_at + run.pace.interval if is_live else None
            lease.settle(looked_at=looked_at, due_at=due_at, error=look.listing.error)
    finally:
        run.leases.discard(lease)
        lease.release()


@dataclass(slots=True)
class _LeasedLook:
    """A look at one end user, while the lease is ours."""

    run: Run
    lease: end_users.Lease
    looked_at: datetime
    listing: Listing = field(init=False)
    # What went wrong first with a thread.
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.listing = self.run.listing(self.lease.id)

    def recent_threads(self) -> Job:
        newest = yield from self.listing.newest(LISTED)
        since = self.run.clock() - RECENT
        of_user = ChatThread.objects.using(self.run.using).of(self.lease.id).present()
        recent = Q(last_activity_at__gt=since) | Q(created_at__gt=since)
        wanted = recent | Q(pk__in=newest, synced_at=None) | Q(pk__in=newest[:NEWEST])
        yield Beside(self._each(list(of_user.filter(wanted).values_list("pk", flat=True))))

    def all_threads(self) -> Job:
        return self.listing.whole(self._each)

    def _each(self, ids: list[str]) -> Iterator[Job]:
        return map(self._thread, ids)

    def _thread(self, id: str) -> Job:
        error = yield from self._while_ours(self.blamed(self.run.thread(id, since=self.looked_at)))
        self.error = self.error or error

    def blamed(self, job: Outcome) -> Outcome:
        """Run a job to its end; on what nobody foresaw the end user is put back, lest it meets each next run first."""
        try:
            return (yield from job)
        except AuthenticationError:
            raise
        except Exception as error:
            with suppress(Error):  # it may be the database that is gone
                self.lease.fail(error, now=self.run.clock(), first=self.run.pace.interval)
            raise

    def _while_ours(self, job: Outcome) -> Outcome:
        return (yield from unless(lambda wish: not self.lease.is_ours, job))


def at_end_user(run: Run, user: str) -> Job:
    """Look at all threads of one end user, whatever is due."""
    run.report.users += 1
    since = run.clock()
    listing = run.listing(user)
    threads = listing.whole(lambda ids: (_thread(run, id, since) for id in ids))
    error = yield from run.attempt(threads, noun="end user", id=user)
    yield Joined()
    if error is not None:
        run.put_back(user, error)
    elif user not in run.ailing:
        end_users.heal(user=user, error=listing.error, using=run.using)


def at_thread(run: Run, thread_id: str) -> Job:
    """Look at one thread; one that the mirror does not hold is fetched first."""
    since = run.clock()
    held = ChatThread.objects.using(run.using).present().filter(pk=thread_id).exists()
    if not held:
        error = yield from run.attempt(_discover(run, thread_id), noun="thread", id=thread_id)
        if error is not None:
            return
    yield from _thread(run, thread_id, since)


def at_everything(run: Run, *, items: bool) -> Job:
    """Look at all threads of all end users; without ``items`` only those that are unfinished are read."""
    since = run.clock()

    def each_page(ids: list[str]) -> Iterable[Job]:
        return (_thread(run, id, since) for id in (ids if items else _unfinished(run, ids)))

    error = yield from run.attempt(run.listing(None).whole(each_page), noun="listing", id="of all threads")
    yield Joined()
    if error is None and UNKNOWN_USER not in run.ailing:
        end_users.heal(user=UNKNOWN_USER, using=run.using)


def _thread(run: Run, id: str, since: datetime) -> Job:
    """Sync one thread's items; where that fails its end user is due again."""
    error = yield from run.thread(id, since=since)
    if error is not None:
        owner = ChatThread.objects.using(run.using).filter(pk=id)
        for user in owner.values_list("end_user_id", flat=True):
            run.put_back(user, error)


def _discover(run: Run, thread_id: str) -> Job:
    as_of = run.clock()
    thread = (yield partial(run.client.threads.retrieve, thread_id)).result()
    written = mirror.write_threads([mirror.listed(thread.payload)], as_of=as_of, using=run.using)
    run.report.threads_new += len(written.new)
    run.report.threads_changed += len(written.changed)


def _unfinished(run: Run, ids: list[str]) -> list[str]:
    threads = ChatThread.objects.using(run.using).filter(pk__in=ids)
    in_progress = Q(items__settled=False, items__gone_at=None)
    return list(
        threads.filter(Q(synced_at=None) | Q(young_from__isnull=False) | in_progress)
        .values_list("pk", flat=True)
        .distinct()
    )
