"""Measure how fast `chatkit_archive` goes and how much memory it takes, of few and of many threads, in one run.

    python benchmarks/archive.py [--threads FEW MANY] [--items N] [--compression none|gzip] [--verify]

Each size is archived, and mirrored into SQLite on the way, by a process of its own, from an upstream that is another process
and makes its pages on the fly. The peak is how far the process grew while it worked, at most: its resident memory, which
Linux counts. Below 100,000 threads the last row is no measurement: it is the line through both sizes, drawn on. `--verify`
measures the comparison with upstream and the one offline too. Nothing here is shipped.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import contestants
import scratch
import tables
import upstream

from django_chatkit.client import ChatKit
from django_chatkit.models import EndUser
from django_chatkit.services import archive, archive_check, archive_offline
from django_chatkit.services.archive_format import Compression

SELF = Path("/proc/self")
ALIAS = "SQLite"
GOAL = 100_000


class Measured(NamedTuple):
    """What one deed took."""

    seconds: float
    worked: float
    grown: float
    requests: float
    megabytes: float


def measure(
    threads: int, items: int, address: str, compression: Compression, verify: bool
) -> dict[str, Measured]:
    """Archive so many threads, in a process that archived a few before."""
    with scratch.made(ALIAS), TemporaryDirectory() as folder:
        for number in (7, threads):
            EndUser.objects.using(ALIAS).all().delete()
            found = deeds(number, items, address, compression, verify, Path(folder) / str(number))
        return found


def deeds(
    threads: int, items: int, address: str, compression: Compression, verify: bool, path: Path
) -> dict[str, Measured]:
    project = upstream.project("archive", threads=threads, items=items)
    with ChatKit(api_key=upstream.KEY, base_url=f"{address}/{project}/v1") as client:
        world = {"client": client, "clock": contestants.now, "workers": contestants.PACE.workers}
        work: dict[str, Callable[..., object]] = {
            "archive": partial(archive.make, compression=compression, **world)  # type: ignore[arg-type]
        }
        if verify:
            work["verify"] = partial(archive_check.compare, **world)  # type: ignore[arg-type]
            work["verify offline"] = partial(archive_offline.compare, clock=contestants.now)
        return {name: timed(partial(deed, path=path, using=ALIAS), path) for name, deed in work.items()}


def timed(deed: Callable[[], object], path: Path) -> Measured:
    gc.collect()
    (SELF / "clear_refs").write_text("5")  # from here on Linux counts the peak anew
    before, started, worked = _resident("VmRSS"), time.perf_counter(), time.process_time()
    report = deed()
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    grown = _resident("VmHWM") - before
    assert report.ok, report.failures  # type: ignore[attr-defined]
    size = sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return Measured(seconds, worked, grown / 1e6, report.requests, size / 1e6)  # type: ignore[attr-defined]


def _resident(name: str) -> int:
    lines = dict(line.split(":", 1) for line in (SELF / "status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024


def table(name: str, items: int, few: tuple[int, Measured], many: tuple[int, Measured]) -> str:
    rows = [_row(threads, items, measured) for threads, measured in (few, many)]
    if many[0] < GOAL:
        share = (GOAL - few[0]) / (many[0] - few[0])
        drawn_on = Measured(*(a + (b - a) * share for a, b in zip(few[1], many[1], strict=True)))
        rows.append(_row(GOAL, items, drawn_on, word=", drawn on"))
    head = [
        f"{name}: threads",
        "items",
        "requests",
        "time",
        "of it our processor's",
        "peak of growth, MB",
        "on disk, MB",
    ]
    return tables.markdown(head, rows)


def _row(threads: int, items: int, measured: Measured, *, word: str = "") -> list[str]:
    count = threads * items
    return [
        f"{threads:,}{word}",
        f"{count:,}",
        f"{measured.requests:,.0f}",
        _time(measured.seconds),
        _time(measured.worked),
        f"{measured.grown:.1f}",
        f"{measured.megabytes:,.0f}",
    ]


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, nargs=2, default=(500, 5_000), metavar=("FEW", "MANY"))
    parser.add_argument("--items", type=int, default=20, help="items of each thread")
    parser.add_argument("--compression", choices=("none", "gzip"), default="none")
    parser.add_argument("--verify", action="store_true", help="measure the comparisons too")
    options = parser.parse_args()
    with (
        upstream.running(upstream.projects) as address,
        # A process for each measurement: what one has grown by, the next would not grow by again.
        multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as processes,
    ):
        few, many = (
            processes.apply(measure, (threads, options.items, address, options.compression, options.verify))
            for threads in options.threads
        )
    for name in few:
        print(table(name, options.items, (options.threads[0], few[name]), (options.threads[1], many[name])))
        print()


if __name__ == "__main__":
    main()
