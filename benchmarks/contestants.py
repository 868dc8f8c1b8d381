"""Ways to mirror an upstream: ours, and what it races against.

All get their pages from the same upstream through our client, one end user's threads of 500 items each, and fill the
same columns of the same tables. Only ours is exact, finds what is gone, takes leases, and sends signals after commit;
the others write what they are given, again and again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import scratch  # first: it sets Django up
from django.db import connections

from django_chatkit import conf
from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.models.fields import dumps
from django_chatkit.services import reading, sync

# Mirrors the threads of one end user on one database: (client, user, alias).
Contestant = Callable[[ChatKit, str, str], object]

PACE = sync.Pace(
    interval=timedelta(seconds=15), grace=timedelta(seconds=60), workers=conf.Settings().sync_concurrency
)
COLUMNS = ("type", "position", "text", "settled", "payload", "created_at", "gone_at")


def now() -> datetime:
    return datetime.now(UTC)


def ours(client: ChatKit, user: str, using: str) -> None:
    """Sync the end user as `chatkit_sync --user` does, with the default SYNC_CONCURRENCY."""
    report = sync.sync_user(client=client, clock=now, user=user, pace=PACE, using=using)
    assert report.ok, report.failures


def one_by_one(most: int) -> Contestant:
    """Call Django's `update_or_create` for each object, each its own transaction, as Django does by default.

    It stops after `most` items: it is the slowest by far, and its cost an item does not depend on their number.
    """

    def copy(client: ChatKit, user: str, using: str) -> None:
        threads, items = ChatThread.objects.using(using), ChatThreadItem.objects.using(using)
        for thread in _threads(client, user, using):
            threads.update_or_create(id=thread.id, defaults=_thread_values(thread.payload))
            found = client.threads.list_items(thread.id, order="asc", limit=100)
            for position, item in enumerate(islice(found, most)):
                items.update_or_create(id=item.id, defaults=_item_values(item.payload, thread.id, position))

    return copy


def bulk_create(client: ChatKit, user: str, using: str) -> None:
    """Call Django's `bulk_create(update_conflicts=True)` once a page."""
    for thread in _threads(client, user, using):
        _upsert(ChatThread, using, [ChatThread(id=thread.id, **_thread_values(thread.payload))], ["payload"])
        for start, rows in _pages(client, thread.id):
            items = [
                ChatThreadItem(id=row["id"], **_item_values(row, thread.id, position))
                for position, row in enumerate(rows, start)
            ]
            _upsert(ChatThreadItem, using, items, COLUMNS)


def one_parameter(client: ChatKit, user: str, using: str) -> None:
    """Give the database each page as one JSON parameter, unpacked in SQL: the driver's floor.

    No row is built in Python, and `text` is the first part of the content only.
    """
    for thread in _threads(client, user, using):
        _upsert(ChatThread, using, [ChatThread(id=thread.id, **_thread_values(thread.payload))], ["payload"])
        for start, rows in _pages(client, thread.id):
            with connections[using].cursor() as cursor:
                page = json.dumps(rows, ensure_ascii=False)
                cursor.execute(_UNPACK[connections[using].vendor], [thread.id, start, page])


def copied(client: ChatKit, user: str, using: str) -> None:
    """COPY a thread's items into a temporary table, and INSERT .. SELECT from it: PostgreSQL's floor.

    The columns are made in Python, as ours are.
    """
    names = ("id", "thread_id", *COLUMNS)
    columns, table = ", ".join(names), ChatThreadItem._meta.db_table
    news = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS)
    with connections[using].cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS page (LIKE {table})")
        for thread in _threads(client, user, using):
            _upsert(
                ChatThread, using, [ChatThread(id=thread.id, **_thread_values(thread.payload))], ["payload"]
            )
            cursor.execute("TRUNCATE page")
            with cursor.copy(f"COPY page ({columns}) FROM STDIN") as copy:
                for start, rows in _pages(client, thread.id):
                    for position, row in enumerate(rows, start):
                        values = _item_values(row, thread.id, position)
                        values["payload"] = dumps(values["payload"])
                        copy.write_row([row["id"], *(values.get(name) for name in names[1:])])
            cursor.execute(
                f"INSERT INTO {table} ({columns}) SELECT {columns} FROM page ON CONFLICT (id) DO UPDATE SET {news}"
            )


def _threads(client: ChatKit, user: str, using: str) -> Iterator[Any]:
    EndUser.objects.using(using).get_or_create(id=user)
    yield from client.threads.list(user=user, order="asc", limit=100)


def _pages(client: ChatKit, thread: str) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    start = 0
    for page in client.threads.list_items(thread, order="asc", limit=100).iter_pages():
        rows = page.payload["data"]
        yield start, rows
        start += len(rows)


def _upsert(model: Any, using: str, rows: list[Any], columns: Any) -> None:
    has_target = connections[using].features.supports_update_conflicts_with_target
    model.objects.using(using).bulk_create(
        rows, update_conflicts=True, unique_fields=["id"] if has_target else None, update_fields=columns
    )


def _thread_values(payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "end_user_id": reading.user_of(payload),
        "title": reading.word(payload, "title"),
        "status": reading.status_of(payload),
        "payload": payload,
        "created_at": reading.moment(payload, "created_at", now()),
    }


def _item_values(payload: dict[str, Any], thread: str, position: int) -> dict[str, Any]:
    return {
        "thread_id": thread,
        "type": reading.word(payload, "type"),
        "position": position,
        "text": reading.text_of(payload),
        "settled": reading.is_settled(payload),
        "payload": payload,
        "created_at": reading.moment(payload, "created_at", now()),
    }


_INTO = (
    f"INSERT INTO {ChatThreadItem._meta.db_table} "
    "(thread_id, position, id, type, text, settled, payload, created_at) "
)
_NEWS = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS if name != "gone_at")
_UNPACK = {
    "sqlite": _INTO + "SELECT %s, %s + key, value ->> 'id', value ->> 'type', value ->> '$.content[0].text', "
    "coalesce(value ->> 'status', '') <> 'in_progress', value, datetime(value ->> 'created_at', 'unixepoch') "
    f"FROM json_each(%s) WHERE true ON CONFLICT (id) DO UPDATE SET {_NEWS}",
    "postgresql": _INTO + "SELECT %s, %s + nr - 1, value ->> 'id', value ->> 'type', "
    "value #>> '{content,0,text}', coalesce(value ->> 'status', '') <> 'in_progress', value::text, "
    "to_timestamp((value ->> 'created_at')::float) "
    "FROM json_array_elements(%s::json) WITH ORDINALITY AS page (value, nr) "
    f"ON CONFLICT (id) DO UPDATE SET {_NEWS}",
    "mysql": _INTO + "SELECT %s, %s + nr - 1, id, type, text, coalesce(status, '') <> 'in_progress', value, "
    "from_unixtime(created_at) FROM json_table(%s, '$[*]' COLUMNS (nr FOR ORDINALITY, id TEXT PATH '$.id', "
    "type TEXT PATH '$.type', text TEXT PATH '$.content[0].text', status TEXT PATH '$.status', "
    "value JSON PATH '$', created_at BIGINT PATH '$.created_at')) AS page ON DUPLICATE KEY UPDATE "
    + ", ".join(f"{name} = VALUES({name})" for name in COLUMNS if name != "gone_at"),
}


def of(vendor: str, *, most: int) -> dict[str, Contestant]:
    """Return who takes part on a database, by name; the first is what the others are compared to."""
    assert vendor in scratch.VENDORS
    return {
        "update_or_create an object": one_by_one(most),
        "bulk_create(update_conflicts) a page": bulk_create,
        **({"driver: COPY a thread, INSERT .. SELECT": copied} if vendor == "PostgreSQL" else {}),
        "driver: a page as one JSON parameter": one_parameter,
        "django_chatkit.services.sync": ours,
    }
