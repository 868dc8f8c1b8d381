"""Measure how fast words are found among a million items in the admin's lists, beside a plain LIKE in the same run.

    python benchmarks/search.py [--quick] [--only VENDOR]

1,000,000 items in 50,000 threads of 5,000 end users lie in databases that are made for the run: SQLite in a file, and
PostgreSQL and MariaDB where they answer. Ours is the admin's own list: what it asks the database, from the address to the
rows of its first page, their number and their lines; no HTML. LIKE is the same page and number by `icontains`, as the
admin would search without us. The figures are medians in milliseconds, and of LIKE also how many times longer it takes.
`--quick` takes 20,000 items and less than 20 seconds. Nothing here is shipped.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import listings
import scratch
import tables
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connections
from django.db.models import Exists, OuterRef, Q
from django.test import RequestFactory

import django_chatkit.admin  # noqa: F401 -- registers the lists
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PER_THREAD, PER_USER, CHUNK = 20, 10, 2_000
SAID = (
    "Of course: order-# left our house on Monday and should be with you by Thursday at noon. Kind regards, #"
)
QUESTIONS = {
    "list open": "",
    "a word in every third item": "parcel",
    "a word in every hundredth": "refund",
    "a word in four items": "zebra",
    "a missing word": "quokka",
    "two words": "parcel refund",
    "a phrase": '"Monday and should"',
}
NUMBERED = {"SQLite": "CAST(n AS TEXT)", "PostgreSQL": "CAST(n AS TEXT)", "MariaDB": "CAST(n AS CHAR)"}
FILL = """
    INSERT INTO django_chatkit_chatthreaditem
        (id, thread_id, type, position, text, settled, payload, created_at, gone_at)
    WITH RECURSIVE counted (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM counted WHERE n < {last})
    SELECT replace('cti_#', '#', {n}), replace('cthr_#', '#', {thread}), {type}, n, replace({text}, '#', {n}), {true},
        replace(replace(%s, '#', {n}), 'said', {text}), %s, NULL
    FROM counted
"""
TYPE = "CASE n % 5 WHEN 4 THEN 'chatkit.client_tool_call' WHEN 1 THEN 'chatkit.assistant_message' ELSE 'chatkit.user_message' END"
TEXT = (
    f"CASE WHEN n % {{rare}} = 7 THEN '{SAID} zebra' WHEN n % 300 = 9 THEN '{SAID} parcel refund' "
    f"WHEN n % 3 = 0 THEN '{SAID} parcel' WHEN n % 100 = 8 THEN '{SAID} refund' ELSE '{SAID}' END"
)
PAYLOAD = '{"id":"cti_#","object":"chatkit.thread_item","content":[{"type":"input_text","text":"said"}]}'


def fill(vendor: str, *, items: int) -> None:
    threads = items // PER_THREAD
    EndUser.objects.bulk_create(EndUser(id=f"user_{number}") for number in range(threads // PER_USER))
    ChatThread.objects.bulk_create(
        (
            ChatThread(
                id=f"cthr_{number}",
                end_user_id=f"user_{number % (threads // PER_USER)}",
                title=f"Thread {number}",
                created_at=_moment(number),
                last_activity_at=_moment(number),
                synced_at=BEGIN,
            )
            for number in range(threads)
        ),
        batch_size=500,
    )
    n = NUMBERED[vendor]
    thread = n.replace("(n ", f"((n - n % {PER_THREAD}) / {PER_THREAD} ").replace("AS CHAR", "AS INT")
    thread = f"CAST({thread} AS CHAR)" if vendor == "MariaDB" else thread
    words: dict[str, Any] = {"n": n, "thread": thread, "type": TYPE, "text": TEXT.format(rare=items // 4)}
    words["true"] = "1" if vendor != "PostgreSQL" else "true"
    with connections[vendor].cursor() as cursor:
        if vendor == "MariaDB":
            cursor.execute("SET max_recursive_iterations = 1000000")
        for first in range(0, items, CHUNK):
            sql = FILL.format(first=first, last=first + CHUNK - 1, **words).replace("n % ", "n %% ")
            cursor.execute(sql, [PAYLOAD, _moment(first // PER_THREAD)])
        settle = {"PostgreSQL": "VACUUM ANALYZE", "MariaDB": "ANALYZE TABLE django_chatkit_chatthreaditem"}
        cursor.execute(settle.get(vendor, "ANALYZE"))


def _moment(thread: int) -> datetime:
    return BEGIN + timedelta(minutes=thread)


def ours(model: type[Any], question: str) -> int:
    """Open the admin's list, and return how many rows it counts."""
    request = RequestFactory().get("/", {"q": question} if question else {})
    request.user = User.objects.get()
    changelist = admin.site._registry[model].get_changelist_instance(request)
    assert len(list(changelist.result_list)) == min(50, changelist.result_count)
    return changelist.result_count


def by_like(model: type[Any], question: str) -> int:
    """Ask for the same page and number by LIKE."""
    said = [Q(text__icontains=word) for word in (question.strip('"'),)]
    if '"' not in question:
        said = [Q(text__icontains=word) for word in question.split()]
    if model is ChatThreadItem:
        rows = ChatThreadItem.objects.filter(*said).order_by("-created_at", "-id")
    else:
        items = ChatThreadItem.objects.filter(thread=OuterRef("pk"))
        rows = ChatThread.objects.order_by("-last_activity_at", "-id")
        for words in said:
            rows = rows.filter(Q(title__icontains=words.children[0][1]) | Exists(items.filter(words)))
    list(rows.defer("payload")[:50])
    return rows.order_by().values("pk")[:10_000].count()


def median(ask: Callable[[type[Any], str], int], model: type[Any], question: str, *, rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        ask(model, question)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def race(vendor: str, *, items: int, rounds: int, slow_rounds: int) -> list[list[str]]:
    """Return a row for each question and list."""
    listings.OneDatabase.alias = vendor
    rows = []
    with scratch.made(vendor):
        User.objects.create_superuser("staff")
        fill(vendor, items=items)
        for name, question in QUESTIONS.items():
            row = [f"{vendor}, {name}"]
            for model in (ChatThread, ChatThreadItem):
                our = median(ours, model, question, rounds=rounds)
                like = median(by_like, model, question, rounds=slow_rounds)
                row += [f"{our:.0f}", f"{like:.0f} ({like / our:.1f})"]
            rows.append(row)
    return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="fewer items: less than 20 seconds")
    arguments.add_argument("--only", choices=scratch.VENDORS, help="one database")
    options = arguments.parse_args()
    settings.DATABASE_ROUTERS = ["listings.OneDatabase"]
    items, rounds, slow = (20_000, 5, 1) if options.quick else (1_000_000, 9, 1)
    usual = [vendor for vendor in scratch.VENDORS if not (options.quick and vendor == "MariaDB")]
    head = [f"{items:,} items, ms", "threads: ours", "LIKE", "items: ours", "LIKE"]
    found = [
        race(vendor, items=items, rounds=rounds, slow_rounds=slow)
        for vendor in ([options.only] if options.only else usual)
    ]
    print(tables.markdown(head, [row for rows in found for row in rows]))


if __name__ == "__main__":
    main()
