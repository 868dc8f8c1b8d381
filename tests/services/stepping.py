"""Syncs that stop before and after each request, and at each statement, and go on when they are told.

Each runs in a greenlet of its own on the one connection of the test, and never stops within a transaction. So syncs can
be taken forward in turn, in an order that repeats; what upstream or another sync does meanwhile happens between any
two of their steps.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from django.db import DatabaseError, InterfaceError, connections
from greenlet import getcurrent, greenlet

from django_chatkit.client import AuthenticationError
from django_chatkit.services.reports import SyncReport
from django_chatkit.testing.adapter import EmulatorAdapter

QUERIES = ("SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE")


class Interrupted(BaseException):
    """What Ctrl-C or a polite end of the process raises in a sync."""


class Stepped(greenlet):
    """A sync under way."""

    def __init__(self, name: str, work: Callable[[], SyncReport], *, finely: bool) -> None:
        super().__init__()
        self.name = name
        self.finely = finely
        # Where it stands: at a request or at a statement.
        self.is_at_statement = False
        self.report: SyncReport | None = None
        self._work = work

    def run(self) -> None:
        """Do the work until it ends, is refused or is interrupted."""
        with suppress(AuthenticationError, Interrupted):
            self.report = self._work()

    def advance(self, steps: int | None) -> bool:
        """Take some steps, or with None all, and tell whether there is anything left to do."""
        while not self.dead and steps != 0:
            self.switch()
            steps = None if steps is None else steps - 1
        return not self.dead

    def reach_request(self) -> None:
        """Go on to the next request, if at a statement, and stop at no other: the connection may be closed now."""
        self.finely = False
        while self.is_at_statement and not self.dead:
            self.switch()

    def drop(self) -> None:
        """End what a process left when it died, on a connection that may be another by now."""
        with suppress(DatabaseError, InterfaceError):
            self.interrupt()

    def interrupt(self) -> None:
        """End the work at the next request, and let it clean up."""
        self.reach_request()
        while not self.dead:
            self.throw(Interrupted)


def pause(*, statement: bool = False) -> None:
    """Give the word back to whoever advances this sync; outside of one go on."""
    here = getcurrent()
    if isinstance(here, Stepped) and here.parent is not None and (here.finely or not statement):
        here.is_at_statement = statement
        here.parent.switch()


class SteppingAdapter(EmulatorAdapter):
    """The emulator, with a pause before it hears a request and another before its answer arrives."""

    def __init__(self, *args: Any, database: str) -> None:
        super().__init__(*args)
        self._database = database
        # What the last request went on from.
        self.cursor: str | None = None

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        assert not connections[self._database].in_atomic_block, "a request within a transaction"
        self.cursor = dict(parse_qsl(urlsplit(request.url or "").query)).get("after")
        pause()
        try:
            return super().send(request, *args, **options)
        finally:
            pause()


@contextmanager
def pauses_at_statements(database: str) -> Iterator[None]:
    """Pause before each statement outside of a transaction."""

    def execute(run: Callable[..., Any], sql: str, *args: Any) -> Any:
        if not connections[database].in_atomic_block and sql.startswith(QUERIES):
            pause(statement=True)
        return run(sql, *args)

    with connections[database].execute_wrapper(execute):
        yield
