"""Cells that several lists and pages share."""

from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import ChatSession, ChatThread, ChatThreadItem, EndUser, Erasure, SyncRun
from ..services.parts import Passage
from ..services.pretty import pretty
from .readonly import Word
from .spans import span
from .visible import one_line, visible

# The look of a state (calm, good, waiting, bad, gone: a class of the stylesheet each) and its word, never one alone.
State = tuple[str, Word]
NOTHING = "–"
_NO_BREAK = "\N{NO-BREAK SPACE}"


def end_user_state(row: EndUser, *, now: datetime) -> SafeString | str:
    """Show what the sync thinks of an end user."""
    found: list[State] = [("waiting", _("on hold"))] if hasattr(row, "hold") else []
    if getattr(row, "is_being_erased", False):
        found.append(("bad", _("being erased")))
    if row.live_until is not None and row.live_until > now:
        found.append(("good", _("live")))
    if row.leased_until is not None and row.leased_until > now:
        found.append(("calm", _("being synced")))
    if row.due_at is not None:
        found.append(("waiting", _("due")) if row.due_at <= now else ("calm", _("due soon")))
    if row.failures:
        count = ngettext("%(count)d failure", "%(count)d failures", row.failures) % {"count": row.failures}
        found.append(("bad", count))
    return _states(*found)


def session_state(row: ChatSession, *, now: datetime) -> SafeString | str:
    """Show a session's status, and whether its cancel is overdue or failed."""
    found: list[State] = []
    if row.status == ChatSession.Status.ACTIVE:
        found.append(
            ("good", _("active")) if row.expires_at > now else ("waiting", _("expired, not cancelled yet"))
        )
    else:
        found.append(("calm", row.get_status_display()))
    if row.failures:
        found.append(("bad", _("cancel failed")))
    return _states(*found)


def thread_state(row: ChatThread) -> SafeString | str:
    """Show a thread's status, and what our copy lacks."""
    status = _STATUSES.get(row.status) or one_line(row.status)
    found: list[State] = [("gone", _("gone")) if row.gone_at is not None else ("calm", status)]
    if row.synced_at is None:
        found.append(("waiting", _("copy under way")))
    if row.words_dropped_at is not None:
        found.append(("calm", _("words dropped")))
    return _states(*found)


# Upstream's words for a thread, as far as they are known.
_STATUSES: dict[str, Word] = {"active": _("active"), "locked": _("locked"), "closed": _("closed")}


def item_state(row: ChatThreadItem) -> SafeString | str:
    """Show what is unusual about an item."""
    found: list[State] = []
    if row.gone_at is not None:
        found.append(("gone", _("gone")))
    if not row.settled:
        found.append(("waiting", _("in progress")))
    if row.words_dropped_at is not None:
        found.append(("calm", _("words dropped")))
    return _states(*found)


def run_state(row: SyncRun, *, now: datetime) -> SafeString:
    """Show how a run stands and whether something failed; of one without an end, when it last said a word."""
    state = row.state(now=now)
    found: list[State] = [(_LOOK_OF_RUN[state], state.label)]
    if failures := row.errors - row.stopped:
        found.append(("bad", ngettext("%(count)d error", "%(count)d errors", failures) % {"count": failures}))
    ago = gettext("last word %(span)s ago") % {"span": span(now - row.noted_at)}
    return two_lines(_states(*found), "" if row.ended_at else ago)


_LOOK_OF_RUN = {
    SyncRun.State.RUNNING: "good",
    SyncRun.State.ENDED: "calm",
    SyncRun.State.STOPPED: "bad",
    SyncRun.State.BROKEN_OFF: "bad",
}


def erasure_state(row: Erasure) -> SafeString | str:
    """Show how an erasure stands."""
    found: list[State] = [(_LOOK_OF_ERASURE[row.state], row.state.label)]
    if row.finished_at is None and getattr(row, "is_held", False):
        found.append(("waiting", _("on hold")))
    return _states(*found)


_LOOK_OF_ERASURE = {
    Erasure.State.WAITING: "waiting",
    Erasure.State.FAILING: "bad",
    Erasure.State.DONE: "good",
    Erasure.State.HERE: "calm",
}


def _states(*found: State) -> SafeString | str:
    return format_html_join(" ", '<span class="ck-state ck-{}">{}</span>', found) if found else NOTHING


def link(site: AdminSite, row: Model, label: str, *, place: str = "", limit: int = 80) -> SafeString:
    """Link to a row's page, or a place on it, by visible text."""
    return format_html(
        '<a href="{}{}">{}</a>', address(site, row), place, one_line(label, limit=limit) or NOTHING
    )


def address(site: AdminSite, row: Model) -> str:
    """Return the address of a row's page."""
    opts = row._meta
    return reverse(f"{site.name}:{opts.app_label}_{opts.model_name}_change", args=[quote(row.pk)])


def list_address(site: AdminSite, model: type[Model]) -> str:
    """Return the address of a model's list."""
    opts = model._meta
    return reverse(f"{site.name}:{opts.app_label}_{opts.model_name}_changelist")


def count(number: int) -> SafeString:
    """Show a count; none is quiet."""
    look = "ck-count" if number else "ck-quiet"
    return format_html('<span class="{}">{}</span>', look, formats.number_format(number, force_grouping=True))


def counts(*found: tuple[Word, int]) -> SafeString | str:
    """Show those counts that are not zero, each with its word."""
    shown = [(count(number), word) for word, number in found if number]
    return format_html_join(" · ", '<span class="ck-counted">{} {}</span>', shown) if shown else NOTHING


def items_of_run(run: SyncRun) -> SafeString | str:
    """Count the items that a run read, by what was found of each."""
    return counts(
        (_("new"), run.items_new),
        (_("changed"), run.items_changed),
        (_("gone"), run.items_gone),
        (_("unchanged"), run.items_unchanged),
    )


def two_lines(first: Word, second: Word) -> SafeString:
    """Show what matters, and below it, quietly, what else there is."""
    if not second:
        return format_html("{}", first)
    return format_html('{}<span class="ck-second">{}</span>', first, second)


def moment(value: datetime | None) -> str:
    """Show a moment in the current time zone and language."""
    return NOTHING if value is None else str(formats.localize(timezone.localtime(value)))


def short_moment(value: datetime | None) -> str:
    """Show a moment on one narrow line, or where that is too long on two: the date, and the whole time."""
    if value is None:
        return NOTHING
    text = str(formats.date_format(timezone.localtime(value), "SHORT_DATETIME_FORMAT"))
    date, blank, time = text.partition(" ")
    return f"{date}{blank}{time.replace(' ', _NO_BREAK)}"


def error(text: str) -> str:
    """Show an error in a list: one line, cut."""
    return one_line(text, limit=120) or NOTHING


def whole_error(text: str) -> str:
    """Show an error on its own page, whole."""
    return visible(text) or NOTHING


def payload(value: Any) -> SafeString:
    """Show a payload as JSON, folded."""
    passage = Passage(text=visible(pretty(value)))
    return render_to_string("admin/django_chatkit/includes/payload.html", {"passage": passage})
