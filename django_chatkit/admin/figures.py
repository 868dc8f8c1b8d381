"""What the overview shows: the days read into figures, each with its meaning, its sum and its drawing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from django.utils import formats
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from ..models import DailyCount
from . import plots
from .daily import Days
from .readonly import Word
from .spans import span

Cells = list[str]
Metric = DailyCount.Metric

# What the types of items are called, in the order in which they are stacked.
ITEM_TYPES: dict[str, Word] = {
    "user_message": _("Messages of end users"),
    "assistant_message": _("Messages of the assistant"),
    "client_tool_call": _("Tool calls"),
    "widget": _("Widgets"),
    "task": _("Tasks"),
    "task_group": _("Task groups"),
    "other": _("Other"),
}


class Series(NamedTuple):
    """Hold a name, the number of its colour, a value a day, its sum in words, and its bars."""

    name: Word
    look: int
    values: list[float]
    total: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Hold all that is shown of one metric."""

    slug: str
    title: Word
    is_wide: bool
    means: Word
    # The period in one number, and what that number is.
    sum: str
    sum_is: Word
    series: list[Series]
    drawing: plots.Drawing
    top: str
    middle: str
    # The day's values in words, beside its column; empty where there are too many days to point at.
    hints: list[tuple[str, str]]
    # The numbers in words, by series: a name and a word a day.
    cells: list[tuple[Word, list[str]]]


def conversations(days: Days) -> list[Figure]:
    """Return the figures of what was said."""
    return [
        _items(days),
        _sums(
            days,
            Metric.SESSIONS,
            _("Sessions opened"),
            _("Sessions in the ledger, by the day they were opened."),
        ),
        _sums(
            days,
            Metric.THREADS,
            _("Threads created"),
            _("Threads in the mirror, by the day upstream made them."),
        ),
        _figure(
            days,
            slug=Metric.END_USERS,
            title=_("Active end users"),
            means=_("End users who opened a session that day, or in whose threads something was said."),
            series=[Series(_("Active end users"), 1, days.values(Metric.END_USERS))],
            total=max,
            sum_is=_("on the busiest day"),
        ),
        _figure(
            days,
            slug="median-turns",
            title=_("Median turns"),
            means=_(
                "How many messages the end user wrote in a thread that day: half of the threads have no more."
            ),
            series=[Series(_("Median turns"), 1, days.median_turns())],
            total=lambda values: days.median_turns_of_all(),
            sum_is=_in_all(days),
        ),
        _sums(
            days,
            Metric.UNANSWERED,
            _("Unanswered threads"),
            _("Threads whose last item is a message of their end user, by the day it was written."),
            look=3,
        ),
        _sums(
            days,
            Metric.TOOLS_FAILED,
            _("Failed tool calls"),
            _(
                "Tool calls that had no answer a day later, by the day of the call. Upstream tells of no other failure."
            ),
            look=3,
        ),
    ]


def syncs(days: Days) -> list[Figure]:
    """Return the figures of the sync."""
    return [
        _sums(
            days,
            Metric.RUNS,
            _("Sync runs"),
            _("Runs of the sync, by the day they began. Looks that find nothing new leave none."),
        ),
        _sums(
            days,
            Metric.REQUESTS,
            _("Requests"),
            _("What these runs asked of upstream. What was asked by looks without a run is not counted."),
        ),
        _sums(
            days,
            Metric.FAILURES,
            _("Failures"),
            _("What these runs could not do. It is tried again by itself."),
            look=3,
        ),
        _figure(
            days,
            slug=Metric.LAG,
            title=_("Sync lag"),
            means=_(
                "For how long the end user who waited longest was due: the most that was seen, once an hour."
            ),
            series=[Series(_("Sync lag"), 1, days.values(Metric.LAG))],
            total=max,
            sum_is=_("at most"),
            words=lambda seconds: span(timedelta(seconds=seconds)),
            top_of=plots.top_of_span,
            words_of_scale=short_span,
        ),
    ]


def rows(days: Days, figures: Sequence[Figure], *, since: date) -> Iterator[tuple[date, Cells]]:
    """Return the numbers of each day from the first known on, the newest first."""
    columns = [words for figure in figures for _name, words in figure.cells]
    by_day = zip(days.days, zip(*columns, strict=True), strict=True)
    return ((day, list(words)) for day, words in reversed(list(by_day)) if day >= since)


def number(value: float) -> str:
    """Write a count, or a median that may lie between two."""
    return str(formats.number_format(value, 0 if value == int(value) else 1, force_grouping=True))


def short_span(seconds: float) -> str:
    """Write a round span of time in its largest unit, as short as a scale is narrow."""
    unit, words = next(each for each in _UNITS if each[0] <= seconds)
    return gettext(words) % {"count": number(seconds / unit)}


_UNITS = (
    (86_400, gettext_noop("%(count)s d")),
    (3_600, gettext_noop("%(count)s h")),
    (60, gettext_noop("%(count)s min")),
    (1, gettext_noop("%(count)s s")),
)


def _in_all(days: Days) -> str:
    return gettext("in %(count)d days") % {"count": len(days.days)}


def _sums(days: Days, metric: Metric, title: Word, means: Word, *, look: int = 1) -> Figure:
    return _figure(
        days,
        slug=metric,
        title=title,
        means=means,
        series=[Series(title, look, days.values(metric))],
        total=sum,
        sum_is=_in_all(days),
    )


def _items(days: Days) -> Figure:
    by_type = [
        Series(name, look, days.values(Metric.ITEMS, type))
        for look, (type, name) in enumerate(ITEM_TYPES.items(), start=1)
    ]
    return _figure(
        days,
        slug=Metric.ITEMS,
        title=_("Items by type"),
        means=_("Items in the mirror, by the day upstream made them; those that are gone upstream too."),
        series=[each._replace(total=number(sum(each.values))) for each in by_type if any(each.values)]
        or by_type[:1],
        total=sum,
        sum_is=_in_all(days),
    )


def _figure(
    days: Days,
    *,
    slug: str,
    title: Word,
    means: Word,
    series: list[Series],
    total: Callable[[Sequence[float]], float],
    sum_is: Word,
    words: Callable[[float], str] = number,
    top_of: Callable[[float], float] = plots.top_of,
    words_of_scale: Callable[[float], str] = number,
) -> Figure:
    values = [sum(parts) for parts in zip(*(each.values for each in series), strict=True)]
    top = top_of(max(values))
    drawing = plots.draw([each.values for each in series], top=top)
    is_crowded = len(days.days) > plots.CROWDED
    return Figure(
        slug=str(slug),
        title=title,
        is_wide=slug == Metric.ITEMS,
        means=means,
        sum=words(total(values)),
        sum_is=sum_is,
        series=[each._replace(path=path) for each, path in zip(series, drawing.paths, strict=True)],
        drawing=drawing,
        top=words_of_scale(top),
        middle=words_of_scale(top / 2) if (top / 2).is_integer() else "",
        cells=[
            (each.name if slug == Metric.ITEMS else title, list(map(words, each.values))) for each in series
        ],
        hints=[] if is_crowded else list(zip(drawing.columns, _hints(days, values, words), strict=True)),
    )


def _hints(days: Days, values: Sequence[float], words: Callable[[float], str]) -> list[str]:
    return [f"{_short(day)}: {words(value)}" for day, value in zip(days.days, values, strict=True)]


def _short(day: date) -> str:
    return str(formats.date_format(day, "SHORT_DATE_FORMAT"))
