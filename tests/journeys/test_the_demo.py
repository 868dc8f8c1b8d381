"""`manage.py demo`: everything on one machine, from the first command to the last process."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command

from tests.conftest import CHROMIUM
from tests.deadline import until

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.slow

STEPS = [
    "conversations",
    "emulator",
    "database",
    "site",
    "mirror",
    "sign in",
    "secret",
    "talk",
    "home",
    "admin",
    "expiry",
    "cleanup",
]


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Make an environment with a home that can't be written to, and a folder for what is temporary."""
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    others = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    # pytest's own folders have names too long for the socket that chromium makes.
    with tempfile.TemporaryDirectory(prefix="d") as temporary:
        yield {**others, "HOME": str(home), "TMPDIR": temporary, "OPENAI_BASE_URL": "https://api.example/v1"}


@contextmanager
def demo(*arguments: str, surroundings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-u", str(ROOT / "manage.py"), "demo", *arguments],
        env=surroundings,
        cwd=surroundings["HOME"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


def processes_of(folder: str) -> list[str]:
    """Return the command lines of the processes that live in a folder for what is temporary."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TMPDIR={folder}".encode() in environment.read_bytes():
                found.append(environment.with_name("cmdline").read_text())
        except OSError:
            continue  # not ours to read, or gone
    return found


@pytest.mark.parametrize("has_browser", [True, False], ids=["browser", "no-browser"])
def test_the_check_does_the_main_job_once_and_leaves_nothing_behind(
    surroundings: dict[str, str], has_browser: bool
) -> None:
    if has_browser and CHROMIUM is None:
        pytest.skip("there is no chromium on the PATH")  # with CI=true the run has not even started
    if not has_browser:
        surroundings["PATH"] = surroundings["TMPDIR"]

    with demo("--check", surroundings=surroundings) as process:
        told, _ = process.communicate(timeout=300)

    assert process.returncode == 0, told
    assert has_browser != ("plain HTTP" in told)
    assert [line[3:17].strip() for line in told.splitlines() if line.startswith("ok ")] == STEPS
    assert list(Path(surroundings["TMPDIR"]).iterdir()) == []
    until(lambda: processes_of(surroundings["TMPDIR"]) == [])  # the killed take a moment to go


def test_the_demo_tells_addresses_that_answer_and_stops_on_ctrl_c(surroundings: dict[str, str]) -> None:
    with demo(surroundings=surroundings) as process:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if "Ctrl-C" in line:
                break
        addresses = re.findall(r"^  (?:Chat|Admin) +(http://\S+)$", "".join(told), re.MULTILINE)
        statuses = [requests.get(address, timeout=120).status_code for address in addresses]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=120)

    assert statuses == [200, 200]
    assert len(re.findall(r"^  \w+ +password \S+", "".join(told), re.MULTILINE)) == 3
    assert process.returncode == 0, rest
    until(lambda: processes_of(surroundings["TMPDIR"]) == [])  # the killed take a moment to go


def test_a_port_that_cannot_be_had_is_named_before_anything_is_prepared() -> None:
    out = StringIO()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"^--port {port}: .*Give another port, or 0"):
            call_command("demo", port=port, stdout=out)
    with pytest.raises(CommandError, match=r"^--port 99999: a port is a number from 0 to 65535\.$"):
        call_command("demo", port=99999, stdout=out)

    assert out.getvalue() == ""


def test_an_interrupted_check_says_where_and_stops_what_had_started(surroundings: dict[str, str]) -> None:
    with demo("--check", surroundings=surroundings) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ok emulator"):
                break
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=120)

    assert process.returncode == 1
    assert "Interrupted at the step: " in rest
    until(lambda: processes_of(surroundings["TMPDIR"]) == [])  # the killed take a moment to go
