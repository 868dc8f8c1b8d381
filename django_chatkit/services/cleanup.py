"""The ledger kept tidy, and nothing kept longer than needed."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from ..client import APIError, AuthenticationError, ChatKit
from ..models import ChatSession, ChatThread, ChatThreadItem
from . import days, dropping, holds, mirror, pruning, sync, words
from . import retention as rules
from . import sessions as chat_sessions
from . import threads as chat_threads
from .reports import CleanupReport, Failure
from .retention import Retention
from .transactions import atomically

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
OnProgress = Callable[[CleanupReport], None]
# Is told in a dry run what would go, one by one: what it is, which, and of words how many items.
OnDue = Callable[[str, str, int], None]


def run(
    *,
    client: ChatKit,
    clock: Clock,
    retention: Retention,
    batch_size: int = 500,
    sessions: bool = True,
    threads: bool = True,
    content: bool = True,
    runs: bool = True,
    dry_run: bool = False,
    at_once: bool = False,
    wait: Callable[[float], object] | None = None,
    workers: int = 8,
    using: str = "default",
    on_progress: OnProgress | None = None,
    on_due: OnDue | None = None,
) -> CleanupReport:
    """Cancel expired sessions, then prune what ``retention`` says, in short transactions of ``batch_size`` rows.

    Before the first is pruned the days are counted, unless they were within the hour: their numbers stay.

    ``retention`` holds how long "sessions" are kept after they ended, "threads" and the "content" of them after their last
    activity and "runs" of the sync after they started; what it doesn't name is kept for ever. See `retention`. A thread is
    deleted upstream first, or it would come back, unless it says that it goes here alone. With ``dry_run`` nothing is asked
    and nothing written: the counts say what would be done, and ``on_due`` is told each thing. With ``at_once`` sessions
    whose cancel failed don't wait for their next time; with ``wait``, a sleeper, it waits for sessions that another process
    is cancelling, and cancels those itself that this one leaves.

    Raises:
        AuthenticationError: upstream refused the key. What asks nothing of it is done.
    """
    cleanup = _Cleanup(
        client=client,
        clock=clock,
        retention=retention,
        batch_size=batch_size,
        at_once=at_once,
        wait=wait,
        workers=workers,
        using=using,
        report=CleanupReport(dry_run=dry_run),
        on_progress=on_progress,
        on_due=on_due,
    )
    if sessions:
        with cleanup.noting_refusal():
            cleanup.cancel_expired()
    if not dry_run:
        days.count_if_due(now=clock(), using=using)
    if sessions:
        cleanup.prune_sessions()
    if threads:
        with cleanup.noting_refusal():
            cleanup.prune_threads()
        cleanup.leave_threads_out()
    if content:
        cleanup.drop_content(whole_too=threads)
    if runs:
        cleanup.prune_runs()
    if not dry_run:
        cleanup.forget_words()
    if cleanup.refusals:
        raise cleanup.refusals[0]
    if not dry_run and sessions and threads and content and runs:
        days.note_cleanup(now=clock(), using=using)
    return cleanup.report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cleanup:
    """One run of the cleanup."""

    client: ChatKit
    clock: Clock
    retention: Retention
    batch_size: int
    at_once: bool
    wait: Callable[[float], object] | None
    workers: int
    using: str
    report: CleanupReport
    on_progress: OnProgress | None
    on_due: OnDue | None
    refusals: list[AuthenticationError] = field(default_factory=list)

    @contextmanager
    def noting_refusal(self) -> Iterator[None]:
        """End what asks upstream where it refuses the key, and only that."""
        try:
            yield
        except AuthenticationError as error:
            self.refusals.append(error)

    def cancel_expired(self) -> None:
        if self.report.dry_run:
            expired = ChatSession.objects.using(self.using).expired(now=self.clock())
            waiting = expired if self.at_once else expired.to_try(now=self.clock())
            for ids in self._pages(waiting):
                self._tell("cancel", ids)
                self._count(sessions_cancelled=len(ids))
            return
        done = chat_sessions.cancel_expired(
            client=self.client,
            clock=self.clock,
            workers=self.workers,
            batch_size=self.batch_size,
            at_once=self.at_once,
            wait=self.wait,
            using=self.using,
            on_progress=self._note_cancelled,
        )
        self.report.sessions_cancelled = done.settled
        self.report.failures += done.failures

    def prune_sessions(self) -> None:
        now = self.clock()
        ledger = rules.sessions(self.retention, now=now, using=self.using)
        if not self.report.dry_run:  # those that would be settled first count as if they had been
            ledger = ledger.past(now=now)
        for ids in self._pages(ledger):
            if self.report.dry_run:
                self._tell("session", ids)
                self._count(sessions_deleted=len(ids))
            else:
                self._count(sessions_deleted=self._delete_sessions(ids, ledger))

    def prune_threads(self) -> None:
        """Delete threads on both sides."""
        due = rules.threads(self.retention, upstream=True, now=self.clock(), using=self.using)
        for ids in self._pages(due):
            if self.report.dry_run:
                self._tell("thread", ids)
                self._count(threads_deleted=len(ids))
                continue
            for id in ids:  # here right after there, so that a hold finds few that are gone upstream alone
                if self._delete_upstream(id, due):
                    self._count(threads_deleted=self._delete_here([id]))

    def leave_threads_out(self) -> None:
        """Delete threads here alone."""
        now = self.clock()
        due = rules.threads(self.retention, upstream=False, now=now, using=self.using)
        for ids in self._pages(due):
            if self.report.dry_run:
                self._tell("thread", ids)
                self._count(threads_left_out=len(ids))
            else:
                left_out = pruning.leave_out(ids, due, now=now, using=self.using)
                self._count(threads_left_out=self._delete_here(left_out))

    def drop_content(self, *, whole_too: bool) -> None:
        """Drop words; ``whole_too`` says that threads which go whole were deleted before, or would have been."""
        now = self.clock()
        rule = rules.content_alone if self.report.dry_run and whole_too else rules.content
        due = rule(self.retention, now=now, using=self.using)
        for ids in self._pages(due):
            if self.report.dry_run:
                self._tell_words(ids)
                continue
            seen = dict(due.filter(pk__in=ids).order_by("pk").values_list("pk", "items_as_of"))
            done = dropping.drop(
                seen, now=now, size=self.batch_size, using=self.using, note=self._count_items
            )
            self._count(threads_emptied=done)

    def prune_runs(self) -> None:
        old = rules.runs(self.retention, now=self.clock(), using=self.using)
        for ids in self._pages(old, first=0):
            self._tell("sync run", ids)
            if not self.report.dry_run:
                old.filter(pk__in=ids).delete()
            self._count(runs_deleted=len(ids))

    def forget_words(self) -> None:
        if self.report.items_emptied or self.report.threads_deleted or self.report.threads_left_out:
            words.forget(using=self.using)

    def _delete_sessions(self, ids: list[str], ledger: QuerySet[ChatSession]) -> int:
        page = ledger.filter(pk__in=ids)
        users = set(page.values_list("end_user_id", flat=True))

        def delete() -> int:
            mirror.lock_end_users(users, using=self.using)
            rules.keep_workflows(ids, using=self.using)
            return page.delete()[0]

        return atomically(delete, using=self.using)

    def _delete_here(self, ids: list[str]) -> int:
        return pruning.delete(ids, size=self.batch_size, using=self.using, note=self._count)

    def _delete_upstream(self, id: str, due: QuerySet[ChatThread]) -> bool:
        """See to it that upstream no longer has a thread, unless a last look shows that it is not idle after all."""
        thread = due.filter(pk=id).first()
        if thread is None or thread.gone_at is not None:
            return thread is not None
        try:
            look = sync.sync_thread(client=self.client, clock=self.clock, thread_id=id, using=self.using)
            self.report.failures += look.failures
            thread = due.filter(pk=id).first()
            if thread is None or not look.ok:
                return False
            if thread.gone_at is None:
                chat_threads.delete(client=self.client, now=self.clock(), thread=thread, using=self.using)
        except AuthenticationError:
            raise
        except (APIError, chat_threads.NotDeleted, holds.Held, ValueError) as error:
            failure = Failure.of("thread", id, error)
            logger.warning("ChatKit cleanup failed for %s", failure)
            self.report.failures.append(failure)
            return False
        return True

    def _pages(self, rows: Any, *, first: Any = "") -> Iterator[list[Any]]:
        """Walk the primary keys above ``first`` in pages, each read when the one before is done with."""
        last = first
        while ids := list(
            rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[: self.batch_size]
        ):
            yield ids
            last = ids[-1]

    def _tell(self, noun: str, ids: list[Any]) -> None:
        if self.report.dry_run and self.on_due:
            for id in ids:
                self.on_due(noun, str(id), 1)

    def _tell_words(self, ids: list[str]) -> None:
        full = ChatThreadItem.objects.using(self.using).filter(thread__in=ids, words_dropped_at=None)
        counts = dict(full.order_by().values_list("thread_id").annotate(Count("pk")))
        self._count(threads_emptied=len(ids), items_emptied=sum(counts.values()))
        if self.on_due:
            for id in ids:
                self.on_due("words", id, counts.get(id, 0))

    def _note_cancelled(self, so_far: Any) -> None:
        self._count(sessions_cancelled=so_far.settled - self.report.sessions_cancelled)

    def _count_items(self, count: int) -> None:
        self._count(items_emptied=count)

    def _count(self, **counts: int) -> None:
        for name, count in counts.items():
            setattr(self.report, name, getattr(self.report, name) + count)
        if self.on_progress:
            self.on_progress(self.report)
