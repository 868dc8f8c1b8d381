"""Say in words what is wrong, and how to mend it."""

from argparse import ArgumentParser
from collections.abc import Collection, Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.utils import timezone

from ... import conf, wiring
from ..conduct import ChatKitCommand
from ..doctor import archive, background, here, runs, upstream
from ..doctor.findings import Finding, Verdict, unknown

NAMES = ("settings", "database", "work", "runs", "archive", "upstream", "clock", "workflow", "worker", "beat")


class Command(ChatKitCommand):
    """Parse, examine, tell each finding as it comes."""

    help = (
        "Examine settings, tables, the last runs, archives, upstream, clock, workflow, workers and beat. Lists one thread, and opens and cancels "
        "a session of one second that nobody can use; that alone shows whether the workflow is known. Exits 0 only if "
        "all is well."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what to leave out, and how long to wait."""
        super().add_arguments(parser)
        parser.add_argument(
            "--skip",
            action="append",
            default=[],
            choices=NAMES,
            metavar="NAME",
            help=f"Leave one question out: {', '.join(NAMES)}. Repeatable. Without workflow no session is opened; "
            "without upstream no request is made.",
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=None,
            metavar="SECONDS",
            help="How long to wait for a sign of beat. Defaults to two intervals of its schedule.",
        )

    def act(self, *, database: str, **options: Any) -> None:
        """Examine, tell, and exit with 1 where something is wrong."""
        wait: float | None = options["wait"]
        if wait is not None and not 0 < wait < float("inf"):
            raise CommandError(f"--wait must be a number of seconds above 0, not {wait}.")
        findings = []
        for finding in examine(using=database, skip=options["skip"], wait=wait):
            findings.append(finding)
            self._tell_one(finding, as_json=options["json"], verbosity=options["verbosity"])
        names = list(dict.fromkeys(each.name for each in findings if each.verdict is Verdict.WRONG))
        if options["json"]:
            self.tell_json({"ok": not names, "findings": [each.as_dict() for each in findings]})
        if names:
            raise CommandError(f"Something is wrong with: {', '.join(names)}.")

    def _tell_one(self, finding: Finding, *, as_json: bool, verbosity: int) -> None:
        if finding.verdict is Verdict.WRONG:
            self.stderr.write(f"{finding.verdict:8}{finding}")
        elif verbosity > 0 and not as_json:
            style = self.style.SUCCESS if finding.verdict is Verdict.WELL else self.style.NOTICE
            self.stdout.write(f"{finding.verdict:8}{finding}", style)


def examine(*, using: str, skip: Collection[str], wait: float | None) -> Iterator[Finding]:
    """Ask every question that is not skipped, the cheap ones first."""
    found = _findings(using, skip, wait)
    return (finding for finding in found if finding.name not in skip)


def _findings(using: str, skip: Collection[str], wait: float | None) -> Iterator[Finding]:
    yield from here.examine_settings(about_beat="beat" not in skip)
    tables = here.examine_database(using=using)
    yield tables
    is_readable = tables.verdict is Verdict.WELL
    yield from _ours(using) if is_readable else _ours_unknown()
    yield from _theirs(using if is_readable else None, skip)
    yield from _celery(skip, wait)


def _ours(using: str) -> Iterator[Finding]:
    yield from here.examine_work(using=using, now=timezone.now())
    yield from runs.examine(using=using, now=timezone.now())
    yield from archive.examine(using=using, now=timezone.now())


def _ours_unknown() -> Iterator[Finding]:
    yield here.work_unknown()
    yield runs.runs_unknown()
    yield archive.archive_unknown()


def _theirs(using: str | None, skip: Collection[str]) -> Iterator[Finding]:
    if "upstream" in skip:
        yield archive.upstream_unknown()
        return
    try:
        settings, client = conf.read(), wiring.connect()
    except ImproperlyConfigured:
        yield unknown("upstream", "not asked, because the settings make no client.")
        yield archive.upstream_unknown()
        return
    yield from upstream.examine(
        client=client,
        settings=settings,
        clock=timezone.now,
        open_session="workflow" not in skip,
        using=using,
    )


def _celery(skip: Collection[str], wait: float | None) -> Iterator[Finding]:
    if {"worker", "beat"} <= set(skip):
        return
    yield from background.examine(patience=0 if "beat" in skip else wait)
