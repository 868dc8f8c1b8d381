import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from django_chatkit.testing import Emulator


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Outcome:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str
    error: str

    @property
    def json(self) -> Any:
        (line,) = self.out.splitlines()
        return json.loads(line)


def run(*arguments: str, terminal: bool = False, **options: Any) -> Outcome:
    """Run a command in this process, as the command line would."""
    out, err = io.StringIO(), Terminal() if terminal else io.StringIO()
    code, error = 0, ""
    try:
        call_command(*arguments, stdout=out, stderr=err, **options)
    except CommandError as raised:
        code, error = raised.returncode, str(raised)
    return Outcome(code, out.getvalue(), err.getvalue(), error)


@pytest.fixture
def upstream(chatkit_emulator: Emulator, request: pytest.FixtureRequest) -> Emulator:
    """Give the emulator that the commands talk to; what fails is not tried twice."""
    settings = request.getfixturevalue("settings")
    settings.CHATKIT = {**settings.CHATKIT, "MAX_RETRIES": 0}
    return chatkit_emulator


@pytest.fixture
def read_only(transactional_db: None) -> Iterator[None]:
    """Shut the tests' SQLite for writing, outside of any transaction, as it is where commands run."""
    connection.ensure_connection()
    connection.connection.execute("PRAGMA query_only = 1")
    yield
    connection.connection.execute("PRAGMA query_only = 0")
