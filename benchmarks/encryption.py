"""Measure what encryption at rest costs in time and room, beside the same without keys in the same run.

    python benchmarks/encryption.py [--quick] [--only VENDOR] [--plain]

Items of 400 characters of payload and 100 of words, in threads of 100, are written by pages as a first copy writes them,
read as an export reads them, and compared as a look at an unchanged thread compares them. Databases are made for the run:
SQLite in a file, and PostgreSQL and MariaDB where they answer. Rounds with and without keys take turns, and figures are
medians: microseconds an item, and bytes an item with all indexes, in brackets how many times those without keys. `--plain`
measures without keys only, which works on a clone from before encryption too; `--cpu` takes the process's own time on the
processor, which a busy machine blurs less. Nothing here is shipped.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import scratch
import tables
from django.conf import settings
from django.db import connections
from django.test import override_settings

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.models.fields import as_stored, dumps
from django_chatkit.services import mirror

NOW = datetime(2026, 11, 23, tzinfo=UTC)
KEY = "YS1rZXktdGhhdC1hbnlib2R5LW1heS1rbm93LTAwMDE="  # nothing that was said is sealed with it
PAGE = 100
WORDS = (
    "The order {} left our house on Monday and should be with you by Thursday at noon. Kind regards, ours."
)


def page(thread: int) -> list[mirror.ItemRow]:
    """Return the rows of a thread's one page."""
    return [
        mirror.ItemRow(
            id=f"cti_{thread}_{position}",
            thread_id=f"cthr_{thread}",
            type="chatkit.user_message",
            position=position,
            text=WORDS.format(position),
            settled=True,
            payload=dumps(
                {
                    "id": f"cti_{thread}_{position}",
                    "object": "chatkit.thread_item",
                    "created_at": 1_760_000_000 + position,
                    "thread_id": f"cthr_{thread}",
                    "type": "chatkit.user_message",
                    "content": [{"type": "input_text", "text": WORDS.format(position)}],
                    "attachments": [],
                    "inference_options": {"tool_choice": None, "model": None},
                }
            ),
            created_at=NOW + timedelta(seconds=position),
        )
        for position in range(PAGE)
    ]


def write(vendor: str, threads: range) -> None:
    for thread in threads:
        mirror.write_items(page(thread), [], using=vendor)


def read(vendor: str, threads: range) -> None:
    """Read what an export reads."""
    for thread in threads:
        rows = ChatThreadItem.objects.using(vendor).of(f"cthr_{thread}").in_order()
        assert len(list(rows.values_list("pk", "position", "created_at", as_stored("payload")))) == PAGE


def look(vendor: str, threads: range) -> None:
    """Read what a look at an unchanged thread compares: the newest twenty."""
    for thread in threads:
        rows = ChatThreadItem.objects.using(vendor).of(f"cthr_{thread}").present().order_by("-position")
        assert len(list(rows.values_list("pk", "position", "gone_at", as_stored("payload"))[:20])) == 20


def room(vendor: str) -> int:
    """Return how many bytes the items take."""
    table = ChatThreadItem._meta.db_table
    with connections[vendor].cursor() as cursor:
        if vendor == "SQLite":
            cursor.execute("VACUUM")
            cursor.execute(
                "SELECT SUM(pgsize) FROM dbstat WHERE name LIKE 'chatkit_item%%' OR name LIKE %s",
                [f"%{table}%"],
            )
        elif vendor == "PostgreSQL":
            cursor.execute(f"VACUUM FULL {table}")
            cursor.execute("SELECT pg_total_relation_size(%s)", [table])
        else:
            cursor.execute(f"ALTER TABLE {table} FORCE")
            cursor.execute(f"ANALYZE TABLE {table}")
            cursor.fetchall()
            cursor.execute(
                "SELECT SUM(file_size) FROM information_schema.innodb_sys_tablespaces "
                "WHERE name LIKE CONCAT(DATABASE(), '/%%') AND (name LIKE %s OR name LIKE '%%/FTS\\_%%')",
                [f"%{table}%"],
            )
        return int(cursor.fetchone()[0])


def clear(vendor: str) -> None:
    ChatThreadItem.objects.using(vendor).all()._raw_delete(vendor)  # type: ignore[attr-defined]


def race(
    vendor: str, *, threads: int, rounds: int, modes: list[str], clock: Callable[[], float]
) -> list[list[str]]:
    """Return a row for each thing that was measured."""
    deeds: dict[str, Callable[[str, range], None]] = {"write": write, "read": read, "look": look}
    taken: dict[tuple[str, str], list[float]] = {}
    rooms: dict[str, int] = {}
    with scratch.made(vendor):
        EndUser.objects.using(vendor).create(id="ada")
        ChatThread.objects.using(vendor).bulk_create(
            ChatThread(id=f"cthr_{number}", end_user_id="ada", created_at=NOW) for number in range(threads)
        )
        for _ in range(rounds):
            for mode in modes:
                with override_settings(CHATKIT={"ENCRYPTION_KEYS": [KEY]} if mode == "sealed" else {}):
                    for name, deed in deeds.items():
                        started = clock()
                        deed(vendor, range(threads))
                        count = threads * (20 if name == "look" else PAGE)
                        taken.setdefault((mode, name), []).append((clock() - started) / count * 1e6)
                rooms[mode] = room(vendor) // (threads * PAGE)
                clear(vendor)
    rows = []
    for name in deeds:
        figures = [statistics.median(taken[mode, name]) for mode in modes]
        rows.append([f"{vendor}, {name}, µs", *_told(figures)])
    return [*rows, [f"{vendor}, room, bytes", *_told([float(rooms[mode]) for mode in modes])]]


def _told(figures: list[float]) -> list[str]:
    first, *rest = (f"{figure:.0f}" for figure in figures)
    return [
        first,
        *(f"{each} ({figure / figures[0]:.2f})" for each, figure in zip(rest, figures[1:], strict=True)),
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="fewer items")
    arguments.add_argument("--plain", action="store_true", help="without keys only")
    arguments.add_argument("--cpu", action="store_true", help="this process's time on the processor")
    arguments.add_argument("--only", choices=scratch.VENDORS, help="one database")
    options = arguments.parse_args()
    settings.CHATKIT = {}
    threads, rounds = (20, 3) if options.quick else (100, 5)
    clock = time.process_time if options.cpu else time.perf_counter
    modes = ["plain"] if options.plain else ["plain", "sealed"]
    found = [
        race(vendor, threads=threads, rounds=rounds, modes=modes, clock=clock)
        for vendor in ([options.only] if options.only else scratch.VENDORS)
    ]
    head = [
        f"{threads * PAGE:,} items",
        *({"plain": "without keys", "sealed": "with keys"}[mode] for mode in modes),
    ]
    print(tables.markdown(head, [row for rows in found for row in rows]))


if __name__ == "__main__":
    main()
