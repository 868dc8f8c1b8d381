"""One end user: what there is of them, an export of it, its erasure, and the hold that forbids that."""

import getpass
import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from ... import conf, wiring
from ...client import ChatKit, ChatKitError
from ...models import EndUser, Erasure
from ...services import erasing, erasures, holds, people, person_archive
from ...services.completeness import completeness
from ...services.paging import Contradiction
from ...services.reading import MAX_USER_LENGTH, Unmirrorable
from ...services.reports import UNKNOWN_END_USER, UNKNOWN_HERE, ErasureReport, Failure, Report
from ...services.transcripts import moment
from .. import deeds, files, ids, remedies
from .. import people as words
from ..asking import answer
from ..conduct import ChatKitCommand
from ..wording import counted

_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


class _NothingLeft(Exception):
    """All of an end user was erased before."""


class Command(ChatKitCommand):
    """Parse, do one deed about one end user, report."""

    help = (
        "Show what there is of one end user, export all of it, erase it upstream and here, or hold it: then nothing of it "
        "is erased or pruned, by anyone, until the hold is lifted. Exits 0 only if all of it was done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the deeds, and what goes with each."""
        super().add_arguments(parser)
        deeds.add_arguments(parser)

    def act(self, *, database: str, deed: str = "", user: str = "", **options: Any) -> None:
        """Do what was asked for and tell what came of it."""
        deeds.check(deed, options)
        if options["pending"]:
            self._erase_pending(user, database, options)
            return
        ids.check(
            "USER",
            [user],
            longest=MAX_USER_LENGTH,
            in_path=False,
            remedy="Give an end user's id, as USER_ID returns it.",
        )
        getattr(self, f"_{deed}")(user, database, options)

    def _show(self, user: str, database: str, options: dict[str, Any]) -> None:
        facts = people.facts(user=user, now=timezone.now(), using=database)
        if not facts.is_known and not facts.erasures:
            self._fail_unknown(user, UNKNOWN_HERE, options)
        known = completeness(user=user, using=database)
        lines = [*words.lines(facts), *(words.known(user, known) if facts.is_known else ())]
        self._say({**words.as_dict(facts), **known.as_dict()}, lines, options)

    def _export(self, user: str, database: str, options: dict[str, Any]) -> None:
        now = timezone.now()
        name = options["output"] or f"chatkit-{_UNFIT.sub('-', user)[:60]}-{now:%Y-%m-%d}.zip"
        threads = 0
        progress = self.progress(verbosity=options["verbosity"])

        def count(ids: Any) -> None:
            nonlocal threads
            threads += len(ids)
            progress.show(f"{counted(threads, 'thread')} read")

        try:
            pieces = person_archive.write(user=user, now=now, using=database, on_page=count)
            size = files.write(Path(name), pieces)
        except holds.UnknownEndUser:
            self._fail_unknown(user, UNKNOWN_HERE, options)
        except FileExistsError as error:
            raise CommandError(f"{name} is there already. Give another --output, or remove it.") from error
        except OSError as error:
            raise CommandError(f"{name} can't be written: {error.strerror}.") from error
        finally:
            progress.clear()
        line = f"Wrote {name}: {counted(threads, 'thread')}, {counted(size, 'byte')}. Whoever has the file can read it all."
        known = completeness(user=user, using=database)
        outcome = {"ok": True, "file": name, "threads": threads, "bytes": size, **known.as_dict()}
        self._say(outcome, [line, *words.known(user, known)], options)

    def _erase(self, user: str, database: str, options: dict[str, Any]) -> None:
        if options["json"] and options["interactive"] and not options["dry_run"]:
            raise CommandError("--json can't ask: say --yes, or look first with --dry-run.")
        try:
            self._erase_what_is_left(user, database, options)
        except _NothingLeft:
            facts = people.facts(user=user, now=timezone.now(), using=database)
            self._say(words.as_dict(facts), words.over(facts), options)

    def _erase_what_is_left(self, user: str, database: str, options: dict[str, Any]) -> None:
        client = _client(options)
        if options["dry_run"]:
            try:
                survey = self._survey(user, database, client, options)
            except Contradiction as error:
                raise CommandError(_unusable(error)) from error
            self._say(words.doomed_dict(survey), words.doomed_lines(survey), options)
            return
        _refuse_held(user, database)
        question = self._question(user, database, client, options)
        if options["interactive"] and answer(question) != "yes":
            raise CommandError("Cancelled. Nothing was erased.")
        try:
            erasures.ask(user=user, as_=_who(), now=timezone.now(), using=database)
        except holds.Held as error:
            raise CommandError(_lift_first(error)) from error
        archived = words.archived(user, people.archived(user=user, using=database))
        # Whoever asks for one now means now.
        report = self._carry_on(client, database, options, user=user, at_once=True)
        self._tell_erased(report, [words.outcome(report), *archived], options)

    def _question(self, user: str, database: str, client: ChatKit | None, options: dict[str, Any]) -> str:
        """Return what to ask before an erasure, of which upstream need not be seen where nobody is asked."""
        if not options["interactive"] and people.is_known(user=user, using=database):
            return ""
        try:
            return words.question(self._survey(user, database, client, options))
        except ChatKitError as error:
            return words.question_unseen(user, " ".join(remedies.explain(error, conf.read())))
        except Contradiction as error:
            return words.question_unseen(user, _unusable(error))

    def _erase_pending(self, user: str, database: str, options: dict[str, Any]) -> None:
        if user or options["dry_run"]:
            beside = "a USER" if user else "--dry-run"
            raise CommandError(f"--pending stands alone, without {beside}.")
        rows = Erasure.objects.using(database)
        at_once = options["here"]
        too_early = [] if at_once else list(rows.not_held().to_try_later(now=timezone.now()))
        report = self._carry_on(_client(options), database, options, at_once=at_once)
        left = set(rows.pending().values_list("pk", "failures"))
        # Whose time came meanwhile was tried.
        report.failures += [words.later(row) for row in too_early if (row.pk, row.failures) in left]
        held = words.left_alone(rows.pending().held().order_by("pk").values_list("end_user", flat=True))
        self._tell_erased(report, [words.outcome(report, waits=bool(left)), *held], options)

    def _tell_erased(self, report: ErasureReport, lines: list[str], options: dict[str, Any]) -> None:
        self.tell(report, *lines, as_json=options["json"], verbosity=options["verbosity"])

    def _carry_on(
        self, client: ChatKit | None, database: str, options: dict[str, Any], **which: Any
    ) -> ErasureReport:
        progress = self.progress(verbosity=options["verbosity"])
        try:
            return erasing.carry_on(
                client=client,
                clock=timezone.now,
                workers=conf.read().sync_concurrency,
                using=database,
                on_progress=lambda so_far: progress.show(lambda: words.outcome(so_far)),
                **which,
            )
        finally:
            progress.clear()

    def _survey(
        self, user: str, database: str, client: ChatKit | None, options: dict[str, Any]
    ) -> erasures.Survey:
        try:
            survey = erasures.survey(client=client, user=user, now=timezone.now(), using=database)
        except Unmirrorable as error:
            raise CommandError(_unusable(error)) from error
        last = survey.facts.erasures[0] if survey.facts.erasures else None
        if not survey.is_known and last is None:
            self._fail_unknown(user, UNKNOWN_HERE if survey.here_only else UNKNOWN_END_USER, options)
        if not survey.is_known and last and (last.is_confirmed or (survey.here_only and last.finished_at)):
            raise _NothingLeft
        return survey

    def _hold(self, user: str, database: str, options: dict[str, Any]) -> None:
        if options["lift"]:
            if options["reason"] is not None:
                raise CommandError("--reason goes with a new hold, not with --lift.")
            was_held = holds.lift(user=user, using=database)
            line = f"Lifted the hold on {user!r}." if was_held else f"{user!r} was not held."
            self._say({"ok": True, "user": user, "held": False, "was_held": was_held}, [line], options)
            return
        reason = options["reason"] or ""
        was_known = EndUser.objects.using(database).filter(pk=user).exists()
        row = holds.hold(user=user, reason=reason, as_=_who(), now=timezone.now(), using=database)
        outcome = {"ok": True, "user": user, "held": True, "was_known": was_known}
        outcome["held_since"] = moment(row.held_at)
        lines = [words.held(row)]
        if reason and reason != row.reason:
            lines.append(
                "It was held already, for the reason given then. To give another, lift the hold first."
            )
        self._say(outcome, lines if was_known else [*lines, words.ahead(user)], options)

    def _say(self, outcome: dict[str, Any], lines: list[str], options: dict[str, Any]) -> None:
        if options["json"]:
            self.tell_json(outcome)
        elif options["verbosity"] > 0:
            for line in lines:
                self.stdout.write(line)

    def _fail_unknown(self, user: str, error: str, options: dict[str, Any]) -> None:
        failure = Failure(noun="end user", id=user, error=error)
        self.tell(Report(failures=[failure]), as_json=options["json"], verbosity=options["verbosity"])


def _client(options: dict[str, Any]) -> ChatKit | None:
    return None if options["here"] else wiring.connect()


def _unusable(error: Exception) -> str:
    return f"Upstream's list of threads can't be used: {error}."


def _refuse_held(user: str, database: str) -> None:
    try:
        holds.check(user, using=database)
    except holds.Held as error:
        raise CommandError(_lift_first(error)) from error


def _lift_first(error: holds.Held) -> str:
    return f"Nothing was erased: {error}. To lift it: chatkit_user hold --lift {error.user}"


def _who() -> str:
    """Return the name of the operating system's account that runs this, where it has one."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # pragma: no cover - an account without a name, or no such thing
        return ""
