"""`manage.py chatkit_emulator`: in this process, and as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command

from django_chatkit.testing.documents import ITEM_TYPES

ROOT = Path(__file__).parents[2]
Start = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the command as a process and return it with the address that it printed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "chatkit_emulator", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )
        processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Emulator listening on http://127.0.0.1:"), process.communicate()
        return process, line.split()[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def asked(address: str, path: str, **params: Any) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(
            address + path, params=params, headers={"Authorization": "Bearer any"}, timeout=120
        ).json()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["terminated", "interrupted"])
def test_it_serves_its_small_world_until_it_is_stopped(start: Start, number: signal.Signals) -> None:
    process, address = start("--port", "0")

    threads = asked(address, "/chatkit/threads", limit=100)["data"]
    items = [
        item
        for thread in threads
        for item in asked(address, f"/chatkit/threads/{thread['id']}/items", limit=100)["data"]
    ]
    process.send_signal(number)
    output, errors = process.communicate(timeout=120)

    assert len({thread["user"] for thread in threads}) >= 5
    assert {item["type"] for item in items} == set(ITEM_TYPES)
    assert (process.returncode, output, errors) == (0, "", "")


def in_this_process(*arguments: str, meanwhile: Callable[[str], None]) -> None:
    """Run the command here, call `meanwhile` with its address, and end it by a signal."""

    class Output:
        def write(self, text: str) -> None:
            if text.startswith("Emulator"):
                threading.Thread(target=visit, args=(text.split()[-1],)).start()

        def flush(self) -> None:
            pass

    def visit(address: str) -> None:
        try:
            meanwhile(address)
        except BaseException as error:  # noqa: BLE001 -- told to the test's own thread, below
            problems.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    problems: list[BaseException] = []
    call_command("chatkit_emulator", *arguments, stdout=Output())
    if problems:
        raise problems[0]


def test_it_serves_the_threads_of_a_file_with_the_faults_and_the_latency_ordered(tmp_path: Path) -> None:
    world = {
        "threads": [{"id": "cthr_1", "user": "user_ada", "items": [{"type": "chatkit.task", "id": "cti_1"}]}]
    }
    path = tmp_path / "world.json"
    path.write_text(json.dumps(world))

    def visit(address: str) -> None:
        started = time.monotonic()
        assert "error" in asked(address, "/chatkit/threads")
        assert [thread["id"] for thread in asked(address, "/chatkit/threads")["data"]] == ["cthr_1"]
        assert [item["id"] for item in asked(address, "/chatkit/threads/cthr_1/items")["data"]] == ["cti_1"]
        assert time.monotonic() - started >= 0.03

    arguments = ["--load", str(path), "--latency", "0.01", "--faults", "list_threads:503"]
    in_this_process(*arguments, meanwhile=visit)


def test_one_seed_serves_one_world() -> None:
    seen: list[Any] = []
    for seed in ("a", "a", "b"):
        in_this_process(
            "--seed", seed, meanwhile=lambda address: seen.append(asked(address, "/chatkit/threads"))
        )

    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_handlers_of_signals_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)

    in_this_process(meanwhile=lambda address: None)

    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_in_use_is_an_error_that_says_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        with pytest.raises(CommandError, match=f"--port {port}: .*in use.* 0 to pick"):
            call_command("chatkit_emulator", "--port", port)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["--port", "70000"], "--port 70000: a port is a number from 0 to 65535", id="port"),
        pytest.param(["--latency", "-1"], "--latency -1.0: give seconds", id="latency-negative"),
        pytest.param(["--latency", "nan"], "--latency nan: give seconds", id="latency-no-number"),
        pytest.param(["--faults", "list_itmes:500"], "--faults: .*'list_itmes' is no operation", id="faults"),
        pytest.param(
            ["--load", "/nowhere/world.json"], "--load /nowhere/world.json: No such file", id="no-file"
        ),
    ],
)
def test_a_mistake_is_named_with_its_remedy(arguments: list[str], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        call_command("chatkit_emulator", *arguments)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        pytest.param(b"{", "Expecting property name", id="not-json"),
        pytest.param(b"\xff\xfe", "utf-8", id="not-text"),
        pytest.param(b"[" * 100_000, "deep", id="too-deep"),
        pytest.param(b'{"threads": [{}]}', r"threads\[0\].user must be a string", id="no-user"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_place(
    tmp_path: Path, content: bytes, named: str
) -> None:
    path = tmp_path / "world.json"
    path.write_bytes(content)

    with pytest.raises(CommandError, match=named) as caught:
        call_command("chatkit_emulator", "--load", str(path))

    assert str(path) in str(caught.value)


def test_an_operators_mistake_ends_the_process_with_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "chatkit_emulator", "--faults", "frob"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("CommandError: --faults: 'frob' is no fault")
    assert "Traceback" not in done.stderr
