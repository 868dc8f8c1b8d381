"""Measure how fast upstream is mirrored, beside Django's own ways and the driver's floor, in one run.

    python benchmarks/sync.py [--quick | --scale]

The upstream is another process that answers prepared bytes, so that it is never the bottleneck; threads have 500 items.
Everybody gets their pages from it through our client (see `contestants`), into the same tables of databases that are
made for the run: SQLite in a file, as the example project runs it, PostgreSQL and MariaDB where they answer. They take
turns, so that a busy moment meets them all, and the tables show medians as ratios: single times say more about the
machine than about the code. Ours is `services.sync` itself: exact, with leases and signals.

A second table tells how many requests a second a reconcile makes of an upstream that takes 50 ms for each answer, as a
share of the ideal (fetchers / latency), beside threads that only fetch: what they miss, the machine or the client lacks. `--quick` takes less than 20 seconds; `--scale` shows what an item costs when 10,000,
100,000 and 1,000,000 are mirrored already, of threads that began at different times, and takes minutes. Nothing here is
shipped.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import contestants
import scratch
import tables
import upstream
from django.db import connections

from django_chatkit.client import ChatKit
from django_chatkit.models import EndUser
from django_chatkit.services import sync

ITEMS = 500
LATENCY = 0.05
FETCHERS = (1, 8, 16, 32)
GOALS = {"SQLite": (15, 100), "PostgreSQL": (35, 300)}

_numbers = count()


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def mirror(
    contestant: contestants.Contestant, address: str, using: str, *, threads: int, items: int = ITEMS
) -> tuple[float, float]:
    """Mirror threads that nobody has seen, look at them again, and return the items per second of both."""
    user = upstream.project(f"run{next(_numbers)}", threads=threads, items=ITEMS)
    with ChatKit(api_key=upstream.KEY, base_url=f"{address}/{user}/v1") as client:
        first = seconds(lambda: contestant(client, user, using))
        again = seconds(lambda: contestant(client, user, using))
    return threads * items / first, threads * items / again


Medians = dict[str, tuple[float, float]]


def race(address: str, vendor: str, *, rounds: int, threads: int, most: int) -> Medians:
    """Return each contestant's median items per second, at first and with nothing changed."""
    taking_part = contestants.of(vendor, most=most)
    slowest = next(iter(taking_part))
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in taking_part}
    with scratch.made(vendor):
        mirror(contestants.ours, address, vendor, threads=1)  # warm up
        for _ in range(rounds):
            for name, contestant in taking_part.items():
                size = {"threads": 1, "items": most} if name == slowest else {"threads": threads}
                rates[name].append(mirror(contestant, address, vendor, **size))
    return {
        name: (statistics.median(first for first, _ in found), statistics.median(again for _, again in found))
        for name, found in rates.items()
    }


def race_table(results: dict[str, Medians]) -> str:
    head = ["items per second, update_or_create = 1.0"]
    head += [f"{vendor} {kind}" for vendor in results for kind in ("first", "unchanged")]
    names = list(dict.fromkeys(name for medians in results.values() for name in medians))
    rows = [
        [name, *(_ratio(medians, name, kind) for medians in results.values() for kind in (0, 1))]
        for name in names
    ]
    goals = [f">= {GOALS[vendor][kind]}" if vendor in GOALS else "" for vendor in results for kind in (0, 1)]
    return tables.markdown(head, [*rows, ["goal: ours", *goals]])


def _ratio(medians: Medians, name: str, kind: int) -> str:
    if name not in medians:
        return ""
    ratio = medians[name][kind] / next(iter(medians.values()))[kind]
    return f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"


def fetching(address: str, fetchers: int, *, turns: int) -> float:
    """Return the requests per second of so many threads that keep nothing of what they read."""
    user = upstream.project(f"run{next(_numbers)}", threads=fetchers * turns, items=ITEMS)
    with ChatKit(api_key=upstream.KEY, base_url=f"{address}/{user}/v1") as client:
        ids = [thread.id for thread in client.threads.list(order="asc", limit=100)]

        def pages(id: str) -> int:
            return sum(1 for _ in client.threads.list_items(id, order="asc", limit=100).iter_pages())

        with ThreadPoolExecutor(fetchers) as pool:
            started = time.perf_counter()
            return sum(pool.map(pages, ids)) / (time.perf_counter() - started)


def reconciling(address: str, fetchers: int, *, turns: int) -> float:
    """Return the requests per second of a reconcile that has seen none of it before."""
    user = upstream.project(f"run{next(_numbers)}", threads=fetchers * turns, items=ITEMS)
    pace = replace(contestants.PACE, workers=fetchers)
    with ChatKit(api_key=upstream.KEY, base_url=f"{address}/{user}/v1") as client:
        started = time.perf_counter()
        report = sync.reconcile(client=client, clock=contestants.now, pace=pace, using="SQLite")
        rate = report.requests / (time.perf_counter() - started)
    assert report.ok, report.failures
    EndUser.objects.using("SQLite").all().delete()
    return rate


def latency_table(*, rounds: int, turns: int) -> str:
    found: dict[int, list[tuple[float, float]]] = {fetchers: [] for fetchers in FETCHERS}
    with upstream.running(upstream.projects, latency=LATENCY) as address, scratch.made("SQLite"):
        for _ in range(rounds):
            for fetchers in FETCHERS:
                alone = fetching(address, fetchers, turns=turns)
                found[fetchers].append((alone, reconciling(address, fetchers, turns=turns)))
    rows = []
    for fetchers, rates in found.items():
        ideal = fetchers / LATENCY
        alone, ours = (statistics.median(each) for each in zip(*rates, strict=True))
        goal = ">= 75%" if fetchers == 16 else ""
        rows.append([str(fetchers), f"{ideal:.0f}", f"{alone / ideal:.0%}", f"{ours / ideal:.0%}", goal])
    head = ["fetchers at 50 ms, SQLite", "ideal: requests a second", "our client alone", "ours", "goal: ours"]
    return tables.markdown(head, rows)


def scale_table(address: str, *, rounds: int) -> str:
    """Fill databases to each size with syncs, then let them take turns."""
    rows = []
    for vendor in filter(GOALS.get, scratch.VENDORS):
        aliases = [f"{vendor} {size}" for size in scratch.SIZES]
        with scratch.made(*aliases):
            for alias, size in zip(aliases, scratch.SIZES, strict=True):
                mirror(contestants.ours, address, alias, threads=size // ITEMS)
                settle(alias)
            found: dict[str, list[tuple[float, float]]] = {alias: [] for alias in aliases}
            for _ in range(rounds):
                for alias in aliases:
                    found[alias].append(mirror(contestants.ours, address, alias, threads=10))
        for kind, name in enumerate(("first", "unchanged")):
            costs = [1 / statistics.median(each[kind] for each in found[alias]) for alias in aliases]
            rows.append([f"{vendor}, {name}", *(f"{cost / costs[0]:.2f}" for cost in costs)])
    return tables.markdown(
        ["cost of an item, with so many mirrored", *(f"{size:,}" for size in scratch.SIZES)], rows
    )


def settle(alias: str) -> None:
    """Let a database bring its statistics up to date, as it does by itself within a minute or two."""
    statement = {"mysql": "ANALYZE TABLE django_chatkit_chatthreaditem"}
    with connections[alias].cursor() as cursor:
        cursor.execute(statement.get(connections[alias].vendor, "ANALYZE"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="less than 20 seconds, less exact")
    parser.add_argument("--scale", action="store_true", help="the cost of an item in a large mirror, minutes")
    parser.add_argument("--rounds", type=int, help="how often each contestant runs")
    options = parser.parse_args()
    quick = options.quick
    rounds = options.rounds or (3 if quick else 9)
    if options.scale:
        with upstream.running(upstream.spread) as address:
            print(scale_table(address, rounds=rounds))
        return
    with upstream.running(upstream.projects) as address:
        size = {"threads": 6, "most": 50} if quick else {"threads": 20, "most": ITEMS}
        vendors = [vendor for vendor in scratch.VENDORS if vendor in GOALS or not quick]
        print(race_table({vendor: race(address, vendor, rounds=rounds, **size) for vendor in vendors}))
    print()
    print(latency_table(rounds=1 if quick else 3, turns=2 if quick else 6))


if __name__ == "__main__":
    main()
