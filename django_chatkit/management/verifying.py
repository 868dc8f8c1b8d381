"""``chatkit_sync --verify``: upstream compared with the mirror, the differences told as they are found."""

import secrets
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.management.base import CommandError

from .. import conf, wiring
from ..models import ChatThread
from ..services import verify
from ..services.differences import Difference, Sample, VerifyReport, What
from .conduct import ChatKitCommand
from .pulse import Pulse
from .wording import counted

SAMPLE = 50
_MOST_SEEDS = 2**32

_REMEDY = (
    "Run chatkit_sync --full: it brings the mirror to what upstream has, and marks as gone what upstream no longer lists; with "
    "--deep also where rows were changed here by hand. While people chat, the mirror is behind at times."
)
# What a kind of difference comes to: for whoever asks whether anything is lost these are three answers.
_SUMS = {
    "missing here": (What.MISSING, What.GONE_HERE, What.BEHIND),
    "gone upstream": (What.NOT_UPSTREAM,),
    "different": (What.PAYLOAD, What.COLUMNS, What.ORDER, What.TEXT),
}


def add_arguments(parser: ArgumentParser, scopes: Any) -> None:
    """Declare what to compare; ``scopes`` is the group of options of which there may be one."""
    parser.add_argument(
        "--verify",
        action="store_true",
        help="Compare upstream with the mirror and write nothing: a sample, or what --full, --user or --thread name. "
        "Exits 1 if they differ.",
    )
    scopes.add_argument(
        "--sample",
        type=_positive,
        metavar="N",
        help=f"With --verify: about how many threads to compare, a third of them the newest. Defaults to {SAMPLE}.",
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        metavar="N",
        help="With --verify of a sample: compare the threads that a run with this seed compared.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Say what was asked for."""

    full: bool
    users: Sequence[str]
    threads: Sequence[str]
    sample: int | None
    seed: int | None

    def check(self, *, is_wanted: bool) -> None:
        """Refuse options that mean nothing together; ``is_wanted`` says that a comparison was asked for.

        Raises:
            CommandError: one of them has nothing to say here.
        """
        for option, value in (("--sample", self.sample), ("--seed", self.seed)):
            if value is not None and not is_wanted:
                raise CommandError(f"{option} goes with --verify: a sync copies all that is new.")
        if self.seed is not None and not self.is_sample:
            raise CommandError("--seed picks a sample: leave it out with --full, --user and --thread.")

    @property
    def is_sample(self) -> bool:
        """Tell whether a sample is compared, and not all of something."""
        return not (self.full or self.users or self.threads)

    def picked(self) -> Sample | None:
        """Return the sample to compare, if one is."""
        if not self.is_sample:
            return None
        seed = secrets.randbelow(_MOST_SEEDS) if self.seed is None else self.seed
        return Sample(size=self.sample or SAMPLE, seed=seed)


def run(command: ChatKitCommand, scope: Scope, *, database: str, as_json: bool, verbosity: int) -> None:
    """Compare what was asked for and tell what differs.

    Raises:
        CommandError: something differs, or could not be compared.
    """
    progress = command.progress(verbosity=verbosity)
    known = ChatThread.objects.using(database).present().count() if scope.full and progress.is_on else 0
    pulse = Pulse(known=known, paused_for=wiring.paused_for)

    def tell(difference: Difference) -> None:
        if verbosity > 0 and not as_json:
            progress.clear()
            command.stdout.write(str(difference))

    try:
        report = verify.compare(
            client=wiring.connect(),
            using=database,
            workers=conf.read().sync_concurrency,
            users=scope.users,
            threads=scope.threads,
            sample=scope.picked(),
            on_difference=tell,
            on_progress=lambda now: progress.show(partial(_progress, now, pulse)),
        )
    finally:
        progress.clear()
    if report.differences:
        command.stderr.write(_REMEDY)
    command.tell(report, _line(report), as_json=as_json, verbosity=verbosity)
    if report.differences:
        raise CommandError(f"The mirror differs from upstream: {counted(report.differences, 'difference')}.")


def _line(report: VerifyReport) -> str:
    if report.failures:
        return f"incomplete: {_counts(report)}, {counted(len(report.failures), 'failure')}"
    if report.sample is not None:
        return f"sample, --seed {report.sample.seed}: {_counts(report)}"
    return f"{'different' if report.differences else 'complete'}: {_counts(report)}"


def _progress(report: VerifyReport, pulse: Pulse) -> str:
    differences = f"{counted(report.differences, 'difference')}; " if report.differences else ""
    return differences + pulse.line_of(report.threads, report.items, report.requests, done="compared")


def _counts(report: VerifyReport) -> str:
    return f"{counted(report.threads, 'thread')}, {counted(report.items, 'item')} compared, {_differences(report)}"


def _differences(report: VerifyReport) -> str:
    if not report.differences:
        return "no difference"
    sums = {words: sum(report.kinds[kind] for kind in kinds) for words, kinds in _SUMS.items()}
    parts = ", ".join(f"{count} {words}" for words, count in sums.items() if count)
    return f"{counted(report.differences, 'difference')} ({parts})"


def _positive(text: str) -> int:
    number = _seed(text)
    if not number:
        raise ArgumentTypeError("must be at least 1")
    return number


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ArgumentTypeError(f"must be a whole number, not {text[:40]!r}")
    return int(text)
