"""Examine what is ours: the settings, the tables, what should have been done by now."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from ... import conf
from ...models import ChatSession, DailyCount, EndUser, Erasure
from ...models.sealing import keyring
from ...services import retention, rotation
from .. import databases, remedies
from ..wording import counted, span
from .findings import Finding, note, unknown, well, wrong

# The tag of `django_chatkit.checks`. The checks of production are advice, save these two: no schedule, no real upstream.
CHECKS = "chatkit"
SERIOUS_ADVICE = {"django_chatkit.W005", "django_chatkit.W006"}
SCHEDULE = "django_chatkit.W005"

# Beat asks every few seconds; what waits longer than this waits for nobody.
OVERDUE = timedelta(minutes=5)
# The days are counted each hour where beat runs, each night at least.
UNCOUNTED = timedelta(days=2)
SHOWN = 3  # errors that are shown word by word


def examine_settings(*, about_beat: bool) -> Iterator[Finding]:
    """Tell what the system checks say about the settings, less what SILENCED_SYSTEM_CHECKS keeps quiet."""
    always = _spoken(deploy=False)
    advice = [each for each in _spoken(deploy=True) if each not in always]
    serious = always + [each for each in advice if each.id in SERIOUS_ADVICE]
    asked_about = [each for each in serious if about_beat or each.id != SCHEDULE]
    for each in asked_about:
        yield wrong("settings", *_words(each))
    if not asked_about:
        yield _settings_in_use()
    for each in advice:
        if each.id not in SERIOUS_ADVICE:
            yield note("settings", *_words(each))


def _spoken(*, deploy: bool) -> list[CheckMessage]:
    # Of no database: questions of their own look at the tables.
    messages = run_checks(tags=[CHECKS], include_deployment_checks=deploy, databases=[])
    return [each for each in messages if not each.is_silenced()]


def _words(message: CheckMessage) -> tuple[str, str]:
    return f"{message.msg} ({message.id})", message.hint or ""


def _settings_in_use() -> Finding:
    try:
        settings = conf.read()
    except ImproperlyConfigured:
        return unknown("settings", "can't be read, and the check that says why is silenced.")
    parts = [f"key {remedies.masked(settings.api_key)}", settings.base_url, *settings.workflows]
    return well("settings", ", ".join(parts) + (", DEBUG" if django_settings.DEBUG else "") + ".")


def examine_database(*, using: str) -> Finding:
    """Tell whether the tables are there, as this release wants them, and open to be written."""
    try:
        executor = MigrationExecutor(connections[using])
        wanted = [key for key in executor.loader.graph.leaf_nodes() if key[0] == "django_chatkit"]
        pending = executor.migration_plan(wanted)
        if not pending:
            _write_and_forget(using)
    except DatabaseError as error:
        says, remedy = databases.explain(error, using=using)
        return wrong("database", f"{using} can't be used: {says}.", remedy)
    if pending:
        names = ", ".join(str(migration) for migration, _ in pending)
        return wrong("database", f"Migrations are missing: {names}.", "Run: python manage.py migrate")
    return well("database", f"{using} has all tables, and they can be written.")


def _write_and_forget(using: str) -> None:
    """Write a row that nobody sees: it is rolled back. In bulk, so that no signal tells of it."""
    with transaction.atomic(using=using):
        EndUser.objects.using(using).bulk_create([EndUser(id=f"chatkit-doctor-{uuid4()}")])
        transaction.set_rollback(True, using=using)


def examine_work(*, using: str, now: datetime) -> Iterator[Finding]:
    """Tell what should have been done by now, and what failed last."""
    found = [*_overdue(using, now), *_errors(using, now), *_days(using, now), *_sealed(using)]
    yield from found or [well("work", "nothing is overdue, and nothing failed last time.")]


def work_unknown() -> Finding:
    """Say that without tables nothing is known about the work."""
    return unknown("work", "not examined, because the tables can't be read.")


def _overdue(using: str, now: datetime) -> Iterator[Finding]:
    remedy = "See that beat and a worker run (or cron: chatkit_sync, chatkit_cleanup), and that they reach this database."
    waiting = EndUser.objects.using(using).due(now=now - OVERDUE).unleased(now=now)
    if count := waiting.count():
        oldest = waiting.order_by("due_at").values_list("due_at", flat=True)[0]
        yield wrong(
            "work",
            f"{counted(count, 'end user')} {'is' if count == 1 else 'are'} due and nobody looks, the first since {oldest:%Y-%m-%d %H:%M} UTC.",
            remedy,
        )
    forgotten = ChatSession.objects.using(using).expired(now=now - OVERDUE).to_try(now=now - OVERDUE)
    if count := forgotten.count():
        says = f"{counted(count, 'session')} {'has' if count == 1 else 'have'} expired and nobody cancels"
        yield wrong("work", f"{says} {'it' if count == 1 else 'them'}.", remedy)
    asked = (
        Erasure.objects.using(using)
        .not_held()
        .to_try(now=now - OVERDUE)
        .filter(failures=0, asked_at__lt=now - OVERDUE)
    )
    if count := asked.unleased(now=now).count():
        says = f"{counted(count, 'erasure')} {'was' if count == 1 else 'were'} asked for and nobody carries"
        yield wrong(
            "work",
            f"{says} {'it' if count == 1 else 'them'} out.",
            "See that beat and a worker run, or run: python manage.py chatkit_user erase --pending",
        )
    if not conf.problems() and retention.is_neglected(conf.read().retention, now=now, using=using):
        says = "RETENTION is set, and no cleanup of everything came through for two days."
        yield wrong(
            "work", says, "See that beat runs cleanup, or cron chatkit_cleanup; it says what stops it."
        )


def _errors(using: str, now: datetime) -> Iterator[Finding]:
    users = EndUser.objects.using(using).exclude(failures=0, last_error="")
    sessions = ChatSession.objects.using(using).active().filter(failures__gt=0)
    erasures = Erasure.objects.using(using).pending().not_held().filter(failures__gt=0)
    for noun, failed, id, again in (
        ("end user", users, "pk", "due_at"),
        ("session", sessions, "pk", "retry_at"),
        ("erasure", erasures, "end_user", "retry_at"),
    ):
        if count := failed.count():
            worst = failed.order_by("-failures", "pk").values_list(id, "failures", "last_error", again)
            yield wrong(
                "work",
                f"{counted(count, noun)} failed last time. {'; '.join(_failed(now, *row) for row in worst[:SHOWN])}.",
                "They are tried again by themselves; the reason stands in the admin.",
            )


def _days(using: str, now: datetime) -> Iterator[Finding]:
    """Tell that the days are no longer counted, where they once were."""
    counted_at = DailyCount.objects.using(using).counted_at()
    if counted_at is not None and now - counted_at > UNCOUNTED:
        says = f"the days were last counted {span(now - counted_at)} ago: the admin's overview ends there."
        yield note("work", says, "See that beat runs count_days, or cron chatkit_cleanup.")


def _sealed(using: str) -> Iterator[Finding]:
    """Tell that rows can't be read with ENCRYPTION_KEYS, or are not as these say, where they say anything."""
    if conf.problems():
        return
    missing = rotation.missing_key(keyring=keyring(), using=using)
    if missing is not None:
        yield wrong("work", f"rows can't be read. {missing}", "See docs/encryption.md, Keys come and go.")
    elif keyring().is_in_use and rotation.is_due(keyring=keyring(), using=using):
        says = "some rows are not encrypted as the first of ENCRYPTION_KEYS says."
        yield note("work", says, "Run: python manage.py chatkit_rotate")


def _failed(now: datetime, id: str, failures: int, error: str, again: datetime | None) -> str:
    return f"{id} ({counted(failures or 1, 'time')} in a row{_again(again, now)}): {error}"


def _again(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    return f", again in {span(at - now)}" if at > now else ", again now"
