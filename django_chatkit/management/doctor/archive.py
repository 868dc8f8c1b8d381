"""Examine what would be lost with upstream: the threads in no archive, and what it answers."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from ...client import APIError, APIStatusError
from ...models import ChatThread
from ...services import closing, reading
from ...services.closing import Standing
from ...services.differences import printable
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


def upstream_unknown() -> Finding:
    """Say that the mirror alone was examined: a thread that was never mirrored does not show in it."""
    return unknown(
        "archive", "upstream was not asked, so threads that never reached the mirror would not show."
    )


def examine_newest(threads: Sequence[Any], *, using: str, now: datetime) -> Iterator[Finding]:
    """Tell whether the newest thread that upstream lists is in an archive: where it is not, more may be missing."""
    for thread in threads[:1]:
        try:
            id = reading.key(thread.payload)
        except reading.Unmirrorable as error:
            yield unknown("archive", f"upstream's newest thread can be no row here: {error}.")
            return
        standing = closing.standing(id, using=using)
        says = f"upstream's newest thread, {printable(id)}, is {standing}."
        if standing is Standing.ARCHIVED:
            yield well("archive", says)
        elif standing is Standing.KEPT_OUT:
            yield unknown("archive", f"{says} Whether an archive has it is not known here.")
        elif closing.Outlook(unarchived=1, now=now).is_late:
            yield wrong("archive", says, _REMEDY)
        else:
            yield note("archive", says, _REMEDY)


def what_is_left(error: APIError | None, *, now: datetime) -> Iterator[Finding]:
    """Once the announced day has come, tell what upstream answers to a list of threads; before, only where it refuses."""
    if now < closing.CLOSES:
        if error is not None:
            yield upstream_unknown()
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
