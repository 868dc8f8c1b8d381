"""Several syncs of the same data at once: exact, and the work is shared."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, EndUser, SyncRun
from django_chatkit.services import end_users, leases, looks, sync
from django_chatkit.services.looks import Pace, Run
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter

from .conftest import Clock, World, no_sleep
from .interleaving import Player, play, tick

pytestmark = pytest.mark.django_db

PACE = Pace(interval=timedelta(seconds=15), grace=timedelta(seconds=60), workers=0)
KINDS = ["full", "user", "due", "thread"]
# How many items the threads have, and how many pages that makes.
SIZES = {250: 3, 101: 2, 100: 1, 20: 1, 0: 1}


class TickingClock(Clock):
    """Give a later moment each time."""

    def __call__(self) -> datetime:
        self.move(microseconds=1)
        return self.now


class Stage:
    """Both sides, and the runs that work on them at once."""

    def __init__(self, database: str, seed: int) -> None:
        self.chance = Random(seed)
        self.clock = TickingClock()
        self.emulator = Emulator(clock=self.clock.timestamp, sleep=no_sleep, seed=seed)
        self.world = World(self.emulator, database)
        self.chatkit = ChatKit(
            api_key="sk-test",
            base_url="http://emulator.invalid/v1",
            adapter=EmulatorAdapter(self.emulator),
            max_retries=0,
        )
        self.threads = {
            self.world.thread(*(f"word {number}" for number in range(size))): pages
            for size, pages in SIZES.items()
        }
        self.clock.move(seconds=1)
        until = self.clock.now + timedelta(minutes=10)
        end_users.opened(user="ada", owner=None, expires_at=until, due_at=self.clock.now, using=database)
        self.players: list[Player] = []

    def begin(self, kind: str) -> Player:
        run = Run(
            kind=SyncRun.Kind.RECONCILE,
            client=self.chatkit,
            clock=self.clock,
            using=self.world.database,
            pace=PACE,
            patient=kind == "full",
        )
        player = Player(run, self._feed(run, kind))
        self.players.append(player)
        return player

    def _feed(self, run: Run, kind: str) -> Iterator[Any]:
        if kind == "full":
            yield looks.at_everything(run, items=True)
        elif kind == "user":
            yield looks.at_end_user(run, "ada")
        elif kind == "due":
            for lease in end_users.lease_due(clock=self.clock, limit=10, using=run.using):
                yield looks.at_leased(run, lease)
        else:
            yield looks.at_thread(run, self.chance.choice(list(self.threads)))

    def play(self) -> None:
        play(self.players, chance=self.chance, clock=self.clock)

    def kill(self, player: Player) -> None:
        """Stop a run as ``kill -9`` does: nothing in it is told."""
        player.is_dead = True

    def bury(self) -> None:
        """Close what was killed, once nothing more is looked at."""
        for player in self.players:
            player.roster.close()

    def asked(self) -> Counter[str]:
        """Return how many pages of each thread were asked for."""
        paths = (each.path for each in self.emulator.requests if each.operation == "list_items")
        return Counter(path.split("/")[-2] for path in paths)

    def assert_nobody_holds_a_lease(self) -> None:
        for model in (ChatThread, EndUser):
            assert not model._default_manager.using(self.world.database).exclude(leased_until=None).exists()


@pytest.fixture
def stage(database: str) -> Iterator[Callable[[int], Stage]]:
    stages: list[Stage] = []

    def build(seed: int) -> Stage:
        stages.append(Stage(database, seed))
        return stages[-1]

    yield build
    for each in stages:
        each.bury()


@pytest.mark.parametrize("count", [2, 4, 8])
def test_several_runs_of_the_same_data_share_the_work(stage: Any, count: int) -> None:
    on = stage(count)
    for number in range(count):
        on.begin(KINDS[number % len(KINDS)])

    on.play()

    on.world.assert_exact()
    assert on.asked() == on.threads
    assert all(player.run.report.ok for player in on.players)
    assert sum(player.run.report.items_new for player in on.players) == sum(SIZES)
    on.assert_nobody_holds_a_lease()


@pytest.mark.parametrize("count", [2, 8])
def test_runs_that_walk_the_same_list_leap_over_each_other(stage: Any, count: int) -> None:
    on = stage(count)
    for _ in range(80):
        on.threads[on.world.thread("hello")] = 1
    on.clock.move(seconds=1)
    for _ in range(count):
        on.begin("full")

    on.play()

    on.world.assert_exact()
    assert on.asked() == on.threads
    shares = [player.run.report.items_new for player in on.players]
    assert min(shares) > 0


def test_a_killed_runs_lease_ends_by_itself_and_another_goes_on_where_it_stopped(stage: Any) -> None:
    on = stage(5)
    killed = on.begin("full")
    while not ChatThread.objects.using(on.world.database).filter(items_as_of__isnull=False).exists():
        killed.step(on.chance)
    on.kill(killed)
    killed_at = on.clock.now
    on.begin("full")

    on.play()

    on.world.assert_exact()
    assert on.asked() <= Counter({id: pages + 1 for id, pages in on.threads.items()})
    assert on.clock.now - killed_at <= leases.TERM + timedelta(seconds=5)
    on.assert_nobody_holds_a_lease()


def test_a_look_keeps_its_leases_through_a_pause_of_two_minutes(stage: Any) -> None:
    on = stage(6)
    ours = on.begin("due")
    while not on.asked():
        ours.step(on.chance)
    other = on.begin("due")

    for _ in range(120):
        tick([ours], on.clock)
    on.play()

    assert (ours.run.report.users, other.run.report.users) == (1, 0)

    on.world.assert_exact()
    assert on.asked() == on.threads
    on.assert_nobody_holds_a_lease()


def test_a_run_that_lost_its_lease_of_a_thread_leaves_it_to_another(stage: Any) -> None:
    on = stage(7)
    ours = on.begin("full")
    while not on.asked():
        ours.step(on.chance)
    on.clock.move(seconds=leases.TERM.total_seconds())
    on.begin("full")

    on.play()

    on.world.assert_exact()
    assert on.asked() <= Counter({id: pages + 1 for id, pages in on.threads.items()})
    on.assert_nobody_holds_a_lease()


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=2, max_size=8),
    kills=st.integers(0, 2),
    seed=st.integers(0, 2**16),
)
def test_whatever_the_order_of_steps_the_mirror_is_exact_and_no_page_was_wasted(
    kinds: list[str], kills: int, seed: int
) -> None:
    with transaction.atomic():
        on = Stage("default", seed)
        for kind in ["full", *kinds]:
            on.begin(kind)
        for player in on.players[1 : 1 + kills]:
            for _ in range(on.chance.randrange(30)):
                if not player.is_over:
                    player.step(on.chance)
            on.kill(player)

        on.play()

        on.world.assert_exact()
        # A killed run wastes the pages that it had asked for and not yet written.
        assert on.asked() <= Counter({id: pages + kills for id, pages in on.threads.items()})
        assert all(player.run.report.ok for player in on.players)
        on.bury()
        transaction.set_rollback(True)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kinds=st.lists(st.sampled_from(KINDS), min_size=2, max_size=4), seed=st.integers(0, 2**16))
def test_whatever_upstream_does_meanwhile_the_next_reconcile_finds_it_exact(
    kinds: list[str], seed: int
) -> None:
    with transaction.atomic():
        on = Stage("default", seed)
        for kind in kinds:
            on.begin(kind)
        for _ in range(30):
            _befall(on)
            for player in on.players:
                if not player.is_over:
                    player.step(on.chance)

        on.play()

        report = sync.reconcile(client=on.chatkit, clock=on.clock, pace=PACE)
        assert report.ok
        on.world.assert_exact()
        on.assert_nobody_holds_a_lease()
        transaction.set_rollback(True)


def _befall(on: Stage) -> None:
    """Let something happen upstream now and then."""
    present = [thread["id"] for thread in on.emulator.threads()]
    thread = on.chance.choice(present)
    items = on.emulator.items(thread)
    match on.chance.randrange(12):
        case 0:
            for _ in range(on.chance.choice([1, 30, 120])):
                on.emulator.add_item(thread, text="more")
        case 1 if items:
            on.emulator.cut_items(thread, after=on.chance.choice(items)["id"])
        case 2:
            on.world.thread("new", user=on.chance.choice(["ada", "bob"]))
        case 3 if len(present) > 2:
            on.emulator.remove_thread(thread)
        case 4:
            on.emulator.add_item(thread, type="chatkit.client_tool_call", status="in_progress", output=None)
        case 5 if items and items[-1].get("status") == "in_progress":
            on.emulator.change_item(items[-1]["id"], status="completed", output="{}")
