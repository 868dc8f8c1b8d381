"""``chatkit_archive``: its options, and its words."""

import math
import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError

from .. import conf
from ..services.archive_forgetting import ForgetReport
from ..services.archive_reports import ArchiveReport
from ..services.differences import VerifyReport
from ..services.holds import Held
from ..services.previews import HTTPS
from .numbers import positive
from .pulse import Pulse
from .wording import counted, span

MEGABYTE = 1 << 20
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}")
_LAST_PORT = 65_535
LARGEST = 20  # megabytes of a preview
# With less of a run done than this nobody can tell what is left.
_ENOUGH = 0.01

REMEDIES = {
    "upstream": "Run chatkit_archive {folder} again: it reads all threads anew. What upstream deleted stays in the archive. "
    "While people chat, an archive is behind.",
    "the mirror": "Where the mirror is right, run chatkit_archive {folder} again; where the archive is, chatkit_sync --full --deep "
    "mends the mirror while upstream lives.",
}

BROKEN = (
    "Take it from another copy of the archive; or, where it is one line of the manifest that can't be read, take that line out: what "
    "it tells of is read again by the next run."
)


def add_arguments(parser: ArgumentParser, *, compressions: Sequence[str]) -> None:
    """Declare where to, how fast, and what to prove."""
    parser.add_argument(
        "dir", type=folder, metavar="DIR", help="The archive's folder: a new one, or one that was begun."
    )
    parser.add_argument(
        "--compression",
        choices=compressions,
        help="How the threads' files are packed. Defaults to none, or to what the archive was begun with.",
    )
    parser.add_argument(
        "--max-requests",
        type=positive,
        metavar="N",
        help="Make no more requests than that in this run, whatever is asked for again.",
    )
    parser.add_argument("--rate", type=_rate, metavar="N", help="Make no more requests a second than that.")
    parser.add_argument(
        "--attachments",
        action="store_true",
        help="Fetch the previews of attachments too, over https, from the hosts that --attachment-host names.",
    )
    parser.add_argument(
        "--attachment-host",
        action="append",
        type=_host,
        default=[],
        metavar="HOST",
        help="A host that previews may come from, HOST:PORT where it is not 443. Repeatable.",
    )
    parser.add_argument(
        "--attachment-size",
        type=positive,
        default=LARGEST,
        metavar="MB",
        help=f"How large a preview may be. Defaults to {LARGEST} MB.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--verify",
        action="store_true",
        help="List upstream again, compare it with the archive, and write nothing. Exits 1 if they differ.",
    )
    what.add_argument(
        "--verify-offline",
        action="store_true",
        help="Compare the files with their manifest and with the mirror; no request. Exits 1 if they differ.",
    )
    what.add_argument(
        "--forget",
        metavar="USER",
        help="Take an end user out of the archive: delete the files of their threads. Makes no request, and asks first.",
    )
    parser.add_argument(
        "--noinput",
        "--no-input",
        "--yes",
        action="store_false",
        dest="interactive",
        help="With --forget: do not ask whether that is what is meant.",
    )


def check(options: Mapping[str, Any]) -> None:
    """Refuse options that mean nothing together.

    Raises:
        CommandError: one of them has nothing to say here.
    """
    verifies = options["verify"] or options["verify_offline"]
    forgets = options["forget"] is not None
    for name in ("attachments", "compression"):
        if (verifies or forgets) and options[name]:
            raise CommandError(f"--{name} has nothing to say to --verify, --verify-offline and --forget.")
    if options["attachments"] and not options["attachment_host"]:
        raise CommandError("--attachments fetches only from the hosts that you name: give --attachment-host.")
    if options["attachment_host"] and not options["attachments"]:
        raise CommandError("--attachment-host goes with --attachments.")
    if (options["verify_offline"] or forgets) and (options["max_requests"] or options["rate"]):
        name = "--forget" if forgets else "--verify-offline"
        raise CommandError(f"{name} makes no request: leave --max-requests and --rate out.")


def unknown(user: str, folder: str) -> str:
    """Say that an archive has nothing of somebody."""
    return (
        f"{folder} holds no thread of an end user {user!r}. Check the spelling, and that this is the archive."
    )


def question(found: ForgetReport, user: str, folder: str) -> str:
    """Ask whoever takes somebody out of an archive whether that is what is meant."""
    threads, files = counted(found.threads, "thread"), counted(found.files, "file")
    return (
        f"This takes the end user {user!r} out of {folder}: {threads}, {files} to delete. No later run reads them again.\n"
        "It can't be undone.\n\n    Type 'yes' to continue, or 'no' to cancel: "
    )


def held(error: Held) -> str:
    """Say that a hold keeps somebody in an archive, and how it is lifted."""
    return f"No file is deleted: {error}. To lift it: chatkit_user hold {error.user} --lift"


def as_sent(settings: conf.Settings) -> str:
    """Say what does not reach the files of an archive, where the site counts on it for the mirror."""
    unredacted = "they are not redacted: REDACT is of the mirror" if settings.redact else ""
    unsealed = (
        "they are not encrypted: ENCRYPTION_KEYS are of the database"
        if any(settings.encryption_keys[:1])
        else ""
    )
    told = " and ".join(filter(None, (unredacted, unsealed)))
    return f"The archive's files hold upstream's text to the character; {told}." if told else ""


def progress(report: ArchiveReport, pulse: Pulse) -> str:
    """Return the line of an archive that is being made."""
    line = pulse.line_of(report.threads, report.items, report.requests, done="archived")
    share = report.share
    if share is None or share < _ENOUGH:
        return line
    left = timedelta(seconds=math.ceil(pulse.elapsed.total_seconds() * (1 - share) / share))
    return f"{share:.0%}, {span(left)} left; {line}"


def summary(report: ArchiveReport, *, folder: str, elapsed: timedelta) -> str:
    """Return the line at the end of a run."""
    totals = report.totals
    known = f" ({report.known} were there)" if report.known else ""
    gone = f"; {counted(report.gone, 'thread')} deleted upstream meanwhile" if report.gone else ""
    shrunk = (
        f"; {counted(report.shrunk, 'thread')} with fewer items than before, earlier files kept"
        if report.shrunk
        else ""
    )
    previews = f", {counted(report.attachments, 'preview')}" if report.attachments else ""
    waited = (
        f", {span(timedelta(seconds=report.paused))} of it because upstream asked to wait"
        if report.paused
        else ""
    )
    return (
        f"{counted(report.threads, 'thread')} archived{known}, {counted(report.items, 'item')}{previews}{gone}{shrunk}; "
        f"{counted(report.requests, 'request')}, {counted(len(report.failures), 'failure')}. "
        f"{'Complete' if report.is_finished else 'Not finished'}: {folder} holds {counted(totals.threads, 'thread')} of "
        f"{counted(totals.end_users, 'end user')} with {counted(totals.items, 'item')}. Took {span(elapsed)}{waited}."
    )


def notes(report: ArchiveReport) -> Iterator[str]:
    """Say what was left out for good, and of an archive that was not read anew to the end what it is still."""
    for each in report.left_out:
        yield f"left out, {each}"
    if not report.is_finished and report.finished_at is not None:
        moment = f"{report.finished_at:%Y-%m-%d %H:%M %Z}"
        yield f"What the archive held when it was complete, at {moment}, it holds still."


def spent(report: ArchiveReport, limit: int) -> str:
    """Say that the requests are used up, and what helps where that is too few for anything."""
    words = f"The {counted(limit, 'request')} of --max-requests are used up."
    if report.threads or report.known:
        return words
    return f"{words} No thread came to its end with them: a thread of 1,000 items takes 10, so allow more."


def verdict(report: VerifyReport) -> str:
    """Return the line at the end of a comparison."""
    differences = counted(report.differences, "difference") if report.differences else "no difference"
    counts = f"{counted(report.threads, 'thread')}, {counted(report.items, 'item')} compared, {differences}"
    if report.failures:
        return f"incomplete: {counts}, {counted(len(report.failures), 'failure')}"
    return f"complete: {counts}" if not report.differences else f"different: {counts}"


def folder(text: str) -> str:
    """Return the name of a folder or file; the empty one would be taken for the current folder."""
    if not text:
        raise ArgumentTypeError("must not be empty")
    return text


def _host(text: str) -> str:
    """Return a host as addresses are compared with it: in small letters, without the port of https."""
    host, colon, port = text.lower().partition(":")
    if not _HOST.fullmatch(host) or (colon and not (_PORT.fullmatch(port) and 0 < int(port) <= _LAST_PORT)):
        raise ArgumentTypeError(f"must be HOST or HOST:PORT, not {text[:80]!r}")
    return host if not colon or int(port) == HTTPS else f"{host}:{int(port)}"


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.001 <= rate < math.inf:
        raise ArgumentTypeError(f"must be a number of requests a second, like 5 or 0.5, not {text[:40]!r}")
    return rate
