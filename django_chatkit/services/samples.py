"""A sample of upstream and mirror: the newest threads, and threads picked at random with whom upstream lists next.

A thread that the mirror holds is asked for by its id, which shows whether upstream still has it. Then it serves as the
cursor to the one after it, which shows what the mirror lacks: upstream's list can't be entered anywhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

from ..client import NotFoundError
from ..models import ChatThread
from .comparison import Comparison, Look
from .crew import Beside, Job, Request
from .differences import Difference, Sample, What
from .gone import is_gone
from .paging import PAGE, has_more
from .sides import ThreadSide
from .verification import Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCheck:
    """Compare a sample."""

    sample: Sample
    run: Verification
    # Threads whose items are compared already, or will be.
    _taken: set[str] = field(default_factory=set)

    def job(self) -> Job:
        """Compare a third at the end of the list, then picks and their neighbours."""
        newest = min(PAGE, -(-self.sample.size // 3))
        yield from self._newest(newest)
        picks = self._pick((self.sample.size - newest) // 2)
        self._taken.update(picks)
        yield Beside(self.run.attempt(self._thread(id), noun="thread", id=id) for id in picks)

    def _newest(self, limit: int) -> Job:
        def look(threads: Comparison, page: Any) -> Look:
            payloads = self.run.threads_of(reversed(page.data))
            threads.start(self._side.place_before(payloads) if has_more(page) else None)
            return threads.look(payloads, is_last=True)

        yield from self._stretch(partial(self.run.client.threads.list, order="desc", limit=limit), look)

    def _pick(self, count: int) -> list[str]:
        """Pick threads that the mirror holds at random, a query each: no list of all is read."""
        rows = ChatThread.objects.using(self.run.using).present().exclude(pk__in=self._taken)
        chance = Random(self.sample.seed)  # noqa: S311 -- a sample that can be repeated is wanted, no secret
        held = rows.count()
        ids = rows.order_by("pk").values_list("pk", flat=True)
        places = sorted(chance.sample(range(held), min(held, count)))
        return [id for place in places for id in ids[place : place + 1]]

    def _thread(self, id: str) -> Job:
        """Compare a thread, and the one that upstream lists after it."""

        def look(threads: Comparison, page: Any) -> Look:
            threads.start(place)
            return threads.look(self.run.threads_of(page.data), is_last=not has_more(page))

        if (yield from self.run.thread(id)):
            (place,) = [row.place for row in self._side.find([id], None)]
            next_one = partial(self.run.client.threads.list, order="asc", limit=1, after=id)
            yield from self._stretch(next_one, look)

    def _stretch(self, ask: Request, look_at: Callable[[Comparison, Any], Look]) -> Job:
        """Compare one page of the list, twice if it differs, and the items of its threads."""
        threads = self.run.threads()
        look = look_at(threads, (yield ask).result())
        if threads.differs(look):
            look = look_at(threads, (yield ask).result()).confirmed_by(look)
        surplus = [each for each in look.differences if each.what is What.NOT_UPSTREAM]
        look.differences = [each for each in look.differences if each not in surplus]
        threads.accept(look)
        yield Beside(
            self.run.attempt(self._surplus(each), noun="thread", id=each.id)
            for each in surplus[: self.sample.size]
        )
        fresh = [id for id in look.ids if id not in self._taken]
        self._taken.update(fresh)
        self.run.report.threads += len(fresh)
        yield Beside(self.run.items(id) for id in look.both if id in fresh)

    def _surplus(self, difference: Difference) -> Job:
        """Tell of a thread that does not stand in this part of upstream's list; it may stand elsewhere."""
        try:
            (yield partial(self.run.client.threads.retrieve, difference.id)).result()
        except NotFoundError as error:
            if not is_gone(error, difference.id):
                raise
            self.run.tell_if_here(difference.id)
        else:
            self.run.tell(replace(difference, what=What.ORDER, count=1))

    @property
    def _side(self) -> ThreadSide:
        return ThreadSide(using=self.run.using)
