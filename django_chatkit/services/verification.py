"""What a run of the verification compares: a list of threads, one thread, one thread's items. It writes nothing."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..client import ChatKit, NotFoundError
from ..client.redaction import Withheld
from . import faults, mirror, pruned, reading
from .comparison import REMEMBERED, Comparison, Look, Payloads
from .crew import Crew, Job
from .differences import Difference, VerifyReport, What
from .gone import is_gone
from .paging import PAGE, Contradiction
from .reports import Failure
from .sides import ItemSide, ThreadSide
from .walks import Walk

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """One run: both sides, and whom to tell."""

    client: ChatKit
    using: str
    crew: Crew
    on_difference: Callable[[Difference], None] | None = None
    on_progress: Callable[[VerifyReport], None] | None = None
    # Whether the mirror leaves out threads at all.
    leaves_out: bool = True
    report: VerifyReport = field(default_factory=VerifyReport)
    # What was told of threads: in a sample, two looks may come upon the same one.
    _told: set[Difference] = field(default_factory=set)

    def attempt(self, job: Job, *, noun: str, id: str) -> Job:
        """Run a job to its end; what went wrong with it alone is counted as a failure."""
        try:
            yield from faults.attempt(job, using=self.using, fail=partial(self._fail, noun, id))
        finally:
            self.progress()

    def listing(self, user: str | None, work_on: Callable[[str], Job]) -> Job:
        """Compare upstream's whole list of threads, of one end user or of all, and return how long it is.

        ``work_on`` makes the job of each thread that both sides have; it is begun beside the walk.
        """
        scope: dict[str, Any] = {} if user is None else {"user": reading.asked_user(user)}
        walk = Walk(
            ask=lambda after: partial(
                self.client.threads.list, order="asc", limit=PAGE, after=after, **scope
            ),
            read=lambda page: self.threads_of(page.data),
            comparison=self.threads(user),
            note=self.count,
        )
        return (yield from walk.run(work_on))

    def threads(self, user: str | None = None) -> Comparison:
        """Return a comparison of threads, of one end user or of all."""
        return Comparison(side=ThreadSide(using=self.using, user=user), tell=self.tell)

    def threads_of(self, objects: Iterable[Any]) -> Payloads:
        """Read threads; one that can be no row here is a failure and stops no other, one left out here is passed over.

        Raises:
            Contradiction: one of them came twice.
        """
        payloads: dict[str, Any] = {}
        for thread in objects:
            try:
                listed = mirror.listed(thread.payload)
            except reading.Unmirrorable as error:
                self._fail("thread", str(thread.id), error)
                if not (isinstance(thread.payload, Withheld) and thread.payload.get("id")):
                    continue
                listed = mirror.Listed(thread.payload["id"], None, thread.payload)  # it has its place
            if listed.id in payloads:
                raise Contradiction("upstream gave the same thread twice on a page")
            payloads[listed.id] = listed.payload
        left_out = pruned.left_out(payloads, using=self.using) if self.leaves_out else ()
        return {id: payload for id, payload in payloads.items() if id not in left_out}

    def items(self, thread_id: str) -> Job:
        """Compare the items of a thread that both sides have."""
        return self.attempt(self._items(thread_id), noun="thread", id=thread_id)

    def thread(self, thread_id: str) -> Job:
        """Compare one thread and its items, wherever it stands in the list; return whether both sides have it.

        Raises:
            NotFoundError: neither side knows it, or the answer is not about it.
        """
        if pruned.left_out([thread_id], using=self.using):
            return False
        threads = self.threads()
        try:
            look = yield from self._look_alone(threads, thread_id)
            if threads.differs(look):
                look = (yield from self._look_alone(threads, thread_id)).confirmed_by(look)
        except NotFoundError as error:
            if not is_gone(error, thread_id) or not threads.side.find([thread_id], None):
                raise
            self.report.threads += 1
            self.tell_if_here(thread_id)
            return False
        threads.accept(look)
        self.count(look)
        if look.both:
            yield from self._items(thread_id)
        return bool(look.both)

    def count(self, look: Look) -> None:
        """Count the threads of a page."""
        self.report.threads += len(look.ids)
        self.progress()

    def tell(self, difference: Difference) -> None:
        """Count a difference and tell it, once."""
        if difference in self._told:
            return
        if difference.noun == "thread" and len(self._told) < REMEMBERED:
            self._told.add(difference)
        self.report.add(difference)
        if self.on_difference:
            self.on_difference(difference)

    def tell_if_here(self, thread_id: str) -> None:
        """Tell of a thread that upstream does not have, unless it is gone here, too."""
        if any(not row.is_gone for row in self.threads().side.find([thread_id], None)):
            what = What.NOT_UPSTREAM
            self.tell(Difference(noun="thread", id=thread_id, thread_id=thread_id, what=what))

    def progress(self) -> None:
        """Tell how far the run has come."""
        self.report.requests = self.crew.requests
        if self.on_progress:
            self.on_progress(self.report)

    def _items(self, thread_id: str) -> Job:
        list_items = partial(self.client.threads.list_items, thread_id, order="asc", limit=PAGE)
        walk = Walk(
            ask=lambda after: partial(list_items, after=after),
            read=lambda page: _by_id(page.data),
            comparison=Comparison(side=ItemSide(thread_id=thread_id, using=self.using), tell=self.tell),
            note=self._count_items,
            exists=partial(self.client.threads.retrieve, thread_id),
        )
        try:
            yield from walk.run()
        except NotFoundError as error:
            if not is_gone(error, thread_id):
                raise
            self.tell_if_here(thread_id)

    def _look_alone(self, threads: Comparison, thread_id: str) -> Job:
        thread = (yield partial(self.client.threads.retrieve, thread_id)).result()
        reading.user_of(thread.payload)  # who can be no row here is a failure, not a difference
        return threads.look_alone(thread_id, reading.without_items(thread.payload))

    def _count_items(self, look: Look) -> None:
        self.report.items += len(look.ids)
        self.progress()

    def _fail(self, noun: str, id: str, error: Exception) -> None:
        failure = Failure.of(noun, id, error)
        # A page that is asked for twice holds the same failures twice.
        if failure not in self.report.failures[-2 * PAGE :]:
            logger.warning("ChatKit verification failed for %s", failure)
            self.report.failures.append(failure)


def _by_id(items: Iterable[Any]) -> Payloads:
    payloads: dict[str, Any] = {}
    for item in items:
        id = reading.key(item.payload)
        if id in payloads:
            raise Contradiction("upstream gave the same item twice on a page")
        payloads[id] = item.payload
    return payloads
