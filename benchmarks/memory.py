"""Measure how much memory a sync takes, of small and of large threads and end users, in one run.

    python benchmarks/memory.py [--quick] [--objects]

Each row of the table is measured at each size in a process of its own, on the SQLite file that the rows before it left,
from an upstream that is another process and makes its pages on the fly. What is told is how far the process grew while it
worked, at most: its resident memory, which Linux counts, SQLite's cache and all; with `--objects` Python's objects alone
(tracemalloc), which takes three times as long. The last column spreads the growth between the two sizes over the items or
threads that made it. `--quick` is smaller. Nothing here is shipped.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path
from tempfile import TemporaryDirectory

import contestants
import scratch
import tables
import upstream
from django.db import connections

from django_chatkit.client import ChatKit
from django_chatkit.services import sync
from django_chatkit.services.reports import SyncReport

SELF = Path("/proc/self")
# Where a thread is cut, and where a tool call stays in progress: so many items from its start.
NEAR_THE_START = 50
ALIAS = "SQLite"


def worlds(target: str) -> bytes:
    """Answer for /plain/<project>/..., and for the same threads after something befell them."""
    world, _, rest = target.lstrip("/").partition("/")
    page = upstream.projects(f"/{rest}")
    if world == "plain" or "/items?" not in rest:
        return page
    document = json.loads(page)
    for row in document["data"]:
        BEFELL[world](row, int(row["id"][-8:], 16))
    return upstream.page(document["data"], has_more=document["has_more"])


def _cut(row: upstream.Document, number: int) -> None:
    if number >= NEAR_THE_START:
        row["id"] = str(row["id"]).replace("cti_", "ctn_")


def _called(row: upstream.Document, number: int) -> None:
    if number == NEAR_THE_START:
        row |= {"type": "chatkit.client_tool_call", "status": "in_progress", "output": None}


BEFELL: dict[str, Callable[[upstream.Document, int], None]] = {"cut": _cut, "called": _called}


def peak(work: Callable[[], SyncReport], *, traced: bool) -> int:
    """Return by how many bytes the work made this process grow at most."""
    gc.collect()
    if traced:
        tracemalloc.start()
    else:
        (SELF / "clear_refs").write_text("5")  # from here on Linux counts the peak anew
    before = 0 if traced else resident("VmRSS")
    report = work()
    grown = tracemalloc.get_traced_memory()[1] if traced else resident("VmHWM") - before
    tracemalloc.stop()
    assert report.ok, report.failures
    return grown


def resident(name: str) -> int:
    lines = dict(line.split(":", 1) for line in (SELF / "status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024


Deed = tuple[str, Callable[[], SyncReport]]


def sync_user(project: str, *, address: str, world: str = "plain") -> SyncReport:
    with ChatKit(api_key=upstream.KEY, base_url=f"{address}/{world}/{project}/v1") as client:
        return sync.sync_user(
            client=client, clock=contestants.now, pace=contestants.PACE, user=project, using=ALIAS
        )


def reconcile(project: str, *, address: str) -> SyncReport:
    with ChatKit(api_key=upstream.KEY, base_url=f"{address}/plain/{project}/v1") as client:
        return sync.reconcile(client=client, clock=contestants.now, pace=contestants.PACE, using=ALIAS)


def of_a_thread(items: int, address: str) -> Iterator[Deed]:
    """Yield what befalls a thread of so many items; what has no name is not measured."""
    look = partial(sync_user, address=address)
    project = upstream.project("plain", threads=1, items=items)
    yield "first copy", partial(look, project)
    yield "nothing changed", partial(look, project)
    yield "cut near its start and grown anew", partial(look, project, world="cut")
    project = upstream.project("called", threads=1, items=items)
    yield "", partial(look, project, world="called")
    yield "a tool call near its start in progress", partial(look, project, world="called")


def of_an_end_user(threads: int, address: str) -> Iterator[Deed]:
    """Yield what befalls an end user of so many threads."""
    project = upstream.project("user", threads=threads, items=1)
    yield "first sync of the end user", partial(sync_user, project, address=address)
    yield "sync of the end user, nothing changed", partial(sync_user, project, address=address)
    yield "reconcile, nothing changed", partial(reconcile, project, address=address)


STORIES = {"item": of_a_thread, "thread": of_an_end_user}


def story(
    processes: Pool, empty: Path, noun: str, count: int, address: str, *, traced: bool
) -> dict[str, int]:
    """Return the peak of each deed, which all befall one database."""
    with TemporaryDirectory() as folder:
        database = shutil.copy(empty, Path(folder) / "story.sqlite3")
        return {
            name: processes.apply(measure, (work, database, empty, noun, address, traced and bool(name)))
            for name, work in STORIES[noun](count, address)
        }


def measure(
    work: Callable[[], SyncReport], database: Path, empty: Path, noun: str, address: str, traced: bool
) -> int:
    """Return the peak of one deed, in a process that did small ones before, elsewhere."""
    with TemporaryDirectory() as folder:
        _open(shutil.copy(empty, Path(folder) / "small.sqlite3"))
        for _, small in STORIES[noun](7, address):
            small()
        _open(database)
    grown = peak(work, traced=traced)
    connections[ALIAS].close()
    return grown


def _open(database: Path) -> None:
    connections[ALIAS].close()
    connections[ALIAS].settings_dict["NAME"] = str(database)


def table(sizes: dict[str, tuple[int, int]], address: str, *, traced: bool) -> str:
    rows = []
    # A process for each deed: what one has grown by, the next would not grow by again.
    alone = multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1)
    with scratch.made(ALIAS), alone as processes:
        connections[ALIAS].close()
        empty = Path(connections[ALIAS].settings_dict["NAME"])
        for noun, (few, many) in sizes.items():
            small, large = (
                story(processes, empty, noun, count, address, traced=traced) for count in (few, many)
            )
            for name in filter(None, small):
                growth = (large[name] - small[name]) / (many - few)
                rows.append(
                    [
                        f"{name}: {few:,} and {many:,} {noun}s",
                        _mb(small[name]),
                        _mb(large[name]),
                        f"{growth:.0f}",
                    ]
                )
    counted = "Python's objects" if traced else "resident"
    head = [f"peak of growth, {counted}", "small, MB", "large, MB", "bytes a further item or thread"]
    return tables.markdown(head, rows)


def _mb(count: int) -> str:
    return f"{count / 1_000_000:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller threads and end users")
    parser.add_argument("--objects", action="store_true", help="count Python's objects alone, slowly")
    options = parser.parse_args()
    sizes = {"item": (1_000, 100_000), "thread": (100, 10_000)}
    if options.quick:
        sizes = {"item": (500, 3_000), "thread": (50, 300)}
    with upstream.running(worlds) as address:
        print(table(sizes, address, traced=options.objects))


if __name__ == "__main__":
    main()
