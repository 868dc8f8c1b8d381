"""Processes begin and end together, and nobody is left behind."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from example_project.demo.processes import Failed, Terminated, Termination, Troupe
from tests.deadline import until

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, be it buried or not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    # An orphan without a parent that waits stays in the table of a container; it runs no more.
    return stat.rpartition(")")[2].split()[0] == "Z"


@pytest.fixture
def troupe(tmp_path: Path) -> Iterator[Troupe]:
    with Troupe(environment=dict(os.environ), folder=tmp_path, logs=tmp_path, patience=120) as troupe:
        yield troupe


def test_a_process_is_ready_when_it_says_so(troupe: Troupe) -> None:
    process = troupe.start("talker", python("import time; print('port 42', flush=True); time.sleep(60)"))

    assert troupe.wait_for(process, r"port (\d+)").group(1) == "42"
    troupe.check()


def test_the_children_of_a_process_end_with_it(troupe: Troupe) -> None:
    process = troupe.start("parent", python(PARENT))
    child = int(troupe.wait_for(process, r"child (\d+)").group(1))

    troupe.stop()

    until(lambda: is_gone(child))
    assert process.popen.returncode == -signal.SIGTERM


def test_who_does_not_listen_is_killed(tmp_path: Path) -> None:
    with Troupe(environment=dict(os.environ), folder=tmp_path, logs=tmp_path, patience=0.5) as troupe:
        process = troupe.start("stubborn", python(STUBBORN))
        troupe.wait_for(process, "ready")

    assert process.popen.returncode == -signal.SIGKILL


def test_a_process_that_ends_too_early_is_quoted(troupe: Troupe) -> None:
    process = troupe.start("short", python("raise SystemExit('no such port')"))

    with pytest.raises(Failed, match=r"(?s)short ended with 1 before it was ready.*\| no such port"):
        troupe.wait_for(process, "never")


def test_a_process_that_keeps_silent_is_not_waited_for_for_ever(troupe: Troupe) -> None:
    process = troupe.start("silent", python("import time; time.sleep(60)"))

    with pytest.raises(Failed, match="silent was not ready within 0 s"):
        troupe.wait_for(process, "never", within=0.2)


def test_a_process_that_dies_later_is_noticed(troupe: Troupe) -> None:
    process = troupe.start("mortal", python("print('up', flush=True); raise SystemExit(3)"))
    process.popen.wait()

    with pytest.raises(Failed, match=r"(?s)mortal ended with 3.*\| up"):
        troupe.check()


def test_a_command_tells_what_it_wrote(troupe: Troupe) -> None:
    ticks: list[int] = []

    told = troupe.run(
        "count", python("import time; time.sleep(1); print('done')"), tick=lambda: ticks.append(1)
    )

    assert told == "done\n"
    assert ticks


@pytest.mark.parametrize(
    ("code", "within", "words"),
    [
        pytest.param("print('oh no'); raise SystemExit(2)", 20, r"(?s)ended with 2.*\| oh no", id="fails"),
        pytest.param("import time; time.sleep(60)", 0.3, "was not done within 0 s", id="hangs"),
    ],
)
def test_a_command_that_does_not_work_out_is_told(
    troupe: Troupe, code: str, within: float, words: str
) -> None:
    with pytest.raises(Failed, match=words):
        troupe.run("job", python(code), within=within)


def test_later_processes_see_what_was_put_into_the_environment(troupe: Troupe) -> None:
    troupe.environment["CHATKIT_WORD"] = "hello"

    assert troupe.run("env", python("import os; print(os.environ['CHATKIT_WORD'])")) == "hello\n"


def test_a_signal_ends_the_block_once_and_leaves_the_handlers_as_they_were() -> None:
    before = signal.getsignal(signal.SIGUSR1)

    with pytest.raises(Terminated):
        _receive_twice(signal.SIGUSR1)

    assert signal.getsignal(signal.SIGUSR1) == before


def test_a_signal_waits_until_a_process_that_begins_is_somebodys() -> None:
    termination = Termination(signal.SIGUSR1)
    born: list[str] = []

    def give_birth() -> None:
        with termination.listen(), termination.hold():
            signal.raise_signal(signal.SIGUSR1)
            born.append("process")

    with pytest.raises(Terminated):
        give_birth()

    assert born == ["process"]
    with termination.hold():
        pass  # what has been told is not told again


def _receive_twice(number: signal.Signals) -> None:
    with Termination(number).listen():
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)  # does not disturb the cleaning
