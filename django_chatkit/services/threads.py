"""Threads: found in upstream's lists, retrieved one by one, deleted on both sides."""

import logging
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Max

from ..client import ChatKit, NotFoundError
from ..models import ChatThread
from . import holds, mirror, reading
from .crew import Beside, Job
from .gone import is_gone
from .paging import CURSOR_REFUSED, PAGE, Contradiction, has_more
from .reports import Failure, SyncReport
from .transactions import persistently

logger = logging.getLogger(__name__)


class NotDeleted(Exception):
    """Upstream answered a delete without having deleted. The thread stays; try again."""


def delete(*, client: ChatKit, now: datetime, thread: ChatThread, using: str = "default") -> ChatThread:
    """Delete a thread upstream, then mark it as gone in the mirror; one that upstream no longer has counts as done.

    Raises:
        APIError: upstream refused or could not be asked, or a 404 is not about the thread. The mirror is as it was.
        NotDeleted: upstream answered that it did not delete.
        Held: its end user is; nothing was asked.
    """
    holds.check(thread.end_user_id, using=using)
    try:
        answer = client.threads.delete(thread.id)
    except NotFoundError as error:
        if not is_gone(error, thread.id):
            raise
    else:
        if answer.deleted is False:
            raise NotDeleted(f"upstream says that it did not delete {thread.id}")
    mirror.mark_gone([thread.id], now=now, using=using)
    thread.refresh_from_db(using=using)
    return thread


@dataclass(slots=True, kw_only=True)
class Listing:
    """A walk through upstream's list of threads, of one end user or of all, each page written as it comes.

    The ids of all that we hold are kept until they are seen, to tell who is missing: some 150 bytes a thread.
    """

    client: ChatKit
    clock: Callable[[], datetime]
    using: str
    report: SyncReport
    user: str | None = None
    # False once a thread came without an id: it may be any of those that we hold.
    is_readable: bool = True
    # What was wrong with the first that can be no row.
    error: Exception | None = None

    def newest(self, limit: int) -> Generator[Any, Any, list[str]]:
        """Look at the newest threads only, and return their ids, newest first.

        Raises:
            Contradiction: when upstream says that there are threads and sends none.
        """
        as_of = self.clock()
        page = (yield self._request(order="desc", limit=limit)).result()
        has_more(page)
        threads = self._listed(reversed(page.data))
        self._count(
            mirror.write_threads(threads, as_of=as_of, using=self.using, above=self._below(threads, as_of))
        )
        return [each.id for each in reversed(threads)]

    def whole(self, each_page: Callable[[list[str]], Iterable[Job]]) -> Job:
        """Walk the whole list, oldest first, run jobs for each page's ids beside it, then mark who is missing.

        The walk goes on as soon as the last job of a page has begun. A listing that breaks off raises and marks
        nothing, and so does one with a thread that can't be told from those we hold.
        """
        started, place, last_ids = self.clock(), None, list[str]()
        unseen, ends = persistently(self._held, using=self.using), set[str]()
        while True:
            as_of = self.clock()
            page, more = yield from self._after(last_ids)
            threads = self._listed(page.data)
            write = partial(mirror.write_threads, threads, as_of=as_of, using=self.using, above=place)
            written = persistently(write, using=self.using)  # it begins with a read
            place = written.next_place
            self._count(written)
            last_ids = [each.id for each in page.data if _has_name(each)]
            if more and ends.issuperset(last_ids[-1:]):
                raise Contradiction("upstream gave the same page of threads twice")
            ends.update(last_ids[-1:])
            unseen.difference_update(last_ids)
            yield Beside(each_page([each.id for each in threads]))
            if not more:
                break
        if self.is_readable:
            gone = mirror.mark_gone(unseen, now=self.clock(), as_of=as_of, since=started, using=self.using)
            self.report.threads_gone += len(gone)

    def _listed(self, threads: Iterable[Any]) -> list[mirror.Listed]:
        """Read a page's threads; one that can't be a row is counted and stops no other."""
        found = []
        for thread in threads:
            try:
                found.append(mirror.listed(thread.payload, user=self.user))
            except reading.Unmirrorable as error:
                self.error = self.error or error
                self.is_readable = self.is_readable and _has_name(thread)
                failure = Failure.of("thread", str(thread.id), error)
                logger.warning("ChatKit thread can't be mirrored: %s", failure)
                self.report.failures.append(failure)
        return found

    def _after(self, last_ids: list[str]) -> Generator[Any, Any, tuple[Any, bool]]:
        """Ask for the page after the last one; a cursor deleted meanwhile gives way to one before it, twice as far each time."""
        cursors, back = last_ids[:], 1
        while True:
            cursor = {"after": cursors[-1]} if cursors else {}
            try:
                page = (yield self._request(order="asc", limit=PAGE, **cursor)).result()
            except CURSOR_REFUSED:
                if not cursors:
                    raise
                del cursors[-back:]
                back *= 2
            else:
                return page, has_more(page)

    def _request(self, **query: Any) -> Callable[[], Any]:
        scope: dict[str, Any] = {} if self.user is None else {"user": reading.asked_user(self.user)}
        return partial(self.client.threads.list, **scope, **query)

    def _below(self, threads: list[mirror.Listed], as_of: datetime) -> mirror.Place | None:
        """Return the place after the threads of the oldest second that we hold and this page does not reach."""
        if not threads:
            return None
        second = reading.moment(threads[0].payload, "created_at", as_of)
        held = ChatThread.objects.using(self.using).filter(end_user=self.user, created_at=second)
        highest = held.exclude(pk__in=[each.id for each in threads]).aggregate(highest=Max("tie"))["highest"]
        return None if highest is None else mirror.Place(second, highest + 1)

    def _held(self) -> set[str]:
        """Return whom we hold now: a thread that comes to us while the list is walked may be newer than its page."""
        held = ChatThread.objects.using(self.using).present()
        if self.user is not None:
            held = held.of(self.user)
        return set(held.values_list("pk", flat=True).iterator())

    def _count(self, written: mirror.Written) -> None:
        self.report.threads_new += len(written.new)
        self.report.threads_changed += len(written.changed)


def _has_name(thread: Any) -> bool:
    """Tell whether a thread can be told from others, whether or not it can be a row."""
    return isinstance(thread.id, str) and bool(thread.id)
