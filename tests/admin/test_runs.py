"""Sync runs in the admin: how each stands, what it found, and how the pages of what failed say so."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit import wiring
from django_chatkit.admin.spans import span
from django_chatkit.models import ChatThread, EndUser, SyncRun
from django_chatkit.testing import Emulator

from .conftest import BEGIN, make_run, make_thread

LIST = "/admin/django_chatkit/syncrun/"


def text_of(client: Client, address: str, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, (answer.status_code, address)
    return re.sub(r"\s+", " ", answer.content.decode())


def page(client: Client, run: SyncRun) -> str:
    return text_of(client, f"{LIST}{run.pk}/change/")


def at_work(**fields: Any) -> SyncRun:
    now = timezone.now()
    values: dict[str, Any] = {"started_at": now, "noted_at": now, "ended_at": None, **fields}
    return make_run(**values)


def test_without_a_run_the_list_says_how_one_begins(staff: Client) -> None:
    assert "No sync has run yet." in text_of(staff, LIST)
    assert "chatkit_sync --full" in text_of(staff, LIST)


@pytest.mark.parametrize("query", [{"q": "nobody"}, {"kind": "user"}], ids=["search", "filter"])
def test_where_none_matches_the_list_says_so(staff: Client, query: dict[str, str]) -> None:
    make_run()

    assert "No run matches." in text_of(staff, LIST, **query)


def test_the_newest_stands_first(staff: Client) -> None:
    for hour in (2, 3, 1):
        make_run("user", f"user_{hour}", started_at=BEGIN + timedelta(hours=hour))

    shown = re.findall(r"user_\d", text_of(staff, LIST))

    assert shown == ["user_3", "user_2", "user_1"]


def test_states_are_told_in_words(staff: Client) -> None:
    make_run()
    make_run(errors=2)
    make_run(errors=1, stopped=True)
    make_run(ended_at=None)
    at_work(noted_at=timezone.now() - timedelta(seconds=4))

    shown = text_of(staff, LIST)

    assert re.findall(r"ck-state ck-(\w+)\">([^<]+)<", shown) == [
        ("good", "running"),
        ("bad", "broken off"),
        ("bad", "stopped"),
        ("calm", "ended"),
        ("bad", "2 errors"),
        ("calm", "ended"),
    ]
    assert re.search(r"running</span><span class=\"ck-second\">last word 4\.\d s ago", shown)
    assert re.search(r"broken off</span><span class=\"ck-second\">last word \d+ day", shown)


def test_counts_are_told_and_zeros_left_out(staff: Client) -> None:
    make_run(items_new=1_234, items_gone=2, requests=56_789, paused=75)

    shown = re.sub(r"<[^>]+>", "", text_of(staff, LIST))

    assert "1,234 new · 2 gone" in shown
    assert "changed" not in shown
    assert "56,789" in shown
    assert "took 2.0 s, paused 1 min 15 s" in shown


def test_a_run_about_one_links_there_where_it_is_here(staff: Client, thread: ChatThread) -> None:
    make_run("user", thread.end_user_id)
    make_run("thread", thread.pk)
    make_run("thread", "cthr_unknown")
    make_run("user", thread.pk)  # an end user of that name is not here

    shown = text_of(staff, LIST)

    assert re.findall(r'href="/admin/django_chatkit/((?:enduser|chatthread)/\w+)/change/">', shown) == [
        "chatthread/cthr_5F1",
        "enduser/user_5F42",
    ]
    assert "cthr_unknown" in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param({"kind": "due"}, ["due"], id="due"),
        pytest.param({"kind": "user"}, ["user"], id="user"),
        pytest.param({"kind": "thread"}, ["thread"], id="thread"),
        pytest.param({"kind": "reconcile"}, ["everything"], id="reconcile"),
        pytest.param({"state": "running"}, ["thread"], id="running"),
        pytest.param({"state": "ended"}, ["user"], id="ended"),
        pytest.param({"state": "stopped"}, ["everything"], id="stopped"),
        pytest.param({"state": "broken-off"}, ["due"], id="broken-off"),
        pytest.param({"errors": "yes"}, ["everything"], id="errors"),
        pytest.param({"errors": "no"}, ["due", "thread", "user"], id="no-errors"),
        pytest.param({"q": "a5"}, ["user"], id="subject"),
        pytest.param({"q": "refused"}, ["everything"], id="error"),
        pytest.param({"q": "2026-11-03"}, ["due", "everything", "user"], id="day"),
        pytest.param({"started_at__gte": "2031-01-01 00:00:00+00:00"}, [], id="date"),
    ],
)
def test_runs_are_found(staff: Client, query: dict[str, str], found: list[str]) -> None:
    make_run("due", "due", ended_at=None)
    make_run("user", "user a5")
    make_run("reconcile", "everything", stopped=True, errors=1, last_error="the key was refused")
    at_work(kind="thread", subject="thread")

    _, _, table = text_of(staff, LIST, **query).partition('<table id="result_list">')

    assert sorted(re.findall(r'ck-second">(due|user|thread|everything)\b', table)) == found


def test_the_list_costs_the_same_with_one_run_and_with_sixty(staff: Client, thread: ChatThread) -> None:
    make_run("user", thread.end_user_id)
    text_of(staff, LIST)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(staff, LIST)
        return len(queries)

    few = cost()
    for number in range(60):
        make_run("thread", make_thread(thread.end_user, f"cthr_{number}_").pk)
    assert few <= 6
    assert cost() <= few + 1  # of more than a page the ids are asked for first


# A run's own page


def test_a_run_that_is_through_shows_what_it_found(staff: Client) -> None:
    shown = page(staff, make_run(threads=40, threads_new=3, items_new=1_100, items_unchanged=7, users=2))

    assert "ck-notice" not in shown
    assert '<h2 class="ck-name"><bdi>Everything</bdi></h2>' in shown
    table = shown.partition('class="ck-counts"')[2].partition("<tbody>")[2]
    cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", table)]
    assert cells == ["40", "3", "0", "0", "", "", "1,100", "0", "0", "7"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"ended_at": None}, "This run broke off.</strong> Its process was killed", id="killed"),
        pytest.param(
            {"stopped": True, "errors": 1, "last_error": "Stopped by AuthenticationError"},
            "An error stopped this run.</strong> What it copied is kept, and the next run goes on from there.</p>"
            ' <p class="ck-words">Stopped by AuthenticationError</p>',
            id="stopped",
        ),
        pytest.param(
            {"errors": 1, "last_error": "thread cthr_1: Oh"}, "One thing failed.</strong>", id="one-failure"
        ),
        pytest.param({"errors": 3, "last_error": "thread cthr_1: Oh"}, "3 things failed.", id="failures"),
    ],
)
def test_what_became_of_a_run_is_said_first(staff: Client, fields: dict[str, Any], says: str) -> None:
    shown = page(staff, make_run(**fields))

    assert says in shown
    assert fields.get("last_error", "") in shown


def test_a_run_at_work_says_so(staff: Client) -> None:
    assert "This run is at work.</strong> Its counts are of 0." in page(staff, at_work())


# The pages of what failed


@pytest.mark.parametrize(
    ("due_in", "failures", "says"),
    [
        pytest.param(
            timedelta(seconds=90),
            3,
            "The last 3 looks failed.</strong> The next one is due in 1 min ",
            id="soon",
        ),
        pytest.param(timedelta(0), 1, "The last look failed.</strong> The next one is due now.", id="now"),
        pytest.param(None, 0, "The last look failed.</strong> No further look is due", id="never"),
    ],
)
def test_a_failing_end_user_says_why_and_when_it_goes_on(
    staff: Client, thread: ChatThread, due_in: timedelta | None, failures: int, says: str
) -> None:
    due_at = None if due_in is None else timezone.now() + due_in
    EndUser.objects.update(failures=failures, last_error="RateLimitError: 429", due_at=due_at)

    for address in ("enduser/user_5F42", "chatthread/cthr_5F1"):
        shown = text_of(staff, f"/admin/django_chatkit/{address}/change/")
        assert says in shown
        assert "RateLimitError: 429" in shown


def test_where_nothing_failed_no_notice_stands(staff: Client, thread: ChatThread) -> None:
    for address in ("enduser/user_5F42", "chatthread/cthr_5F1"):
        assert "ck-notice" not in text_of(staff, f"/admin/django_chatkit/{address}/change/")


# A pause


def test_a_pause_is_told_where_people_wait_for_a_sync(
    staff: Client, thread: ChatThread, chatkit_emulator: Emulator
) -> None:
    wiring.connect().gate.close_for(90)

    for address in ("enduser/user_5F42/change/", "chatthread/cthr_5F1/change/", "syncrun/"):
        shown = text_of(staff, f"/admin/django_chatkit/{address}")
        assert "Upstream asked to wait.</strong> All syncs of this site pause for 1 min " in shown


@override_settings(CHATKIT={"NONSENSE": 1})
def test_settings_that_cannot_be_read_hide_no_page(staff: Client) -> None:
    assert "No sync has run yet." in text_of(staff, LIST)


# Spans


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10.0 s"),
        (59, "59 s"),
        (200, "3 min 20 s"),
        (3_900, "1 h 5 min"),
        (86_400, "1 day"),
        (3 * 86_400, "3 days"),
    ],
)
def test_a_span_reads_short(seconds: float, shown: str) -> None:
    assert span(timedelta(seconds=seconds)) == shown
