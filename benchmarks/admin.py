"""Measure what opening a conversation in the admin costs: a thread of 100,000 items beside one of 50, in one run.

    python benchmarks/admin.py [--quick]

Both threads lie in one database that is made for the run: SQLite in a file, and PostgreSQL and MariaDB where they answer.
Each opening goes through the admin's view, from the row to the bytes of the page, with its entry in the log. The places
in the long thread and the short thread take turns, so that a busy moment meets them all, and the table shows medians
as ratios to the short one: single times say more about the machine than about the code. `--quick` takes 5,000 items
and less than 20 seconds. Nothing here is shipped.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import scratch
import tables
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser

GOAL = 1.2
SHORT, LONG = "cthr_short", "cthr_long"
PAGE = 50
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

urlpatterns = [path("admin/", admin.site.urls)]

ANSWER = """Your **order 77** left our house on Monday:

- it is in [Hamburg](https://track.example/77) now,
- it should be with you by Thursday at noon.

Is there anything else that I can do for you? If it does not come, write again, and we look for it.
"""
TURN = (
    ("chatkit.user_message", {"content": [{"type": "input_text", "text": "And where is my other parcel?"}]}),
    (
        "chatkit.client_tool_call",
        {"status": "completed", "name": "track", "arguments": '{"order": 77}', "output": '{"at": "Hamburg"}'},
    ),
    (
        "chatkit.assistant_message",
        {"content": [{"type": "output_text", "text": ANSWER, "annotations": []}]},
    ),
)


@dataclass(frozen=True)
class Place:
    """Say where a thread is opened."""

    name: str
    thread: str
    query: dict[str, str]


@dataclass
class Cost:
    """Hold what opening a place took: seconds each time, queries, and bytes."""

    seconds: list[float]
    queries: int = 0
    size: int = 0


class OneDatabase:
    """Send every query to one database."""

    alias = ""

    def db_for_read(self, model: object, **hints: object) -> str:
        return self.alias

    db_for_write = db_for_read

    def allow_relation(self, *rows: object, **hints: object) -> bool:
        return True


def places(items: int) -> list[Place]:
    middle = items // 2
    day = (BEGIN + timedelta(minutes=middle)).date().isoformat()
    return [
        Place("50 items, newest page", SHORT, {}),
        Place(f"{items:,} items, newest page", LONG, {}),
        Place("oldest page", LONG, {"from": "oldest"}),
        Place("a page in the middle", LONG, {"before": str(middle)}),
        Place("a link to an item", LONG, {"item": f"{LONG}{middle}"}),
        Place("a day", LONG, {"on": day}),
    ]


def fill(id: str, items: int) -> None:
    """Let a thread be of so many items, one a minute."""
    end_user, _ = EndUser.objects.get_or_create(id="user_1")
    thread = ChatThread.objects.create(
        id=id, end_user=end_user, title="Where is my parcel?", created_at=BEGIN, last_activity_at=BEGIN
    )
    rows = (
        ChatThreadItem(
            id=f"{id}{position}",
            thread=thread,
            position=position,
            type=TURN[position % len(TURN)][0],
            payload=TURN[position % len(TURN)][1],
            text="And where is my other parcel?",
            created_at=BEGIN + timedelta(minutes=position),
        )
        for position in range(items)
    )
    with transaction.atomic(using=OneDatabase.alias):
        ChatThreadItem.objects.bulk_create(rows, batch_size=2_000)
    with connections[OneDatabase.alias].cursor() as cursor:
        is_mariadb = connections[OneDatabase.alias].vendor == "mysql"
        cursor.execute(f"ANALYZE {'TABLE' if is_mariadb else ''} django_chatkit_chatthreaditem")


def opened(place: Place, user: User) -> bytes:
    """Open a place and return its page."""
    request = RequestFactory().get("/admin/", place.query)
    request.user = user
    response = admin.site.get_model_admin(ChatThread).change_view(request, place.thread)
    return bytes(response.render().content)


def race(vendor: str, *, items: int, rounds: int) -> dict[str, Cost]:
    """Return what each place costs on a database."""
    OneDatabase.alias = vendor
    found = {place.name: Cost([]) for place in places(items)}
    with scratch.made(vendor):
        user = User.objects.create_superuser("root")
        fill(SHORT, PAGE)
        fill(LONG, items)
        for place in places(items):
            opened(place, user)  # what is read once, such as content types
            with CaptureQueriesContext(connections[vendor]) as queries:
                page = opened(place, user)
            assert page.count(b"<article") == PAGE, page
            found[place.name].size, found[place.name].queries = len(page), len(queries)
        for _ in range(rounds):
            for place in places(items):
                started = time.perf_counter()
                opened(place, user)
                found[place.name].seconds.append(time.perf_counter() - started)
    return found


def report(results: dict[str, dict[str, Cost]], items: int) -> str:
    names = [place.name for place in places(items)]
    costs = next(iter(results.values()))
    rows = [
        [
            name,
            *(_ratio(result, name, names[0]) for result in results.values()),
            str(costs[name].queries),
            f"{costs[name].size / 1_000:.0f}",
        ]
        for name in names
    ]
    goal = ["goal: newest page", *(f"<= {GOAL}" for _ in results), f"{costs[names[0]].queries}", "<= 200"]
    return tables.markdown(["time to open; 50 items = 1.0", *results, "queries", "kB"], [*rows, goal])


def _ratio(result: dict[str, Cost], name: str, baseline: str) -> str:
    ours, theirs = (statistics.median(result[each].seconds) for each in (name, baseline))
    return f"{ours / theirs:.2f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--quick", action="store_true", help="fewer items and rounds: less than 20 seconds"
    )
    quick = arguments.parse_args().quick
    settings.ROOT_URLCONF = __name__
    settings.DATABASE_ROUTERS = [f"{__name__}.OneDatabase"]
    items, rounds = (5_000, 8) if quick else (100_000, 60)
    with timezone.override("UTC"):
        print(report({vendor: race(vendor, items=items, rounds=rounds) for vendor in scratch.VENDORS}, items))


if __name__ == "__main__":
    main()
