"""What is remembered of threads that must not come back: retention left them out here, or they were erased."""

from collections.abc import Collection
from datetime import datetime

from ..models import ErasedThread, Erasure, PrunedThread


def leaves_out(*, using: str) -> bool:
    """Tell whether the mirror leaves out any thread."""
    return PrunedThread.objects.using(using).exists()


def left_out(ids: Collection[str], *, using: str) -> set[str]:
    """Return those of the threads that the mirror leaves out."""
    return set(PrunedThread.objects.using(using).filter(pk__in=ids).values_list("pk", flat=True))


def erased(ids: Collection[str], *, using: str) -> set[str]:
    """Return those of the threads that were erased: a page that was asked for before must not bring them back."""
    tombs = ErasedThread.objects.using(using).kept_out()
    return set(tombs.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()


def erased_people(*, since: datetime, using: str) -> dict[str, datetime]:
    """Return the end users who were erased after a moment, and when that was done last."""
    done = Erasure.objects.using(using).filter(finished_at__gt=since).order_by("finished_at")
    found: dict[str, datetime] = dict(done.values_list("end_user", "finished_at"))  # type: ignore[arg-type]  # none is null
    return found


def active_at(id: str, *, using: str) -> datetime | None:
    """Return the last activity that was known of a thread when it was left out; None for one that is not."""
    moments = PrunedThread.objects.using(using).filter(pk=id).values_list("active_at", flat=True)
    moment: datetime | None = moments.first()
    return moment
