"""Bring threads back from an archive, or from a dump made with OpenAI's SDK."""

from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from django.core.management.base import CommandError
from django.utils import timezone

from ... import conf, wiring
from ...client.redaction import Redact
from ...services import (
    archive_entries,
    archive_format,
    archive_index,
    archive_tally,
    archived,
    dumps,
    importing,
)
from ...services.archive_entries import Header
from ...services.archive_format import BrokenArchive
from ...services.kept import Damaged
from ...services.reports import Failure, ImportReport
from .. import archiving, databases
from ..conduct import ChatKitCommand
from ..pulse import Pulse
from ..wording import counted, span


class _Source(NamedTuple):
    """Where threads come from; how many there are where that is told, what is to be said beforehand, and what is lacking."""

    threads: importing.Source
    total: int = 0
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


class Command(ChatKitCommand):
    """Parse, import, report."""

    help = (
        "Fill the mirror from an archive that chatkit_archive wrote, or from a file of threads and items that OpenAI's SDK "
        "dumped, one JSON object a line. A file that is not what the manifest says is named, and nothing of it is taken. What "
        "the mirror knows newer stays. Makes no request. Exits 0 only if all of it could be taken."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare where to read from, and whether to write."""
        super().add_arguments(parser)
        parser.add_argument(
            "source",
            type=archiving.folder,
            metavar="SOURCE",
            help="The folder of an archive, or the file of a dump.",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Judge every file and say what would be done. Writes nothing.",
        )

    def act(self, *, database: str, dry_run: bool = False, **options: Any) -> None:
        """Import what was named and tell what came of it."""
        source = Path(options["source"])
        verbosity: int = options["verbosity"]
        settings = conf.read()
        progress = self.progress(verbosity=verbosity)
        databases.must_have_tables(using=database)
        try:
            redact = wiring.redaction()
            found = _archive(source, settings, redact) if source.is_dir() else _dump(source, redact)
            for note in found.notes if verbosity > 0 else ():
                self.stderr.write(note)
            pulse = Pulse(known=found.total)
            report = importing.run(
                source=found.threads,
                clock=timezone.now,
                users_are_accounts=not settings.user_id,
                dry_run=dry_run,
                using=database,
                on_progress=lambda now: progress.show(partial(_progress, now, pulse)),
            )
        except (BrokenArchive, Damaged) as error:
            raise CommandError(f"{source}: {error}. {_REMEDY}") from error
        except OSError as error:
            raise CommandError(
                f"{source} can't be read: {error.strerror or type(error).__name__}."
            ) from error
        finally:
            progress.clear()
        for id in report.erased if verbosity > 0 else ():
            self.stderr.write(f"thread {id}: left out, for its end user was erased since it was archived")
        report.failures += found.failures
        line = f"{_line(report)} Took {span(pulse.elapsed)}."
        self.tell(report, line, as_json=options["json"], verbosity=verbosity)


_REMEDY = (
    "Nothing was taken of it. Take it from another copy; or, where it is one line that can't be read, take that line out: what "
    "it tells of is then left out too."
)


def _archive(folder: Path, settings: conf.Settings, redact: Redact | None) -> _Source:
    header = archive_entries.read_header(folder)
    if header is None:
        raise CommandError(f"{folder} is no archive: there is no {archive_format.HEADER} in it.")
    with archive_index.indexed(folder) as index:
        whole = archive_tally.tally(folder, header, index)
    notes = (*filter(None, _notes(folder, header, settings)), *whole.notes)
    return _Source(
        lambda fail: archived.threads(folder, fail=fail, redact=redact),
        header.totals.threads,
        notes,
        tuple(whole.failures),
    )


def _notes(folder: Path, header: Header, settings: conf.Settings) -> list[str]:
    missing = archived.lacking(folder)
    return [
        "The archive was not finished: there may be more upstream than it holds."
        if header.finished_at is None
        else "",
        f"The archive lacks {counted(missing, 'thread')} that could not be read from upstream; its manifest tells which."
        if missing
        else "",
        f"The archive is of {header.upstream}, and this site's upstream is {settings.base_url}: a sync takes for gone what "
        "that one does not have."
        if header.upstream.rstrip("/") != settings.base_url
        else "",
    ]


def _dump(file: Path, redact: Redact | None) -> _Source:
    return _Source(lambda fail: dumps.threads(file, fail=fail, redact=redact))


def _progress(report: ImportReport, pulse: Pulse) -> str:
    items = report.items_new + report.items_changed + report.items_unchanged
    return pulse.line_of(report.threads, items, None, done="taken")


def _line(report: ImportReport) -> str:
    would = "Would have: " if report.dry_run else ""
    owners = f"{counted(report.owners, 'end user')} given back to their accounts; " if report.owners else ""
    erased = f", {len(report.erased)} of erased end users" if report.erased else ""
    return (
        f"{would}{counted(report.threads, 'thread')} looked at: {report.threads_new} new, "
        f"{report.threads_changed} changed, {report.threads_unchanged} known already{erased}; "
        f"items: {report.items_new} new, {report.items_changed} changed, {report.items_gone} gone, "
        f"{report.items_unchanged} unchanged; {owners}{counted(len(report.failures), 'failure')}."
    )
