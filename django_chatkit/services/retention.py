"""Which rows are kept no longer: by kind, by age since the last activity, and by workflow where that is wanted.

A retention is what the settings read: for each kind a `timedelta`, for threads that go here alone a dict of ``days`` and
``upstream``, and under ``workflows`` the same for each workflow that differs; there None means for ever.

Note [The workflow of a thread]
Upstream does not tell in which workflow a thread was begun. The ledger does: in that of the session of its end user that
was opened last before it. Before sessions leave the ledger their threads keep that (`keep_workflows`).
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf

from ..models import ChatSession, ChatThread, DailyCount, SyncRun
from ..models.sessions import ChatSessionQuerySet
from ..models.threads import ChatThreadQuerySet
from . import day_counts

Retention = Mapping[str, Any]

# Upstream tells the second in which a thread was created, our ledger the instant of a session's opening; and two clocks
# do it.
SLACK = timedelta(seconds=2)
# How many sessions' spans stand in one statement.
_SPANS = 50
# Beat cleans up each night.
LATE = timedelta(days=2)


def sessions(retention: Retention, *, now: datetime, using: str) -> ChatSessionQuerySet:
    """Return the sessions of the ledger whose term is over, settled or not."""
    rows = ChatSession.objects.using(using).not_held()
    return rows.filter(_over(retention, "sessions", now=now, moment="expires_at", workflow="workflow_id"))


def threads(retention: Retention, *, upstream: bool, now: datetime, using: str) -> ChatThreadQuerySet:
    """Return the threads whose term is over: those that go on both sides, or else those that go here alone.

    Of the latter, and of `content`, only what is copied whole or gone: before that their last activity is not known.
    """
    rows = _threads(retention, "threads", using=using).filter(
        _threads_over(retention, upstream=upstream, now=now)
    )
    return rows if upstream else rows.filter(_is_known())


def content(retention: Retention, *, now: datetime, using: str) -> ChatThreadQuerySet:
    """Return the threads in which words are left whose term is over."""
    rows = _threads(retention, "content", using=using).filter(_is_known())
    has_words = Q(words_dropped_at=None) | Q(words_dropped_at__lt=F("items_as_of"))
    return rows.filter(
        has_words, _over(retention, "content", now=now, moment="active_at", workflow="workflow")
    )


def content_alone(retention: Retention, *, now: datetime, using: str) -> ChatThreadQuerySet:
    """Return those threads of `content` that do not go altogether."""
    rows = content(retention, now=now, using=using)
    whole = (_threads_over(retention, upstream=upstream, now=now) for upstream in (True, False))
    for condition in whole:
        rows = rows.exclude(pk__in=_threads(retention, "threads", using=using).filter(condition).values("pk"))
    return rows


def runs(retention: Retention, *, now: datetime, using: str) -> QuerySet[SyncRun]:
    """Return the rows of sync runs whose term is over."""
    term = retention.get("runs")
    rows = SyncRun.objects.using(using).not_held()
    return rows.none() if term is None else rows.filter(started_at__lt=now - term)


def keep_workflows(sessions: Collection[str], *, using: str) -> int:
    """Write down in which workflow threads were begun, before some sessions leave the ledger; return of how many.

    Only threads of these sessions' own time are looked at: what else the ledger knows is not lost with them.
    """
    rows = ChatSession.objects.using(using).filter(pk__in=sessions)
    spans = [_span(*row) for row in rows.values_list("end_user_id", "created_at", "expires_at")]
    unknown = ChatThread.objects.using(using).filter(workflow_id="")
    kept = 0
    for start in range(0, len(spans), _SPANS):
        begun = unknown.filter(reduce(or_, spans[start : start + _SPANS]))
        kept += begun.update(workflow_id=Coalesce(_of_ledger(), Value("")))
    return kept


def _span(end_user: str, opened_at: datetime, expires_at: datetime) -> Q:
    """Return the condition that a thread may have been begun in a session, in constants: an index finds those."""
    return Q(end_user=end_user, created_at__range=(opened_at - SLACK, expires_at + SLACK))


def active_at() -> Coalesce:
    """Return the moment of a thread's last activity."""
    return Coalesce(F("last_activity_at"), F("created_at"))


def is_neglected(retention: Retention, *, now: datetime, using: str) -> bool:
    """Tell whether rows of ours have a term, and no cleanup of everything came through for two days."""
    each = (retention, *retention.get("workflows", {}).values())
    if not any(terms.get(kind) for terms in each for kind in ("sessions", "content", "threads")):
        return False
    last = DailyCount.objects.using(using).cleaned_at()
    since = day_counts.first_moments(using=using) if last is None else [last]
    return any(moment < now - LATE for moment in since)


def _threads(retention: Retention, kind: str, *, using: str) -> ChatThreadQuerySet:
    """Return all threads that may go, each with ``active_at``, and with ``workflow`` where that is asked for."""
    rows = ChatThread.objects.using(using).not_held()
    rows = rows.alias(active_at=active_at())
    if _of_workflows(retention, kind):
        rows = rows.alias(workflow=Coalesce(NullIf("workflow_id", Value("")), _of_ledger(), Value("")))
    return rows


def _is_known() -> Q:
    return Q(synced_at__isnull=False) | Q(gone_at__isnull=False)


def _of_ledger() -> Subquery:
    """Return the workflow of the session that a thread was begun in. Note [The workflow of a thread]"""
    latest = ExpressionWrapper(OuterRef("created_at") + SLACK, output_field=DateTimeField())
    earliest = ExpressionWrapper(OuterRef("created_at") - SLACK, output_field=DateTimeField())
    opened = ChatSession.objects.filter(
        end_user=OuterRef("end_user"), created_at__lte=latest, expires_at__gte=earliest
    )
    return Subquery(opened.order_by("-created_at", "-pk").values("workflow_id")[:1])


def _threads_over(retention: Retention, *, upstream: bool, now: datetime) -> Q:
    return _over(retention, "threads", now=now, moment="active_at", workflow="workflow", upstream=upstream)


def _over(
    retention: Retention,
    kind: str,
    *,
    now: datetime,
    moment: str,
    workflow: str,
    upstream: bool | None = None,
) -> Q:
    """Return the condition that the term of a row is over."""
    of_workflows = _of_workflows(retention, kind)

    def is_over(term: Any) -> Q:
        age, goes_upstream = _term(term)
        if age is None or upstream not in (None, goes_upstream):
            return Q(pk__in=[])
        return Q(**{f"{moment}__lt": now - age})

    over = is_over(retention.get(kind))
    if of_workflows:
        over &= ~Q(**{f"{workflow}__in": list(of_workflows)})
    for name, term in of_workflows.items():
        over |= Q(**{workflow: name}) & is_over(term)
    return over


def _of_workflows(retention: Retention, kind: str) -> Mapping[str, Any]:
    """Return the terms of the workflows that have one of their own."""
    return {name: terms[kind] for name, terms in retention.get("workflows", {}).items() if kind in terms}


def _term(term: Any) -> tuple[timedelta | None, bool]:
    """Return how long something is kept, None for ever, and whether it goes upstream too."""
    return (term["days"], term["upstream"]) if isinstance(term, Mapping) else (term, True)
