"""Measure how many due end users one, two and four worker processes look at in a second.

    python benchmarks/workers.py [--quick] [--broker redis|rabbitmq] [--concurrency 2] [--latency 0.05]

Real Celery workers of one process each share a PostgreSQL database, a broker and a cache, all on this machine. The
upstream is another process that answers prepared bytes after 50 ms, so that it is never the bottleneck. Each due end
user has one thread of four items that nobody has seen: a look is two requests. One task is sent, as beat does; the
fan-out is ours. The table shows medians, beside one worker and beside the ideal, which is what the latency allows.

The default has two requests side by side in a worker (`SYNC_CONCURRENCY`) in place of eight, so that one worker leaves
room on a small machine for others. `--quick` takes less than 20 seconds. Nothing here is shipped.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # neither the tests nor the example project are installed

import django  # noqa: E402

django.setup()

import tables  # noqa: E402
import upstream  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from django_chatkit import tasks  # noqa: E402
from django_chatkit.models import ChatThreadItem, EndUser  # noqa: E402
from example_project.databases import parse  # noqa: E402
from tests.live import brokers, databases  # noqa: E402
from tests.live.site import environment  # noqa: E402
from tests.servers import RUN  # noqa: E402

WORKERS = (1, 2, 4)
ITEMS = 4
REQUESTS = 2  # that a look takes
PATIENCE = 120  # seconds

_numbers = count()


def answer(target: str) -> bytes:
    """Give every end user one thread of four items."""
    path, _, query = target.partition("?")
    if path.endswith("/items"):
        id = path.split("/")[-2]
        order = range(ITEMS) if "order=asc" in query else range(ITEMS - 1, -1, -1)
        return upstream.page([upstream.item(n, id=f"cti_{id[5:]}_{n}", thread=id) for n in order])
    user = query.partition("user=")[2].partition("&")[0]
    return upstream.page([upstream.thread(0, id=f"cthr_{user}", user=user)])


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


class Crowd:
    """Workers of one process each, as many as there are started so far."""

    def __init__(self, stack: ExitStack, said: dict[str, str], folder: Path) -> None:
        self.stack, self.said, self.folder, self.number = stack, said, folder, 0

    def grow(self, number: int) -> None:
        """Start workers until there are so many."""
        logs = []
        while self.number < number:
            self.number += 1
            logs.append(self.folder / f"worker-{self.number}.log")
            out = self.stack.enter_context(logs[-1].open("wb"))
            command = [sys.executable, "-m", "celery", "-A", "example_project", "worker", "--pool", "solo"]
            command += ["--loglevel", "INFO", "--hostname", f"worker-{self.number}@%h"]
            command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
            process = subprocess.Popen(command, cwd=ROOT, env=self.said, stdout=out, stderr=out)
            self.stack.callback(process.wait)
            self.stack.callback(process.kill)
        for log in logs:
            until(lambda log=log: " ready." in log.read_text())


def drain(number: int, send: Callable[[], object]) -> float:
    """Make so many end users due, ask for a pass, and return how many were looked at in a second."""
    past = timezone.now() - timedelta(hours=1)
    name = f"u{next(_numbers)}"
    end_users = EndUser.objects.using(databases.ALIAS)
    end_users.bulk_create(EndUser(id=f"{name}-{n}", due_at=past, live_until=past) for n in range(number))
    waiting = end_users.filter(pk__startswith=f"{name}-").exclude(due_at=None)
    started = time.perf_counter()
    send()
    until(lambda: not waiting.exists())
    taken = time.perf_counter() - started
    items = ChatThreadItem.objects.using(databases.ALIAS)
    assert items.filter(thread__end_user__id__startswith=f"{name}-").count() == number * ITEMS
    return number / taken


def race(broker: str, *, concurrency: int, latency: float, each: int, rounds: int) -> dict[int, float]:
    """Return how many end users a second so many workers look at."""
    name, url = f"bench_chatkit_{RUN}", settings.SERVICES[broker]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        database_url = stack.enter_context(databases.created("postgresql", "workers", folder))
        stack.enter_context(databases.opened(parse(database_url)))
        call_command("migrate", "django_chatkit", database=databases.ALIAS, verbosity=0)
        call_command("createcachetable", "live_cache", database=databases.ALIAS, verbosity=0)
        address = stack.enter_context(upstream.running(answer, latency=latency))
        said = environment(
            database_url,
            DJANGO_SETTINGS_MODULE="tests.live.settings",
            CELERY_BROKER_URL=url,
            LIVE_NAME=name,
            LIVE_CONCURRENCY=str(concurrency),
            OPENAI_BASE_URL=f"{address}/v1",
        )
        app = brokers.sender(url, name)
        stack.callback(brokers.remove, url, name)
        stack.callback(app.close)
        crowd = Crowd(stack, said, folder)
        found = {}
        send = partial(app.send_task, tasks.sync_due_users.name)
        for workers in WORKERS:
            crowd.grow(workers)
            drain(tasks.SHARE * workers, send)  # they wake up
            found[workers] = statistics.median(drain(each * workers, send) for _ in range(rounds))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="less than 20 seconds, less exact")
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--concurrency", type=int, default=2, help="requests side by side in a worker")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that upstream takes to answer")
    said = parser.parse_args()
    each, rounds = (40, 1) if said.quick else (200, 3)
    pace = {"concurrency": said.concurrency, "latency": said.latency}
    found = race(said.broker, **pace, each=each, rounds=rounds)
    ideal = said.concurrency / (REQUESTS * said.latency)
    head = [
        f"workers ({said.broker}, {os.cpu_count()} cores)",
        "end users a second",
        "beside one",
        "of the ideal",
    ]
    rows = [
        (str(workers), f"{rate:.0f}", f"{rate / found[1]:.2f}", f"{rate / ideal / workers:.0%}")
        for workers, rate in found.items()
    ]
    print(tables.markdown(head, rows))


if __name__ == "__main__":
    main()
