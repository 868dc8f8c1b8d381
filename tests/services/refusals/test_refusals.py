"""Whatever upstream refuses or garbles: a run ends and says what it could not do, and the next one is exact."""

from email.utils import formatdate
from functools import partial
from typing import Any, cast

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.services import sync
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from tests.services.conftest import Clock, World

from .conftest import (
    KEY,
    PRIVATE,
    Run,
    assert_nothing_is_gone,
    assert_the_next_run_mends_it,
    assert_told_without_a_secret,
    refuse,
    said,
)

pytestmark = pytest.mark.django_db

DEEP = b'{"data":' + b"[" * 100_000

# What upstream may say instead of what was asked, each as the emulator's arguments.
REFUSALS = [
    pytest.param({"status": 429, "headers": {}}, id="429"),
    pytest.param({"status": 429, "headers": {"retry-after": "7"}}, id="429-for-seconds"),
    pytest.param({"status": 429, "headers": {"retry-after": "0.5"}}, id="429-for-a-fraction"),
    pytest.param({"status": 429, "headers": {"retry-after": "120"}}, id="429-for-two-minutes"),
    pytest.param({"status": 429, "headers": {"retry-after": "121"}}, id="429-for-longer"),
    pytest.param({"status": 429, "headers": {"retry-after": "1e400"}}, id="429-for-ever"),
    pytest.param({"status": 429, "headers": {"retry-after": "-3"}}, id="429-for-less-than-nothing"),
    pytest.param({"status": 429, "headers": {"retry-after": "soon"}}, id="429-in-words"),
    pytest.param({"status": 429, "headers": {"retry-after": formatdate(4e9)}}, id="429-until-2096"),
    pytest.param({"status": 429, "headers": {"retry-after": formatdate(1e9)}}, id="429-until-2001"),
    pytest.param({"status": 429, "headers": {"retry-after-ms": "1500"}}, id="429-for-milliseconds"),
    pytest.param({"status": 429, "headers": {"x-should-retry": "false"}}, id="429-for-good"),
    pytest.param({"status": 400}, id="400"),
    pytest.param({"status": 403}, id="403"),
    pytest.param({"status": 408}, id="408"),
    pytest.param({"status": 409}, id="409"),
    pytest.param({"status": 422}, id="422"),
    pytest.param({"status": 500}, id="500"),
    pytest.param({"status": 500, "body": f"<h1>{PRIVATE}</h1>"}, id="500-in-HTML"),
    pytest.param({"status": 502}, id="502"),
    pytest.param({"status": 503, "headers": {"retry-after": "9"}}, id="503-for-seconds"),
    pytest.param({"status": 503}, id="503"),
    pytest.param({"status": 529}, id="529"),
    pytest.param({"status": 302, "headers": {"location": "https://elsewhere.example/"}}, id="redirect"),
    pytest.param({"kind": "reset"}, id="reset"),
    pytest.param({"kind": "timeout"}, id="silence"),
    pytest.param({"kind": "trickle", "delay": 1.0}, id="trickle"),
    pytest.param({"kind": "cut"}, id="cut"),
    pytest.param({"kind": "not_json"}, id="HTML-with-200"),
    pytest.param({"kind": "not_json", "body": ""}, id="nothing-with-200"),
    pytest.param({"kind": "not_json", "body": b"\xff\xfe"}, id="no-text-with-200"),
    pytest.param({"kind": "wrong_shape"}, id="no-data"),
    pytest.param({"kind": "wrong_shape", "body": []}, id="a-list"),
    pytest.param({"kind": "wrong_shape", "body": "null"}, id="null"),
    pytest.param({"kind": "wrong_shape", "body": {"data": None}}, id="data-null"),
    pytest.param({"kind": "wrong_shape", "body": {"data": {"id": PRIVATE}}}, id="data-an-object"),
    pytest.param({"kind": "wrong_shape", "body": {"data": [PRIVATE]}}, id="data-of-words"),
    pytest.param({"kind": "wrong_shape", "body": {"data": [{}]}}, id="data-without-ids"),
    pytest.param({"kind": "wrong_shape", "body": {"data": [{"id": 7}], "has_more": True}}, id="ids-no-text"),
    pytest.param({"kind": "wrong_shape", "body": {"error": {"message": KEY}}}, id="an-error-with-200"),
    pytest.param({"kind": "wrong_shape", "body": DEEP}, id="data-without-end"),
    pytest.param({"kind": "repeat_page"}, id="a-page-for-ever"),
    pytest.param({"kind": "empty_page"}, id="an-empty-page-with-more"),
]


@pytest.mark.parametrize("fault", REFUSALS)
class TestARefusal:
    """Each, for ever, at each place where a run may meet it."""

    @pytest.fixture
    def world(self, emulator: Emulator) -> World:
        """Use one database: what upstream says is judged before any. See the test of many in turn."""
        return World(emulator, "default")

    def test_of_a_first_copy(
        self, world: World, reconcile: Run, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        bad, good = world.thread(*said(3)), world.thread(*said(2), user="bob")
        refuse(world.emulator, "list_items", fault, match=bad)

        report = reconcile()

        assert_told_without_a_secret(report, caplog)
        assert_nothing_is_gone(report, world)
        assert world.words(good) == said(2)
        assert_the_next_run_mends_it(world, reconcile)

    def test_in_the_middle_of_a_first_copy(
        self, world: World, reconcile: Run, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        bad = world.thread(*said(103))
        refuse(world.emulator, "list_items", fault, match=bad, after=1)

        report = reconcile()

        assert_told_without_a_secret(report, caplog)
        assert_nothing_is_gone(report, world)
        assert world.words(bad) == said(100)
        world.emulator.forget_requests()
        assert_the_next_run_mends_it(world, reconcile)
        assert world.emulator.count("list_items") == 1, "what was good is not fetched again"

    def test_of_a_known_thread(
        self, world: World, reconcile: Run, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        bad, good = world.thread(*said(3)), world.thread("Hello", user="bob")
        reconcile()
        for id in (bad, good):
            for text in said(30):
                world.emulator.add_item(id, text=text)
        refuse(world.emulator, "list_items", fault, match=bad)

        report = reconcile()

        assert_told_without_a_secret(report, caplog)
        assert_nothing_is_gone(report, world)
        assert world.words(bad)[:3] == said(3)
        assert world.words(good) == ["Hello", *said(30)]
        assert_the_next_run_mends_it(world, reconcile)

    def test_of_the_listing(
        self, world: World, reconcile: Run, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        world.thread(*said(2), title=PRIVATE)
        reconcile()
        world.thread(*said(1), title=PRIVATE)
        refuse(world.emulator, "list_threads", fault)

        report = reconcile()

        assert_told_without_a_secret(report, caplog)
        assert_nothing_is_gone(report, world)
        assert_the_next_run_mends_it(world, reconcile)


def test_many_in_turn_leave_the_mirror_as_it_was(
    world: World, chatkit: ChatKit, clock: Clock, pace: Pace, reconcile: Run
) -> None:
    def listing() -> SyncReport:
        clock.move(seconds=1)
        return sync.reconcile(client=chatkit, clock=clock, pace=pace, items=False, using=world.database)

    known = world.thread(*said(3), title=PRIVATE)
    for _ in range(101):
        world.thread()
    reconcile()
    before = world.mirror()
    new = world.thread(title=PRIVATE)
    for text in said(30):
        world.emulator.add_item(known, text=text)
    thread = partial(sync.sync_thread, client=chatkit, clock=clock, thread_id=known, using=world.database)
    places: tuple[tuple[Run, str, dict[str, Any]], ...] = (
        (thread, "list_items", {"match": known}),
        (listing, "list_threads", {}),
        (listing, "list_threads", {"after": 1}),
    )

    for refusal in REFUSALS[::3]:  # enough of each kind, on each database
        for run, operation, where in places:
            refuse(world.emulator, operation, cast("dict[str, Any]", refusal.values[0]), **where)
            report = run()
            assert not report.ok, (refusal.id, operation, where)
            assert_nothing_is_gone(report, world)
            world.emulator.faults.clear()

    assert world.mirror() == before
    assert new not in before
    assert_the_next_run_mends_it(world, reconcile)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 429, "headers": {"retry-after": "90"}}, id="429"),
        pytest.param({"status": 500}, id="500"),
        pytest.param({"status": 503}, id="503"),
        pytest.param({"kind": "reset"}, id="reset"),
        pytest.param({"kind": "timeout"}, id="silence"),
        pytest.param({"kind": "cut"}, id="cut"),
    ],
)
@pytest.mark.parametrize("operation", ["list_threads", "list_items"])
def test_what_passes_is_waited_out_and_is_no_failure(
    world: World, reconcile: Run, fault: dict[str, Any], operation: str
) -> None:
    world.thread(*said(103))
    world.emulator.fail(operation, **fault)

    report = reconcile()

    assert report.ok
    world.assert_exact()
