"""What there is of one end user here, in counts and moments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min

from ..models import (
    ChatSession,
    ChatThread,
    ChatThreadItem,
    EndUser,
    Erasure,
    Hold,
    SyncRun,
    ThreadNote,
    ThreadReview,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Count what there is of one end user, without a word of it."""

    user: str
    is_known: bool
    owner: str
    former_owner: str
    live_until: datetime | None
    sessions: int
    sessions_live: int
    threads: int
    threads_gone: int
    threads_archived: int
    items: int
    notes: int
    reviews: int
    runs: int
    first_at: datetime | None
    last_at: datetime | None
    hold: Hold | None
    erasures: tuple[Erasure, ...]


def is_known(*, user: str, using: str = "default") -> bool:
    """Tell whether there is anything of an end user here."""
    return EndUser.objects.using(using).filter(pk=user).exists()


def archived(*, user: str, using: str = "default") -> int:
    """Return how many threads of an end user stand in an archive, as far as the mirror knows."""
    return ChatThread.objects.using(using).of(user).filter(archived_at__isnull=False).count()


def facts(*, user: str, now: datetime, using: str = "default") -> Facts:
    """Count what there is of an end user, in ten queries, whatever there is."""
    row = EndUser.objects.using(using).select_related("owner").filter(pk=user).first()
    sessions = ChatSession.objects.using(using).of(user)
    threads = ChatThread.objects.using(using).of(user)
    span = threads.aggregate(
        all=Count("pk"),
        gone=Count("gone_at"),
        archived=Count("archived_at"),
        first=Min("created_at"),
        last=Max("last_activity_at"),
    )
    return Facts(
        user=user,
        is_known=row is not None,
        owner="" if row is None or row.owner is None else str(row.owner),
        former_owner=row.former_owner if row else "",
        live_until=row.live_until if row else None,
        sessions=sessions.count(),
        sessions_live=sessions.live(now=now).count(),
        threads=span["all"],
        threads_gone=span["gone"],
        threads_archived=span["archived"],
        items=ChatThreadItem.objects.using(using).filter(thread__in=threads.values("pk")).count(),
        notes=ThreadNote.objects.using(using).filter(thread__in=threads.values("pk")).count(),
        reviews=ThreadReview.objects.using(using).filter(thread__in=threads.values("pk")).count(),
        runs=runs(user=user, using=using).count(),
        first_at=span["first"],
        last_at=span["last"],
        hold=Hold.objects.using(using).of(user).first(),
        erasures=tuple(Erasure.objects.using(using).of(user).order_by("-asked_at", "-pk")),
    )


def runs(*, user: str, using: str) -> Any:
    """Return the rows of sync runs about an end user or one of their threads."""
    threads = ChatThread.objects.using(using).of(user).values("pk")
    rows = SyncRun.objects.using(using)
    return rows.filter(kind=SyncRun.Kind.USER, subject=user) | rows.filter(
        kind=SyncRun.Kind.THREAD, subject__in=threads
    )


def items_by_thread(*, user: str, using: str) -> dict[str, int]:
    """Count the items of each thread of an end user."""
    threads = ChatThread.objects.using(using).of(user)
    return dict(threads.annotate(number=Count("items")).values_list("pk", "number"))
