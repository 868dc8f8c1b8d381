"""Serve the emulator on 127.0.0.1 until interrupted."""

from __future__ import annotations

import json
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from django_chatkit.testing import faults, world
from django_chatkit.testing.emulator import Emulator
from django_chatkit.testing.server import EmulatorServer, serve
from django_chatkit.testing.switches import Switches


class Command(BaseCommand):
    """Parse, build the world, serve."""

    help = _(
        "Serve an upstream of one's own on 127.0.0.1, for development and tests. Needs no database and no network."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--port", type=int, default=0, help=_("Port to listen on; 0 (default) picks a free one.")
        )
        parser.add_argument(
            "--seed", default="chatkit", help=_("What the ids and the small world grow from.")
        )
        parser.add_argument(
            "--load", metavar="FILE", help=_('Serve the threads of FILE, {"threads": [..]}, instead.')
        )
        parser.add_argument(
            "--latency", type=float, default=0.0, help=_("Seconds to wait before each answer.")
        )
        parser.add_argument(
            "--faults", default="", help=_("Faults to order, as in list_items:429x3,*:delay=0.2")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM; both end it cleanly."""
        if not options["latency"] >= 0:
            raise CommandError(f"--latency {options['latency']}: give seconds, 0 or more.")
        emulator = Emulator(
            seed=options["seed"], latency=options["latency"], switches=Switches(stream_pace=0.02)
        )
        _fill(emulator, options["load"])
        _order(emulator, options["faults"])
        with (
            suppress(KeyboardInterrupt),
            _terminated_as_interrupted(),
            _serving(emulator, options["port"]) as server,
        ):
            self.stdout.write(f"Emulator listening on {server.base_url}")
            self.stdout.flush()
            threading.Event().wait()


def _fill(emulator: Emulator, path: str | None) -> None:
    if path is None:
        world.populate(emulator)
        return
    try:
        emulator.load(json.loads(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise CommandError(f"--load {path}: {error.strerror}. Give a file that can be read.") from None
    except (ValueError, RecursionError) as error:
        reason = error if isinstance(error, ValueError) else "it is nested too deeply"
        raise CommandError(f'--load {path}: {reason}. Give JSON of the form {{"threads": [..]}}.') from None


def _order(emulator: Emulator, spec: str) -> None:
    try:
        ordered = faults.parse(spec)
    except ValueError as error:
        raise CommandError(f"--faults: {error}") from None
    for fault in ordered:
        emulator.faults.add(fault)


@contextmanager
def _serving(emulator: Emulator, port: int) -> Iterator[EmulatorServer]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(serve(emulator, port=port))
        except OverflowError:
            raise CommandError(f"--port {port}: a port is a number from 0 to 65535.") from None
        except OSError as error:
            reason = f"{error.strerror}. Give another port, or 0 to pick a free one."
            raise CommandError(f"--port {port}: {reason}") from None
        yield server


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    # SIGINT too: a shell that starts a command in the background has it ignored.
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
