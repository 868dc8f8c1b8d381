"""How the app's commands behave: options in common, reports, errors in words, exit codes.

A command exits 0 only if all that it set out to do is done. What is not done is named on standard error, a line each,
and the exit code is 1; 130 stands for an interruption. Standard output holds the report, or with ``--json`` exactly one
JSON object, whatever happened; options that do not exist are argparse's to refuse, with 2 and no JSON.
"""

import json
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from .. import conf
from ..client import ChatKitError
from ..services.reports import Report
from . import databases, failures, remedies
from .progress import Progress

INTERRUPTED = 130


class ChatKitCommand(BaseCommand):
    """Run `act`, tell its outcome, and put into words whatever stopped it."""

    # Whether the JSON object is out: an error after that is in it.
    _has_told = False
    # The app's own settings are judged where they are read; somebody else's faults don't stop a clean-up.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options that all commands have."""
        parser.add_argument("--json", action="store_true", help="Print the outcome as one JSON object.")
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help='The database to work on. Defaults to "default".',
        )

    def act(self, *, database: str, **options: Any) -> None:
        """Do the work and tell it. Commands put theirs here."""
        raise NotImplementedError  # pragma: no cover - every command has its own

    def handle(self, *args: Any, **options: Any) -> None:
        """Run `act`.

        Raises:
            CommandError: something was not done; the text says what, the return code is 1, or 130 when interrupted.
        """
        options.setdefault("database", DEFAULT_DB_ALIAS)
        try:
            with _in_words(using=options["database"]), _told_once():
                self.act(**options)
                self.stdout.flush()
        except CommandError as stopped:
            if options["json"] and not self._has_told:
                self.tell_json({"ok": False, "error": str(stopped)})
            raise
        except BrokenPipeError:
            _end_quietly()

    def progress(self, *, verbosity: int) -> Progress:
        """Return the line that tells how far the command has come."""
        return Progress(self.stderr, is_wanted=verbosity > 0)

    def tell_json(self, outcome: dict[str, Any]) -> None:
        """Print the one JSON object of ``--json``."""
        self._has_told = True
        self.stdout.write(json.dumps(outcome))

    def tell(self, report: Report, *lines: str, as_json: bool, verbosity: int) -> None:
        """Print a report, and name what is not done and what helps.

        Raises:
            CommandError: the report holds failures.
        """
        if as_json:
            self.tell_json(report.as_dict())
        elif verbosity > 0:
            for line in lines:
                self.stdout.write(line)
        for failure in report.failures:
            self.stderr.write(str(failure))
        for remedy in failures.remedies_of(report.failures):
            self.stderr.write(remedy)
        if report.failures:
            count = len(report.failures)
            later = "; run it again later." if failures.may_pass(report.failures) else "."
            raise CommandError(f"{count} {'thing is' if count == 1 else 'things are'} not done{later}")


@contextmanager
def _in_words(*, using: str) -> Iterator[None]:
    try:
        yield
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    except ChatKitError as error:
        raise CommandError(" ".join(remedies.explain(error, conf.read()))) from error
    except DatabaseError as error:
        says, remedy = databases.explain(error, using=using)
        raise CommandError(f"The database refuses: {says}. {remedy}") from error
    except KeyboardInterrupt as error:
        message = "Interrupted. What was done is kept; run it again for the rest."
        raise CommandError(message, returncode=INTERRUPTED) from error


@contextmanager
def _told_once() -> Iterator[None]:
    # Where the host configures no logging, Python would write each failure that a service logs to standard error, and
    # the report names it there already. Handlers of the host get it all the same.
    logger, handler = logging.getLogger("django_chatkit"), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _end_quietly() -> NoReturn:
    # Nobody reads any more. Python flushes standard output once more at its end, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(INTERRUPTED)
