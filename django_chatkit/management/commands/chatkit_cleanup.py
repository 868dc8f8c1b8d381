"""Tidy the ledger and the mirror: cancel expired sessions, prune what RETENTION says."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from ... import conf, wiring
from ...services import cleanup
from ...services.differences import printable
from ...services.reports import CleanupReport
from ..conduct import ChatKitCommand
from ..numbers import positive
from ..wording import counted

_KINDS = {"sessions", "content", "threads", "runs"}


class Command(ChatKitCommand):
    """Parse, clean up, report."""

    help = (
        "Cancel expired sessions upstream and settle them in the ledger, then delete what is older than "
        "CHATKIT['RETENTION'] says, rows of sync runs too, and drop what was said in older threads. A thread is deleted "
        "upstream too, unless RETENTION says otherwise. Exits 0 only if all of it was done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what to tidy, and how."""
        super().add_arguments(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Print each thing that would go, and the counts; with --json the counts. Makes no request, writes nothing.",
        )
        parser.add_argument("--sessions", action="store_true", help="Tidy the ledger only.")
        parser.add_argument(
            "--threads", action="store_true", help="Prune whole threads only, upstream and here."
        )
        parser.add_argument("--content", action="store_true", help="Drop what was said in threads only.")
        parser.add_argument("--runs", action="store_true", help="Prune the rows of old sync runs only.")
        parser.add_argument(
            "--batch-size",
            type=positive,
            default=500,
            metavar="N",
            help="Rows in one transaction (default: 500).",
        )

    def act(self, *, database: str, batch_size: int = 500, **options: Any) -> None:
        """Tidy what was asked for and tell what came of it."""
        if batch_size < 1:
            raise CommandError(f"--batch-size must be at least 1, not {batch_size}.")
        settings = conf.read()
        chosen = {kind for kind in _KINDS if options[kind]} or _KINDS
        is_listing = options["dry_run"] and options["verbosity"] > 0 and not options["json"]
        progress = self.progress(verbosity=0 if is_listing else options["verbosity"])
        try:
            report = cleanup.run(
                client=wiring.connect(),
                clock=timezone.now,
                retention=settings.retention,
                batch_size=batch_size,
                sessions="sessions" in chosen,
                threads="threads" in chosen,
                content="content" in chosen,
                runs="runs" in chosen,
                dry_run=options["dry_run"],
                at_once=True,  # whoever asks for it now means now
                wait=time.sleep,
                workers=settings.sync_concurrency,
                using=database,
                on_progress=lambda now: progress.show(_line(now, settings)),
                on_due=self._tell_due if is_listing else None,
            )
        finally:
            progress.clear()
        self.tell(report, _line(report, settings), as_json=options["json"], verbosity=options["verbosity"])

    def _tell_due(self, noun: str, id: str, count: int) -> None:
        """Say of a dry run what would go."""
        self.stdout.write(printable(_DUE[noun].format(id=id, items=counted(count, "item"))))


_DUE = {
    "cancel": "session {id}: cancelled",
    "session": "session {id}",
    "thread": "thread {id}",
    "words": "thread {id}: words of {items}",
    "sync run": "sync run {id}",
}


def _line(report: CleanupReport, settings: conf.Settings) -> str:
    would = "Would have: " if report.dry_run else ""
    return would + "; ".join(_parts(report, settings)) + "."


def _parts(report: CleanupReport, settings: conf.Settings) -> Iterator[str]:
    yield f"{counted(report.sessions_cancelled, 'expired session')} cancelled"
    yield f"{counted(report.sessions_deleted, 'session')} deleted ({_kept(settings, 'sessions')})"
    whole, here = counted(report.threads_deleted, "thread"), counted(report.threads_left_out, "thread")
    goes_here_only = _terms(settings, "threads", upstream=False)
    if _terms(settings, "threads") or not goes_here_only:
        yield f"{whole} deleted, here and upstream where it was still there ({_kept(settings, 'threads')})"
    if goes_here_only:
        yield f"{here} deleted here only ({_kept(settings, 'threads', upstream=False)})"
    if _terms(settings, "content"):
        words = f"{counted(report.items_emptied, 'item')} in {counted(report.threads_emptied, 'thread')}"
        yield f"words of {words} dropped ({_kept(settings, 'content')})"
    yield f"{counted(report.runs_deleted, 'sync run')} deleted ({_kept(settings, 'runs')})"
    yield counted(len(report.failures), "failure")


def _kept(settings: conf.Settings, kind: str, *, upstream: bool = True) -> str:
    """Say how long a kind is kept: in general, and in each workflow where something else is said."""
    terms = _terms(settings, kind, upstream=upstream)
    return ", ".join(terms) or "kept for ever"


def _terms(settings: conf.Settings, kind: str, *, upstream: bool = True) -> list[str]:
    retention = settings.retention
    told = [("", retention.get(kind))]
    told += [(f" in {id}", own.get(kind)) for id, own in retention.get("workflows", {}).items()]
    return [f"kept for {_days(age)}{where}" for where, term in told if (age := _age(term, upstream=upstream))]


def _age(term: Any, *, upstream: bool) -> timedelta | None:
    """Return the age at which threads go on both sides or, without ``upstream``, here alone; None where they don't."""
    age: timedelta | None = term["days"] if isinstance(term, Mapping) else term
    return None if isinstance(term, Mapping) == upstream else age


def _days(term: timedelta) -> str:
    return counted(term.days, "day") if term == timedelta(days=term.days) else str(term)
