"""Sessions opened, cancelled, settled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_chatkit import signals
from django_chatkit.client import APIStatusError, AuthenticationError, ChatKit, InternalServerError
from django_chatkit.models import ChatSession, EndUser
from django_chatkit.services import session_claims, sessions
from django_chatkit.services.reports import CancelReport

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

INTERVAL = timedelta(seconds=15)


@pytest.fixture
def open_session(chatkit: ChatKit, clock: Clock, world: World) -> Any:
    def open_one(user: str = "ada", **options: Any) -> sessions.Opened:
        return sessions.open(
            client=chatkit,
            now=clock.now,
            user=user,
            workflow={"id": "wf_1"},
            interval=INTERVAL,
            using=world.database,
            **options,
        )

    return open_one


@pytest.fixture
def cancel_expired(chatkit: ChatKit, clock: Clock, world: World) -> Any:
    def run(**options: Any) -> CancelReport:
        return sessions.cancel_expired(client=chatkit, clock=clock, using=world.database, **options)

    return run


def ledger(world: World) -> Any:
    return ChatSession.objects.using(world.database)


def test_an_opened_session_stands_in_the_ledger_without_its_secret(
    world: World, open_session: Any, clock: Clock
) -> None:
    opened = open_session()

    row = ledger(world).get()
    upstream = world.emulator.sessions[row.id]
    assert opened.client_secret.startswith("ek_")
    assert opened.client_secret not in repr(opened)
    assert row.payload == {key: value for key, value in upstream.items() if key != "client_secret"}
    assert (row.status, row.workflow_id, row.created_at) == ("active", "wf_1", clock.now)
    assert row.expires_at == datetime.fromtimestamp(upstream["expires_at"], UTC)


def test_opening_makes_the_end_user_live_and_due(world: World, open_session: Any, clock: Clock) -> None:
    opened = open_session()

    end_user = EndUser.objects.using(world.database).get(pk="ada")
    assert end_user.live_until == opened.session.expires_at
    assert end_user.due_at == clock.now + INTERVAL


def test_a_shorter_session_moves_neither_moment_back(world: World, open_session: Any, clock: Clock) -> None:
    longest = open_session()
    first_due = clock.now + INTERVAL
    clock.move(seconds=5)

    open_session(expires_after=60)

    end_user = EndUser.objects.using(world.database).get(pk="ada")
    assert end_user.live_until == longest.session.expires_at
    assert end_user.due_at == first_due


def test_the_owner_is_remembered(world: World, open_session: Any, django_user_model: Any) -> None:
    owner = django_user_model.objects.using(world.database).create(username="ada")
    open_session(owner=owner)
    open_session()

    assert EndUser.objects.using(world.database).get(pk="ada").owner_id == owner.pk


@pytest.mark.parametrize(
    "trimmed",
    [{"workflow": None}, {"workflow": {}, "expires_at": None}, {"workflow": "wf", "status": "paused"}],
)
def test_an_answer_that_leaves_fields_out_is_entered_all_the_same(
    world: World, open_session: Any, clock: Clock, trimmed: dict[str, Any]
) -> None:
    world.emulator.fail(
        "create_session", status=200, body={"id": "cksess_1", "client_secret": "ek_1", **trimmed}
    )

    session = open_session().session

    assert session.workflow_id == "wf_1"
    assert session.status == "active"
    assert session.expires_at == clock.now + sessions.LONGEST_TERM


def test_a_refused_session_leaves_no_trace(world: World, open_session: Any) -> None:
    world.emulator.fail("create_session", status=500)

    with pytest.raises(InternalServerError):
        open_session()

    assert not ledger(world).exists()
    assert not EndUser.objects.using(world.database).exists()


def test_a_cancelled_session_is_settled_on_both_sides(
    world: World, open_session: Any, chatkit: ChatKit, clock: Clock
) -> None:
    session = open_session().session

    cancelled = sessions.cancel(client=chatkit, now=clock.now, session=session, using=world.database)

    assert cancelled.status == "cancelled"
    assert cancelled.payload["status"] == "cancelled"
    assert "client_secret" not in cancelled.payload
    assert world.emulator.sessions[session.id]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("fault", "late", "status", "gone"),
    [
        pytest.param({"status": 404}, False, "cancelled", True, id="404 of a live one"),
        pytest.param({"status": 404}, True, "expired", True, id="404 of an expired one"),
        pytest.param({"status": 409}, True, "expired", False, id="409"),
        pytest.param({"status": 400}, True, "expired", False, id="400"),
        pytest.param(
            {"status": 200, "body": {"id": "x", "status": "expired"}}, False, "expired", False, id="expired"
        ),
        pytest.param(
            {"status": 200, "body": {"id": "x", "status": "active"}}, False, "cancelled", False, id="active"
        ),
        pytest.param({"status": 200, "body": {"id": "x"}}, True, "expired", False, id="no status"),
    ],
)
def test_that_upstream_was_first_settles_the_ledger(
    world: World,
    open_session: Any,
    chatkit: ChatKit,
    clock: Clock,
    fault: dict[str, Any],
    late: bool,
    status: str,
    gone: bool,
) -> None:
    session = open_session().session
    clock.move(seconds=700 if late else 1)
    world.emulator.fail("cancel_session", **fault)

    cancelled = sessions.cancel(client=chatkit, now=clock.now, session=session, using=world.database)

    assert cancelled.status == status
    assert (cancelled.gone_at is not None) == gone
    assert cancelled.payload["id"] == session.id


def test_a_session_that_is_settled_keeps_its_status_when_upstream_forgets_it(
    world: World, open_session: Any, chatkit: ChatKit, clock: Clock
) -> None:
    session = open_session().session
    sessions.cancel(client=chatkit, now=clock.now, session=session, using=world.database)
    clock.move(seconds=700)
    world.emulator.fail("cancel_session", status=404)

    again = sessions.cancel(client=chatkit, now=clock.now, session=session, using=world.database)

    assert again.status == "cancelled"
    assert again.gone_at == clock.now


def test_a_cancel_that_failed_keeps_the_session_with_the_error(
    world: World, open_session: Any, chatkit: ChatKit, clock: Clock
) -> None:
    session = open_session().session
    world.emulator.fail("cancel_session", status=503)

    with pytest.raises(APIStatusError):
        sessions.cancel(client=chatkit, now=clock.now, session=session, using=world.database)

    row = ledger(world).get()
    assert (row.status, row.failures) == ("active", 1)
    assert "InternalServerError" in row.last_error


def test_expired_sessions_are_cancelled_with_one_request_each_and_others_with_none(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    for number in range(12):
        open_session(user=f"user {number}", expires_after=60)
    open_session(user="still talking", expires_after=600)
    clock.move(seconds=61)

    report = cancel_expired(batch_size=5, workers=4)

    assert (report.settled, report.failed) == (12, 0)
    assert world.emulator.count("cancel_session") == 12
    assert ledger(world).active().get().end_user_id == "still talking"
    assert cancel_expired().settled == 0
    assert world.emulator.count("cancel_session") == 12


def test_one_that_fails_is_counted_tried_later_each_time_and_stops_no_other(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    bad = open_session("ada").session.id
    open_session("bob")
    clock.move(seconds=601)
    world.emulator.fail("cancel_session", status=500, times=2, match=bad)

    report = cancel_expired()

    assert (report.settled, report.failed) == (1, 1)
    assert [failure.id for failure in report.failures] == [bad]
    assert ledger(world).get(pk=bad).retry_at == clock.now + timedelta(seconds=60)
    assert cancel_expired().as_dict() == CancelReport().as_dict()

    clock.move(seconds=60)
    cancel_expired()
    assert ledger(world).get(pk=bad).retry_at == clock.now + timedelta(seconds=120)

    clock.move(seconds=120)
    assert cancel_expired().settled == 1
    row = ledger(world).get(pk=bad)
    assert (row.failures, row.last_error, row.retry_at) == (0, "", None)


@pytest.mark.parametrize("answer", ["expired", "cancelled", "not_found", "bad_request", "conflict"])
def test_whatever_upstream_thinks_of_cancelling_an_expired_session_settles_it(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock, answer: Any
) -> None:
    world.emulator.switches.cancel_of_expired = answer
    open_session()
    clock.move(seconds=601)

    assert cancel_expired().settled == 1

    row = ledger(world).get()
    assert row.status == ("cancelled" if answer == "cancelled" else "expired")
    assert (row.gone_at is not None) == (answer == "not_found")


def test_two_that_cancel_at_once_share_the_sessions(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    for number in range(6):
        open_session(user=f"user {number}")
    clock.move(seconds=601)
    others: list[int] = []

    def meanwhile(report: CancelReport) -> None:
        if not others:
            others.append(cancel_expired(batch_size=2).settled)

    mine = cancel_expired(batch_size=2, on_progress=meanwhile)

    assert mine.settled + others[0] == 6
    assert world.emulator.count("cancel_session") == 6


def test_a_batch_claimed_by_a_process_that_died_is_free_again_after_half_a_minute(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    open_session()
    clock.move(seconds=601)
    ledger(world).update(claimed_until=clock.now + session_claims.CLAIM)

    assert cancel_expired().settled == 0
    clock.move(seconds=30)
    assert cancel_expired().settled == 1


def test_who_waits_cancels_what_a_process_that_died_had_claimed(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    for number in range(3):
        open_session(user=f"user {number}")
    clock.move(seconds=601)
    ledger(world).filter(end_user="user 1").update(claimed_until=clock.now + session_claims.CLAIM)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        clock.move(seconds=seconds)

    assert cancel_expired(wait=wait).settled == 3
    assert sum(waits) == 30


def test_who_waits_leaves_to_another_what_that_one_settles(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    open_session()
    clock.move(seconds=601)
    ledger(world).update(claimed_until=clock.now + session_claims.CLAIM)

    def wait(seconds: float) -> None:
        ledger(world).update(status="expired", claimed_until=None)

    assert cancel_expired(wait=wait).as_dict() == CancelReport().as_dict()
    assert world.emulator.count("cancel_session") == 0


def test_who_waits_tries_each_once_and_counts_what_another_gave_back(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    for number in range(3):
        open_session(user=f"user {number}")
    clock.move(seconds=601)
    ledger(world).filter(end_user="user 1").update(claimed_until=clock.now + session_claims.CLAIM)
    world.emulator.fail("cancel_session", status=500, times=None)

    def wait(seconds: float) -> None:
        ledger(world).update(claimed_until=None)

    report = cancel_expired(at_once=True, wait=wait)

    assert (report.settled, report.failed) == (0, 3)
    assert world.emulator.count("cancel_session") == 3


def test_a_refused_key_stops_the_run_and_leaves_every_session_for_the_next(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    for number in range(3):
        open_session(user=f"user {number}")
    clock.move(seconds=601)
    world.emulator.fail("cancel_session", status=401, times=None)

    with pytest.raises(AuthenticationError):
        cancel_expired(workers=1)

    assert ledger(world).expired(now=clock.now).unclaimed(now=clock.now).to_try(now=clock.now).count() == 3


def test_hosts_are_told_of_sessions_after_the_commit(
    world: World,
    open_session: Any,
    cancel_expired: Any,
    clock: Clock,
    django_capture_on_commit_callbacks: Any,
) -> None:
    told: list[tuple[str, str]] = []

    def opened(sender: type, session: ChatSession, **_: Any) -> None:
        told.append(("opened", session.status))

    def cancelled(sender: type, session: ChatSession, **_: Any) -> None:
        told.append(("cancelled", session.status))

    signals.session_opened.connect(opened)
    signals.session_cancelled.connect(cancelled)
    try:
        with django_capture_on_commit_callbacks(using=world.database, execute=True):
            open_session()
            assert told == []
        clock.move(seconds=601)
        with django_capture_on_commit_callbacks(using=world.database, execute=True):
            cancel_expired()
    finally:
        signals.session_opened.disconnect(opened)
        signals.session_cancelled.disconnect(cancelled)

    assert told == [("opened", "active"), ("cancelled", "expired")]


def test_a_claim_is_kept_while_its_sessions_are_cancelled_however_long_that_takes(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock, chatkit: ChatKit
) -> None:
    for number in range(6):
        open_session(user=f"user {number}")
    clock.move(seconds=601)
    looks: list[datetime] = []
    others: list[int] = []

    class SlowClock:
        """Let seconds pass with each look at it; another process comes by when the first claim would be over."""

        def __call__(self) -> datetime:
            clock.move(seconds=9)
            looks.append(clock.now)
            if len(looks) == 6:
                others.append(cancel_expired().settled)
            return clock.now

    report = sessions.cancel_expired(client=chatkit, clock=SlowClock(), workers=1, using=world.database)

    assert (report.settled, others) == (6, [0])
    assert world.emulator.count("cancel_session") == 6


@pytest.fixture
def cancel_live(chatkit: ChatKit, clock: Clock, world: World) -> Any:
    def run(user: str = "ada", **options: Any) -> CancelReport:
        before = clock.now + timedelta(seconds=1)
        return sessions.cancel_live(
            client=chatkit, clock=clock, user=user, using=world.database, **{"before": before, **options}
        )

    return run


def test_live_sessions_of_one_end_user_are_cancelled_with_one_request_each(
    world: World, open_session: Any, cancel_live: Any, clock: Clock
) -> None:
    open_session(expires_after=60)
    clock.move(seconds=60)
    opened = [open_session().session.id for _ in range(3)]
    open_session(user="bob")

    assert cancel_live(batch_size=2).settled == 3

    assert world.emulator.count("cancel_session") == 3
    settled = ledger(world).settled()
    assert sorted(settled.values_list("id", "status")) == sorted((id, "cancelled") for id in opened)
    assert cancel_live().settled == 0


def test_a_live_session_opened_since_is_spared(
    world: World, open_session: Any, cancel_live: Any, clock: Clock
) -> None:
    open_session()

    assert cancel_live(before=clock.now).settled == 0
    assert world.emulator.count("cancel_session") == 0


@pytest.mark.parametrize(
    ("fault", "gone"),
    [
        pytest.param({"status": 404}, True, id="forgotten"),
        pytest.param({"status": 409}, False, id="refused"),
        pytest.param({"status": 200, "body": {"id": "x"}}, False, id="nothing told"),
    ],
)
def test_a_live_session_that_upstream_says_nothing_of_counts_as_cancelled(
    world: World, open_session: Any, cancel_live: Any, fault: dict[str, Any], gone: bool
) -> None:
    open_session()
    world.emulator.fail("cancel_session", **fault)

    assert cancel_live().settled == 1
    row = ledger(world).get()
    assert (row.status, row.gone_at is not None) == ("cancelled", gone)


def test_a_live_session_that_cannot_be_cancelled_is_counted_and_settled_once_its_term_is_over(
    world: World, open_session: Any, cancel_live: Any, cancel_expired: Any, clock: Clock
) -> None:
    open_session()
    open_session()
    world.emulator.fail("cancel_session", status=500)

    report = cancel_live()

    assert (report.settled, report.failed, len(report.failures)) == (1, 1, 1)
    clock.move(seconds=601)
    assert cancel_expired().settled == 1


def test_a_refused_key_stops_a_cancel_of_live_sessions_and_frees_them(
    world: World, open_session: Any, cancel_live: Any, clock: Clock
) -> None:
    open_session()
    world.emulator.fail("cancel_session", status=401)

    with pytest.raises(AuthenticationError):
        cancel_live()

    assert ledger(world).live(now=clock.now).unclaimed(now=clock.now).count() == 1


def test_who_asks_at_once_does_not_wait_for_the_next_time(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    open_session()
    clock.move(seconds=601)
    world.emulator.fail("cancel_session", status=500)
    cancel_expired()

    assert cancel_expired().settled == 0
    assert cancel_expired(at_once=True).settled == 1


def test_a_session_that_fails_is_tried_once_in_a_run(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    for number in range(4):
        open_session(user=f"user {number}")
    clock.move(seconds=601)
    world.emulator.fail("cancel_session", status=500, times=None)

    report = cancel_expired(at_once=True, batch_size=2)

    assert (report.failed, world.emulator.count("cancel_session")) == (4, 4)


def test_an_id_that_can_stand_in_no_address_stops_no_other(
    world: World, cancel_expired: Any, clock: Clock
) -> None:
    ada = EndUser.objects.using(world.database).create(id="ada")
    for id in ("..", "cksess_a"):
        ledger(world).create(id=id, end_user=ada, expires_at=clock.now, created_at=clock.now)

    report = cancel_expired()

    assert (report.settled, report.failed) == (1, 1)
    assert "ValueError" in ledger(world).get(pk="..").last_error


def test_upstreams_words_are_kept_whatever_characters_they_have(
    world: World, open_session: Any, cancel_expired: Any, clock: Clock
) -> None:
    open_session()
    clock.move(seconds=601)
    error = {"message": "bad \0 \ud800", "type": "server_error", "param": None, "code": None}
    world.emulator.fail("cancel_session", status=500, body={"error": error})

    assert cancel_expired().failed == 1
    assert "bad \ufffd \ufffd" in ledger(world).get().last_error
