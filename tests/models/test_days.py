"""The days' numbers: one of a kind a day, and when they were counted."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction

from django_chatkit.models import DailyCount

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY, DAY = NOW.date(), timedelta(days=1)


def keep(
    database: str, day: date = TODAY, metric: str = "items", type: str = "", value: int = 1
) -> DailyCount:
    return DailyCount.objects.using(database).create(
        day=day, metric=metric, type=type, value=value, counted_at=NOW
    )


def test_a_day_has_one_number_of_a_kind(database: str) -> None:
    keep(database, type="widget")
    keep(database, type="task")
    keep(database, metric="threads")
    keep(database, day=TODAY - DAY, type="widget")

    with pytest.raises(IntegrityError), transaction.atomic(using=database):
        keep(database, type="widget")


def test_no_number_is_below_zero(database: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(using=database):
        keep(database, value=-1)


def test_both_ends_of_a_period_belong_to_it(database: str) -> None:
    for ago in range(4):
        keep(database, day=TODAY - ago * DAY, value=ago)

    days = DailyCount.objects.using(database).between(TODAY - 2 * DAY, TODAY - DAY)

    assert sorted(days.values_list("value", flat=True)) == [1, 2]


def test_the_first_day_is_the_oldest(database: str) -> None:
    days = DailyCount.objects.using(database)
    assert days.first_day() is None
    keep(database)
    keep(database, day=TODAY - DAY)

    assert days.first_day() == TODAY - DAY


def test_days_were_counted_when_the_last_count_says(database: str) -> None:
    days = DailyCount.objects.using(database)
    keep(database)
    assert days.counted_at() is days.counted_at(whole=True) is None

    for ago, type in ((2, "whole"), (1, ""), (3, "")):
        moment = NOW - ago * DAY
        days.create(day=moment.date(), metric="counted", type=type, value=1, counted_at=moment)

    assert days.counted_at() == NOW - DAY
    assert days.counted_at(whole=True) == NOW - 2 * DAY


def test_a_number_is_called_by_its_day_and_kind(database: str) -> None:
    assert str(keep(database, type="widget")) == "2026-11-23 items widget"
    assert str(keep(database, metric="threads")) == "2026-11-23 threads"


def test_the_days_bring_no_permissions() -> None:
    ours = Permission.objects.filter(content_type__app_label="django_chatkit")

    assert not ours.filter(content_type__model__in=["dailycount", "overview"]).exists()
