"""Run everything on one machine: the emulator, the site, a Celery worker and beat."""

import signal
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from django.core.management.base import BaseCommand, CommandError

from example_project.demo import browsers, environment, ports
from example_project.demo.corpus import Missing
from example_project.demo.journey import STAFF, Journey
from example_project.demo.processes import Failed, Terminated, Termination, Troupe
from example_project.demo.report import Report
from example_project.demo.stage import Stage


class Command(BaseCommand):
    """Set the stage; then let people in, or take the journey."""

    help = "Run everything on one machine, with no key and no network; Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--check",
            action="store_true",
            help="Do the main job once, unattended; exit 0, or 1 with the step that failed.",
        )
        parser.add_argument(
            "--port", type=int, default=0, help="Port of the site; 0 (default) picks a free one."
        )

    def handle(self, *args: Any, check: bool, port: int, **options: Any) -> None:
        """Run until Ctrl-C, or until the journey is done."""
        report = Report(self.stdout)
        termination = Termination(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        try:
            ports.check(port)
            with termination.listen(), _stage(report, termination) as stage:
                stage.set(port=port)
                if check:
                    self._check(stage)
                else:
                    self._open(stage)
        except Terminated:
            report.say("Stopped.")
            if check:
                raise CommandError(f"Interrupted at the step: {report.failed_at or 'between two'}.") from None
        except (Missing, Failed, requests.RequestException) as error:
            raise CommandError(": ".join(filter(None, [report.failed_at, str(error)]))) from error
        else:
            report.say(f"All {report.steps} steps done in {report.seconds():.0f} s; everything is stopped.")

    def _check(self, stage: Stage) -> None:
        with browsers.visitor(site=stage.site, emulator=stage.emulator, home=stage.folder) as visitor:
            Journey(stage, visitor).run()

    def _open(self, stage: Stage) -> None:
        """Tell people where to go, and watch over the processes until someone stops the demo."""
        say = stage.report.say
        say()
        say(f"  Chat       {stage.site}/")
        say(f"  Admin      {stage.site}/admin/")
        say(f"  REST       {stage.site}/api/chatkit/threads")
        say(f"  Emulator   {stage.emulator}/v1")
        say()
        for account in stage.accounts.values():
            if account.password:
                role = "reads in the admin" if account.username == STAFF else "talks in the chat"
                say(f"  {account.username:<10} password {account.password}   {role}")
        say()
        say("Ctrl-C stops all of it.")
        while True:
            stage.troupe.check()
            time.sleep(0.5)


@contextmanager
def _stage(report: Report, termination: Termination) -> Iterator[Stage]:
    """Open a folder for everything, and leave neither a process nor a file behind."""
    with tempfile.TemporaryDirectory(prefix="chatkit-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        logs = folder / "logs"
        logs.mkdir()
        with Troupe(
            environment=environment.variables(folder),
            folder=environment.ROOT,
            logs=logs,
            undisturbed=termination.hold,
        ) as troupe:
            yield Stage(folder=folder, report=report, troupe=troupe)
