"""Write all that upstream has into files, mirror it on the way, and prove that nothing is missing."""

from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from ... import conf, wiring
from ...services import archive, archive_check, archive_forgetting, archive_offline, holds
from ...services.archive_folder import Unusable
from ...services.archive_format import COMPRESSIONS, BrokenArchive
from ...services.budget import Budget
from ...services.differences import Difference, VerifyReport
from ...services.previews import Fetcher
from .. import archiving, databases
from ..asking import answer
from ..conduct import ChatKitCommand
from ..pulse import Pulse
from ..wording import counted


class Command(ChatKitCommand):
    """Parse, archive or compare, report."""

    help = (
        "Write every thread and item of every end user into DIR as upstream sends them, with a manifest, and mirror them "
        "on the way. Run again, it goes on where it stopped, or reads a finished archive anew. Exits 0 only if all of it is "
        "there, or with --verify if nothing differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare where to, how fast, and what to prove."""
        super().add_arguments(parser)
        archiving.add_arguments(parser, compressions=COMPRESSIONS)

    def act(self, *, database: str, **options: Any) -> None:
        """Archive, or compare, and tell what came of it."""
        archiving.check(options)
        try:
            if options["forget"] is not None:
                self._forget(database, **options)
            elif options["verify_offline"]:
                self._verify_offline(database, **options)
            elif options["verify"]:
                self._verify(database, **options)
            else:
                self._archive(database, **options)
        except Unusable as error:
            raise CommandError(str(error)) from error
        except BrokenArchive as error:
            raise CommandError(f"{options['dir']}: {error}. {archiving.BROKEN}") from error
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            words = f"{error.filename or options['dir']} can't be used: {error.strerror}."
            raise CommandError(f"{words} What was done is kept; mend that and run it again.") from error

    def _archive(self, database: str, **options: Any) -> None:
        settings = conf.read()
        if options["verbosity"] > 0 and (note := archiving.as_sent(settings)):
            self.stderr.write(note)
        databases.must_have_tables(using=database)
        budget = _budget(options)
        progress = self.progress(verbosity=options["verbosity"])
        pulse = Pulse(paused_for=wiring.paused_for)
        try:
            report = archive.make(
                client=wiring.connect(),
                clock=timezone.now,
                path=Path(options["dir"]),
                compression=options["compression"],
                budget=budget,
                fetcher=_fetcher(options, budget),
                workers=settings.sync_concurrency,
                using=database,
                on_progress=lambda now: progress.show(partial(archiving.progress, now, pulse)),
            )
        finally:
            progress.clear()
        if report.is_spent:
            self.stderr.write(archiving.spent(report, options["max_requests"]))
        for note in archiving.notes(report) if options["verbosity"] > 0 else ():
            self.stderr.write(note)
        line = archiving.summary(report, folder=options["dir"], elapsed=pulse.elapsed)
        self.tell(report, line, as_json=options["json"], verbosity=options["verbosity"])
        if not report.is_finished:
            raise CommandError("The archive is not finished: run it again to go on.")

    def _forget(self, database: str, **options: Any) -> None:
        path, user = Path(options["dir"]), options["forget"]
        if options["json"] and options["interactive"]:
            raise CommandError("--json can't ask: say --yes.")
        databases.must_have_tables(using=database)
        try:
            holds.check(user, using=database)
            found = archive_forgetting.survey(path=path, user=user)
            if not found.threads:
                raise CommandError(archiving.unknown(user, options["dir"]))
            if options["interactive"] and answer(archiving.question(found, user, options["dir"])) != "yes":
                raise CommandError("Cancelled. Nothing was deleted.")
            report = archive_forgetting.forget(path=path, user=user, now=timezone.now(), using=database)
        except holds.Held as error:
            raise CommandError(archiving.held(error)) from error
        line = f"Forgot {counted(report.threads, 'thread')} of {user!r}: {counted(report.files, 'file')} deleted."
        self.tell(report, line, as_json=options["json"], verbosity=options["verbosity"])

    def _verify(self, database: str, **options: Any) -> None:
        pulse = Pulse(paused_for=wiring.paused_for)
        compare = partial(
            archive_check.compare,
            client=wiring.connect(),
            clock=timezone.now,
            budget=_budget(options),
            workers=conf.read().sync_concurrency,
        )
        self._compare(compare, pulse, "upstream", database, **options)

    def _verify_offline(self, database: str, **options: Any) -> None:
        compare = partial(archive_offline.compare, clock=timezone.now, redact=wiring.redaction())
        self._compare(compare, Pulse(), "the mirror", database, **options)

    def _compare(self, compare: Any, pulse: Pulse, with_what: str, database: str, **options: Any) -> None:
        as_json, verbosity = options["json"], options["verbosity"]
        progress = self.progress(verbosity=verbosity)

        def tell(difference: Difference) -> None:
            if verbosity > 0 and not as_json:
                progress.clear()
                self.stdout.write(str(difference))

        def show(now: VerifyReport) -> None:
            progress.show(lambda: pulse.line_of(now.threads, now.items, now.requests, done="compared"))

        try:
            report: VerifyReport = compare(
                path=Path(options["dir"]), using=database, on_difference=tell, on_progress=show
            )
        finally:
            progress.clear()
        for note in report.notes if verbosity > 0 else ():
            self.stderr.write(note)
        if report.differences:
            self.stderr.write(archiving.REMEDIES[with_what].format(folder=options["dir"]))
        self.tell(report, archiving.verdict(report), as_json=as_json, verbosity=verbosity)
        if report.differences:
            words = counted(report.differences, "difference")
            raise CommandError(f"The archive differs from {with_what}: {words}.")


def _budget(options: dict[str, Any]) -> Budget:
    return Budget(limit=options["max_requests"], rate=options["rate"])


def _fetcher(options: dict[str, Any], budget: Budget) -> Fetcher | None:
    if not options["attachments"]:
        return None
    return Fetcher(
        hosts=frozenset(options["attachment_host"]),
        longest=options["attachment_size"] * archiving.MEGABYTE,
        on_request=budget.take,
    )
