"""Bring every row to what CHATKIT["ENCRYPTION_KEYS"] says: encrypted with the first key, or not at all."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ...models.sealing import Keyring, keyring
from ...services import rotation, scrubbing
from ...services.rotation import RotationReport
from ..conduct import ChatKitCommand
from ..numbers import positive
from ..wording import counted

_SCRUBBED = "The tables were written anew: nothing of what was said stands in freed space."
_NOT_SCRUBBED = (
    "What stood in clear may still stand in space that the database freed, until it uses it again: "
    "run chatkit_rotate --scrub when nobody chats. Backups and logs of the database are yours to see to."
)


class Command(ChatKitCommand):
    """Parse, rotate, report."""

    help = (
        "Encrypt what was said with the first of CHATKIT['ENCRYPTION_KEYS'], whatever it is encrypted with now; or "
        "decrypt it, where the first is empty. Broken off, it goes on where it stopped. Exits 0 only if every row is as the "
        "setting says."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how to go about it."""
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="Count the rows. Writes nothing.")
        parser.add_argument(
            "--scrub",
            action="store_true",
            help="Then write the tables anew, so that nothing stays in freed space. Locks them meanwhile.",
        )
        parser.add_argument(
            "--batch-size",
            type=positive,
            default=200,
            metavar="N",
            help="Rows in one transaction (default: 200).",
        )

    def act(
        self,
        *,
        database: str,
        batch_size: int = 200,
        dry_run: bool = False,
        scrub: bool = False,
        **options: Any,
    ) -> None:
        """Rotate and tell what came of it."""
        if batch_size < 1:
            raise CommandError(f"--batch-size must be at least 1, not {batch_size}.")
        if dry_run and scrub:
            raise CommandError("--scrub writes, and --dry-run writes nothing: give one of them.")
        keys, progress = keyring(), self.progress(verbosity=options["verbosity"])
        try:
            report = rotation.rotate(
                keyring=keys,
                batch_size=batch_size,
                dry_run=dry_run,
                using=database,
                on_progress=lambda now: progress.show(f"{now.rows:,} of {now.found:,} rows"),
            )
            is_scrubbed = scrub and report.ok and self._scrub(database)
        finally:
            progress.clear()
        lines = [_line(report, keys)]
        if is_scrubbed or report.were_plain:
            lines.append(_SCRUBBED if is_scrubbed else _NOT_SCRUBBED)
        self.tell(report, *lines, as_json=options["json"], verbosity=options["verbosity"])

    def _scrub(self, database: str) -> bool:
        if not scrubbing.scrub(
            using=database
        ):  # pragma: no cover - the tests have each database that it knows
            raise CommandError("This database is not one whose tables --scrub knows how to write anew.")
        return True


def _line(report: RotationReport, keys: Keyring) -> str:
    would = "Would have: " if report.dry_run else ""
    how = "encrypted with the first key" if keys.is_on else "decrypted"
    rows = (counted(getattr(report, f"{noun}s"), noun) for noun in ("thread", "item", "session", "note"))
    return f"{would}{', '.join(rows)} {how}; {counted(len(report.failures), 'failure')}."
