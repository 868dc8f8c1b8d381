"""What matters most on a page, said at its head: what is wrong, since when, and what happens next by itself."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import wiring
from ..models import EndUser, SyncRun
from . import columns
from .readonly import Word
from .spans import span
from .visible import one_line, visible


class Notice(NamedTuple):
    """Hold a look (calm or bad), a heading, a sentence, and the words of an error."""

    look: str
    heading: Word
    says: Word
    error: str = ""


def of_pause() -> Iterator[Notice]:
    """Say that upstream asked all of us to wait, while it lasts."""
    try:
        left = wiring.paused_for()
    except ImproperlyConfigured:  # the checks and the doctor say so; here people only read
        return
    if left > 0:
        says = _("All syncs of this site pause for %(span)s more, then they go on by themselves.")
        yield Notice("calm", _("Upstream asked to wait."), says % {"span": span(timedelta(seconds=left))})


def of_hold(row: EndUser) -> Iterator[Notice]:
    """Say that an end user is held, since when, by whom and why."""
    if not hasattr(row, "hold"):
        return
    since = {"moment": columns.moment(row.hold.held_at), "who": one_line(row.hold.held_as) or columns.NOTHING}
    says = _("Since %(moment)s, by %(who)s: nothing is erased or pruned until the hold is lifted.")
    yield Notice("calm", _("On hold."), says % since, visible(row.hold.reason))


def of_end_user(row: EndUser, *, now: datetime) -> Iterator[Notice]:
    """Say that the sync of an end user fails, why, and when it is tried again."""
    if not (row.failures or row.last_error):
        return
    heading = ngettext("The last look failed.", "The last %(count)d looks failed.", row.failures or 1)
    error = columns.whole_error(row.last_error)
    yield Notice("bad", heading % {"count": row.failures}, _next_look(row, now), error)


def of_run(row: SyncRun, *, now: datetime) -> Iterator[Notice]:
    """Say what became of a run that is not simply through."""
    silent = {"span": span(now - row.noted_at)}
    match row.state(now=now):
        case SyncRun.State.RUNNING:
            yield Notice("calm", _("This run is at work."), _("Its counts are of %(span)s ago.") % silent)
        case SyncRun.State.BROKEN_OFF:
            says = _("Its process was killed: its last word is %(span)s old.") % silent
            yield Notice("bad", _("This run broke off."), f"{says} {_kept()}")
        case SyncRun.State.STOPPED:
            error = columns.whole_error(row.last_error)
            yield Notice("bad", _("An error stopped this run."), _kept(), error)
            return
    if row.errors:
        heading = ngettext("One thing failed.", "%(count)d things failed.", row.errors)
        says = _("Each is tried again by itself, at the next look or reconcile. The last one:")
        yield Notice("bad", heading % {"count": row.errors}, says, columns.whole_error(row.last_error))


def _kept() -> str:
    return _("What it copied is kept, and the next run goes on from there.")


def _next_look(row: EndUser, now: datetime) -> str:
    if row.due_at is None:
        return _("No further look is due: the next reconcile or a new session brings one.")
    if row.due_at <= now:
        return _("The next one is due now.")
    return _("The next one is due in %(span)s (%(moment)s).") % {
        "span": span(row.due_at - now),
        "moment": columns.moment(row.due_at),
    }
