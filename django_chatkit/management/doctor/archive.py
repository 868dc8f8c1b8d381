"""Examine what would be lost with upstream: the threads in no archive, and what it answers once its day has come."""

from collections.abc import Iterator
from datetime import datetime

from ...client import APIError, APIStatusError
from ...models import ChatThread
from ...services import closing
from ..wording import counted
from .findings import Finding, note, unknown, well, wrong

_REMEDY = "Run: python manage.py chatkit_archive DIR"


def examine(*, using: str, now: datetime) -> Iterator[Finding]:
    """Tell of the threads that are in no archive as they are now."""
    outlook = closing.outlook(now=now, using=using)
    if outlook.is_late:
        yield wrong("archive", str(outlook), _REMEDY)
    elif outlook.unarchived:
        yield note("archive", str(outlook), _REMEDY)
    else:
        held = ChatThread.objects.using(using).present().count()
        says = (
            f"{counted(held, 'thread')} of the mirror, each in an archive."
            if held
            else "the mirror holds no thread."
        )
        yield well("archive", says)


def archive_unknown() -> Finding:
    """Say that without tables nothing is known about archives."""
    return unknown("archive", "not examined, because the tables can't be read.")


def what_is_left(error: APIError | None, *, now: datetime) -> Iterator[Finding]:
    """Once the announced day has come, tell what upstream answers to a list of threads."""
    if now < closing.CLOSES:
        return
    day = f"the announced end of Agent Builder, {closing.CLOSES:%Y-%m-%d}, is past, and upstream"
    if error is None:
        yield note("archive", f"{day} still lists threads (status 200).", f"While it does: {_REMEDY}")
    elif isinstance(error, APIStatusError):
        yield note(
            "archive",
            f"{day} answers {error.status_code} to a list of threads.",
            "If it stays so, see docs/operations.md, When upstream closes.",
        )
    else:
        yield note("archive", f"{day} gives no answer ({type(error).__name__}).", "Try again later.")
