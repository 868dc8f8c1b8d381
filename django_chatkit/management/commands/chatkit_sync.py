"""Sync the mirror from the command line: a pass, some end users, some threads, or everything."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from ... import conf, wiring
from ...models import ChatThread, EndUser
from ...services import sync
from ...services.reading import MAX_ID_LENGTH, MAX_USER_LENGTH
from ...services.reports import UNKNOWN_END_USER, Failure, SyncReport
from .. import ids, verifying
from ..conduct import ChatKitCommand
from ..pulse import Pulse
from ..wording import counted, span

# A pass of the command takes all who are due, however many.
EVERYBODY = 2**31 - 1

_NOBODY_DUE = "Nobody is due, so upstream was not asked. --full looks at everybody."


class Command(ChatKitCommand):
    """Parse, sync, report."""

    help = (
        "Copy what is new upstream into the mirror. Without an option: one look at each end user who is due, as "
        "Celery does. Exits 0 only if all of it was copied, or with --verify if nothing differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what to sync."""
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--full",
            action="store_true",
            help="Compare upstream's whole list with the mirror, and sync every thread of every end user.",
        )
        what.add_argument(
            "--user", action="append", default=[], help="Sync one end user's threads. Repeatable."
        )
        what.add_argument("--thread", action="append", default=[], help="Sync one thread. Repeatable.")
        parser.add_argument(
            "--deep",
            action="store_true",
            help="With --full, --user or --thread: read every item again, also where nothing can have changed upstream. "
            "It mends what was changed here by hand.",
        )
        verifying.add_arguments(parser, what)

    def act(
        self,
        *,
        database: str,
        full: bool = False,
        user: list[str] | None = None,
        thread: list[str] | None = None,
        deep: bool = False,
        verify: bool = False,
        sample: int | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        """Sync, or compare, what was asked for and tell what came of it."""
        verbosity: int = options["verbosity"]
        _check(users=user or [], threads=thread or [])
        scope = verifying.Scope(full=full, users=user or [], threads=thread or [], sample=sample, seed=seed)
        scope.check(is_wanted=verify)
        if deep and (verify or scope.is_sample):
            raise CommandError("--deep goes with --full, --user or --thread, and not with --verify.")
        if verify:
            verifying.run(self, scope, database=database, as_json=options["json"], verbosity=verbosity)
            return
        runs = _runs(database, full=full, users=user or [], threads=thread or [], deep=deep)
        progress = self.progress(verbosity=verbosity)
        known = ChatThread.objects.using(database).present().count() if full and progress.is_on else 0
        pulse = Pulse(known=known, paused_for=wiring.paused_for)
        total = SyncReport()

        def show(now: SyncReport) -> None:
            progress.show(lambda: pulse.line(add(add(SyncReport(), total), now)))

        try:
            for run in runs:
                add(total, run(on_progress=show))
        finally:
            progress.clear()
        is_idle = not (full or user or thread or total.users)
        line = _NOBODY_DUE if is_idle else f"{_line(total)} {_time(pulse.elapsed, total.paused)}"
        self.tell(total, line, as_json=options["json"], verbosity=verbosity)


def add(total: SyncReport, report: SyncReport) -> SyncReport:
    """Add the counts and the failures of a report to a total, and return the total."""
    for each in fields(report):
        setattr(total, each.name, getattr(total, each.name) + getattr(report, each.name))
    return total


def _check(*, users: list[str], threads: list[str]) -> None:
    remedy = "Give an end user's id, as USER_ID returns it."
    ids.check("--user", users, longest=MAX_USER_LENGTH, in_path=False, remedy=remedy)
    remedy = "Give a thread's id, as in cthr_123."
    ids.check("--thread", threads, longest=MAX_ID_LENGTH, in_path=True, remedy=remedy)


def _runs(
    using: str, *, full: bool, users: list[str], threads: list[str], deep: bool
) -> list[Callable[..., SyncReport]]:
    settings = conf.read()
    pace = sync.Pace(
        interval=settings.sync_interval, grace=settings.sync_grace, workers=settings.sync_concurrency
    )
    world: dict[str, Any] = {"client": wiring.connect(), "clock": timezone.now, "using": using}
    if full:
        return [partial(sync.reconcile, items=True, deep=deep, pace=pace, **world)]
    if users:
        return [partial(_user, user=user, deep=deep, pace=pace, **world) for user in users]
    if threads:
        return [partial(sync.sync_thread, thread_id=thread_id, deep=deep, **world) for thread_id in threads]
    return [partial(sync.sync_due, pace=pace, limit=EVERYBODY, **world)]


def _user(*, user: str, using: str, **world: Any) -> SyncReport:
    """Sync one end user. One of whom neither side knows anything is a mistake of whoever asked."""
    report = sync.sync_user(user=user, using=using, **world)
    if report.ok and not report.threads and not EndUser.objects.using(using).filter(pk=user).exists():
        report.failures.append(Failure(noun="end user", id=user, error=UNKNOWN_END_USER))
    return report


def _line(report: SyncReport) -> str:
    looks = f"{counted(report.users, 'end user')} looked at; " if report.users else ""
    return (
        f"{looks}{counted(report.threads, 'thread')} read: "
        f"{report.threads_new} new, {report.threads_changed} changed, {report.threads_gone} gone; "
        f"items: {report.items_new} new, {report.items_changed} changed, {report.items_gone} gone, "
        f"{report.items_unchanged} unchanged; "
        f"{counted(report.requests, 'request')}, {counted(len(report.failures), 'failure')}."
    )


def _time(elapsed: timedelta, paused: float) -> str:
    waited = (
        f", {span(timedelta(seconds=paused))} of it waiting before asking upstream again" if paused else ""
    )
    return f"Took {span(elapsed)}{waited}."
