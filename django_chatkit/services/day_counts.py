"""What a few days held, counted from the rows that are there.

Note [By activity]
No index leads from a day to its items, and the mirror's writes are too precious for one. A thread leads there: what was
said on a day stands in a thread that was created before the day's end and active since its beginning. Those are found by
an index, and their items by their threads, some hundred threads at a time. docs/decisions/0019
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, Min, OuterRef, Q, Subquery, Sum, Value, When

from ..models import ChatSession, ChatThread, ChatThreadItem, DailyCount, EndUser, SyncRun

Metric = DailyCount.Metric
Key = tuple[date, str, str]

USER_MESSAGE = "chatkit.user_message"
TOOL_CALL = "chatkit.client_tool_call"
KNOWN_TYPES = frozenset(
    {
        USER_MESSAGE,
        "chatkit.assistant_message",
        TOOL_CALL,
        "chatkit.widget",
        "chatkit.task",
        "chatkit.task_group",
    }
)
OTHER = "other"
# A thread with more messages of its end user in one day counts as one with so many.
MOST_TURNS = 100
# A tool call without an answer for so long has failed.
PATIENCE = timedelta(days=1)
# Threads whose items are counted by one query.
AT_ONCE = 500


@dataclass(slots=True)
class Window:
    """A few days in a row, in UTC, with what is found of them. Each queryset costs a query or two."""

    first: date
    last: date
    now: datetime
    using: str
    found: Counter[Key] = field(default_factory=Counter)
    _active: dict[date, set[str]] = field(default_factory=lambda: defaultdict(set))

    def count(self) -> Counter[Key]:
        """Count everything but what only the present can tell."""
        self._count_sessions()
        self._count_threads()
        self._count_runs()
        owners = self._active_threads()
        ids = list(owners)
        for start in range(0, len(ids), AT_ONCE):
            self._count_items(ids[start : start + AT_ONCE], owners)
            self._count_unanswered(ids[start : start + AT_ONCE])
        for day, users in self._active.items():
            self.found[day, Metric.END_USERS, ""] = len(users)
        return self.found

    def _count_sessions(self) -> None:
        opened = self._within(ChatSession.objects, "created_at")
        rows = opened.values_list("day_number", "end_user_id").annotate(found=Count("pk"))
        for number, user, found in rows.order_by():
            self._add(number, Metric.SESSIONS, found)
            self._active[self._day(number)].add(user)

    def _count_threads(self) -> None:
        created = self._within(ChatThread.objects, "created_at")
        for number, found in created.values_list("day_number").annotate(found=Count("pk")).order_by():
            self._add(number, Metric.THREADS, found)

    def _count_runs(self) -> None:
        begun = self._within(SyncRun.objects, "started_at").values_list("day_number")
        counts = begun.annotate(found=Count("pk"), asked=Sum("requests"), failed=Sum("errors"))
        for number, found, asked, failed in counts.order_by():
            self._add(number, Metric.RUNS, found)
            self._add(number, Metric.REQUESTS, asked)
            self._add(number, Metric.FAILURES, failed)

    def _active_threads(self) -> dict[str, str]:
        """Return the threads that may hold items of these days, each with its end user."""
        threads = ChatThread.objects.using(self.using).filter(
            last_activity_at__gte=self._begin, created_at__lt=self._end
        )
        return dict(threads.order_by().values_list("pk", "end_user_id"))

    def _count_items(self, threads: list[str], owners: dict[str, str]) -> None:
        said = self._within(ChatThreadItem.objects, "created_at").filter(thread__in=threads)
        is_late = Q(settled=False, created_at__lte=self.now - PATIENCE)
        rows = said.values_list("day_number", "thread_id", "type").annotate(
            found=Count("pk"), late=Count("pk", filter=is_late)
        )
        for number, thread, type, found, late in rows.order_by():
            self._active[self._day(number)].add(owners[thread])
            self._add(number, Metric.ITEMS, found, type=name_of(type))
            if type == USER_MESSAGE:
                self._add(number, Metric.TURNS, 1, type=str(min(found, MOST_TURNS)))
            if type == TOOL_CALL:
                self._add(number, Metric.TOOLS_FAILED, late)

    def _count_unanswered(self, threads: list[str]) -> None:
        """Count threads by the day of their last item, where that is their end user's.

        Of a thread that is gone, the last is what was last when it went.
        """
        last = (
            ChatThreadItem.objects.using(self.using)
            .filter(Q(gone_at=None) | Q(gone_at=OuterRef("gone_at")), thread=OuterRef("pk"))
            .order_by("-position")
        )
        asked = (
            self._within(ChatThread.objects, "last_activity_at")
            .filter(pk__in=threads)
            .annotate(last_type=Subquery(last.values("type")[:1]))
            .filter(last_type=USER_MESSAGE)
        )
        for (number,) in asked.values_list("day_number").order_by():
            self._add(number, Metric.UNANSWERED, 1)

    def _add(self, number: int, metric: str, found: int, *, type: str = "") -> None:
        if found:
            self.found[self._day(number), metric, type] += found

    def _day(self, number: int) -> date:
        return self.first + timedelta(days=number)

    @property
    def _begin(self) -> datetime:
        return beginning(self.first)

    @property
    def _end(self) -> datetime:
        return beginning(self.last + timedelta(days=1))

    def _within(self, rows: Any, moment: str) -> Any:
        """Keep the rows of these days, each with the number of its day.

        By comparing, not by truncating: that needs no tables of time zones in the database, nor a function in Python
        for each row as on SQLite.
        """
        ends = [
            When(**{f"{moment}__lt": beginning(self._day(number + 1))}, then=Value(number))
            for number in range((self.last - self.first).days)
        ]
        number = Case(*ends, default=Value(len(ends)), output_field=IntegerField())
        within = {f"{moment}__gte": self._begin, f"{moment}__lt": self._end}
        return rows.using(self.using).filter(**within).annotate(day_number=number)


def beginning(day: date) -> datetime:
    """Return the moment at which a day begins in UTC."""
    return datetime.combine(day, time.min, UTC)


def name_of(type: str) -> str:
    """Return the name under which items of a type are counted."""
    return type.removeprefix("chatkit.") if type in KNOWN_TYPES else OTHER


def first_moments(*, using: str) -> Iterator[datetime]:
    """Return the first moments of all that can be counted."""
    for rows, moment in (
        (ChatSession.objects, "created_at"),
        (ChatThread.objects, "created_at"),
        (SyncRun.objects, "started_at"),
    ):
        first = rows.using(using).aggregate(first=Min(moment))["first"]
        if first is not None:
            yield first


def lag(*, now: datetime, using: str) -> timedelta:
    """Return for how long the end user who waits longest for a look is due and looked at by nobody."""
    waiting = EndUser.objects.using(using).due(now=now).unleased(now=now)
    due_at = waiting.aggregate(first=Min("due_at"))["first"]
    return timedelta() if due_at is None else now - due_at
