"""Examine the runs of the sync: when one last came through, what was stopped or broke off, whether they must wait."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.core.exceptions import ImproperlyConfigured

from ... import wiring
from ...models import EndUser, SyncRun
from ...models.runs import SyncRunQuerySet
from ..wording import counted, span
from .findings import Finding, note, unknown, well, wrong

# How far back a run that broke off is worth a word, and after how long without a reconcile one is.
LATELY = timedelta(days=1)
TOO_LONG = timedelta(days=3)


def examine(*, using: str, now: datetime) -> Iterator[Finding]:
    """Tell of the last runs, and whether upstream makes all of them wait."""
    yield from _pause()
    runs = SyncRun.objects.using(using)
    if not runs.exists():
        yield note("runs", "none yet.", "Run: python manage.py chatkit_sync --full")
        return
    through = runs.succeeded().newest_first().first()
    yield from _stopped(runs, through, now, using=using)
    yield _last(through, now)
    yield from _failed(runs, now)
    yield from _broken_off(runs, now)
    yield from _reconciled(runs, now)


def runs_unknown() -> Finding:
    """Say that without tables nothing is known about the runs."""
    return unknown("runs", "not examined, because the tables can't be read.")


def _pause() -> Iterator[Finding]:
    try:
        left = wiring.paused_for()
    except ImproperlyConfigured:  # told by the settings' own findings
        return
    if left > 0:
        says = f"upstream asked to wait: all of them pause for {span(timedelta(seconds=left))} more."
        yield note("runs", says, "They go on by themselves.")


def _stopped(
    runs: SyncRunQuerySet, through: SyncRun | None, now: datetime, *, using: str
) -> Iterator[Finding]:
    """Tell of a run that an error stopped, unless one came through since; a pass without news leaves only its looks."""
    last = runs.stopped().newest_first().first()
    if last is None or EndUser.objects.using(using).filter(looked_at__gt=last.noted_at).exists():
        return
    if through is None or through.started_at < last.started_at:
        yield wrong(
            "runs",
            f"{_named(last)} was stopped {_ago(last.noted_at, now)}, and none came through since. {last.last_error}.",
            "Mend that, then run: python manage.py chatkit_sync",
        )


def _last(through: SyncRun | None, now: datetime) -> Finding:
    if through is None:
        return note("runs", "none has come through without an error yet.")
    return well("runs", f"{_named(through)} came through {_ago(through.noted_at, now)} without an error.")


def _failed(runs: SyncRunQuerySet, now: datetime) -> Iterator[Finding]:
    """Tell of the newest run over everything where it came to its end and could not do all, unless one came through since."""
    last = runs.filter(kind=SyncRun.Kind.RECONCILE).ended().newest_first().first()
    if last is not None and last.errors:
        yield note(
            "runs",
            f"{_named(last)} failed at {counted(last.errors, 'thing')} {_ago(last.noted_at, now)}. {last.last_error}.",
            "A worker tries again by itself: the list after an hour at the latest, a thread with its end user. "
            "Without workers run: python manage.py chatkit_sync --full",
        )


def _broken_off(runs: SyncRunQuerySet, now: datetime) -> Iterator[Finding]:
    lately = runs.broken_off(now=now).filter(started_at__gt=now - LATELY)
    if count := lately.count():
        last = lately.newest_first()[0]
        yield note(
            "runs",
            f"{counted(count, 'run')} broke off within a day; {_named(last)} said its last word {_ago(last.noted_at, now)}.",
            "Their processes were killed. What they copied is kept and the next run goes on from there; "
            "where it happens often, see who kills them (memory, time limits, deployments).",
        )


def _reconciled(runs: SyncRunQuerySet, now: datetime) -> Iterator[Finding]:
    full = runs.succeeded().filter(kind=SyncRun.Kind.RECONCILE)
    if not full.filter(started_at__gt=now - TOO_LONG).exists():
        yield note(
            "runs",
            f"no reconcile has come through within {span(TOO_LONG)}: what happens elsewhere (sessions of other "
            "programs, threads deleted in the dashboard) stays unseen.",
            "See that beat runs django_chatkit.tasks.reconcile, or run: python manage.py chatkit_sync --full",
        )


def _named(run: SyncRun) -> str:
    return f"run {run.pk} ({run})"


def _ago(moment: datetime, now: datetime) -> str:
    return f"{span(now - moment)} ago"
