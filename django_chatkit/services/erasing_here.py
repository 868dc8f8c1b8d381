"""The half of an erasure that is done here: rows deleted in short transactions, each counted where it goes.

Each transaction begins by locking the end user's row (Note [Locks] in mirror) and asks whether they are held: a hold stops
an erasure between two batches. A thread's tombstone is written before its first row goes, or where upstream is not asked
with its last, and the mirror takes nothing in that has one: a page that was asked for before the deletion brings nothing back.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest

from .. import signals
from ..models import (
    ChatSession,
    ChatThread,
    ChatThreadItem,
    EndUser,
    ErasedThread,
    Erasure,
    SyncRun,
    Tag,
    ThreadNote,
    ThreadReview,
)
from . import holds
from .reports import ErasureReport, describe
from .transactions import atomically, persistently

Counts = dict[str, int]


@dataclass(slots=True, kw_only=True)
class Here:
    """Our side of one erasure. ``on_batch`` is called after each batch."""

    erasure_id: int
    user: str
    clock: Callable[[], datetime]
    batch_size: int
    using: str
    report: ErasureReport
    on_batch: Callable[[], None]

    def known(self) -> Iterator[list[str]]:
        """Yield, page by page, the ids of the threads that we hold and of those that upstream did not confirm earlier."""
        yield from self.held()
        left = ErasedThread.objects.using(self.using).left()
        yield from self._pages(left.filter(erasure__end_user=self.user))

    def held(self, *, gone: bool = False) -> Iterator[list[str]]:
        """Yield, page by page, the ids of the threads that we hold, or of those that are known to be gone upstream."""
        rows = ChatThread.objects.using(self.using).of(self.user)
        yield from self._pages(rows.filter(gone_at__isnull=False) if gone else rows)

    def erase(self, id: str) -> None:
        """Delete what we have of a thread that upstream no longer has.

        Raises:
            Held: the end user is, since a moment ago; what is not deleted yet stays.
        """
        self._do(partial(self._entomb, id))
        self.erase_unasked(id)

    def erase_unasked(self, id: str) -> None:
        """Delete what we have of a thread without asking upstream: it counts as gone there only where that was known.

        Raises:
            Held: the end user is, since a moment ago; what is not deleted yet stays.
        """
        items = ChatThreadItem.objects.using(self.using)
        of_thread = items.of(id).order_by("position").values_list("pk", flat=True)
        while ids := list(of_thread[: self.batch_size]):
            self._do(partial(_delete, items, ids, noun="items"))
            self.on_batch()
        self._do(partial(self._delete_thread, id))

    def leave(self, id: str, error: Exception) -> None:
        """Keep a thread in the list of those that are not done, with what went wrong."""
        rows = ErasedThread.objects.using(self.using)

        def write() -> None:
            rows.bulk_create([ErasedThread(id=id, erasure_id=self.erasure_id)], ignore_conflicts=True)
            rows.filter(pk=id).update(erasure=self.erasure_id, last_error=describe(error))
            rows.confirmed().filter(pk=id).update(erased_at=None)  # and yet it is there

        persistently(write, using=self.using)

    def finish(self, *, here_only: bool = False) -> bool:
        """Delete the sessions and the end user, and tell whether that was done: not while there is more to erase.

        With ``here_only`` sessions go that may be live too: upstream ends them within 10 minutes.

        Raises:
            Held: the end user is.
        """
        ledger = ChatSession.objects.using(self.using).of(self.user)
        if not here_only:
            ledger = ledger.filter(Q(expires_at__lte=self.clock()) | ~Q(status=ChatSession.Status.ACTIVE))
        for ids in self._pages(ledger):
            self._do(partial(_delete, ledger, ids, noun="sessions"))
            self.on_batch()
        return self._do(partial(self._delete_end_user, here_only)) is not None

    def _do(self, work: Callable[[], Counts | None]) -> Counts | None:
        """Run work in a transaction of its own, and count what it deleted in the same."""

        def locked() -> Counts | None:
            holds.lock(self.user, using=self.using)
            holds.check(self.user, using=self.using)
            counts = work()
            if counts and any(counts.values()):
                news: dict[str, Any] = {name: F(name) + number for name, number in counts.items()}
                Erasure.objects.using(self.using).filter(pk=self.erasure_id).update(**news)
            return counts

        counts = atomically(locked, using=self.using)
        for name, number in (counts or {}).items():
            setattr(self.report, name, getattr(self.report, name) + number)
        return counts

    def _entomb(self, id: str) -> Counts:
        """Write down that upstream no longer has a thread, and let nobody write into it any more."""
        now = self.clock()
        tombs = ErasedThread.objects.using(self.using)
        tombs.bulk_create([ErasedThread(id=id, erasure_id=self.erasure_id)], ignore_conflicts=True)
        # What an earlier erasure did here only is upstream's half now, and counts for this one.
        tombs.filter(pk=id).exclude(erasure=self.erasure_id).update(erased_at=None)
        tombs.filter(pk=id).update(erasure=self.erasure_id, gone_at=now, last_error="")
        present = ChatThread.objects.using(self.using).present().filter(pk=id)
        items_as_of = Greatest(Coalesce("items_as_of", now), now)
        if present.update(gone_at=now, as_of=now, items_as_of=items_as_of):
            self._tell_gone(id)
        return {}

    def _delete_thread(self, id: str) -> Counts:
        tombs = ErasedThread.objects.using(self.using)
        for gone_at in ChatThread.objects.using(self.using).filter(pk=id).values_list("gone_at", flat=True):
            tomb = ErasedThread(id=id, erasure_id=self.erasure_id, gone_at=gone_at)
            tombs.bulk_create([tomb], ignore_conflicts=True)
            tombs.filter(pk=id, gone_at=None).update(gone_at=gone_at)
            if gone_at is None:
                self._tell_gone(id)
        runs = SyncRun.objects.using(self.using).filter(kind=SyncRun.Kind.THREAD, subject=id)
        tags = list(Tag.objects.using(self.using).filter(reviews=id).values_list("pk", flat=True))
        _all, by_model = ThreadReview.objects.using(self.using).filter(pk=id).delete()
        counts = {
            "notes": ThreadNote.objects.using(self.using).of(id).delete()[0],
            "reviews": by_model.get(ThreadReview._meta.label, 0),
            "runs": runs.delete()[0],
        }
        if tags:  # a tag may hold a name: one that no other review has goes too
            Tag.objects.using(self.using).filter(pk__in=tags, reviews=None).delete()
        # Nothing but the id is read: a row whose key was lost has to go too.
        ChatThread.objects.using(self.using).filter(pk=id).only("pk").delete()
        erased = tombs.filter(pk=id, erased_at=None).update(erased_at=self.clock())
        return {**counts, "threads": erased}

    def _tell_gone(self, id: str) -> None:
        signals.send_after_commit(signals.thread_gone, sender=ChatThread, using=self.using, thread_id=id)

    def _delete_end_user(self, here_only: bool) -> Counts | None:
        """Delete the end user's row last, and end the erasure; None while somebody chats in their name."""
        of_user = (
            ChatSession.objects.using(self.using).of(self.user),
            ChatThread.objects.using(self.using).of(self.user),
        )
        if any(rows.exists() for rows in of_user):
            return None
        # Also those of syncs that came to an erased thread later, and found nothing.
        erased = ErasedThread.objects.using(self.using).filter(erasure_id=self.erasure_id).values("pk")
        of_it = Q(kind=SyncRun.Kind.USER, subject=self.user)
        of_threads = Q(kind=SyncRun.Kind.THREAD, subject__in=erased)
        counts = {"runs": SyncRun.objects.using(self.using).filter(of_it | of_threads).delete()[0]}
        EndUser.objects.using(self.using).filter(pk=self.user).delete()
        Erasure.objects.using(self.using).filter(pk=self.erasure_id).update(
            finished_at=self.clock(),
            here_only=here_only,
            pending_for=None,
            failures=0,
            retry_at=None,
            last_error="",
        )
        return counts

    def _pages(self, rows: Any) -> Iterator[list[str]]:
        """Walk primary keys in pages, each read when the one before is done with."""
        last = ""
        while ids := list(
            rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[: self.batch_size]
        ):
            yield ids
            last = ids[-1]


def _delete(rows: Any, ids: list[str], *, noun: str) -> Counts:
    return {noun: rows.filter(pk__in=ids).delete()[0]}
