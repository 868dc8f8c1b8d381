"""Whatever happens upstream, and whenever we look, or half look: in the end the mirror equals it.

Runs the same stories each time. `HYPOTHESIS_PROFILE=long` makes 2,000 new ones for each database, or as many as
`HYPOTHESIS_EXAMPLES` says; a failure prints the story, and the line that tells it again.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser, SyncRun
from django_chatkit.services import end_users, open_calls, sync
from django_chatkit.services.paging import PAGE
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from django_chatkit.testing.switches import Switches

from .chronicle import FAULTS, Chronicle
from .stepping import Stepped, SteppingAdapter, pause, pauses_at_statements
from .witness import Witness

PACE = Pace(interval=timedelta(seconds=15), grace=timedelta(seconds=60), workers=0)
# How much time goes by between one look at the clock and the next.
TICK = timedelta(milliseconds=50)
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
SETTINGS = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "2000")) if LONG else 12,
    stateful_step_count=60 if LONG else 30,
    derandomize=not LONG,
    database=None,
    deadline=None,
    print_blob=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)

USERS = st.sampled_from(["ada", "Ada", "ada ", "😀"])
TEXTS = st.sampled_from(["words", "", "a\x00b", "\ud800", "\udc00\ud83d", "👩‍👩‍👧", "\\u0000 \\ud800"])
TYPES = st.sampled_from(
    ["chatkit.user_message", "chatkit.assistant_message", "chatkit.widget", "chatkit.hologram"]
)
FIELDS = st.sampled_from([{}, {"depth": {"é\x00": [None, -0.0, 2**70, "\udfff"]}}, {"metadata": None}])
COUNTS = st.sampled_from([1, 1, 2, 2, 3, 3, 19, 21, 30, 101, 130, 250] + ([1_150] if LONG else []))
PLACES = st.integers(0, 7)
STEPS = st.one_of(st.integers(1, 12), st.none())


class Mirroring(RuleBasedStateMachine):
    """Upstream goes its way, syncs come and go, and after each step nothing is wrong that was right."""

    database: str

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.syncs: list[Stepped] = []
        self.dead: list[Stepped] = []
        self.is_rewritten = False
        for model in (ChatThreadItem, ChatThread, EndUser, SyncRun):
            model._default_manager.using(self.database).all().delete()
        self.statements = pauses_at_statements(self.database)
        self.statements.__enter__()

    @initialize(
        dialect=st.sampled_from(["specification", "specification", "documentation"]),
        bad_cursor=st.sampled_from(["not_found", "bad_request", "ignored"]),
        tie_order=st.sampled_from(["insertion", "insertion", "reversed", "id"]),
    )
    def begin(self, dialect: Any, bad_cursor: Any, tie_order: Any) -> None:
        switches = Switches(dialect=dialect, bad_cursor=bad_cursor, tie_order=tie_order)
        self.emulator = Emulator(clock=self.seconds, sleep=self.sleep, seed=1, switches=switches)
        self.upstream = Chronicle(self.emulator)
        self.witness = Witness(self.upstream, self.database)
        self.adapter = SteppingAdapter(self.emulator, database=self.database)
        self.chatkit = ChatKit(
            api_key="sk-test",
            base_url="http://emulator.invalid/v1",
            adapter=self.adapter,
            max_retries=0,
            sleep=self.sleep,
            monotonic=self.seconds,
            now=self.seconds,
        )

    def seconds(self) -> float:
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        pause()

    def clock(self) -> datetime:
        self.now += TICK
        return self.now

    # What happens upstream

    def thread(self, number: int) -> str:
        return self.upstream.threads[number % len(self.upstream.threads)]

    def _has_threads(self) -> bool:
        return bool(self.upstream.threads)

    @precondition(lambda self: len(self.upstream.threads) < 8)
    @rule(user=USERS, title=TEXTS, fields=FIELDS, count=COUNTS)
    def somebody_opens_a_thread(self, user: str, title: str, fields: Any, count: int) -> None:
        thread = self.upstream.open_thread(user, title=title, **fields)
        for _ in range(count):
            self.upstream.append(thread)

    @precondition(lambda self: len(self.upstream.threads) < 8)
    @rule(user=USERS, count=st.sampled_from([1, 2, 3, 4, 5] + ([102] if LONG else [])))
    def somebody_opens_threads(self, user: str, count: int) -> None:
        for _ in range(count):
            self.upstream.open_thread(user)

    @precondition(_has_threads)
    @rule(place=PLACES, type=TYPES, text=TEXTS, fields=FIELDS, count=COUNTS)
    def items_are_appended(self, place: int, type: str, text: str, fields: Any, count: int) -> None:
        for _ in range(count):
            self.upstream.append(self.thread(place), type=type, text=text, **fields)

    @precondition(_has_threads)
    @rule(place=PLACES)
    def a_tool_is_called(self, place: int) -> None:
        self.upstream.append(
            self.thread(place), type="chatkit.client_tool_call", status="in_progress", output=None
        )

    @precondition(lambda self: self.upstream.calls)
    @rule(number=PLACES, status=st.sampled_from(["in_progress", "completed"]))
    def a_tool_call_changes(self, number: int, status: str) -> None:
        self.upstream.change_call(number, status=status)

    @precondition(_has_threads)
    @rule(place=PLACES, keep=st.sampled_from([0.0, 0.1, 0.5, 0.99]), back=st.integers(1, 25), grow=COUNTS)
    def a_tail_is_cut_and_grows_anew(self, place: int, keep: float, back: int, grow: int) -> None:
        items = self.upstream.items[self.thread(place)]
        if items:
            self.upstream.cut(
                self.thread(place), after=items[max(0, min(int(keep * len(items)), len(items) - back))]
            )
            for _ in range(grow):
                self.upstream.append(self.thread(place), text="anew")

    @precondition(lambda self: self.adapter.cursor in self.upstream.present)
    @rule()
    def what_a_cursor_names_vanishes(self) -> None:
        self.upstream.remove(str(self.adapter.cursor))

    @precondition(_has_threads)
    @rule(place=PLACES, depth=st.floats(0, 1, exclude_max=True), is_removed=st.booleans())
    def the_log_is_rewritten(self, place: int, depth: float, is_removed: bool) -> None:
        """Change or remove an item anywhere, which only a deep look need find."""
        items = self.upstream.items[self.thread(place)]
        if items and is_removed:
            self.upstream.remove_item(items[int(depth * len(items))])
        elif items:
            self.upstream.change_item(items[int(depth * len(items))], edited=len(self.upstream.serial))
        self.is_rewritten = True

    @precondition(_has_threads)
    @rule(place=PLACES, title=TEXTS, status=st.sampled_from(["active", "locked", "closed", "melted"]))
    def a_thread_is_renamed(self, place: int, title: str, status: str) -> None:
        # A title is never given twice, so that an older one can be told from a newer.
        title = f"{title} {len(self.upstream.said[self.thread(place)])}"
        self.upstream.change_thread(self.thread(place), title=title, status=status)

    @precondition(_has_threads)
    @rule(place=PLACES)
    def a_thread_is_deleted(self, place: int) -> None:
        self.upstream.remove_thread(self.thread(place))

    @rule(
        operation=st.sampled_from(["*", "list_items", "list_threads"]),
        fault=st.sampled_from(FAULTS),
        after=st.integers(0, 3),
    )
    def upstream_will_fail(self, operation: str, fault: Any, after: int) -> None:
        self.witness.believes_gone = self.witness.believes_gone and fault.get("status") != 404
        self.emulator.fail(operation, after=after, **fault)

    @rule(seconds=st.sampled_from([1, 20, 60, 700, 200_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # What we do

    @precondition(_has_threads)
    @rule(place=PLACES)
    def we_open_a_session(self, place: int) -> None:
        user = self.upstream.owner[self.thread(place)]
        expires_at = self.now + timedelta(minutes=10)
        end_users.opened(user=user, owner=None, expires_at=expires_at, due_at=self.now, using=self.database)

    @rule(steps=STEPS, finely=st.booleans())
    def a_due_pass(self, steps: int | None, finely: bool) -> None:
        self._start("due", partial(sync.sync_due, pace=PACE), steps, finely)

    @precondition(_has_threads)
    @rule(place=PLACES, steps=STEPS, finely=st.booleans())
    def a_sync_of_an_end_user(self, place: int, steps: int | None, finely: bool) -> None:
        user = self.upstream.owner[self.thread(place)]
        self._start("user", partial(sync.sync_user, user=user, pace=PACE), steps, finely)

    @precondition(_has_threads)
    @rule(place=PLACES, steps=STEPS, finely=st.booleans())
    def a_sync_of_a_thread(self, place: int, steps: int | None, finely: bool) -> None:
        self._start(
            "thread", partial(sync.sync_thread, thread_id=self.thread(place), pace=PACE), steps, finely
        )

    @rule(items=st.booleans(), deep=st.booleans(), steps=STEPS, finely=st.booleans())
    def a_reconcile(self, items: bool, deep: bool, steps: int | None, finely: bool) -> None:
        self._start("reconcile", partial(sync.reconcile, items=items, deep=deep, pace=PACE), steps, finely)

    @precondition(lambda self: not self.syncs)
    @rule(deep=st.booleans(), place=PLACES, off=st.sampled_from([-5, -1, 1, 5]))
    def a_machine_whose_clock_is_off_comes_by(self, deep: bool, place: int, off: int) -> None:
        """Run a whole sync: pages under way from two clocks at once are promised nothing."""
        work: partial[SyncReport] = partial(sync.reconcile, deep=deep)
        if self.upstream.threads and place:
            work = partial(sync.sync_thread, thread_id=self.thread(place), deep=deep)
        self.now += timedelta(seconds=off)
        self._start("off", partial(work, pace=PACE), None, finely=False)
        self.now -= timedelta(seconds=off)
        # A clock ahead of upstream's takes a second for over that is not.
        self.emulator.advance(max(off, 0))

    def _start(self, name: str, work: Callable[..., SyncReport], steps: int | None, finely: bool) -> None:
        if len(self.syncs) < 3:
            work = partial(work, client=self.chatkit, clock=self.clock, using=self.database)
            self.syncs.append(Stepped(name, work, finely=finely))
            self._advance(-1, steps)

    def _advance(self, place: int, steps: int | None) -> None:
        if not self.syncs[place].advance(steps):
            del self.syncs[place]
        self.witness.assert_nothing_is_wrong()

    @precondition(lambda self: self.syncs)
    @rule(place=st.integers(0, 2), steps=STEPS)
    def a_sync_goes_on(self, place: int, steps: int | None) -> None:
        self._advance(place % len(self.syncs), steps)

    @precondition(lambda self: self.syncs)
    @rule(place=st.integers(0, 2))
    def a_sync_is_interrupted(self, place: int) -> None:
        for each in self.syncs:  # an interrupted run closes the connection, which is everybody's here
            each.reach_request()
        self.syncs.pop(place % len(self.syncs)).interrupt()
        self.syncs = [each for each in self.syncs if not each.dead]

    @precondition(lambda self: self.syncs)
    @rule(place=st.integers(0, 2))
    def a_process_dies(self, place: int) -> None:
        self.dead.append(self.syncs.pop(place % len(self.syncs)))

    # What must hold

    def teardown(self) -> None:
        """After a story that held so far: look at everything, compare whole, and look once more."""
        self.dead += self.syncs
        try:
            if sys.exc_info()[0] is None:
                self._all_is_exact_after_a_reconcile()
        finally:
            self.statements.__exit__(None, None, None)
            for each in self.dead:
                each.drop()

    def _all_is_exact_after_a_reconcile(self) -> None:
        reconcile = partial(
            sync.reconcile, client=self.chatkit, clock=self.clock, using=self.database, pace=PACE
        )
        deep = self.is_rewritten
        self.emulator.faults.clear()
        self.now += timedelta(seconds=6)  # more than any clock was off

        report = reconcile(deep=deep)

        assert report.ok, report.failures
        longest = max(map(len, self.upstream.items.values()), default=0)
        for _ in range(longest // (PAGE * open_calls.BUDGET)):  # calls all over a thread have their turns
            self.now += timedelta(days=1)
            assert reconcile().ok
        self.witness.assert_nothing_is_wrong()
        self.witness.assert_exact()
        again = reconcile(deep=deep)
        threads = len(self.upstream.threads)
        if not self.upstream.calls and not deep:  # what is in progress is looked at again
            assert again.requests <= threads + threads / 100 + 2
        assert again.threads_new == again.threads_changed == again.threads_gone == 0
        assert again.items_new == again.items_changed == again.items_gone == 0


@pytest.mark.django_db(transaction=True)
def test_the_mirror_equals_upstream_whatever_happens(database: str) -> None:
    machine = type("Mirroring", (Mirroring,), {"database": database})

    run_state_machine_as_test(machine, settings=SETTINGS)
