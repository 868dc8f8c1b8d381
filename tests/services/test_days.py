"""The days counted, what each number means, and that the numbers outlive what they were counted from."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, DailyCount, EndUser, SyncRun
from django_chatkit.services import cleanup, days, sync
from django_chatkit.services.reports import DaysReport
from django_chatkit.services.sync import Pace

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

# The clock of these tests stands at noon of the 23rd.
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOON.date()
DAY = timedelta(days=1)
ASKS, ANSWERS, CALLS = "chatkit.user_message", "chatkit.assistant_message", "chatkit.client_tool_call"

Counted = Callable[..., Mapping[str, int]]


class Rows:
    """Write rows of the ledger and the mirror, as a sync leaves them."""

    def __init__(self, database: str) -> None:
        self.database = database

    def thread(self, id: str, *said: tuple[str, datetime], user: str = "ada", **fields: Any) -> ChatThread:
        """Keep a thread with items of these types and moments."""
        end_user, _ = EndUser.objects.using(self.database).get_or_create(id=user)
        moments = {"created_at": said[0][1], "last_activity_at": said[-1][1], **fields}
        thread = ChatThread.objects.using(self.database).create(id=id, end_user=end_user, **moments)
        for position, (type, moment) in enumerate(said):
            self.item(thread, position, type, moment)
        return thread

    def item(self, thread: ChatThread, position: int, type: str, moment: datetime, **fields: Any) -> None:
        """Keep one item."""
        ChatThreadItem.objects.using(self.database).create(
            id=f"{thread.pk}_{position}",
            thread=thread,
            position=position,
            type=type,
            created_at=moment,
            **fields,
        )

    def session(self, id: str, moment: datetime, user: str = "ada") -> ChatSession:
        """Keep a session that has expired and was cancelled."""
        end_user, _ = EndUser.objects.using(self.database).get_or_create(id=user)
        return ChatSession.objects.using(self.database).create(
            id=id, end_user=end_user, created_at=moment, expires_at=moment, status="cancelled"
        )

    def run(self, moment: datetime, **counts: int) -> SyncRun:
        """Keep a run that is through."""
        return SyncRun.objects.using(self.database).create(
            kind="due", started_at=moment, noted_at=moment, ended_at=moment, **counts
        )


@pytest.fixture
def rows(database: str) -> Rows:
    return Rows(database)


@pytest.fixture
def count(database: str) -> Callable[..., DaysReport]:
    def run(now: datetime = NOON, **options: Any) -> DaysReport:
        return days.count(now=now, using=database, **options)

    return run


@pytest.fixture
def counted(database: str) -> Counted:
    def read(day: date = TODAY) -> Mapping[str, int]:
        kept = DailyCount.objects.using(database).filter(day=day).exclude(metric="counted")
        return {
            " ".join([row.metric, row.type]).strip(): row.value
            for row in kept
            if (row.metric, row.value) != ("lag", 0)
        }

    return read


# What is counted


def test_sessions_threads_and_runs_count_on_the_day_they_began(
    rows: Rows, count: Any, counted: Counted
) -> None:
    for number, moment in enumerate((NOON - DAY, NOON, NOON)):
        rows.session(f"cksess_{number}", moment)
        rows.run(moment, requests=20, errors=number)
    rows.thread("cthr_1", (ANSWERS, NOON))

    count()

    today = counted()
    assert (today["sessions"], today["threads"], today["runs"]) == (2, 1, 2)
    assert (today["requests"], today["failures"]) == (40, 3)
    assert counted(TODAY - DAY) == {"sessions": 1, "end-users": 1, "runs": 1, "requests": 20}


def test_a_day_begins_at_midnight_of_utc_and_ends_before_the_next(
    rows: Rows, count: Any, counted: Counted
) -> None:
    midnight = NOON.replace(hour=0)
    rows.session("cksess_0", midnight - timedelta(microseconds=1))
    rows.session("cksess_1", midnight)
    rows.session("cksess_2", midnight + DAY)

    count()

    assert counted()["sessions"] == counted(TODAY - DAY)["sessions"] == 1
    assert counted(TODAY + DAY) == {}


def test_days_are_those_of_utc_wherever_the_clock_is(rows: Rows, count: Any, counted: Counted) -> None:
    rows.session("cksess_1", NOON)
    in_auckland = NOON.astimezone(ZoneInfo("Pacific/Auckland"))
    assert in_auckland.date() > TODAY

    count(in_auckland)

    assert counted()["sessions"] == 1


def test_items_count_by_type_on_the_day_that_upstream_made_them(
    rows: Rows, count: Any, counted: Counted
) -> None:
    rows.thread(
        "cthr_1",
        (ASKS, NOON - DAY),
        (ANSWERS, NOON),
        ("chatkit.widget", NOON),
        ("chatkit.hologram", NOON),
        ("message", NOON),
    )

    count()

    assert counted()["items assistant_message"] == counted()["items widget"] == 1
    assert counted()["items other"] == 2
    assert counted(TODAY - DAY)["items user_message"] == 1


def test_an_end_user_is_active_once_a_day_by_a_session_or_an_item(
    rows: Rows, count: Any, counted: Counted
) -> None:
    rows.session("cksess_1", NOON, user="ada")
    rows.thread("cthr_1", (ASKS, NOON), (ANSWERS, NOON), user="ada")
    rows.thread("cthr_2", (ASKS, NOON), user="bob")
    rows.session("cksess_2", NOON, user="cyd")
    rows.thread("cthr_3", (ASKS, NOON - DAY), user="dan")

    count()

    assert counted()["end-users"] == 3
    assert counted(TODAY - DAY)["end-users"] == 1


def test_turns_are_the_messages_of_an_end_user_in_a_thread_that_day(
    rows: Rows, count: Any, counted: Counted
) -> None:
    rows.thread("cthr_1", (ASKS, NOON - DAY), (ASKS, NOON), (ANSWERS, NOON), (ASKS, NOON), (ASKS, NOON))
    rows.thread("cthr_2", (ASKS, NOON), (ANSWERS, NOON))
    rows.thread("cthr_3", (ASKS, NOON))
    rows.thread("cthr_4", (ANSWERS, NOON))

    count()

    turns = {name: value for name, value in counted().items() if name.startswith("turns")}
    assert turns == {"turns 3": 1, "turns 1": 2}
    assert counted(TODAY - DAY)["turns 1"] == 1


def test_more_turns_than_anybody_takes_count_as_the_most(rows: Rows, count: Any, counted: Counted) -> None:
    rows.thread("cthr_1", *[(ASKS, NOON)] * 101)

    count()

    assert counted()["turns 100"] == 1


def test_a_thread_is_unanswered_where_nothing_follows_the_end_users_last_message(
    rows: Rows, count: Any, counted: Counted
) -> None:
    rows.thread("cthr_asked", (ANSWERS, NOON - DAY), (ASKS, NOON))
    rows.thread("cthr_answered", (ASKS, NOON), (ANSWERS, NOON))
    rows.thread("cthr_answered_today", (ASKS, NOON - DAY), (ANSWERS, NOON))
    rows.thread("cthr_asked_yesterday", (ASKS, NOON - DAY))
    withdrawn = rows.thread("cthr_withdrawn", (ASKS, NOON))
    rows.item(withdrawn, 1, ANSWERS, NOON, gone_at=NOON)

    count()

    assert counted()["unanswered"] == 2
    assert counted(TODAY - DAY)["unanswered"] == 1


def test_a_thread_that_is_gone_is_what_it_was_when_it_went(
    rows: Rows, database: str, count: Any, counted: Counted
) -> None:
    asked = rows.thread("cthr_asked", (ASKS, NOON), gone_at=NOON)
    answered = rows.thread("cthr_answered", (ASKS, NOON), (ANSWERS, NOON), gone_at=NOON)
    ChatThreadItem.objects.using(database).filter(thread__in=[asked, answered]).update(gone_at=NOON)

    count()

    assert counted()["unanswered"] == 1
    assert counted()["items user_message"] == 2


def test_a_tool_call_has_failed_when_a_day_brought_no_answer(
    rows: Rows, count: Any, counted: Counted
) -> None:
    before = NOON - DAY
    thread = rows.thread("cthr_1", (ASKS, before - DAY), last_activity_at=NOON)
    rows.item(thread, 1, CALLS, before, settled=False)
    rows.item(thread, 2, CALLS, before, settled=True)
    rows.item(thread, 3, CALLS, before + timedelta(seconds=1), settled=False)
    rows.item(thread, 4, CALLS, NOON, settled=False)
    rows.item(thread, 5, "chatkit.hologram", before, settled=False)

    count()

    assert counted(TODAY - DAY)["tools-failed"] == 1
    assert "tools-failed" not in counted()
    assert counted(TODAY - DAY)["items client_tool_call"] == 3


def test_the_lag_is_the_longest_that_was_seen_on_a_day(database: str, count: Any, counted: Counted) -> None:
    end_users = EndUser.objects.using(database)
    end_users.create(id="ada", due_at=NOON - timedelta(seconds=90))
    end_users.create(id="bob", due_at=NOON - timedelta(hours=1), leased_until=NOON + DAY)
    end_users.create(id="cyd", due_at=NOON + timedelta(hours=1))

    count()
    end_users.update(due_at=NOON)
    count(NOON + timedelta(seconds=1))

    assert counted()["lag"] == 90


# What a day keeps


def test_to_count_again_changes_nothing(rows: Rows, count: Any, counted: Counted) -> None:
    rows.thread("cthr_1", (ASKS, NOON), (ANSWERS, NOON))
    rows.session("cksess_1", NOON)
    first = count()
    held = counted()

    again = count()

    assert first.changed == len(held) == 6
    assert again.changed == 0
    assert counted() == held


def test_what_comes_late_is_counted(rows: Rows, count: Any, counted: Counted) -> None:
    thread = rows.thread("cthr_1", (ASKS, NOON - 2 * DAY))
    count()
    rows.item(thread, 1, ASKS, NOON - 2 * DAY)
    rows.item(thread, 2, ANSWERS, NOON - DAY)
    thread.last_activity_at = NOON - DAY
    thread.save()

    count()

    then = counted(TODAY - 2 * DAY)
    assert (then["items user_message"], then["turns 1"], then["turns 2"]) == (2, 0, 1)
    assert then["unanswered"] == 0


def test_a_day_outlives_what_it_was_counted_from(
    rows: Rows, database: str, count: Any, counted: Counted
) -> None:
    rows.thread("cthr_1", (ASKS, NOON), (ANSWERS, NOON), (ASKS, NOON))
    rows.session("cksess_1", NOON)
    rows.run(NOON, requests=3, errors=1)
    count()
    held = counted()
    for model in (ChatThreadItem, ChatThread, ChatSession, SyncRun, EndUser):
        model._default_manager.using(database).all().delete()

    assert count(whole=True).changed == 0
    assert count().changed == 0

    assert counted() == held


def test_a_day_of_which_a_part_was_pruned_keeps_its_numbers(rows: Rows, count: Any, counted: Counted) -> None:
    rows.thread("cthr_1", (ASKS, NOON), (ANSWERS, NOON))
    kept = rows.thread("cthr_2", (ASKS, NOON))
    pruned = rows.thread("cthr_3", (ASKS, NOON), (ASKS, NOON))
    count()
    held = counted()

    pruned.delete()
    kept.refresh_from_db()
    count()

    assert counted() == held
    assert held["turns 2"] == 1


# Which days are counted


def test_the_last_days_are_counted_from_some_before_the_last_count_on(
    rows: Rows, count: Any, counted: Counted
) -> None:
    for ago in range(14):
        rows.session(f"cksess_{ago}", NOON - ago * DAY)

    assert count(NOON - 6 * DAY).days == 4
    assert count().days == 10
    assert count().days == 4

    assert counted(TODAY - 9 * DAY) == {"sessions": 1, "end-users": 1}
    assert counted(TODAY - 10 * DAY) == {}


def test_all_days_are_counted_from_the_first_that_anything_is_held_of(
    rows: Rows, count: Any, counted: Counted
) -> None:
    rows.thread("cthr_1", (ASKS, NOON - 100 * DAY), (ANSWERS, NOON - 50 * DAY))
    rows.session("cksess_1", NOON - 20 * DAY)
    rows.run(NOON - 10 * DAY)

    assert count(whole=True).days == 101

    assert counted(TODAY - 100 * DAY)["items user_message"] == 1
    assert counted(TODAY - 50 * DAY)["items assistant_message"] == 1


def test_a_time_before_chatkit_is_no_reason_to_count_from_there(rows: Rows, count: Any) -> None:
    rows.session("cksess_1", datetime(1970, 1, 1, tzinfo=UTC))

    assert count(whole=True).days == (TODAY - days.FIRST_DAY).days + 1


def test_where_nothing_is_held_there_is_nothing_to_count(count: Any, database: str) -> None:
    assert count(whole=True) == DaysReport(whole=True)
    assert not DailyCount.objects.using(database).exists()


def test_a_clock_that_was_set_back_counts_its_own_day(rows: Rows, count: Any, counted: Counted) -> None:
    rows.session("cksess_1", NOON)
    count(NOON + 30 * DAY)

    count()

    assert counted()["sessions"] == 1


def test_what_was_counted_within_the_hour_is_left_and_once_a_day_all_is_counted(
    rows: Rows, database: str
) -> None:
    rows.session("cksess_1", NOON - 10 * DAY)

    def due(**later: float) -> tuple[bool, int]:
        report = days.count_if_due(now=NOON + timedelta(**later), using=database)
        return report.whole, report.days

    assert due() == (True, 11)
    assert due(minutes=49) == (False, 0)
    assert due(hours=1) == (False, 4)
    assert due(hours=1, minutes=1) == (False, 0)
    assert due(hours=23, minutes=55) == (True, 12)
    assert due(hours=24, minutes=55) == (False, 4)


def test_a_count_asks_the_same_queries_however_much_a_day_holds(
    rows: Rows, count: Any, database: str
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connections[database]) as queries:
            count()
        return len(queries)

    rows.thread("cthr_0", (ASKS, NOON))
    count()
    few = cost()
    for number in range(1, 60):
        rows.thread(f"cthr_{number}", (ASKS, NOON), (ANSWERS, NOON), user=f"user_{number}")
        rows.session(f"cksess_{number}", NOON, user=f"user_{number}")
    count()

    assert cost() == few


# Before something is pruned


def test_a_cleanup_counts_the_days_before_it_prunes(
    world: World, chatkit: ChatKit, clock: Clock, pace: Pace, counted: Counted
) -> None:
    world.thread("hello", "anybody there?")
    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)
    clock.move(days=60)

    cleanup.run(client=chatkit, clock=clock, retention={"threads": timedelta(days=30)}, using=world.database)

    assert not ChatThread.objects.using(world.database).exists()
    assert counted()["items user_message"] == 2
    assert counted()["turns 2"] == 1


def test_a_dry_run_counts_no_day(world: World, chatkit: ChatKit, clock: Clock) -> None:
    cleanup.run(client=chatkit, clock=clock, retention={}, dry_run=True, using=world.database)

    assert not DailyCount.objects.using(world.database).exists()
