"""Erasures carried out: upstream first, each thread confirmed, then here; whatever ends a run, the next goes on."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_chatkit import signals
from django_chatkit.client import AuthenticationError, ChatKit
from django_chatkit.models import (
    ChatSession,
    ChatThread,
    ChatThreadItem,
    DailyCount,
    EndUser,
    ErasedThread,
    Erasure,
    SyncRun,
    Tag,
    ThreadNote,
    ThreadReview,
)
from django_chatkit.services import annotations, days, erasing, erasures, holds, mirror, sessions, sync
from django_chatkit.services.items import ItemSync
from django_chatkit.services.reports import ErasureReport, SyncReport
from django_chatkit.services.sync import Pace
from django_chatkit.services.threads import Listing
from django_chatkit.testing.adapter import EmulatorAdapter
from tests.keys import FIRST, SECOND, use

from .conftest import Clock, World
from .interleaving import answered

pytestmark = pytest.mark.django_db


@pytest.fixture
def erase(chatkit: ChatKit, clock: Clock, world: World) -> Any:
    """Ask for an erasure, and carry it out in one order that repeats."""

    def run(user: str = "ada", *, asks: bool = True, **options: Any) -> ErasureReport:
        if asks:
            erasures.ask(user=user, as_="grace", now=clock.now, using=world.database)
        return erasing.carry_on(
            clock=clock,
            user=user,
            **{"client": chatkit, "at_once": True, "workers": 0, "using": world.database, **options},
        )

    return run


@pytest.fixture
def lived_in(world: World, chatkit: ChatKit, clock: Clock, pace: Pace) -> World:
    """Ada with three threads, a live session, a note, a review and runs about her; and Ben, who has as much."""
    for user in ("ada", "ben"):
        open_session(world, chatkit, clock, user)
        for number in range(3):
            world.thread(f"hello {number}", "and more", user=user, id=f"cthr_{user}_{number}")
    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)
    for user in ("ada", "ben"):
        sync.sync_user(client=chatkit, clock=clock, user=user, pace=pace, using=world.database)
        now = clock.now
        annotations.note(thread_id=f"cthr_{user}_0", text="Angry", author=None, now=now, using=world.database)
        annotations.review(
            thread_id=f"cthr_{user}_1", rating=1, tags=["kind"], reviewer=None, now=now, using=world.database
        )
        for kind, subject in (("user", user), ("thread", f"cthr_{user}_0")):
            runs = SyncRun.objects.using(world.database)
            runs.create(kind=kind, subject=subject, started_at=now, noted_at=now)
    world.emulator.forget_requests()
    clock.move(seconds=5)
    return world


def open_session(world: World, chatkit: ChatKit, clock: Clock, user: str = "ada") -> ChatSession:
    return sessions.open(
        client=chatkit,
        now=clock.now,
        user=user,
        workflow={"id": "wf_1"},
        interval=timedelta(seconds=15),
        using=world.database,
    ).session


def row(world: World, user: str = "ada") -> Erasure:
    return Erasure.objects.using(world.database).get(end_user=user)


def of(world: World, user: str) -> dict[str, int]:
    """Count all that we have of somebody."""
    using = world.database
    return {
        "end_users": EndUser.objects.using(using).filter(pk=user).count(),
        "sessions": ChatSession.objects.using(using).of(user).count(),
        "threads": ChatThread.objects.using(using).of(user).count(),
        "items": ChatThreadItem.objects.using(using).filter(thread__end_user=user).count(),
        "notes": ThreadNote.objects.using(using).filter(thread__end_user=user).count(),
        "reviews": ThreadReview.objects.using(using).filter(thread__end_user=user).count(),
        "runs": SyncRun.objects.using(using).filter(subject__contains=user).count(),
    }


NOTHING = dict.fromkeys(("end_users", "sessions", "threads", "items", "notes", "reviews", "runs"), 0)
EVERYTHING = {
    "end_users": 1,
    "sessions": 1,
    "threads": 3,
    "items": 6,
    "notes": 1,
    "reviews": 1,
    "runs": 2,
}


def test_everything_of_one_end_user_goes_on_both_sides_and_nobody_elses(lived_in: World, erase: Any) -> None:
    bens = of(lived_in, "ben")

    report = erase()

    assert report.ok
    assert (report.people, report.finished, report.sessions_cancelled) == (1, 1, 1)
    assert lived_in.emulator.threads("ada") == []
    assert of(lived_in, "ada") == NOTHING
    assert of(lived_in, "ben") == bens
    assert bens["threads"] == len(lived_in.emulator.threads("ben")) == 3


def test_a_tag_goes_with_the_last_review_that_has_it(lived_in: World, erase: Any, clock: Clock) -> None:
    annotations.review(
        thread_id="cthr_ada_1",
        rating=1,
        tags=["kind", "ada lovelace"],
        reviewer=None,
        now=clock.now,
        using=lived_in.database,
    )

    erase()
    tags = Tag.objects.using(lived_in.database)
    assert list(tags.values_list("name", flat=True)) == ["kind"]

    erase("ben", client=None)
    assert not tags.exists()


def test_a_row_without_content_remains(lived_in: World, erase: Any, clock: Clock) -> None:
    erase()

    erasure = row(lived_in)
    assert erasure.state == Erasure.State.DONE
    assert (erasure.asked_as, erasure.asked_at, erasure.finished_at) == ("grace", clock.now, clock.now)
    assert (erasure.sessions, erasure.threads, erasure.items) == (1, 3, 6)
    assert (erasure.notes, erasure.reviews) == (1, 1)
    assert erasure.pending_for is None
    assert {each.id for each in erasure.erased_threads.using(lived_in.database).all()} == {
        f"cthr_ada_{number}" for number in range(3)
    }


def test_each_thread_costs_two_requests_and_the_list_one_more_than_its_pages(
    lived_in: World, erase: Any
) -> None:
    erase()

    counts = {name: lived_in.emulator.count(name) for name in ("delete_thread", "retrieve_thread")}
    assert counts == {"delete_thread": 3, "retrieve_thread": 3}
    assert lived_in.emulator.count("list_threads") == 2
    assert lived_in.emulator.count("cancel_session") == 1
    assert lived_in.emulator.count() == 9


def test_what_upstream_no_longer_has_costs_one_request(lived_in: World, erase: Any) -> None:
    for number in range(3):
        lived_in.emulator.remove_thread(f"cthr_ada_{number}")

    assert erase().ok
    assert lived_in.emulator.count("delete_thread") == 3
    assert lived_in.emulator.count("retrieve_thread") == 0
    assert of(lived_in, "ada") == NOTHING


def test_queries_follow_the_batches_and_not_the_items(lived_in: World, erase: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connections[lived_in.database]) as captured:
            assert erase("cyd").ok
        return len(captured)

    def thread_of(items: int) -> None:
        world = lived_in
        id = world.thread(*(f"line {number}" for number in range(items)), user="cyd")
        mirror_it(id)

    def mirror_it(id: str) -> None:
        EndUser.objects.using(lived_in.database).get_or_create(id="cyd")
        thread = ChatThread.objects.using(lived_in.database).create(
            id=id, end_user_id="cyd", created_at=lived_in.row("cthr_ben_0").created_at
        )
        ChatThreadItem.objects.using(lived_in.database).bulk_create(
            ChatThreadItem(id=each["id"], thread=thread, position=position, created_at=thread.created_at)
            for position, each in enumerate(lived_in.emulator.items(id))
        )

    thread_of(1)
    queries()  # it counts all days, which it does once a day
    thread_of(10)
    few = queries()
    thread_of(400)
    many = queries()

    assert many == few


def test_only_a_404_that_names_the_thread_is_believed(lived_in: World, erase: Any) -> None:
    lived_in.emulator.fail("delete_thread", kind="unknown_address", times=None)

    report = erase()

    assert [(each.noun, each.id) for each in report.failures] == [
        ("thread", f"cthr_ada_{number}") for number in range(3)
    ]
    assert of(lived_in, "ada") == {**EVERYTHING, "runs": of(lived_in, "ada")["runs"]}
    assert len(lived_in.emulator.threads("ada")) == 3


def test_a_delete_that_is_not_confirmed_deletes_nothing_here(lived_in: World, erase: Any) -> None:
    lived_in.emulator.fail("retrieve_thread", kind="unknown_address", match="cthr_ada_1")

    report = erase()

    assert [each.id for each in report.failures] == ["cthr_ada_1"]
    assert of(lived_in, "ada")["threads"] == 1
    assert lived_in.words("cthr_ada_1") == ["hello 1", "and more"]
    assert row(lived_in).state == Erasure.State.FAILING


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"operation": "delete_thread", "status": 500}, id="delete-fails"),
        pytest.param({"operation": "delete_thread", "status": 403}, id="delete-refused"),
        pytest.param({"operation": "retrieve_thread", "kind": "reset"}, id="confirmation-lost"),
        pytest.param(
            {
                "operation": "delete_thread",
                "status": 200,
                "body": {"id": "cthr_ada_1", "object": "chatkit.thread.deleted", "deleted": False},
            },
            id="says-it-did-not",
        ),
        pytest.param(
            {
                "operation": "delete_thread",
                "status": 200,
                "body": {"id": "cthr_ada_1", "object": "chatkit.thread.deleted", "deleted": True},
            },
            id="says-it-did-and-has-it",
        ),
    ],
)
def test_what_upstream_refuses_is_listed_and_the_next_try_erases_it(
    lived_in: World, erase: Any, fault: dict[str, Any]
) -> None:
    lived_in.emulator.fail(match="cthr_ada_1", **fault)

    first = erase()

    assert not first.ok
    assert (first.threads, first.finished) == (2, 0)
    left = ErasedThread.objects.using(lived_in.database).left().get()
    assert (left.id, left.gone_at) == ("cthr_ada_1", None)
    assert left.last_error
    assert row(lived_in).last_error == left.last_error
    assert of(lived_in, "ada")["end_users"] == 1

    second = erase(asks=False)

    assert second.ok
    assert (second.threads, second.finished) == (1, 1)
    assert (row(lived_in).threads, row(lived_in).items) == (3, 6)
    assert of(lived_in, "ada") == NOTHING
    assert not ErasedThread.objects.using(lived_in.database).left().exists()


def test_what_failed_waits_longer_each_time_and_beat_leaves_it_alone_until_then(
    lived_in: World, erase: Any, clock: Clock
) -> None:
    lived_in.emulator.fail("list_threads", status=500, times=None)
    waits: list[timedelta] = []
    for _ in range(3):
        erase(asks=False) if waits else erase()
        retry_at = row(lived_in).retry_at
        assert retry_at is not None
        waits.append(retry_at - clock.now)

    assert waits == [timedelta(minutes=minutes) for minutes in (1, 2, 4)]
    assert erase(asks=False, user=None, at_once=False).people == 0
    clock.move(minutes=4)
    assert erase(asks=False, user=None, at_once=False).people == 1


def test_a_thread_that_only_upstream_had_and_refused_is_asked_for_again(lived_in: World, erase: Any) -> None:
    lived_in.thread("not copied", id="cthr_ada_new")
    lived_in.emulator.fail("delete_thread", status=500, match="cthr_ada_new")
    assert not erase().ok
    lived_in.emulator.remove_thread("cthr_ada_new")

    report = erase(asks=False)

    assert (report.ok, report.threads, report.finished) == (True, 1, 1)


def test_more_than_a_page_goes_past_those_that_stay(world: World, erase: Any) -> None:
    ids = [world.thread(id=f"cthr_{number:03}") for number in range(205)]
    for id in (ids[3], ids[99], ids[204]):
        world.emulator.fail("delete_thread", status=500, match=id, times=None)

    report = erase()

    assert [each.id for each in report.failures] == [ids[3], ids[99], ids[204]]
    assert report.threads == 202
    assert [each["id"] for each in world.emulator.threads("ada")] == [ids[3], ids[99], ids[204]]


def test_what_upstream_listed_before_its_list_broke_off_is_erased(world: World, erase: Any) -> None:
    for number in range(101):
        world.thread(id=f"cthr_{number:03}")
    world.emulator.fail("list_threads", status=404, match="cthr_099")

    report = erase()

    assert [(each.noun, each.id) for each in report.failures] == [("end user", "ada")]
    assert (report.threads, report.finished) == (100, 0)
    assert erase(asks=False).finished == 1


def test_who_begins_a_thread_at_each_delete_keeps_no_other_waiting(world: World, erase: Any) -> None:
    for number in range(3):
        world.thread(id=f"cthr_{number:03}")

    begun: list[str] = []

    def chat_on(report: ErasureReport) -> None:
        if world.emulator.count("delete_thread") > len(begun):
            begun.append(world.thread("and again"))

    report = erase(on_progress=chat_on)

    assert (report.finished, report.threads, len(begun)) == (0, 9, 9)
    assert "somebody chats" in row(world).last_error
    assert world.emulator.count("list_threads") == 3


def test_a_thread_that_cannot_be_redacted_is_erased_all_the_same(lived_in: World, erase: Any) -> None:
    def refuse(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError(kind)

    adapter = EmulatorAdapter(lived_in.emulator)
    report = erase(client=ChatKit(api_key="sk-test", adapter=adapter, redact=refuse))

    assert (report.failures, report.finished, report.threads) == ([], 1, 3)
    assert of(lived_in, "ada") == NOTHING


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"id": "cthr_" + "x" * 300}, id="too-long"),
        pytest.param({"id": ""}, id="empty"),
        pytest.param({"id": "cthr_of_whom", "user": "u" * 600}, id="of-nobody"),
    ],
)
def test_a_thread_that_can_have_no_row_is_named_and_the_others_go(
    lived_in: World, erase: Any, bad: dict[str, str]
) -> None:
    good = lived_in.emulator.threads("ada")
    page = {"object": "list", "data": [*good, {**good[0], **bad}], "has_more": False, "last_id": None}
    lived_in.emulator.fail("list_threads", status=200, body=page)

    report = erase()

    assert [(each.noun, each.id) for each in report.failures] == [("thread", bad["id"][:255])]
    assert (report.threads, report.finished) == (3, 0)
    assert row(lived_in).last_error.startswith("Unmirrorable: upstream sent")
    assert erase(asks=False).finished == 1


def test_a_list_that_cannot_be_read_deletes_nothing(lived_in: World, erase: Any) -> None:
    lived_in.emulator.fail("list_threads", kind="not_json")

    report = erase()

    assert [each.noun for each in report.failures] == ["end user"]
    assert lived_in.emulator.count("delete_thread") == 0


def test_somebody_elses_thread_in_the_list_is_touched_by_nobody(lived_in: World, erase: Any) -> None:
    body = {
        "object": "list",
        "data": lived_in.emulator.threads("ben"),
        "first_id": "cthr_ben_0",
        "last_id": "cthr_ben_2",
        "has_more": False,
    }
    lived_in.emulator.fail("list_threads", status=200, body=body)

    report = erase()

    assert "somebody else's" in report.failures[0].error
    assert lived_in.emulator.count("delete_thread") == 0


def test_a_thread_that_stays_in_the_list_after_its_404_is_not_done(lived_in: World, erase: Any) -> None:
    document = {
        "object": "list",
        "data": lived_in.emulator.threads("ada"),
        "first_id": "cthr_ada_0",
        "last_id": "cthr_ada_2",
        "has_more": False,
    }
    lived_in.emulator.fail("list_threads", status=200, body=document, times=None)

    report = erase()

    assert {each.error.partition(":")[0] for each in report.failures} == {"Contradiction"}
    assert (report.finished, report.threads) == (0, 3)
    lived_in.emulator.faults.clear()
    assert erase(asks=False).finished == 1


@pytest.mark.parametrize("operation", ["list_threads", "delete_thread"])
def test_a_refused_key_stops_and_is_kept(lived_in: World, erase: Any, operation: str) -> None:
    lived_in.emulator.fail(operation, status=401, times=None)

    with pytest.raises(AuthenticationError):
        erase()

    assert row(lived_in).last_error.startswith("AuthenticationError")
    assert row(lived_in).leased_until is None
    assert of(lived_in, "ada")["items"] == 6


def test_a_session_that_could_not_be_cancelled_keeps_the_erasure_open(
    lived_in: World, erase: Any, clock: Clock
) -> None:
    lived_in.emulator.fail("cancel_session", status=500)

    report = erase()

    assert [each.noun for each in report.failures] == ["session"]
    assert (report.threads, report.finished) == (3, 0)
    assert row(lived_in).last_error.startswith("Contradiction: a session could not be cancelled")
    clock.move(minutes=11)  # it ends by itself
    assert erase(asks=False).finished == 1
    assert of(lived_in, "ada") == NOTHING


def test_who_opens_a_session_meanwhile_is_erased_once_more(
    lived_in: World, erase: Any, chatkit: ChatKit, clock: Clock
) -> None:
    opened: list[str] = []

    def chat_on(report: ErasureReport) -> None:
        if report.threads == 3 and not opened:
            opened.append(open_session(lived_in, chatkit, clock).id)
            lived_in.thread("I am still here", id="cthr_ada_late")

    report = erase(on_progress=chat_on)

    assert (report.ok, report.finished, report.threads) == (True, 1, 4)
    assert of(lived_in, "ada") == NOTHING
    assert lived_in.emulator.threads("ada") == []


def test_who_never_stops_chatting_keeps_the_erasure_open(
    lived_in: World, erase: Any, chatkit: ChatKit, clock: Clock
) -> None:
    def chat_on(report: ErasureReport) -> None:
        if not ChatThread.objects.using(lived_in.database).of("ada").exists():
            open_session(lived_in, chatkit, clock)

    report = erase(on_progress=chat_on)

    assert report.finished == 0
    assert "somebody chats" in report.failures[-1].error


def test_who_is_known_upstream_only_is_erased_too(world: World, erase: Any) -> None:
    world.thread("hello", user="stranger")

    report = erase("stranger")

    assert (report.threads, report.items, report.finished) == (1, 0, 1)
    assert of(world, "stranger") == NOTHING


def test_whom_upstream_did_not_name_cannot_be_asked_for(world: World, erase: Any) -> None:
    assert "did not tell whose" in erase("(unknown)").failures[0].error


class Killed(BaseException):
    """Stand for whatever ends a process."""


@pytest.mark.parametrize("step", range(12))
def test_whatever_ends_a_run_the_next_goes_on_and_counts_exactly(
    lived_in: World, erase: Any, clock: Clock, step: int
) -> None:
    steps = iter(range(step))

    def end(report: ErasureReport) -> None:
        if next(steps, None) is None:
            raise Killed

    with pytest.raises(Killed):
        erase(on_progress=end, batch_size=1)
    clock.move(seconds=30)

    assert erase(asks=False, batch_size=1).finished == 1
    erasure = row(lived_in)
    assert (erasure.sessions, erasure.threads, erasure.items) == (1, 3, 6)
    assert (erasure.notes, erasure.reviews) == (1, 1)
    assert of(lived_in, "ada") == NOTHING
    assert lived_in.emulator.threads("ada") == []


def test_the_days_keep_their_numbers(lived_in: World, erase: Any) -> None:
    erase()

    counts = DailyCount.objects.using(lived_in.database).filter(metric=DailyCount.Metric.THREADS)
    assert sum(counts.values_list("value", flat=True)) == 6


def test_the_days_keep_the_last_minutes_too(
    lived_in: World, erase: Any, clock: Clock, chatkit: ChatKit, pace: Pace
) -> None:
    def items() -> int:
        rows = DailyCount.objects.using(lived_in.database).filter(metric=DailyCount.Metric.ITEMS)
        return sum(rows.values_list("value", flat=True))

    days.count_if_due(now=clock.now, using=lived_in.database)
    before = items()
    clock.move(minutes=25)
    for _ in range(3):
        lived_in.emulator.add_item("cthr_ada_0", text="one more")
    sync.sync_user(client=chatkit, clock=clock, user="ada", pace=pace, using=lived_in.database)

    erase()

    assert items() == before + 3


@pytest.mark.parametrize("is_ended", [False, True], ids=["whole", "broken-off"])
def test_the_index_of_words_forgets_what_was_erased(
    world: World, erase: Any, run: Any, is_ended: bool
) -> None:
    world.thread("xylophonist", "and more")
    run(sync.reconcile)

    def end(report: ErasureReport) -> None:
        if is_ended and report.items:
            raise Killed

    with suppress(Killed):
        erase(on_progress=end, batch_size=1)

    left = ChatThreadItem.objects.using(world.database).count()
    assert left == (1 if is_ended else 0)
    connection = connections[world.database]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT block FROM chatkit_item_words_data")
            assert not any(b"xylophon" in block for (block,) in cursor.fetchall())


# Upstream has closed


@pytest.fixture
def closed(lived_in: World) -> World:
    """Close upstream: it knows no address any more."""
    lived_in.emulator.fail("*", kind="unknown_address", times=None)
    return lived_in


def test_what_is_known_to_be_gone_goes_here_though_upstream_lists_nothing(
    closed: World, erase: Any, clock: Clock
) -> None:
    gone = ChatThread.objects.using(closed.database).filter(pk__in=["cthr_ada_0", "cthr_ada_2"])
    gone.update(gone_at=clock.now - timedelta(days=1))

    report = erase()

    assert (report.threads, report.finished, closed.emulator.count("delete_thread")) == (2, 0, 0)
    assert closed.words("cthr_ada_1") == ["hello 1", "and more"]
    tombs = ErasedThread.objects.using(closed.database)
    assert {each.gone_at for each in tombs.confirmed()} == {clock.now - timedelta(days=1)}
    assert report.failures[-1].error.startswith("NotFoundError")


def test_here_alone_all_goes_at_once_and_no_request_is_made(closed: World, erase: Any) -> None:
    bens = of(closed, "ben")
    assert erase().finished == 0
    closed.emulator.forget_requests()

    report = erase(client=None)

    assert (report.ok, report.here_only, report.finished) == (True, True, 1)
    assert (report.threads, report.items, report.notes, report.reviews) == (3, 6, 1, 1)
    assert (of(closed, "ada"), of(closed, "ben")) == (NOTHING, bens)
    assert closed.emulator.count() == 0
    erasure = row(closed)
    assert (erasure.state, erasure.is_confirmed) == (Erasure.State.HERE, False)
    assert (erasure.sessions, erasure.threads, erasure.items, erasure.last_error) == (1, 3, 6, "")
    assert erasure.erased_threads.using(closed.database).left().count() == 3


def test_what_was_erased_here_alone_does_not_come_back(
    lived_in: World, erase: Any, chatkit: ChatKit, clock: Clock, pace: Pace
) -> None:
    erase(client=None)
    clock.move(seconds=5)

    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=lived_in.database)

    assert len(lived_in.emulator.threads("ada")) == 3
    assert of(lived_in, "ada")["threads"] == 0


@pytest.fixture
def sealed(settings: Any) -> Any:
    """Have what is written from now on encrypted with a key, and return how that key is lost."""
    use(settings, FIRST)
    return lambda: use(settings, SECOND)


@pytest.mark.parametrize("here_only", [True, False])
def test_what_a_lost_key_had_sealed_goes_all_the_same(
    sealed: Any, lived_in: World, erase: Any, here_only: bool
) -> None:
    sealed()

    report = erase(client=None) if here_only else erase()

    assert (report.ok, report.finished, report.threads, report.items) == (True, 1, 3, 6)
    assert of(lived_in, "ada")["threads"] == 0


def test_an_erasure_of_here_is_made_whole_by_another(lived_in: World, erase: Any) -> None:
    erase(client=None)
    lived_in.emulator.remove_thread("cthr_ada_0")  # nobody lists it any more, and nobody said so

    report = erase()

    assert (report.ok, report.here_only, report.threads, report.items) == (True, False, 3, 0)
    assert lived_in.emulator.threads("ada") == []
    states = Erasure.objects.using(lived_in.database).order_by("pk")
    assert [(each.state, each.threads) for each in states] == [("here", 3), ("done", 3)]
    assert not ErasedThread.objects.using(lived_in.database).left().exists()


def test_what_upstream_refuses_after_an_erasure_of_here_stays_out(
    lived_in: World, erase: Any, chatkit: ChatKit, clock: Clock, pace: Pace
) -> None:
    erase(client=None)
    lived_in.emulator.fail("delete_thread", status=500, times=None)

    assert erase().finished == 0
    clock.move(seconds=5)
    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=lived_in.database)

    assert of(lived_in, "ada")["threads"] == 0
    lived_in.emulator.faults.clear()
    assert erase(asks=False).finished == 1


@pytest.mark.parametrize("then", ["here", "both"])
@pytest.mark.parametrize("step", range(7))
def test_whatever_ends_an_erasure_of_here_the_next_goes_on_and_counts_exactly(
    lived_in: World, erase: Any, chatkit: ChatKit, clock: Clock, step: int, then: str
) -> None:
    steps = iter(range(step))

    def end(report: ErasureReport) -> None:
        if next(steps, None) is None:
            raise Killed

    with pytest.raises(Killed):
        erase(client=None, on_progress=end, batch_size=1)
    clock.move(seconds=30)

    assert erase(client=None if then == "here" else chatkit, asks=False).finished == 1
    erasure = row(lived_in)
    assert (erasure.here_only, erasure.threads, erasure.items) == (then == "here", 3, 6)
    assert (erasure.sessions, erasure.notes, erasure.reviews) == (1, 1, 1)
    assert of(lived_in, "ada") == NOTHING
    assert len(lived_in.emulator.threads("ada")) == (3 if then == "here" else 0)


def test_who_listens_hears_of_a_thread_that_goes_here_unless_it_was_gone(
    lived_in: World, erase: Any, clock: Clock, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[str] = []

    def hear(sender: Any, thread_id: str, **_: Any) -> None:
        heard.append(thread_id)

    ChatThread.objects.using(lived_in.database).filter(pk="cthr_ada_1").update(gone_at=clock.now)
    signals.thread_gone.connect(hear)
    try:
        with django_capture_on_commit_callbacks(using=lived_in.database, execute=True):
            erase(client=None)
    finally:
        signals.thread_gone.disconnect(hear)

    assert heard == ["cthr_ada_0", "cthr_ada_2"]


def test_who_is_held_is_not_erased_here_either(lived_in: World, erase: Any, clock: Clock) -> None:
    erasures.ask(user="ada", now=clock.now, using=lived_in.database)
    holds.hold(user="ada", now=clock.now, using=lived_in.database)

    assert erase(client=None, asks=False).failures[0].error.startswith("Held")
    assert of(lived_in, "ada")["items"] == 6


def test_who_never_stops_chatting_keeps_an_erasure_of_here_open(
    lived_in: World, erase: Any, chatkit: ChatKit, clock: Clock
) -> None:
    def chat_on(report: ErasureReport) -> None:
        if not ChatSession.objects.using(lived_in.database).of("ada").exists():
            open_session(lived_in, chatkit, clock)

    report = erase(client=None, on_progress=chat_on)

    assert report.finished == 0
    assert "somebody chats" in report.failures[-1].error


# Sync meanwhile


def test_a_page_asked_for_before_brings_no_erased_thread_back(
    lived_in: World, erase: Any, clock: Clock
) -> None:
    page = [mirror.listed(each) for each in lived_in.emulator.threads("ada")]
    late = clock.now + timedelta(hours=1)
    erase()

    for as_of in (clock.now - timedelta(seconds=1), late):
        mirror.write_threads(page, as_of=as_of, using=lived_in.database)

    assert of(lived_in, "ada") == NOTHING


def test_a_page_of_several_people_brings_the_others_and_not_the_erased(
    lived_in: World, erase: Any, clock: Clock
) -> None:
    page = [
        mirror.listed(each) for each in [*lived_in.emulator.threads("ada"), *lived_in.emulator.threads("ben")]
    ]
    erase()
    ChatThread.objects.using(lived_in.database).of("ben").delete()

    written = mirror.write_threads(page, as_of=clock.now, using=lived_in.database)

    assert written.new == {f"cthr_ben_{number}" for number in range(3)}
    assert of(lived_in, "ada") == NOTHING


def test_a_sync_while_upstream_has_deleted_and_we_have_not_brings_nothing_back(
    lived_in: World, erase: Any, chatkit: ChatKit, clock: Clock, pace: Pace
) -> None:
    page = [mirror.listed(each) for each in lived_in.emulator.threads("ada")]

    def sync_on(report: ErasureReport) -> None:
        mirror.write_threads(page, as_of=clock.now, using=lived_in.database)
        for number in range(3):
            sync.sync_thread(
                client=chatkit, clock=clock, thread_id=f"cthr_ada_{number}", using=lived_in.database
            )

    assert erase(on_progress=sync_on, batch_size=1).finished == 1
    assert of(lived_in, "ada") == NOTHING


def test_a_sync_under_way_brings_nothing_back(
    lived_in: World, erase: Any, chatkit: ChatKit, clock: Clock
) -> None:
    world: dict[str, Any] = {
        "client": chatkit,
        "clock": clock,
        "using": lived_in.database,
        "report": SyncReport(),
    }
    lived_in.emulator.add_item("cthr_ada_0", text="and one more")
    listing: Any = Listing(**world, user="ada").whole(lambda ids: [])
    page = answered(next(listing))
    everything: Any = Listing(**world).whole(lambda ids: [])
    first_page = answered(next(everything))
    items: Any = ItemSync(**world, thread_id="cthr_ada_0", since=clock.now).run()
    said = answered(next(items))

    clock.move(seconds=1)
    assert erase().finished == 1

    for job, answer in ((listing, page), (everything, first_page), (items, said)):
        with suppress(StopIteration):
            job.send(answer)
        assert next(job, None) is None
    assert of(lived_in, "ada") == NOTHING


def test_who_comes_back_after_an_erasure_is_mirrored_anew(
    lived_in: World, erase: Any, chatkit: ChatKit, clock: Clock, pace: Pace
) -> None:
    erase()
    lived_in.thread("a new life", id="cthr_ada_reborn")

    sync.sync_user(client=chatkit, clock=clock, user="ada", pace=pace, using=lived_in.database)

    assert lived_in.words("cthr_ada_reborn") == ["a new life"]


def test_who_listens_hears_of_each_thread_once(
    lived_in: World, erase: Any, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[str] = []

    def hear(sender: Any, thread_id: str, **_: Any) -> None:
        heard.append(thread_id)

    signals.thread_gone.connect(hear)
    try:
        with django_capture_on_commit_callbacks(using=lived_in.database, execute=True):
            erase()
    finally:
        signals.thread_gone.disconnect(hear)

    assert heard == [f"cthr_ada_{number}" for number in range(3)]


# Holds


def test_who_is_held_is_not_erased_until_the_hold_is_lifted(
    lived_in: World, erase: Any, clock: Clock
) -> None:
    holds.hold(user="ada", now=clock.now, using=lived_in.database)

    with pytest.raises(holds.Held):
        erase()
    erasures.ask(user="ada", now=clock.now, waits_for_hold=True, using=lived_in.database)
    report = erase(asks=False)

    assert report.failures[0].error.startswith("Held: end user 'ada' is held")
    assert lived_in.emulator.count() == 0
    assert of(lived_in, "ada")["items"] == 6
    assert holds.lift(user="ada", using=lived_in.database)
    assert erase(asks=False, user=None, at_once=False).finished == 1


def test_a_hold_stops_an_erasure_between_two_batches(lived_in: World, erase: Any, clock: Clock) -> None:
    def hold_on(report: ErasureReport) -> None:
        if report.items == 1:
            holds.hold(user="ada", now=clock.now, using=lived_in.database)

    report = erase(on_progress=hold_on, batch_size=1)

    assert [each.error.partition(":")[0] for each in report.failures] == ["Held"]
    assert (report.items, report.threads) == (1, 0)
    assert of(lived_in, "ada")["items"] == 5
    assert lived_in.emulator.threads("ada")  # whose turn had not come
    holds.lift(user="ada", using=lived_in.database)
    assert erase(asks=False).finished == 1
    assert (row(lived_in).threads, row(lived_in).items) == (3, 6)


# Side by side


def test_an_erasure_that_another_process_works_on_is_left_to_it(
    lived_in: World, erase: Any, clock: Clock
) -> None:
    erasures.ask(user="ada", now=clock.now, using=lived_in.database)
    Erasure.objects.using(lived_in.database).update(leased_until=clock.now + timedelta(seconds=30))

    report = erase(asks=False)

    assert report.failures[0].error.startswith("UnderWay")
    assert erase(asks=False, user=None).ok
    assert lived_in.emulator.count() == 0
    clock.move(seconds=30)
    assert erase(asks=False).finished == 1


def test_a_long_erasure_keeps_its_lease(lived_in: World, erase: Any, clock: Clock) -> None:
    ends: set[Any] = set()

    def let_time_pass(report: ErasureReport) -> None:
        clock.move(seconds=20)
        ends.add(row(lived_in).leased_until)

    assert erase(on_progress=let_time_pass, batch_size=1).finished == 1
    assert len(ends) > 3


def test_side_by_side_the_same_goes(lived_in: World, erase: Any) -> None:
    assert erase(workers=4).finished == 1
    assert of(lived_in, "ada") == NOTHING
