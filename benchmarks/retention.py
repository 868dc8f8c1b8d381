"""Measure what retention costs: the words of a million items dropped, then their threads deleted here alone.

    python benchmarks/retention.py [--quick] [--only VENDOR]

The items lie in threads of 20, in databases that are made for the run: SQLite in a file, and PostgreSQL and MariaDB where
they answer. Told are the items a second, the longest time from one transaction's end to the next one's, which no lock
outlives, and how far the process grew at its peak, which Linux counts; each for a small and for the large number in one
run. `--quick` takes 4,000 and 20,000 items and about 20 seconds. Nothing here is shipped.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import memory
import scratch
import search
import tables
from django.conf import settings

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThreadItem
from django_chatkit.services import cleanup, days
from django_chatkit.services.reports import CleanupReport

DAY = timedelta(days=1)
DEEDS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "words dropped": ("items_emptied", {"content": DAY}),
    "threads deleted here alone": ("threads_left_out", {"threads": {"days": DAY, "upstream": False}}),
}


class Watch:
    """Note the longest time between two transactions."""

    def __init__(self) -> None:
        self.last = time.perf_counter()
        self.longest = 0.0

    def __call__(self, report: CleanupReport) -> None:
        now = time.perf_counter()
        self.longest, self.last = max(self.longest, now - self.last), now


def measure(vendor: str, deed: str) -> tuple[float, float, float]:
    """Return the seconds that a deed took, its longest page in seconds, and the megabytes that it made us grow by."""
    count, retention = DEEDS[deed]
    gc.collect()
    (memory.SELF / "clear_refs").write_text("5")  # from here on Linux counts the peak anew
    before, started, watch = memory.resident("VmRSS"), time.perf_counter(), Watch()
    with ChatKit(api_key="sk-nobody-is-asked") as client:
        report = cleanup.run(
            client=client,
            clock=lambda: datetime.now(UTC),
            retention=retention,
            using=vendor,
            on_progress=watch,
        )
    assert report.ok
    assert getattr(report, count)
    return time.perf_counter() - started, watch.longest, (memory.resident("VmHWM") - before) / 1_000_000


def race(vendor: str, items: int) -> dict[str, tuple[float, float, float]]:
    search.listings.OneDatabase.alias = vendor
    with scratch.made(vendor):
        search.fill(vendor, items=items)
        days.count(now=datetime.now(UTC), whole=True, using=vendor)
        assert ChatThreadItem.objects.using(vendor).count() == items
        return {deed: measure(vendor, deed) for deed in DEEDS}


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="fewer items: about 20 seconds")
    arguments.add_argument(
        "--items", type=int, default=1_000_000, metavar="N", help="so many, by the thousand"
    )
    arguments.add_argument("--only", choices=scratch.VENDORS, help="one database")
    options = arguments.parse_args()
    settings.DATABASE_ROUTERS = ["listings.OneDatabase"]
    sizes = (4_000, 20_000) if options.quick else (10_000, options.items)
    rows = []
    for vendor in [options.only] if options.only else scratch.VENDORS:
        race(vendor, 2_000)  # what a process grows by once
        found = {size: race(vendor, size) for size in sizes}
        for deed in DEEDS:
            for size in sizes:
                seconds, longest, grown = found[size][deed]
                rows.append(
                    [
                        f"{vendor}, {size:,} items: {deed}",
                        f"{size / seconds:,.0f}",
                        f"{longest * 1000:.0f}",
                        f"{grown:.1f}",
                    ]
                )
    print(tables.markdown(["", "items/s", "longest page, ms", "grown, MB"], rows))


if __name__ == "__main__":
    main()
