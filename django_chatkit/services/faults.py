"""What may go wrong with one thread, end user or list, and stops no other. Everything else stops the run."""

from collections.abc import Callable, Generator
from typing import Any

from django.db import DataError, Error, IntegrityError, connections

from ..client import APIError, AuthenticationError
from ..models import ChatThread
from .crew import Job
from .paging import Contradiction
from .reading import Unmirrorable
from .transactions import PASSING

# A ValueError is the client's, of an id that can't stand in an address, or of what no column takes, as a TypeError is.
_ITS_OWN = (APIError, Contradiction, Unmirrorable, ValueError, TypeError, DataError, IntegrityError)


def attempt(
    job: Job, *, using: str, fail: Callable[[Exception], object]
) -> Generator[Any, Any, Exception | None]:
    """Run a job to its end; what went wrong with it alone is told to ``fail`` and returned, everything else is raised."""
    try:
        yield from job
    except Exception as error:
        if not _is_its_own(error, using=using):
            raise
        fail(error)
        return error
    return None


def attempt_here(
    work: Callable[[], object], *, using: str, fail: Callable[[Exception], object]
) -> Exception | None:
    """Do work that asks nobody; what went wrong with it alone is told to ``fail`` and returned, all else is raised."""
    try:
        work()
    except Exception as error:
        # A RecursionError is of a payload that is nested deeper than any encoder goes.
        if not isinstance(error, RecursionError) and not _is_its_own(error, using=using):
            raise
        fail(error)
        return error
    return None


def resumed(make: Callable[[], Job], *, using: str) -> Job:
    """Run a job that goes on from what it wrote, and once more where the database closed its connection meanwhile."""
    try:
        return (yield from make())
    except PASSING:
        if not _answers(using):
            raise
    return (yield from make())


def _is_its_own(error: Exception, *, using: str) -> bool:
    if isinstance(error, AuthenticationError):
        return False
    # A write may fail alone, as of an item that is longer than a packet, or with all others: the database is gone.
    return isinstance(error, _ITS_OWN) or (isinstance(error, PASSING) and _answers(using))


def _answers(using: str) -> bool:
    """Tell whether the database goes on taking what we write, on a fresh connection if need be."""
    try:
        connections[using].close_if_unusable_or_obsolete()
        # No row has this id; a database that may only be read refuses all the same.
        ChatThread.objects.using(using).filter(pk="").update(title="")
    except Error:
        return False
    return True
