"""The days counted, and the counts kept when the rows they came from are pruned.

Note [What a day keeps]
A day is counted anew while its rows may still change. Rows only ever leave by pruning (what is gone upstream stays), so a
count that comes out lower than the one before was counted from fewer rows, and the higher one stands. Turns, unanswered
threads and failed tool calls may well fall, when an answer comes late: they are replaced as long as the day still has as
many items as before, and stand from then on. docs/decisions/0019
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial

from django.db import connections
from django.db.models import F

from ..models import DailyCount
from . import day_counts
from .day_counts import Key, Metric, Window
from .reports import DaysReport
from .transactions import atomically

# So many days before the last one counted are counted with it: a tool call has a day for its answer, and a sync may come
# late.
STILL_OPEN = 3
# Days that are counted by one set of queries.
AT_ONCE = 7
# What was counted so recently is not counted again, and all days once in so long: a sync may bring old threads. Both leave
# a schedule room to be early.
EVERY = timedelta(minutes=50)
WHOLE_EVERY = timedelta(hours=23, minutes=50)
# ChatKit is younger: what says to be older has a clock that is wrong.
FIRST_DAY = date(2025, 1, 1)

# What says when, not what happened.
_NOT_OF_ROWS = (Metric.COUNTED, Metric.CLEANED)
_MAY_FALL = frozenset({Metric.TURNS, Metric.UNANSWERED, Metric.TOOLS_FAILED})


def count_if_due(*, now: datetime, using: str = "default") -> DaysReport:
    """Count the days as `count` does, unless that was done within the last hour; all of them once a day."""
    counts = DailyCount.objects.using(using)
    whole = counts.counted_at(whole=True)
    if whole is None or now - whole >= WHOLE_EVERY:
        return count(now=now, whole=True, using=using)
    last = counts.counted_at() or whole
    return count(now=now, using=using) if now - last >= EVERY else DaysReport()


def count(*, now: datetime, whole: bool = False, using: str = "default") -> DaysReport:
    """Count the last days up to ``now``, or with ``whole`` all of which anything is held. Days are those of UTC."""
    today = now.astimezone(UTC).date()
    first = _first_held(using) if whole else _first_open(today, using)
    report = DaysReport(whole=whole)
    while first <= today:
        last = min(first + timedelta(days=AT_ONCE - 1), today)
        found = Window(first, last, now, using).count()
        if last == today:
            found[today, Metric.LAG, ""] = int(day_counts.lag(now=now, using=using).total_seconds())
        report.days += (last - first).days + 1
        report.changed += _keep(found, first, last, now=now, using=using)
        first = last + timedelta(days=1)
    if report.days:  # else nothing is held yet: the next count is not to wait for an hour
        _note(today, now=now, whole=whole, using=using)
    return report


def _first_held(using: str) -> date:
    days = [moment.astimezone(UTC).date() for moment in day_counts.first_moments(using=using)]
    return max(min(days, default=date.max), FIRST_DAY)


def _first_open(today: date, using: str) -> date:
    """Return the first day that may have changed since days were last counted."""
    last = DailyCount.objects.using(using).counted_at()
    counted = today if last is None else min(last.astimezone(UTC).date(), today)
    return max(counted - timedelta(days=STILL_OPEN), FIRST_DAY)


def _keep(found: Counter[Key], first: date, last: date, *, now: datetime, using: str) -> int:
    """Bring the rows of some days to what was found, and return how many changed. Note [What a day keeps]"""
    days = DailyCount.objects.using(using).between(first, last).exclude(metric__in=_NOT_OF_ROWS)

    def write() -> int:
        if connections[using].features.has_select_for_update:
            rows = days.select_for_update().order_by("pk")
        else:
            days.update(value=F("value"))  # SQLite locks the whole file, for the first that writes
            rows = days
        held = {(row.day, row.metric, row.type): row.value for row in rows}
        changed = {key: value for key, value in _merged(held, found).items() if held.get(key, 0) != value}
        _write(changed, now=now, using=using)
        return len(changed)

    return atomically(write, using=using)


def _merged(held: Mapping[Key, int], found: Mapping[Key, int]) -> dict[Key, int]:
    """Return what a day keeps of two counts. Note [What a day keeps]"""
    items_held, items_found = _items_by_day(held), _items_by_day(found)
    merged = {}
    for key in held.keys() | found.keys():
        day, metric, _type = key
        before, after = held.get(key, 0), found.get(key, 0)
        is_whole = items_found[day] >= items_held[day]
        merged[key] = (after if is_whole else before) if metric in _MAY_FALL else max(before, after)
    return merged


def _items_by_day(counts: Mapping[Key, int]) -> Counter[date]:
    items: Counter[date] = Counter()
    for (day, metric, _type), value in counts.items():
        if metric == Metric.ITEMS:
            items[day] += value
    return items


def note_cleanup(*, now: datetime, using: str = "default") -> None:
    """Write down that a cleanup of everything came through."""
    key = (now.astimezone(UTC).date(), Metric.CLEANED.value, "")
    atomically(partial(_write, {key: 1}, now=now, using=using), using=using)


def _note(today: date, *, now: datetime, whole: bool, using: str) -> None:
    """Write down that days were counted."""
    key = (today, Metric.COUNTED.value, DailyCount.WHOLE if whole else "")
    atomically(partial(_write, {key: 1}, now=now, using=using), using=using)


def _write(values: Mapping[Key, int], *, now: datetime, using: str) -> None:
    has_target = connections[using].features.supports_update_conflicts_with_target
    DailyCount.objects.using(using).bulk_create(
        [
            DailyCount(day=day, metric=str(metric), type=type, value=value, counted_at=now)
            for (day, metric, type), value in sorted(values.items())
        ],
        update_conflicts=True,
        unique_fields=["day", "metric", "type"] if has_target else None,
        update_fields=["value", "counted_at"],
        batch_size=500,
    )
