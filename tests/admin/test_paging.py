"""A page of a thread's items."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.admin.paging import Page, open_page
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser

from .conftest import BEGIN, make_item


@pytest.fixture
def items(thread: ChatThread) -> None:
    for position in range(1, 11):
        make_item(thread, 10 * position)


def opened(**query: str) -> Page:
    return open_page(ChatThreadItem.objects.along("cthr_1"), {**query}, size=4)


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    ("query", "positions", "has_older", "has_newer"),
    [
        pytest.param({}, [70, 80, 90, 100], True, False, id="newest"),
        pytest.param({"from": "oldest"}, [10, 20, 30, 40], False, True, id="oldest"),
        pytest.param({"from": "x"}, [70, 80, 90, 100], True, False, id="from-elsewhere"),
        pytest.param({"before": "70"}, [30, 40, 50, 60], True, True, id="older"),
        pytest.param({"before": "30"}, [10, 20], False, True, id="first"),
        pytest.param({"after": "40"}, [50, 60, 70, 80], True, True, id="newer"),
        pytest.param({"after": "80"}, [90, 100], True, False, id="last"),
        pytest.param({"item": "cti_50"}, [30, 40, 50, 60], True, True, id="item"),
        pytest.param({"item": "cti_10"}, [10, 20], False, True, id="first-item"),
        pytest.param({"before": "x"}, [70, 80, 90, 100], True, False, id="no-number"),
        pytest.param({"after": "9" * 40}, [70, 80, 90, 100], True, False, id="beyond-numbers"),
        pytest.param({"on": "2026-11-32"}, [70, 80, 90, 100], True, False, id="no-day"),
        pytest.param({"on": "x"}, [70, 80, 90, 100], True, False, id="no-date"),
        pytest.param({"after": "9" * 5000}, [70, 80, 90, 100], True, False, id="beyond-reading"),
    ],
)
def test_a_page_has_its_items_and_knows_its_neighbours(
    query: dict[str, str], positions: list[int], has_older: bool, has_newer: bool
) -> None:
    page = opened(**query)
    assert [item.position for item in page.items] == positions
    assert (page.has_older, page.has_newer) == (has_older, has_newer)


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize("item_id", ["cti_none", "a\0b"])
def test_an_item_that_is_not_there_opens_the_newest_page(item_id: str) -> None:
    page = opened(item=item_id)
    assert page.is_missing
    assert page.wanted == item_id
    assert [item.position for item in page.items] == [70, 80, 90, 100]


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize("query", [{}, {"item": "cti_50"}, {"before": "50"}, {"after": "50"}, {"item": "x"}])
def test_a_page_costs_at_most_three_queries(query: dict[str, str]) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        opened(**query)
    assert len(queries) <= 3


@pytest.fixture
def days(thread: ChatThread) -> None:
    """Keep two items a day from the 3rd of November on, 9 hours after midnight in UTC, none on the 6th."""
    for number in range(10):
        day = number // 2 + (number >= 6)
        make_item(thread, 10 * number - 30, created_at=BEGIN + timedelta(days=day, minutes=number))


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize(
    ("day", "positions", "has_older", "has_newer"),
    [
        pytest.param("2026-11-03", [-30, -20, -10, 0], False, True, id="first"),
        pytest.param("2026-01-01", [-30, -20, -10, 0], False, True, id="long-before"),
        pytest.param("2026-11-04", [-10, 0, 10, 20], True, True, id="second"),
        pytest.param("2026-11-06", [30, 40, 50, 60], True, False, id="a-day-of-silence"),
        pytest.param("2026-11-08", [50, 60], True, False, id="last"),
    ],
)
def test_a_day_opens_the_page_that_begins_with_it(
    day: str, positions: list[int], has_older: bool, has_newer: bool
) -> None:
    page = opened(on=day)
    assert [item.position for item in page.items] == positions
    assert (page.has_older, page.has_newer, page.is_missing) == (has_older, has_newer, False)
    assert page.day == date.fromisoformat(day)


@pytest.mark.usefixtures("days")
def test_a_day_begins_in_the_current_time_zone() -> None:
    with timezone.override("Pacific/Auckland"):  # 9:00 in UTC is 22:00 there, and 15 hours later the next day
        assert opened(on="2026-11-04").items[0].position == -10
    with timezone.override("Pacific/Kiritimati"):  # 9:00 in UTC is 23:00 there
        ChatThreadItem.objects.filter(position=-20).update(created_at=BEGIN + timedelta(hours=1))
        assert opened(on="2026-11-04").items[0].position == -20


@pytest.mark.usefixtures("days")
def test_a_day_after_the_last_word_opens_the_newest_page() -> None:
    page = opened(on="2026-11-09")
    assert page.is_missing
    assert [item.position for item in page.items] == [30, 40, 50, 60]


@pytest.mark.usefixtures("thread")
def test_a_day_in_a_thread_without_items_opens_an_empty_page() -> None:
    page = opened(on="2026-11-03")
    assert (page.items, page.is_missing) == ([], True)


def test_a_day_is_found_in_a_few_looks_however_far_apart_positions_are(thread: ChatThread) -> None:
    for number in range(60):
        make_item(thread, number, created_at=BEGIN + timedelta(days=number))
    ChatThreadItem.objects.update(position=F("position") * 2**50)
    with CaptureQueriesContext(connection) as queries:
        page = opened(on="2026-12-03")
    assert page.items[0].position == 30 * 2**50
    assert len(queries) <= 64 + 4


@pytest.mark.django_db
def test_a_day_is_found_on_every_database(database: str) -> None:
    end_user = EndUser.objects.using(database).create(id="user_day")
    thread = ChatThread.objects.using(database).create(
        id="cthr_day", end_user=end_user, created_at=BEGIN, last_activity_at=BEGIN
    )
    ChatThreadItem.objects.using(database).bulk_create(
        ChatThreadItem(id=f"d{n}", thread=thread, position=n, created_at=BEGIN + timedelta(hours=n))
        for n in range(100)
    )
    items = ChatThreadItem.objects.using(database).along(thread.pk)
    assert open_page(items, {"on": "2026-11-05"}).items[0].id == "d39"
