"""``chatkit_user``: one end user in words, and what an erasure would do and did."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ..models import Erasure, Hold
from ..services.completeness import Completeness
from ..services.erasures import Survey
from ..services.people import Facts
from ..services.reports import ErasureReport, Failure
from ..services.transcripts import moment
from .wording import counted

# Ids that are named in a line; programs are told all.
_NAMED = 20


def lines(facts: Facts) -> list[str]:
    """Tell what there is of an end user, a line for each kind."""
    owner = facts.owner or (
        f"account {facts.former_owner}, deleted" if facts.former_owner else "nobody known"
    )
    return [
        f"End user {facts.user!r}, owned by {owner}.",
        f"Sessions: {facts.sessions}, {facts.sessions_live} of them live.",
        f"Threads: {facts.threads}, {facts.threads_gone} of them gone upstream; {_span(facts)}.",
        *archived(facts.user, facts.threads_archived),
        f"Items: {facts.items}.",
        f"Staff's: {counted(facts.notes, 'note')}, {counted(facts.reviews, 'review')}.",
        f"Rows of sync runs about them: {facts.runs}.",
        held(facts.hold),
        *(_erasure(each) for each in facts.erasures),
    ]


def known(user: str, of: Completeness) -> list[str]:
    """Tell as of when the mirror speaks, and what it lacks."""
    sync = f"chatkit_sync --user {user}"
    left_out = (
        f"Retention keeps {counted(of.left_out, 'thread')} out of the mirror; whose they were is not kept: "
        f"chatkit_user erase {user} --dry-run lists what upstream has."
    )
    return [
        f"As of {moment(of.as_of)}: then began the last sync of all their threads that came through."
        if of.as_of
        else f"No sync of all their threads is known to have come through: run {sync} first.",
        *([f"The last look at them failed: {of.last_error}"] if of.last_error else ()),
        *_named(f"Not copied whole, run {sync}", of.unfinished),
        *_named("Words dropped by retention", of.emptied),
        *([left_out] if of.left_out else ()),
    ]


def _named(says: str, ids: tuple[str, ...]) -> list[str]:
    if not ids:
        return []
    more = f", and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return [f"{says}: {', '.join(ids[:_NAMED])}{more}."]


def as_dict(facts: Facts) -> dict[str, Any]:
    """Return the same for programs."""
    counts = (
        "sessions",
        "sessions_live",
        "threads",
        "threads_gone",
        "threads_archived",
        "items",
        "notes",
        "reviews",
        "runs",
    )
    return {
        "ok": True,
        "user": facts.user,
        "known": facts.is_known,
        "owner": facts.owner,
        "former_owner": facts.former_owner,
        **{name: getattr(facts, name) for name in counts},
        "first_at": moment(facts.first_at) or None,
        "last_at": moment(facts.last_at) or None,
        "held_since": moment(facts.hold.held_at) if facts.hold else None,
        "erasures": [
            {
                "asked_at": moment(each.asked_at),
                "asked_by": each.asked_as,
                "finished_at": moment(each.finished_at) or None,
                "here_only": each.here_only,
                "sessions": each.sessions,
                "threads": each.threads,
                "items": each.items,
                "last_error": each.last_error,
            }
            for each in facts.erasures
        ],
    }


def ahead(user: str) -> str:
    """Tell that somebody is held of whom nothing is here: that may be meant, or a slip of the pen."""
    return f"Nothing of {user!r} was here yet. What a sync brings is held; if the id is wrong, lift the hold."


def doomed_lines(survey: Survey) -> list[str]:
    """Tell exactly what an erasure would delete, a line for each thread."""
    facts = survey.facts
    if facts.hold is not None:
        return [f"Nothing would go: {held(facts.hold)}"]
    return [
        *(
            f"thread {each.id}: {_places(each.is_upstream, each.is_here)}, {counted(each.items, 'item')} here"
            for each in survey.threads
        ),
        *(f"{each}: would stay" for each in survey.unfit),
        *archived(facts.user, facts.threads_archived),
        f"Would go: {_counts(survey)}. Nothing was done.",
    ]


def doomed_dict(survey: Survey) -> dict[str, Any]:
    """Return the same for programs."""
    threads = [] if survey.facts.hold else [asdict(each) for each in survey.threads]
    unfit = [asdict(each) for each in survey.unfit]
    return {
        **as_dict(survey.facts),
        "dry_run": True,
        "here_only": survey.here_only,
        "would_go": threads,
        "would_stay": unfit,
    }


def archived(user: str, threads: int) -> list[str]:
    """Tell of the threads that stand in an archive: no erasure reaches those."""
    if not threads:
        return []
    stand = "stands" if threads == 1 else "stand"
    return [
        f"In an archive {stand} {counted(threads, 'thread')} of them: chatkit_archive DIR --forget USER takes out what is there."
    ]


def over(facts: Facts) -> list[str]:
    """Tell that there is nothing left to erase."""
    return ["Nothing is left to erase.", *map(_erasure, facts.erasures)]


def question(survey: Survey) -> str:
    """Ask whoever runs an erasure whether that is what is meant."""
    where = "here only, without asking upstream" if survey.here_only else "upstream and here"
    return (
        f"This erases the end user {survey.facts.user!r}, {where}: {_counts(survey)}.\n"
        "It can't be undone.\n\n    Type 'yes' to continue, or 'no' to cancel: "
    )


def question_unseen(user: str, why: str) -> str:
    """Ask the same where upstream does not tell what would go."""
    return (
        f"{why}\nSo nobody can say what would go of the end user {user!r}. It can be asked for all the same: it is tried "
        "at once, and again until it is done. It can't be undone.\n\n"
        "    Type 'yes' to ask for it, or 'no' to cancel: "
    )


def outcome(report: ErasureReport, *, waits: bool = False) -> str:
    """Tell what an erasure did; ``waits`` says that one is not done that was not to be tried."""
    if not report.people:
        return "Nothing was tried." if waits or not report.ok else "No erasure waits."
    done = "Done here only, upstream was not asked" if report.here_only else "Done"
    end = done if report.finished == report.people else "Not done yet"
    return (
        f"{end}: {counted(report.threads, 'thread')} with {counted(report.items, 'item')} erased; "
        f"{counted(report.sessions_cancelled, 'session')} cancelled, {report.sessions} deleted; "
        f"{counted(report.notes, 'note')}, {counted(report.reviews, 'review')}, "
        f"{counted(report.runs, 'sync run')} deleted; {counted(len(report.failures), 'failure')}."
    )


def later(row: Erasure) -> Failure:
    """Name an erasure whose next try is not due yet, with what tries it at once."""
    again = f"tried again from {moment(row.retry_at)} on; chatkit_user erase {row.end_user} tries it now"
    why = f"failed {counted(row.failures, 'time')} in a row, the last with {row.last_error}"
    return Failure(noun="erasure of", id=row.end_user, error=f"{why}; {again}")


def left_alone(users: Iterable[str]) -> list[str]:
    """Name those whose erasure waits for a hold to be lifted."""
    return _named("Held, and left alone until the hold is lifted", tuple(users))


def _counts(survey: Survey) -> str:
    facts = survey.facts
    upstream = f"{sum(each.is_upstream for each in survey.threads)} upstream, "
    return (
        f"{counted(len(survey.threads), 'thread')} ({'' if survey.here_only else upstream}{facts.threads} here) with "
        f"{counted(facts.items, 'item')} here, {counted(facts.sessions, 'session')}, "
        f"{counted(facts.notes, 'note')}, {counted(facts.reviews, 'review')}, {counted(facts.runs, 'sync run')}"
    )


def _span(facts: Facts) -> str:
    return f"from {moment(facts.first_at) or '–'} to {moment(facts.last_at) or '–'}"


def _places(is_upstream: bool, is_here: bool) -> str:
    if is_upstream and is_here:
        return "upstream and here"
    return "upstream only" if is_upstream else "here only"


def held(hold: Hold | None) -> str:
    """Tell whether an end user is held, since when and by whom."""
    if hold is None:
        return "Not held."
    by = f" by {hold.held_as}" if hold.held_as else ""
    return f"Held since {moment(hold.held_at)}{by}: nothing is erased or pruned until the hold is lifted."


def _erasure(row: Erasure) -> str:
    by = f" by {row.asked_as}" if row.asked_as else ""
    if row.finished_at is not None:
        done = "done here only, not confirmed upstream," if row.here_only else "done"
        state = f"{done} {moment(row.finished_at)}: {counted(row.threads, 'thread')}, {counted(row.items, 'item')}"
    else:
        state = f"not done yet{f' ({row.last_error})' if row.last_error else ''}"
    return f"Erasure asked for {moment(row.asked_at)}{by}: {state}."
