"""Measure how fast an archive is brought back, beside Django's `bulk_create` on the same rows, in one run.

    python benchmarks/importing.py [--quick]

Two archives: many threads of 20 items, and one thread of very many. Each is imported into databases that are made for the
run: SQLite in a file, as the example project runs it, PostgreSQL and MariaDB where they answer. The contestants take turns,
and the table shows medians: threads and items a second, and the ratio to plain `bulk_create`, which is given model objects
that were made beforehand, reads no file, judges nothing, knows no newer knowledge, takes no lease and sends no signal.
Between the two stands what a script would do: read the same files with `json`, make model objects, `bulk_create` a page.

A last table tells how far a process grew at most, resident, while it imported a thread of 1,000 and one of 100,000 items
into SQLite. `--quick` takes less than a minute. Nothing here is shipped.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import contestants
import memory
import scratch  # first of what touches Django: it sets it up
import tables

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.services import archived, importing
from django_chatkit.services.reports import ImportReport
from tests.services.archives import Archive, made

READ_AT = datetime(2026, 11, 20, tzinfo=UTC)
PAGE = 250
Contestant = Callable[[Path, str], object]


def archive(folder: Path, *, threads: int, items: int, packed: bool = False) -> Path:
    """Write an archive of threads of some 700 bytes an item."""
    folder.mkdir()
    found = Archive(folder, "gzip" if packed else "none")
    for number in range(threads):
        thread, rows = made(f"cthr_{number:08}", items, created_at=1_700_000_000 + number)
        for row in rows:
            row["content"][0]["text"] += " that somebody said, once upon a time," * 12
        found.add(thread, rows, read_at=READ_AT)
    return found.finish()


def ours(folder: Path, using: str) -> ImportReport:
    """Import the archive as `chatkit_import` does."""
    report = importing.run(
        source=lambda fail: archived.threads(folder, fail=fail),
        clock=contestants.now,
        users_are_accounts=True,
        using=using,
    )
    assert report.ok, report.failures
    return report


def script(folder: Path, using: str) -> None:
    """Read each file and `bulk_create` its rows, a page at a time."""
    EndUser.objects.using(using).get_or_create(id="ada")
    for path in _files(folder):
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            _create(map(json.loads, file), using)


def _create(objects: Iterator[dict[str, Any]], using: str) -> None:
    thread = next(objects)
    ChatThread.objects.using(using).bulk_create([_thread(thread)])
    rows = (_item(payload, position) for position, payload in enumerate(objects))
    while page := [row for row, _ in zip(rows, range(PAGE), strict=False)]:
        ChatThreadItem.objects.using(using).bulk_create(page)


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "threads").glob("*/*"))


def _thread(payload: dict[str, Any]) -> ChatThread:
    return ChatThread(id=payload["id"], end_user_id="ada", **_of_thread(payload))


def _of_thread(payload: dict[str, Any]) -> dict[str, Any]:
    values = contestants._thread_values(payload)
    return {name: value for name, value in values.items() if name != "end_user_id"}


def _item(payload: dict[str, Any], position: int) -> ChatThreadItem:
    values = contestants._item_values(payload, payload["thread_id"], position)
    return ChatThreadItem(id=payload["id"], **values)


def prepared(folder: Path) -> Contestant:
    """Return `bulk_create` of model objects that are made already."""
    threads, items = [], []
    for path in _files(folder):
        first, *rest = map(json.loads, path.read_bytes().splitlines())
        threads.append(_thread(first))
        items.append([_item(payload, position) for position, payload in enumerate(rest)])

    def create(folder: Path, using: str) -> None:
        EndUser.objects.using(using).get_or_create(id="ada")
        for thread, rows in zip(threads, items, strict=True):
            ChatThread.objects.using(using).bulk_create([thread])
            ChatThreadItem.objects.using(using).bulk_create(rows, batch_size=PAGE)

    return create


def race(folder: Path, packed: Path, vendor: str, *, rounds: int) -> dict[str, float]:
    """Return the median of the seconds that each contestant takes, who take turns."""
    ready = prepared(folder)
    racers: dict[str, tuple[Contestant, Path]] = {
        "`bulk_create`, objects made beforehand": (ready, folder),
        "`bulk_create`, the same files read": (script, folder),
        "chatkit_import": (ours, folder),
        "chatkit_import, gzip": (ours, packed),
    }
    times: dict[str, list[float]] = {name: [] for name in racers}
    with scratch.made(vendor):
        for _ in range(rounds):
            for name, (contestant, source) in racers.items():
                started = time.perf_counter()
                contestant(source, vendor)
                times[name].append(time.perf_counter() - started)
                _empty(vendor)
        ours(folder, vendor)
        started = time.perf_counter()
        ours(folder, vendor)
        times["chatkit_import, all known already"] = [time.perf_counter() - started]
    return {name: statistics.median(found) for name, found in times.items()}


def _empty(using: str) -> None:
    for model in (ChatThreadItem, ChatThread, EndUser):
        rows: Any = model._default_manager.using(using).all()
        rows._raw_delete(using)


def race_table(folder: Path, *, threads: int, items: int, rounds: int) -> str:
    plain = archive(folder / f"{threads} plain", threads=threads, items=items)
    packed = archive(folder / f"{threads} packed", threads=threads, items=items, packed=True)
    head = [f"{threads:,} threads of {items:,} items", "threads/s", "items/s", "`bulk_create` = 1.0"]
    lines = []
    for vendor in scratch.VENDORS:
        seconds = race(plain, packed, vendor, rounds=rounds)
        least = next(iter(seconds.values()))
        lines += [
            [
                f"{vendor}: {name}",
                f"{threads / each:,.0f}",
                f"{threads * items / each:,.0f}",
                f"{least / each:.2f}",
            ]
            for name, each in seconds.items()
        ]
    return tables.markdown(head, lines)


def _grown(folder: Path, small: Path) -> int:
    """Import in a process that did a small one before."""
    with scratch.made("SQLite"):
        ours(small, "SQLite")
        return memory.peak(lambda: ours(folder, "SQLite"), traced=False)  # type: ignore[arg-type, return-value]


def memory_table(folder: Path, sizes: tuple[int, int]) -> str:
    grown = []
    small = archive(folder / "small", threads=3, items=7, packed=True)
    for size in sizes:
        plain = archive(folder / f"of {size}", threads=1, items=size, packed=True)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            grown.append(pool.apply(_grown, (plain, small)))
    per_item = (grown[1] - grown[0]) / (sizes[1] - sizes[0])
    head = ["peak of growth, resident", *(f"{size:,} items, MB" for size in sizes), "bytes a further item"]
    return tables.markdown(
        head, [["one thread imported", *(f"{each / 1e6:.1f}" for each in grown), f"{per_item:.0f}"]]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    rounds, many, long = (1, 100, 2_000) if is_quick else (3, 300, 10_000)
    with TemporaryDirectory() as name:
        folder = Path(name)
        print(race_table(folder, threads=many, items=20, rounds=rounds), flush=True)
        print()
        print(race_table(folder, threads=1, items=long, rounds=rounds), flush=True)
        print()
        print(memory_table(folder, (1_000, 10_000 if is_quick else 100_000)))


if __name__ == "__main__":
    main()
