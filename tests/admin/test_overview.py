"""The overview: who may see it, what its numbers say, how it is drawn, and what it costs."""

import re
from collections import Counter
from datetime import UTC, date, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from django_chatkit.admin import plots
from django_chatkit.admin.daily import Days, median
from django_chatkit.admin.figures import short_span
from django_chatkit.models import ChatThread, DailyCount, EndUser

from .conftest import Reader, make_item, make_session

PAGE = "/admin/django_chatkit/overview/"
EMPTY = "No day has been counted yet."


def today() -> date:
    return timezone.now().astimezone(UTC).date()


def note(metric: str, value: int = 1, *, ago: int = 0, type: str = "", **fields: Any) -> DailyCount:
    values: dict[str, Any] = {"counted_at": timezone.now(), **fields}
    day = today() - timedelta(days=ago)
    return DailyCount.objects.create(day=day, metric=metric, type=type, value=value, **values)


def answered(client: Client, **query: str) -> Any:
    answer = client.get(PAGE, query)
    assert answer.status_code == 200
    return answer


def text_of(client: Client, **query: str) -> str:
    return re.sub(r"\s+", " ", answered(client, **query).content.decode())


def content_of(client: Client, **query: str) -> str:
    """Return what is ours of the page: the rest is Django's frame."""
    _frame, _, content = text_of(client, **query).partition('id="content"')
    content, _, _frame = content.partition('<footer id="footer"')
    assert content
    return content


def words_of(client: Client, **query: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(client, **query)))


def figures(client: Client, **query: str) -> dict[str, Any]:
    sections = answered(client, **query).context["sections"]
    return {figure.slug: figure for _slug, _heading, group in sections for figure in group}


class Page(HTMLParser):
    """Collect the tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.named: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes.update(name for name, _value in attributes)
        values = dict(attributes)
        if "id" in values:
            self.ids[values["id"] or ""] += 1
        self.named += (values.get("aria-labelledby") or "").split()


@pytest.fixture
def watcher(reader: Reader) -> Client:
    """Log in a member of staff who may see threads, and nothing else."""
    return reader("view_chatthread")


# Who may see it


def test_to_see_threads_suffices_and_the_index_leads_there(watcher: Client) -> None:
    assert EMPTY in text_of(watcher)
    assert f'href="{PAGE}"' in watcher.get("/admin/").content.decode()
    assert f'href="{PAGE}"' in watcher.get("/admin/django_chatkit/").content.decode()


def test_who_may_not_see_threads_sees_no_overview(reader: Reader) -> None:
    other = reader("view_syncrun", "view_enduser", "view_transcript")

    assert other.get(PAGE).status_code == 403
    assert PAGE not in other.get("/admin/").content.decode()


def test_a_stranger_is_asked_to_log_in(client: Client, db: None) -> None:
    answer = client.get(PAGE)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_there_is_nothing_to_add_or_change(staff: Client) -> None:
    row = note("sessions")

    for place in ("add/", f"{row.pk}/change/", f"{row.pk}/delete/", f"{row.pk}/history/"):
        assert staff.get(f"{PAGE}{place}").status_code == 404


# What it says


def test_where_nothing_was_counted_it_says_how_that_begins(watcher: Client) -> None:
    shown = text_of(watcher)

    assert EMPTY in shown
    assert "chatkit_cleanup" in shown
    assert "<figure" not in shown


@pytest.mark.parametrize(
    ("query", "days"),
    [
        pytest.param({}, 30, id="usual"),
        pytest.param({"days": "7"}, 7, id="week"),
        pytest.param({"days": "90"}, 90, id="quarter"),
        pytest.param({"days": "365"}, 365, id="year"),
        pytest.param({"days": "8"}, 30, id="unknown"),
        pytest.param({"days": "٧"}, 30, id="other-digits"),
        pytest.param({"days": "\0<script>"}, 30, id="hostile"),
    ],
)
def test_the_address_says_the_period(watcher: Client, query: dict[str, str], days: int) -> None:
    note("sessions", 5)
    note("sessions", 2, ago=days - 1)
    note("sessions", 1_000, ago=days)

    sessions = figures(watcher, **query)["sessions"]

    assert (sessions.sum, sessions.sum_is) == ("7", f"in {days} days")
    assert sessions.series[0].values == [2, *[0] * (days - 2), 5]
    assert f'<a href="?days={days}" aria-current="page">' in text_of(watcher, **query)


def test_every_number_stands_in_the_table_too(watcher: Client) -> None:
    note("sessions", 1_234_567)
    note("threads", 17)
    note("end-users", 16)
    note("items", 15, type="user_message")
    note("items", 14, type="widget")
    note("turns", 1, type="13")
    note("unanswered", 12)
    note("tools-failed", 11)
    note("runs", 10)
    note("requests", 9_876)
    note("failures", 8)
    note("lag", 7_200)

    table = text_of(watcher).partition("<thead>")[2]
    head, first_day = table.split("</tr>")[:2]
    names, words = (re.findall(r">([^<>]+)</t[hd]>", row)[1:] for row in (head, first_day))

    assert dict(zip(names, words, strict=True)) == {
        "Messages of end users": "15",
        "Widgets": "14",
        "Sessions opened": "1,234,567",
        "Threads created": "17",
        "Active end users": "16",
        "Median turns": "13",
        "Unanswered threads": "12",
        "Failed tool calls": "11",
        "Sync runs": "10",
        "Requests": "9,876",
        "Failures": "8",
        "Sync lag": "2 h 0 min",
    }


def test_days_before_the_first_that_is_known_stand_in_no_table(watcher: Client) -> None:
    note("sessions", ago=4)
    note("sessions", ago=2)

    answer = answered(watcher)

    assert [day for day, _words in answer.context["rows"]] == [
        today() - timedelta(days=ago) for ago in range(5)
    ]
    assert "Nothing is known of the days before" in answer.content.decode()


def test_where_all_days_are_known_nothing_is_said_of_those_before(watcher: Client) -> None:
    note("sessions", ago=100)

    answer = answered(watcher)

    assert "Nothing is known" not in answer.content.decode()
    assert len(answer.context["rows"]) == 30


def test_the_end_users_of_several_days_are_not_added_up(watcher: Client) -> None:
    note("end-users", 3)
    note("end-users", 5, ago=1)

    shown = figures(watcher)["end-users"]

    assert (shown.sum, str(shown.sum_is)) == ("5", "on the busiest day")


def test_the_median_is_that_of_all_threads_not_of_the_days(watcher: Client) -> None:
    note("turns", 10, type="1")
    note("turns", 1, type="9", ago=1)
    note("turns", 1, type="2", ago=2)
    note("turns", 1, type="3", ago=2)

    turns = figures(watcher)["median-turns"]

    assert turns.sum == "1"
    assert turns.series[0].values[-4:] == [0, 2.5, 9, 1]
    assert turns.cells[0][1][-3] == "2.5"


def test_items_are_stacked_by_type_each_with_its_sum(watcher: Client) -> None:
    note("items", 10, type="user_message")
    note("items", 20, type="assistant_message", ago=1)
    note("items", 30, type="other")

    items = figures(watcher)["items"]

    assert [(str(each.name), each.look, each.total) for each in items.series] == [
        ("Messages of end users", 1, "10"),
        ("Messages of the assistant", 2, "20"),
        ("Other", 7, "30"),
    ]
    assert items.sum == "60"


def test_a_period_without_anything_is_drawn_as_that(watcher: Client) -> None:
    note("sessions", ago=200)

    shown = figures(watcher)

    assert {(figure.top, figure.middle) for figure in shown.values()} == {("1", ""), ("10 s", "5 s")}
    assert {series.path for figure in shown.values() for series in figure.series} == {""}
    assert shown["items"].sum == "0"


def test_numbers_of_any_size_fit_their_scale(watcher: Client) -> None:
    note("requests", 98_765_432_109)
    note("lag", 40 * 86_400)

    shown = figures(watcher)

    assert (shown["requests"].top, shown["requests"].middle) == ("100,000,000,000", "50,000,000,000")
    assert (shown["lag"].top, shown["lag"].middle, shown["lag"].sum) == ("40 d", "20 d", "40 days")


def test_it_says_when_the_days_were_counted(watcher: Client) -> None:
    note("counted", counted_at=timezone.now() - timedelta(minutes=12))

    shown = words_of(watcher)

    assert re.search(r"Counted 12 min \d+ s ago", shown)
    assert "have not been counted for a while" not in shown


def test_it_says_when_nobody_counts(watcher: Client) -> None:
    note("counted", ago=40, counted_at=timezone.now() - timedelta(days=40))

    shown = words_of(watcher)

    assert "The days have not been counted for a while." in shown
    assert "Counted 40 days ago" in shown


def test_it_says_for_how_long_an_end_user_waits_now(watcher: Client) -> None:
    note("sessions")
    assert "Right now nobody waits for a look." in words_of(watcher)

    due = timezone.now() - timedelta(minutes=20)
    EndUser.objects.create(id="ada", due_at=due)
    EndUser.objects.create(
        id="bob", due_at=due - timedelta(days=2), leased_until=timezone.now() + timedelta(days=1)
    )

    assert re.search(r"due for 20 min \d+ s", words_of(watcher))


# How it is drawn


@pytest.mark.parametrize("days", ["7", "90", "365"])
def test_nothing_in_it_is_remote_inline_or_named_twice(watcher: Client, days: str) -> None:
    note("sessions", 5)
    note("items", 3, type="widget")

    page = Page(content_of(watcher, days=days))

    assert not page.attributes.keys() & {"style", "onclick", "onmouseover", "xlink:href"}
    assert [name for name, times in page.ids.items() if times > 1] == []
    assert [name for name in page.named if name not in page.ids] == []
    assert page.tags["style"] == 0


def test_a_drawing_has_a_name_and_its_days_can_be_pointed_at(watcher: Client) -> None:
    note("sessions", 5)

    week, year = text_of(watcher, days="7"), text_of(watcher, days="365")

    assert re.search(
        r'role="img" aria-labelledby="sessions-drawn"><title id="sessions-drawn">Sessions opened', week
    )
    assert re.search(r"<title>[^<]+: 5</title></rect>", week)
    assert "<rect" not in year


@override_settings(USE_THOUSAND_SEPARATOR=True, LANGUAGE_CODE="de")
def test_a_drawing_is_written_in_the_numbers_of_svg_whatever_the_language(watcher: Client) -> None:
    note("sessions", 5_000)
    note("turns", 1, type="2")
    note("turns", 1, type="3")

    shown = content_of(watcher, days="365")

    assert 'viewBox="0 0 3650 100"' in shown
    assert set("".join(re.findall(r' d="([^"]*)"', shown))) <= set("MHVz0123456789. ")


def test_bars_stand_on_each_other_and_leave_a_gap() -> None:
    drawing = plots.draw([[10, 0], [30, 20]], top=40)

    assert drawing.box == "0 0 20 100"
    assert drawing.paths == ["M1 100V75H9V100z", "M1 75V0H9V75zM11 100V50H19V100z"]
    assert drawing.columns == ["0", "10"]


def test_many_bars_leave_no_gap_and_the_least_is_seen() -> None:
    drawing = plots.draw([[1, *[0] * 120]], top=1_000_000)

    assert drawing.paths == ["M0 100V98.5H10V100z"]


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 1), (1, 1), (1.5, 2), (2.5, 3), (7, 8), (9, 10), (11, 20), (55, 60), (99, 100), (201, 300)],
)
def test_a_scale_ends_on_a_round_number(most: float, top: float) -> None:
    assert plots.top_of(most) == top


@pytest.mark.parametrize(
    ("most", "words"),
    [
        (0, "10 s"),
        (45, "1 min"),
        (250, "5 min"),
        (3_601, "2 h"),
        (86_400, "1 d"),
        (86_401, "2 d"),
        (864_001, "20 d"),
    ],
)
def test_a_scale_of_time_ends_on_a_round_span(most: float, words: str) -> None:
    assert short_span(plots.top_of_span(most)) == words


def test_half_of_a_round_span_may_lie_between_two_units() -> None:
    assert short_span(150) == "2.5 min"


@pytest.mark.parametrize(
    ("turns", "middle"),
    [({}, 0), ({4: 1}, 4), ({1: 1, 2: 1}, 1.5), ({1: 3, 9: 2}, 1), ({1: 2, 9: 2}, 5), ({2: 0, 7: 1}, 7)],
)
def test_a_median_is_the_middle_of_all(turns: dict[int, int], middle: float) -> None:
    assert median(Counter(turns)) == middle


def test_a_period_of_one_day_has_one_value() -> None:
    day = date(2026, 11, 3)

    assert Days(day, day, [(day, "sessions", "", 4)]).values(DailyCount.Metric.SESSIONS) == [4]


# What it costs


def test_it_costs_the_same_for_a_week_and_for_a_year_and_asks_for_no_item(
    watcher: Client, thread: ChatThread
) -> None:
    make_item(thread, 1)
    make_session(thread.end_user, "cksess_1")
    note("sessions")
    note("counted")
    text_of(watcher)

    def queries(**query: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            text_of(watcher, **query)
        return [query["sql"] for query in captured.captured_queries]

    few = queries(days="7")
    for ago in range(1, 365):
        note("sessions", ago, ago=ago)
        note("items", ago, ago=ago, type="user_message")
    many = queries(days="365")

    assert len(many) == len(few) <= 8
    tables = " ".join(many)
    for table in ("chatthreaditem", "chatthread", "chatsession", "syncrun"):
        assert f'"django_chatkit_{table}"' not in tables
