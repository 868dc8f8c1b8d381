"""`manage.py` of the clone, as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "example_project.settings", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        pytest.param("DATABASE_URL", "db.sqlite3", "DATABASE_URL must start with one of ", id="database"),
        pytest.param("CACHE_URL", "memcached://c", "CACHE_URL must start with one of ", id="cache"),
        pytest.param("DJANGO_SETTINGS_MODULE", "", "Requested setting ", id="no-settings"),
    ],
)
def test_settings_that_cannot_be_used_are_told_in_one_line(variable: str, value: str, words: str) -> None:
    told = manage("check", **{variable: value})

    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith(words)
    assert told.stderr.count("\n") == 1


def test_the_traceback_is_shown_to_who_asks_for_it() -> None:
    told = manage("check", "--traceback", CACHE_URL="redis")

    assert told.returncode == 1
    assert told.stderr.startswith("Traceback")
