"""An end user whom upstream refuses is due again, later each time, and holds up nobody."""

from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, EndUser
from django_chatkit.services import sync
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.sync import Pace
from tests.services.conftest import Clock, World

from .conftest import (
    KEY,
    PRIVATE,
    Run,
    assert_the_next_run_mends_it,
    assert_told_without_a_secret,
    refuse,
    said,
)

pytestmark = pytest.mark.django_db


class TestADueEndUserWhomUpstreamRefuses:
    @pytest.fixture(autouse=True)
    def due(self, world: World, clock: Clock) -> None:
        for id in ("ada", "bob"):
            clock.move(seconds=1)
            world.thread(*said(2), user=id)
            EndUser.objects.using(world.database).create(id=id, due_at=clock.now)

    @pytest.fixture
    def look(self, chatkit: ChatKit, clock: Clock, pace: Pace, world: World) -> Run:
        def run() -> SyncReport:
            return sync.sync_due(client=chatkit, clock=clock, pace=pace, using=world.database)

        return run

    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param({"status": 429, "headers": {"retry-after": "200"}}, id="429"),
            pytest.param({"status": 403}, id="403"),
            pytest.param({"status": 500}, id="500"),
            pytest.param({"kind": "reset"}, id="reset"),
            pytest.param({"kind": "not_json"}, id="HTML"),
            pytest.param({"kind": "repeat_page"}, id="a-page-for-ever"),
            pytest.param({"kind": "empty_page"}, id="an-empty-page-with-more"),
        ],
    )
    @pytest.mark.parametrize("operation", ["list_threads", "list_items"])
    def test_is_due_later_each_time_and_holds_up_nobody(
        self,
        world: World,
        look: Run,
        clock: Clock,
        operation: str,
        fault: dict[str, Any],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        match = "ada" if operation == "list_threads" else world.emulator.threads(user="ada")[0]["id"]
        world.emulator.change_thread(world.emulator.threads(user="ada")[0]["id"], title=PRIVATE)
        refuse(world.emulator, operation, fault, match=match)
        delays = []

        for number in range(3):
            assert_told_without_a_secret(look(), caplog)
            ada = EndUser.objects.using(world.database).get(pk="ada")
            assert (ada.failures, ada.leased_until) == (number + 1, None)
            assert ada.last_error
            assert KEY not in ada.last_error
            assert PRIVATE not in ada.last_error
            delays.append((ada.due_at or clock.now) - clock.now)
            clock.now = ada.due_at or clock.now

        assert [delay.total_seconds() for delay in delays] == [15, 30, 60]
        assert world.words(world.emulator.threads(user="bob")[0]["id"]) == said(2)
        assert not ChatThread.objects.using(world.database).exclude(gone_at=None).exists()
        assert_the_next_run_mends_it(world, look)
        ada = EndUser.objects.using(world.database).get(pk="ada")
        assert (ada.failures, ada.last_error) == (0, "")


@pytest.mark.parametrize("kind", ["empty_page", "wrong_shape", "cut"])
def test_a_spoilt_look_at_somebody_who_is_live_is_a_failure_and_not_the_last_word(
    world: World, chatkit: ChatKit, clock: Clock, pace: Pace, kind: str
) -> None:
    def look() -> SyncReport:
        return sync.sync_due(client=chatkit, clock=clock, pace=pace, using=world.database)

    world.thread(*said(2))
    ada = EndUser.objects.using(world.database).create(id="ada", due_at=clock.now, live_until=clock.now)
    refuse(world.emulator, "list_threads", {"kind": kind})

    assert [failure.id for failure in look().failures] == ["ada"]
    ada.refresh_from_db()
    assert (ada.failures, ada.due_at) == (1, clock.now + pace.interval)
    clock.now = clock.now + pace.interval
    assert_the_next_run_mends_it(world, look)


class TestAReconcileThatCanNotReadAThread:
    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param({"status": 500}, id="500"),
            pytest.param({"status": 429, "headers": {"retry-after": "600"}}, id="429"),
            pytest.param({"kind": "repeat_page"}, id="a-page-for-ever"),
        ],
    )
    def test_makes_its_end_user_due_again_later_each_time(
        self,
        world: World,
        reconcile: Run,
        chatkit: ChatKit,
        clock: Clock,
        pace: Pace,
        fault: dict[str, Any],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def look() -> SyncReport:
            return sync.sync_due(client=chatkit, clock=clock, pace=pace, using=world.database)

        bad, good = world.thread(*said(2), user="ada"), world.thread(*said(2), user="bob")
        refuse(world.emulator, "list_items", fault, match=bad)
        delays = []

        for run in (reconcile, look, look):
            assert_told_without_a_secret(run(), caplog)
            ada = EndUser.objects.using(world.database).get(pk="ada")
            assert ada.last_error
            assert KEY not in ada.last_error
            delays.append(((ada.due_at or clock.now) - clock.now).total_seconds())
            clock.now = ada.due_at or clock.now

        assert delays == [15, 30, 60]
        assert world.words(good) == said(2)
        assert EndUser.objects.using(world.database).get(pk="bob").due_at is None
        assert_the_next_run_mends_it(world, look)
        ada = EndUser.objects.using(world.database).get(pk="ada")
        assert (ada.failures, ada.last_error, ada.due_at) == (0, "", None)
