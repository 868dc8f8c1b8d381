"""Where nothing answers for upstream but a 404, nothing is gone and nothing is deleted: the next good run is exact."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from django_chatkit.client import ChatKit, NotFoundError
from django_chatkit.models import ChatSession, ChatThread
from django_chatkit.services import cleanup, end_users, sessions, sync, threads, verify
from django_chatkit.services.differences import Sample, What
from django_chatkit.services.gone import is_gone
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from tests.services.conftest import Clock, World, end_user

from .conftest import Run, assert_nothing_is_gone, assert_the_next_run_mends_it, said

pytestmark = pytest.mark.django_db

# What may answer where upstream did, each as the emulator's arguments.
CLOSED = [
    pytest.param({"kind": "not_here"}, id="HTML"),
    pytest.param({"kind": "unknown_address"}, id="no-such-address"),
    pytest.param({"status": 404, "body": {"detail": "Not Found"}}, id="JSON-of-somebody-else"),
    pytest.param({"status": 404, "body": {"error": "cthr_1 not found"}}, id="an-error-in-words"),
    pytest.param(
        {"status": 404, "body": {"error": {"message": "This part of the API has been shut down."}}},
        id="the-end",
    ),
]
LOOKS: list[Any] = [
    pytest.param(lambda call, id: call(sync.sync_thread, thread_id=id), id="nudge"),
    pytest.param(lambda call, id: call(sync.sync_user, user="ada"), id="end-user"),
    pytest.param(lambda call, id: call(sync.sync_due), id="due-pass"),
    pytest.param(lambda call, id: call(sync.reconcile), id="reconcile"),
    pytest.param(lambda call, id: call(sync.reconcile, deep=True), id="deep"),
]

Call = Callable[..., Any]


@pytest.fixture
def world(emulator: Emulator) -> World:
    """Use one database: what upstream says is judged before any."""
    return World(emulator, "default")


@pytest.fixture
def held(world: World, reconcile: Run) -> str:
    """A thread that both sides have, with a turn that only upstream has."""
    id = world.thread(*said(3))
    reconcile()
    world.emulator.add_item(id, text="news")
    return id


@pytest.fixture
def call(chatkit: ChatKit, clock: Clock, pace: Pace, world: World) -> Call:
    """Run a service a second after whatever was before."""

    def run(service: Any, **arguments: Any) -> Any:
        clock.move(seconds=1)
        paced = {} if service is sync.sync_thread else {"pace": pace}
        return service(client=chatkit, clock=clock, using=world.database, **paced, **arguments)

    return run


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("operation", ["*", "list_items"])
@pytest.mark.parametrize("fault", CLOSED)
def test_no_look_takes_a_thread_for_gone(
    world: World, held: str, call: Call, clock: Clock, reconcile: Run, look: Any, operation: str, fault: Any
) -> None:
    end_users.opened(
        user="ada",
        owner=None,
        expires_at=clock.now + timedelta(hours=1),
        due_at=clock.now,
        using=world.database,
    )
    world.emulator.fail(operation, times=None, **fault)

    report = look(call, held)

    assert [each.error.partition(":")[0] for each in report.failures] == ["NotFoundError"]
    assert_nothing_is_gone(report, world)
    assert world.words(held) == said(3)
    assert_the_next_run_mends_it(world, reconcile)


@pytest.mark.parametrize("fault", CLOSED[:2])
def test_an_end_user_is_looked_at_ever_later(
    world: World, held: str, call: Call, clock: Clock, fault: Any
) -> None:
    end_users.opened(
        user="ada",
        owner=None,
        expires_at=clock.now + timedelta(hours=1),
        due_at=clock.now,
        using=world.database,
    )
    world.emulator.fail(times=None, **fault)

    waits = []
    for _ in range(3):
        call(sync.sync_due)
        due_at = end_user(world).due_at
        assert due_at is not None
        waits.append(due_at - clock.now)
        clock.now = due_at

    assert waits[0] < waits[1] < waits[2]
    assert "NotFoundError: Error code: 404" in end_user(world).last_error


@pytest.mark.parametrize("operation", ["*", "delete_thread"])
@pytest.mark.parametrize("fault", CLOSED)
def test_a_cleanup_deletes_nothing(
    world: World, held: str, chatkit: ChatKit, clock: Clock, operation: str, fault: Any
) -> None:
    clock.move(days=90)
    retention = {"threads": timedelta(days=30)}
    world.emulator.fail(operation, times=None, **fault)

    report = cleanup.run(client=chatkit, clock=clock, retention=retention, using=world.database)

    assert report.threads_deleted == 0
    assert "NotFoundError" in report.failures[0].error
    assert world.row(held).gone_at is None
    assert world.emulator.items(held)

    world.emulator.faults.clear()
    assert cleanup.run(
        client=chatkit, clock=clock, retention=retention, using=world.database
    ).threads_deleted == (1)
    assert world.emulator.threads() == []


@pytest.mark.parametrize("fault", CLOSED)
def test_a_delete_is_refused(world: World, held: str, chatkit: ChatKit, clock: Clock, fault: Any) -> None:
    world.emulator.fail("delete_thread", **fault)

    with pytest.raises(NotFoundError):
        threads.delete(client=chatkit, now=clock.now, thread=world.row(held), using=world.database)

    assert world.row(held).gone_at is None


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param({}, id="whole"),
        pytest.param({"sample": Sample(size=3, seed=1)}, id="sample"),
        pytest.param({"threads": ["cthr_1"]}, id="thread"),
    ],
)
@pytest.mark.parametrize("operation", ["*", "list_items", "retrieve_thread"])
@pytest.mark.parametrize("fault", CLOSED)
def test_a_verification_tells_no_difference(
    world: World, chatkit: ChatKit, clock: Clock, reconcile: Run, scope: Any, operation: str, fault: Any
) -> None:
    for number in range(3):
        world.thread("hello", id=f"cthr_{number}", created_at=1_700_000_000 + number)
    reconcile()
    # The oldest stands among the newest here, and so it is asked for by its id.
    ChatThread.objects.using(world.database).filter(pk="cthr_0").update(created_at=clock.now)
    world.emulator.fail(operation, times=None, **fault)

    report = verify.compare(client=chatkit, using=world.database, **scope)

    assert What.NOT_UPSTREAM not in {each.what for each in report.found}
    assert {each.error.partition(":")[0] for each in report.failures} <= {"NotFoundError"}
    assert not report.ok


@pytest.mark.parametrize("fault", CLOSED)
class TestASession:
    @pytest.fixture
    def opened(self, world: World, chatkit: ChatKit, clock: Clock) -> ChatSession:
        return sessions.open(
            client=chatkit,
            now=clock.now,
            user="ada",
            workflow={"id": "wf_1"},
            interval=timedelta(seconds=15),
            using=world.database,
        ).session

    def test_that_lives_is_not_taken_for_cancelled(
        self, world: World, opened: ChatSession, chatkit: ChatKit, clock: Clock, fault: Any
    ) -> None:
        world.emulator.fail("cancel_session", times=None, **fault)

        with pytest.raises(NotFoundError):
            sessions.cancel(client=chatkit, now=clock.now, session=opened, using=world.database)
        report = sessions.cancel_live(
            client=chatkit, clock=clock, user="ada", before=clock.now + timedelta(1), using=world.database
        )

        assert (report.settled, report.failed) == (0, 1)
        opened.refresh_from_db(using=world.database)
        assert (opened.status, opened.gone_at) == ("active", None)

    def test_that_is_over_needs_no_answer(
        self, world: World, opened: ChatSession, chatkit: ChatKit, clock: Clock, fault: Any
    ) -> None:
        clock.move(seconds=700)
        world.emulator.fail("cancel_session", times=None, **fault)

        report = sessions.cancel_expired(client=chatkit, clock=clock, using=world.database)

        assert (report.settled, report.failed) == (1, 0)
        opened.refresh_from_db(using=world.database)
        assert (opened.status, opened.gone_at) == ("expired", None)


@pytest.mark.parametrize(
    ("message", "believed"),
    [
        ("Thread with id 'cthr_1' not found.", True),
        ("No thread found with id cthr_1", True),
        ("cthr_1", True),
        ("Thread with id 'cthr_12' not found.", False),
        ("Thread with id 'xcthr_1' not found.", False),
        ("Invalid URL (GET /v1/chatkit/threads/cthr_1)", False),
        ("Unknown request URL: DELETE /v1/chatkit/threads/cthr_1. Please check it.", False),
        ("No route for /v1/chatkit/threads/cthr_1/items", False),
        ("Not Found", False),
        ("", False),
    ],
)
def test_what_is_believed(world: World, chatkit: ChatKit, message: str, believed: bool) -> None:
    world.emulator.fail("retrieve_thread", status=404, body={"error": {"message": message}})

    with pytest.raises(NotFoundError) as caught:
        chatkit.threads.retrieve("cthr_1")

    assert is_gone(caught.value, "cthr_1") is believed


def test_no_other_error_says_that_something_is_gone(chatkit: ChatKit) -> None:
    assert not is_gone(ValueError("cthr_1"), "cthr_1")
