"""A walk through one of upstream's lists, from its oldest on, each page compared with our side.

Upstream moves while we walk. A page that differs is asked for once more, and our side read once more, before anything
is told; where a cursor vanished the walk steps back to the page before.
"""

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from typing import Any

from .comparison import Comparison, Look, Payloads, Place
from .crew import Beside, Job, Request
from .paging import CURSOR_REFUSED, Contradiction, has_more

# How often a walk steps back from a cursor that vanished before it gives up.
STEPS_BACK = 20


@dataclass(slots=True, kw_only=True)
class Walk:
    """A walk through one list.

    ``ask`` makes the request of the page after a cursor, ``read`` makes payloads of its objects. ``exists`` is the
    request that fails where the whole list is gone, and not only a cursor. ``note`` hears of each page.
    """

    ask: Callable[[str | None], Request]
    read: Callable[[Any], Payloads]
    comparison: Comparison
    note: Callable[[Look], None]
    exists: Request | None = None
    _steps_back: int = STEPS_BACK
    # The ids of the page before.
    _before: Collection[str] = ()

    def run(self, work_on: Callable[[str], Job] | None = None) -> Job:
        """Walk to the end, begin a job beside the walk for each id in both, and return how many upstream has.

        Raises:
            APIError: what upstream answered, other than that a cursor vanished.
            Contradiction: when its pages make no sense.
        """
        # The cursors walked, and how far in our order each leads.
        marks: dict[str | None, tuple[Place, int]] = {None: (None, 0)}
        count, more = 0, True
        while more:
            cursor = next(reversed(marks))
            try:
                look, last, more = yield from self._look(cursor)
            except CURSOR_REFUSED:
                if cursor is None:
                    raise
                yield from self._step_back()
                del marks[cursor]
                place, behind = next(reversed(marks.values()))
                self.comparison.start(place, behind=behind)
                self._before = ()
                continue
            if (more and last in marks) or not set(look.ids).isdisjoint(self._before):
                raise Contradiction("upstream gave the same page twice")
            self._before = look.ids
            self.comparison.accept(look)
            self.note(look)
            count += len(look.ids)
            if work_on is not None:
                yield Beside(map(work_on, look.both))
            marks[last] = (self.comparison.place, self.comparison.behind)
        self.comparison.end()
        return count

    def _look(self, cursor: str | None) -> Generator[Any, Any, tuple[Look, str | None, bool]]:
        look, last, more = yield from self._look_once(cursor)
        if self.comparison.differs(look):
            again, last, more = yield from self._look_once(cursor)
            look = again.confirmed_by(look)
        return look, last, more

    def _look_once(self, cursor: str | None) -> Generator[Any, Any, tuple[Look, str | None, bool]]:
        page = (yield self.ask(cursor)).result()
        more = has_more(page)
        return self.comparison.look(self.read(page), is_last=not more), page.last_id, more

    def _step_back(self) -> Job:
        if self.exists is not None:
            (yield self.exists).result()
        if not self._steps_back:
            raise Contradiction("upstream knows none of the last cursors that it gave")
        self._steps_back -= 1
