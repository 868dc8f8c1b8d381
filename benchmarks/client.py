"""Measure what one call of our client costs beside bare requests and the official SDK, in one run.

    python benchmarks/client.py [--quick]

The upstream is another process that answers prepared bytes, so that it is never the bottleneck. What is counted is the
CPU time of this process, in batches that take turns; the table shows medians as ratios, for single times say more
about the machine than about the code. `--quick` takes less than 20 seconds. Nothing here is shipped.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import requests
import tables
import upstream

from django_chatkit.client import ChatKit

ROOT = Path(__file__).resolve().parent.parent
GOALS = {"list_items(100)": 0.85, "threads.list(100)": 0.85, "sessions.create": 0.9, "import": 1.2}
SAID = {"user": "user_1", "workflow": {"id": "wf_1"}}
LIST = {"limit": "100", "order": "asc"}


def documents() -> dict[str, bytes]:
    """Return the answer to each path, as upstream would shape it."""
    threads = [upstream.thread(-n, id=f"cthr_{n:048x}", user="user_1") for n in range(100)]
    items = [upstream.item(n, id=f"cti_{n:048x}", thread="cthr_1") for n in range(100)]
    session = {
        "id": f"cksess_{1:048x}", "object": "chatkit.session", "expires_at": 1_760_000_600,
        "client_secret": f"ek_{1:048x}_00eyJleHBpcmVzX2F0IjoxNzYwMDAwNjAwfQ==",
        "workflow": {"id": "wf_1", "version": None, "state_variables": None, "tracing": {"enabled": True}},
        "user": "user_1", "rate_limits": {"max_requests_per_1_minute": 10}, "max_requests_per_1_minute": 10,
        "status": "active",
        "chatkit_configuration": {
            "automatic_thread_titling": {"enabled": True},
            "file_upload": {"enabled": False, "max_file_size": 512, "max_files": 10},
            "history": {"enabled": True, "recent_threads": None},
        },
    }  # fmt: skip
    return {
        "/v1/chatkit/threads/cthr_1/items": upstream.page(items),
        "/v1/chatkit/threads": upstream.page(threads),
        "/v1/chatkit/sessions": json.dumps(session).encode(),
    }


@cache
def answer(target: str) -> bytes:
    return documents()[target.partition("?")[0]]


Calls = dict[str, dict[str, Callable[[], object]]]


def contenders(base: str) -> Calls:
    """Return call -> system -> how that system makes it; each ends with usable objects in hand."""
    bare = requests.Session()
    bare.headers.update({"Authorization": f"Bearer {upstream.KEY}", "OpenAI-Beta": "chatkit_beta=v1"})
    ours = ChatKit(api_key=upstream.KEY, base_url=base)
    plain, mine = "requests + json", "django_chatkit.client"
    calls: Calls = {
        "list_items(100)": {
            plain: lambda: bare.get(f"{base}/chatkit/threads/cthr_1/items", params=LIST, timeout=30).json(),
            mine: lambda: ours.threads.list_items("cthr_1", limit=100, order="asc").data[-1].content[0].text,
        },
        "threads.list(100)": {
            plain: lambda: bare.get(f"{base}/chatkit/threads", params={"limit": 100}, timeout=30).json(),
            mine: lambda: ours.threads.list(limit=100).data[-1].status.type,
        },
        "sessions.create": {
            plain: lambda: bare.post(f"{base}/chatkit/sessions", json=SAID, timeout=30).json(),
            mine: lambda: ours.sessions.create(user="user_1", workflow={"id": "wf_1"}).client_secret,
        },
    }
    add_the_sdk(calls, base)
    return calls


def add_the_sdk(calls: Calls, base: str) -> None:
    try:
        import openai  # noqa: PLC0415 - not every environment has it
    except ImportError:
        return
    chatkit = openai.OpenAI(api_key=upstream.KEY, base_url=base, timeout=30).beta.chatkit
    name = f"openai SDK {openai.__version__}"
    calls["list_items(100)"][name] = lambda: (
        chatkit.threads.list_items("cthr_1", limit=100, order="asc").data[-1].type
    )
    calls["threads.list(100)"][name] = lambda: chatkit.threads.list(limit=100).data[-1].status.type
    calls["sessions.create"][name] = lambda: (
        chatkit.sessions.create(user="user_1", workflow={"id": "wf_1"}).client_secret
    )


def cpu(work: Callable[[], object], repeats: int) -> float:
    started = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - started) / repeats


def race(systems: dict[str, Callable[[], object]], *, rounds: int, repeats: int) -> dict[str, float]:
    """Return each system's median CPU seconds; they take turns, so that a busy moment meets them all."""
    taken: dict[str, list[float]] = {name: [] for name in systems}
    for work in systems.values():
        cpu(work, 5)
    for _ in range(rounds):
        for name, work in systems.items():
            taken[name].append(cpu(work, repeats))
    return {name: statistics.median(times) for name, times in taken.items()}


def import_cost(module: str) -> Callable[[], object]:
    """Return what imports a module in a fresh interpreter that may keep bytecode, and keeps it from the first time on.

    pip leaves bytecode beside what it installs, and none in a clone. Where Python is told to write none, we alone would be
    compiled at each start.
    """
    command = [sys.executable, "-c", f"import {module}"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run(command, check=True, cwd=ROOT, env=env)


def children_cpu(work: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def race_imports(modules: dict[str, str], *, rounds: int) -> dict[str, float]:
    """Return each import's median CPU seconds in a fresh interpreter, less the bare interpreter's."""
    starts = {"": import_cost("sys"), **{name: import_cost(module) for name, module in modules.items()}}
    taken: dict[str, list[float]] = {name: [] for name in starts}
    for work in starts.values():
        work()
    for _ in range(rounds):
        for name, work in starts.items():
            taken[name].append(children_cpu(work))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    return {name: medians[name] - medians[""] for name in modules}


def table(results: dict[str, dict[str, float]]) -> str:
    systems = list(dict.fromkeys(name for times in results.values() for name in times))
    rows = [
        [
            name,
            *(
                f"{times[name] / times[systems[0]]:.2f}" if name in times else ""
                for times in results.values()
            ),
        ]
        for name in systems
    ]
    goals = ["goal: ours", *(f"<= {GOALS[call]}" for call in results)]
    return tables.markdown(["CPU", *results], [*rows, goals])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="less than 20 seconds, less exact")
    rounds, repeats, starts = (11, 20, 5) if parser.parse_args().quick else (60, 60, 25)
    with upstream.running(answer) as address:
        calls = contenders(f"{address}/v1")
        results = {call: race(systems, rounds=rounds, repeats=repeats) for call, systems in calls.items()}
    names = list(calls["sessions.create"])
    modules = dict(zip(names, ("requests", "django_chatkit.client", "openai"), strict=False))
    results["import"] = race_imports(modules, rounds=starts)
    print(table(results))


if __name__ == "__main__":
    main()
