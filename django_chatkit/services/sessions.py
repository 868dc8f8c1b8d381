"""Sessions: opened for an end user, cancelled, and settled in the ledger when they have expired."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import F

from .. import signals
from ..client import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ChatKit,
    ConflictError,
    NotFoundError,
)
from ..models import ChatSession
from . import end_users, reading
from .crew import Crew, Job
from .gone import is_gone
from .reports import CancelReport, Failure, describe
from .session_claims import Claim, claim
from .transactions import atomically, persistently

logger = logging.getLogger(__name__)

# How long a session lives where upstream did not say: its default, and its maximum (specification).
LONGEST_TERM = timedelta(seconds=600)
# The first wait after a cancel that failed; it doubles each time, up to an hour.
FIRST_DELAY = timedelta(seconds=60)

# Upstream's ways of saying that it will not cancel what is over; a 404 may say that it has forgotten it.
_SETTLED_BEFORE = (BadRequestError, ConflictError)

# Upstream was not told; a ValueError is the client's, of an id that can't stand in an address.
_NOT_TOLD = (APIError, ValueError)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session that was just opened. The secret is in no other place: hand it to the browser and forget it."""

    session: ChatSession
    client_secret: str = field(repr=False)


def open(
    *,
    client: ChatKit,
    now: datetime,
    user: str,
    workflow: Mapping[str, Any],
    interval: timedelta,
    owner: Any = None,
    using: str = "default",
    **options: Any,
) -> Opened:
    """Open a session for an end user, enter it in the ledger and make the end user due in ``interval``.

    ``options`` are those of the client's ``sessions.create``: expires_after, rate_limits, chatkit_configuration.

    Raises:
        ValueError, TypeError: an argument is not one that upstream takes; nothing was sent.
        APIError: what upstream answered.
    """
    answer = client.sessions.create(user=user, workflow=workflow, **options)
    session = ChatSession(
        id=reading.key(answer.payload),
        end_user_id=user,
        workflow_id=_workflow_id(answer.payload, workflow),
        status=_status(answer.payload, ChatSession.Status.ACTIVE),
        expires_at=reading.moment(answer.payload, "expires_at", now + LONGEST_TERM),
        payload=answer.payload,
        created_at=now,
    )

    def enter() -> None:
        end_users.opened(
            user=user, owner=owner, expires_at=session.expires_at, due_at=now + interval, using=using
        )
        session.save(using=using, force_insert=True)
        signals.send_after_commit(signals.session_opened, sender=ChatSession, using=using, session=session)

    atomically(enter, using=using)
    return Opened(session=session, client_secret=answer.client_secret or "")


def cancel(*, client: ChatKit, now: datetime, session: ChatSession, using: str = "default") -> ChatSession:
    """Cancel a session upstream and settle it in the ledger; that upstream was first counts as done.

    Raises:
        APIError: upstream could not be told. The ledger keeps the session, with the error, for the next time.
    """
    payload: dict[str, Any] = {}
    gone = False
    try:
        payload = client.sessions.cancel(session.id).payload
    except _NOT_TOLD as error:
        if not _is_settled(session, error, now=now):
            _keep(session, error, now=now, using=using)
            raise
        gone = is_gone(error, session.id)
    fallback = _over(session, now)
    changes: dict[str, Any] = {"payload": payload} if reading.word(payload, "id") == session.id else {}
    _settle([session], status=_status(payload, fallback), gone=gone, now=now, using=using, **changes)
    session.refresh_from_db(using=using)
    return session


def cancel_expired(
    *,
    client: ChatKit,
    clock: Clock,
    workers: int = 8,
    batch_size: int = 100,
    at_once: bool = False,
    wait: Callable[[float], object] | None = None,
    using: str = "default",
    on_progress: Callable[[CancelReport], None] | None = None,
) -> CancelReport:
    """Cancel every expired session that nobody settled, ``workers`` at a time, one request each.

    One that fails is counted and kept for next time, later each time; it stops no other. With ``at_once`` those that
    wait for their next time are tried too. Those that another process has claimed are left to it, or with ``wait``, a
    sleeper, waited for: at the end each is settled or counted.

    Raises:
        AuthenticationError: upstream refused the key. What was cancelled until then is settled.
    """
    now = clock()
    expired = ChatSession.objects.using(using).expired(now=now)
    rows = expired if at_once else expired.to_try(now=now)
    claims = claim(rows, clock=clock, batch_size=batch_size, wait=wait)
    return _cancel_all(claims, client=client, clock=clock, workers=workers, on_progress=on_progress)


def cancel_live(
    *,
    client: ChatKit,
    clock: Clock,
    user: str,
    before: datetime,
    workers: int = 8,
    batch_size: int = 100,
    using: str = "default",
) -> CancelReport:
    """Cancel the sessions of an end user that were opened before a moment and still accept messages.

    One that fails is counted and kept: it ends by itself, and is settled then.

    Raises:
        AuthenticationError: upstream refused the key. What was cancelled until then is settled.
    """
    opened = ChatSession.objects.using(using).of(user).filter(created_at__lt=before)
    claims = claim(opened.live(now=clock()), clock=clock, batch_size=batch_size)
    return _cancel_all(claims, client=client, clock=clock, workers=workers)


def _cancel_all(
    claims: Iterable[Claim],
    *,
    client: ChatKit,
    clock: Clock,
    workers: int,
    on_progress: Callable[[CancelReport], None] | None = None,
) -> CancelReport:
    """Cancel what is claimed, ``workers`` at a time, one request each."""
    report = CancelReport()
    for claimed in claims:
        outcomes: list[_Outcome] = []
        crew = Crew(workers=workers, idle=partial(claimed.keep, clock))
        asking = client.with_options(given_up=crew.is_over)
        try:
            crew.run(_cancel_one(asking, session, clock(), outcomes) for session in claimed.sessions)
        finally:
            _record(outcomes, now=clock(), using=claimed.using, report=report)
            claimed.release()
        if on_progress:
            on_progress(report)
    return report


@dataclass(frozen=True, slots=True)
class _Outcome:
    session: ChatSession
    status: str = ""  # where upstream told none, the term decides
    gone: bool = False
    error: Exception | None = None


def _cancel_one(client: ChatKit, session: ChatSession, now: datetime, outcomes: list[_Outcome]) -> Job:
    try:
        answer = (yield partial(client.sessions.cancel, session.id)).result()
    except AuthenticationError:
        raise
    except _NOT_TOLD as error:
        if _is_settled(session, error, now=now):
            outcomes.append(_Outcome(session, gone=is_gone(error, session.id)))
        else:
            outcomes.append(_Outcome(session, error=error))
    else:
        outcomes.append(_Outcome(session, _status(answer.payload, "")))


def _record(outcomes: Sequence[_Outcome], *, now: datetime, using: str, report: CancelReport) -> None:
    """Write a batch's outcomes into the ledger, one statement for all that ended alike."""
    alike: dict[tuple[str, bool], list[ChatSession]] = {}
    for each in outcomes:
        if each.error is None:
            ended = each.status or _over(each.session, now)
            alike.setdefault((ended, each.gone), []).append(each.session)
    for (status, gone), ended_alike in alike.items():
        _settle(ended_alike, status=status, gone=gone, now=now, using=using)
        report.settled += len(ended_alike)
    for each in outcomes:
        if each.error is not None:
            _keep(each.session, each.error, now=now, using=using)
            report.failed += 1
            report.failures.append(Failure.of("session", each.session.id, each.error))


def _is_settled(session: ChatSession, error: Exception, *, now: datetime) -> bool:
    """Tell whether an error leaves nothing to cancel; a 404 that is not about the session leaves one that lives."""
    if isinstance(error, NotFoundError):
        return is_gone(error, session.id) or session.expires_at <= now
    return isinstance(error, _SETTLED_BEFORE)


def _settle(
    sessions: Sequence[ChatSession], *, status: str, gone: bool, now: datetime, using: str, **changes: Any
) -> None:
    ids = [each.id for each in sessions]
    changes |= {"status": status, "gone_at": now if gone else None}

    def settle() -> None:
        ledger = ChatSession.objects.using(using).filter(pk__in=ids)
        ledger.update(claimed_until=None, retry_at=None, failures=0, last_error="", **changes)
        for session in sessions:
            session.status = status
            signals.send_after_commit(
                signals.session_cancelled, sender=ChatSession, using=using, session=session
            )

    atomically(settle, using=using)


def _keep(session: ChatSession, error: Exception, *, now: datetime, using: str) -> None:
    logger.warning("ChatKit session %s could not be cancelled: %s", session.id, describe(error))
    kept = ChatSession.objects.using(using).filter(pk=session.pk)
    change = partial(
        kept.update,
        failures=F("failures") + 1,
        retry_at=now + end_users.delay(session.failures, first=FIRST_DELAY),
        last_error=describe(error),
    )
    persistently(change, using=using)


def _over(session: ChatSession, now: datetime) -> str:
    if session.status != ChatSession.Status.ACTIVE:
        return session.status
    return ChatSession.Status.EXPIRED if session.expires_at <= now else ChatSession.Status.CANCELLED


def _status(payload: Mapping[str, Any], fallback: str) -> str:
    """Return the status that upstream told, where it is one that settles a session; else the fallback."""
    status = reading.word(payload, "status")
    over = (ChatSession.Status.EXPIRED, ChatSession.Status.CANCELLED)
    return status if status in over else fallback


def _workflow_id(payload: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    workflow = payload.get("workflow")
    told = reading.word(workflow, "id") if isinstance(workflow, Mapping) else ""
    return (told or reading.word(asked, "id"))[:255]
