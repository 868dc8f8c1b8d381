"""One thread's items, whatever upstream did to them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_chatkit import signals
from django_chatkit.client import ChatKit, RateLimitError
from django_chatkit.models import ChatThread, ChatThreadItem
from django_chatkit.services import items, leases, mirror, open_calls, sync
from django_chatkit.services.paging import Contradiction
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.roster import Later
from django_chatkit.services.sync import Pace

from .conftest import Clock, World
from .interleaving import answered

pytestmark = pytest.mark.django_db


@pytest.fixture
def look(chatkit: ChatKit, clock: Clock, world: World) -> Callable[[str], SyncReport]:
    """Sync one thread, a second after whatever was before."""

    def sync_thread(id: str) -> SyncReport:
        clock.move(seconds=1)
        return sync.sync_thread(client=chatkit, clock=clock, thread_id=id, using=world.database)

    return sync_thread


@pytest.fixture
def job(chatkit: ChatKit, clock: Clock, world: World) -> Callable[[str], Any]:
    """Begin a sync of one thread's items, a second later, that the test takes forward request by request."""

    def begin(id: str, **options: Any) -> Any:
        clock.move(seconds=1)
        report = SyncReport()
        item_sync = items.ItemSync(
            thread_id=id,
            client=chatkit,
            clock=clock,
            using=world.database,
            report=report,
            since=clock.now,
            **options,
        )
        return item_sync.run()

    return begin


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_a_first_copy_takes_every_page(world: World, look: Any, count: int) -> None:
    thread = world.thread(*(f"word {number}" for number in range(count)))

    report = look(thread)

    world.assert_exact()
    assert report.items_new == count
    assert report.threads_new == 1
    assert world.row(thread).synced_at is not None


def test_an_unchanged_thread_costs_one_request_two_queries_and_no_write(
    world: World, look: Any, clock: Clock
) -> None:
    thread = world.thread(*(f"word {number}" for number in range(120)))
    look(thread)
    world.emulator.forget_requests()
    before = ChatThread.objects.using(world.database).filter(pk=thread).values().get()

    with CaptureQueriesContext(connections[world.database]) as queries:
        report = look(thread)

    assert world.emulator.count() == report.requests == 1
    assert report.items_new == report.items_changed == report.items_gone == 0
    assert ChatThread.objects.using(world.database).filter(pk=thread).values().get() == before
    # One more asks whether the mirror holds the thread at all; a reconcile knows.
    assert len(queries) - 1 == 2
    assert all(query["sql"].startswith("SELECT") for query in queries)


def test_a_page_of_a_first_copy_costs_four_statements(world: World, job: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(300)))
    run = _known(world, job, thread)
    page = answered(next(run))
    page = answered(run.send(page))

    with CaptureQueriesContext(connections[world.database]) as queries:
        run.send(page)

    # The test's own transaction makes savepoints of what would be BEGIN and COMMIT.
    assert len(queries) == 4
    assert ChatThreadItem.objects.using(world.database).count() == 200


def test_a_page_of_a_copy_that_was_broken_off_costs_six_statements(world: World, job: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(300)))
    broken = _known(world, job, thread)
    broken.send(answered(next(broken)))
    broken.close()
    run = job(thread)
    page = answered(next(run))

    with CaptureQueriesContext(connections[world.database]) as queries:
        run.send(page)

    assert len(queries) == 6
    assert ChatThreadItem.objects.using(world.database).count() == 200


def test_a_first_copy_of_one_page_costs_six_statements_with_all_around_it(world: World, job: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(100)))
    run = _known(world, job, thread)

    with CaptureQueriesContext(connections[world.database]) as queries:
        _finish(run, next(run))

    # How far it is, the lease, and four for the page, savepoints included.
    assert len(queries) <= 6
    assert len(world.words(thread)) == 100
    assert world.row(thread).leased_until is None


def test_new_items_are_appended(world: World, look: Any) -> None:
    thread = world.thread("one")
    look(thread)
    world.emulator.add_item(thread, text="two")

    report = look(thread)

    world.assert_exact()
    assert (report.items_new, report.items_unchanged) == (1, 1)


def test_a_tool_call_that_settles_later_is_seen(world: World, look: Any) -> None:
    thread = world.thread("one")
    call = world.emulator.add_item(thread, type="chatkit.client_tool_call", status="in_progress", output=None)
    for number in range(30):
        world.emulator.add_item(thread, text=f"later {number}")
    look(thread)
    world.emulator.change_item(call["id"], status="completed", output='"done"')

    report = look(thread)

    world.assert_exact()
    assert report.items_changed == 1


def test_an_item_in_progress_counts_as_settled_after_a_day_and_a_reconcile_still_sees_it_change(
    world: World, look: Any, chatkit: ChatKit, clock: Clock, pace: Pace
) -> None:
    thread = world.thread()
    call = world.emulator.add_item(thread, type="chatkit.client_tool_call", status="in_progress", output=None)
    for number in range(30):
        world.emulator.add_item(thread, text=f"later {number}")
    look(thread)
    clock.move(days=2)
    world.emulator.change_item(call["id"], status="completed", output='"late"')

    assert look(thread).items_changed == 0

    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)
    world.assert_exact()


@pytest.mark.parametrize(
    ("later", "reconciles", "nudges"),
    [(98, 1, 1), pytest.param(998, 2, 1, id="the newest and its own page")],
)
def test_a_tool_call_that_nobody_answers_costs_a_reconcile_one_page(
    world: World, look: Any, run: Any, clock: Clock, later: int, reconciles: int, nudges: int
) -> None:
    thread = world.thread("one")
    world.emulator.add_item(thread, type="chatkit.client_tool_call", status="in_progress", output=None)
    for number in range(later):
        world.emulator.add_item(thread, text=f"later {number}")
    look(thread)

    for _ in range(2):
        clock.move(days=3)
        assert run(sync.reconcile).requests == 1 + reconciles
        assert look(thread).requests == nudges


def test_a_tail_that_was_cut_and_grew_anew_is_followed(world: World, look: Any) -> None:
    thread = world.thread("question", "bad answer", "anger")
    look(thread)
    question = world.emulator.items(thread)[0]["id"]
    world.emulator.cut_items(thread, after=question)
    world.emulator.add_item(thread, text="good answer")

    report = look(thread)

    world.assert_exact()
    assert (report.items_new, report.items_gone) == (1, 2)
    gone = ChatThreadItem.objects.using(world.database).filter(gone_at__isnull=False)
    assert sorted(gone.values_list("text", flat=True)) == ["anger", "bad answer"]


def test_a_tail_that_was_only_cut_is_followed(world: World, look: Any) -> None:
    thread = world.thread("question", "answer")
    look(thread)
    world.emulator.cut_items(thread, after=world.emulator.items(thread)[0]["id"])

    look(thread)

    assert world.words(thread) == ["question"]


def test_a_thread_that_lost_every_item_is_empty_here_too(world: World, look: Any) -> None:
    thread = world.thread("only")
    look(thread)
    world.emulator.remove_item(world.emulator.items(thread)[0]["id"])

    look(thread)

    assert world.words(thread) == []


def test_an_item_that_comes_back_takes_its_place_in_upstreams_order(world: World, look: Any) -> None:
    thread = world.thread("one", "two", "three")
    look(thread)
    two = world.emulator.items(thread)[1]
    cut = world.emulator.items(thread)[2]
    world.emulator.cut_items(thread, after=world.emulator.items(thread)[0]["id"])
    world.emulator.add_item(thread, text="other")
    look(thread)
    for back in (two, cut):
        world.emulator.add_item(thread, **{key: back[key] for key in ("id", "type", "content")})

    look(thread)

    world.assert_exact()
    assert world.words(thread) == ["one", "other", "two", "three"]


def test_a_tail_longer_than_ten_pages_is_copied_on_from_our_end(
    world: World, look: Any, clock: Clock
) -> None:
    thread = world.thread("first")
    look(thread)
    for number in range(1_000):
        world.emulator.add_item(thread, text=f"later {number}")
    world.emulator.forget_requests()

    report = look(thread)

    world.assert_exact()
    assert report.items_new == 1_000
    assert world.emulator.count() <= 10 + 11


def test_a_killed_copy_goes_on_where_it_stopped(world: World, job: Any, look: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(250)))
    run = _known(world, job, thread)
    run.send(answered(next(run)))
    run.close()
    assert ChatThreadItem.objects.using(world.database).count() == 100
    world.emulator.forget_requests()

    report = look(thread)

    world.assert_exact()
    assert report.items_new == 150
    assert world.emulator.count("list_items") == 2


def test_a_copy_steps_back_from_a_cursor_that_vanished(world: World, job: Any, look: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(150)))
    run = _known(world, job, thread)
    run.send(answered(next(run)))
    run.close()
    world.emulator.cut_items(thread, after=world.emulator.items(thread)[97]["id"])
    world.emulator.add_item(thread, text="anew")

    report = look(thread)

    world.assert_exact()
    assert (report.items_gone, report.items_new) == (2, 1)


def test_a_copy_gives_up_when_upstream_knows_no_cursor_at_all(world: World, look: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(150)))
    world.emulator.fail("list_items", status=404, times=None, match="cti_")

    report = look(thread)

    assert [failure.id for failure in report.failures] == [thread]
    assert "knows none of the last items" in report.failures[0].error
    assert len(world.words(thread)) == 100


def test_a_tail_cut_while_it_is_read_is_read_anew(world: World, look: Any, job: Any, clock: Clock) -> None:
    thread = world.thread("ground", *(f"old {number}" for number in range(5)))
    look(thread)
    ground = world.emulator.items(thread)[0]["id"]
    world.emulator.cut_items(thread, after=ground)
    for number in range(30):
        world.emulator.add_item(thread, text=f"new {number}")
    clock.move(seconds=1)
    run = job(thread)
    page = answered(next(run))
    world.emulator.cut_items(thread, after=ground)
    world.emulator.add_item(thread, text="newest")

    _finish(run, run.send(page))

    world.assert_exact()


def test_a_thread_written_by_a_clock_far_ahead_is_read_all_the_same(
    world: World, look: Any, clock: Clock
) -> None:
    thread = world.thread("old")
    look(thread)
    ChatThread.objects.using(world.database).update(items_as_of=clock.now + timedelta(days=1))
    world.emulator.add_item(thread, text="new")

    report = look(thread)

    assert report.ok
    assert world.words(thread) == ["old", "new"]


def test_a_thread_that_others_write_all_the_time_is_left_for_later(
    world: World, look: Any, job: Any, clock: Clock
) -> None:
    thread = world.thread("old")
    look(thread)
    world.emulator.add_item(thread, text="new")
    rows = ChatThread.objects.using(world.database).filter(pk=thread)
    run = job(thread)
    ask = next(run)
    for number in range(1, items.OVERTAKEN):
        page = answered(ask)
        rows.update(items_as_of=clock.now + timedelta(seconds=number))
        ask = run.send(page)
    rows.update(items_as_of=clock.now + timedelta(days=1))

    with pytest.raises(Contradiction, match="moved under each look"):
        run.send(answered(ask))

    assert world.words(thread) == ["old"]


def test_a_cut_far_above_our_end_is_found_in_few_steps(world: World, look: Any) -> None:
    thread = world.thread(*(f"old {number}" for number in range(500)))
    look(thread)
    world.emulator.cut_items(thread, after=world.emulator.items(thread)[99]["id"])
    for number in range(500):
        world.emulator.add_item(thread, text=f"new {number}")
    world.emulator.forget_requests()

    report = look(thread)

    world.assert_exact()
    assert (report.items_new, report.items_gone) == (500, 400)
    assert world.emulator.count() <= 1 + 2 * 9 + 8


def test_a_thread_found_deleted_is_gone_with_its_items(world: World, look: Any) -> None:
    thread = world.thread("one")
    look(thread)
    world.emulator.remove_thread(thread)

    report = look(thread)

    assert report.ok
    assert report.threads_gone == 1
    assert world.row(thread).gone_at is not None
    assert world.words(thread) == []


def test_a_thread_deleted_in_the_middle_of_a_copy_is_gone(world: World, job: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(150)))
    run = _known(world, job, thread)
    page = answered(next(run))
    world.emulator.remove_thread(thread)

    _finish(run, run.send(page))

    assert world.row(thread).gone_at is not None


def test_a_thread_that_nobody_has_is_a_counted_failure(world: World, look: Any) -> None:
    report = look("cthr_nobody")

    assert [failure.id for failure in report.failures] == ["cthr_nobody"]
    assert "NotFoundError" in report.failures[0].error


def test_a_row_that_vanished_meanwhile_asks_nothing(world: World, job: Any) -> None:
    with pytest.raises(StopIteration):
        next(job("cthr_pruned"))


@pytest.mark.parametrize(
    ("held", "fault", "complaint"),
    [
        pytest.param(
            1, {"kind": "repeat_page", "after": 1, "times": None}, "twice", id="page repeated in a copy"
        ),
        pytest.param(
            150, {"kind": "repeat_page", "after": 1, "times": None}, "", id="page repeated in a tail"
        ),
        pytest.param(
            1,
            {"status": 200, "body": {"object": "list", "data": [], "has_more": True}},
            "said that there are more",
            id="empty page with more",
        ),
        pytest.param(1, {"kind": "wrong_shape"}, "APIResponseValidationError", id="wrong shape"),
        pytest.param(1, {"kind": "not_json"}, "APIResponseValidationError", id="no JSON"),
        pytest.param(1, {"status": 500}, "InternalServerError", id="500"),
        pytest.param(1, {"kind": "reset"}, "APIConnectionError", id="reset"),
    ],
)
def test_pages_that_make_no_sense_conclude_nothing(
    world: World, look: Any, held: int, fault: dict[str, Any], complaint: str
) -> None:
    thread = world.thread(*(f"word {number}" for number in range(held)))
    look(thread)
    for number in range(250):
        world.emulator.add_item(thread, text=f"new {number}")
    if held == 1:
        ChatThread.objects.using(world.database).filter(pk=thread).update(synced_at=None)
    before = world.words(thread)
    world.emulator.fail("list_items", **fault)

    report = look(thread)

    assert len(report.failures) == 1
    assert complaint in report.failures[0].error
    assert report.items_gone == 0
    assert world.words(thread)[: len(before)] == before

    world.emulator.faults.clear()
    look(thread)
    world.assert_exact()


def test_a_400_without_a_cursor_is_a_failure(world: World, look: Any) -> None:
    thread = world.thread("one")
    world.emulator.fail("list_items", status=400)

    report = look(thread)

    assert "BadRequestError" in report.failures[0].error


def test_a_cursor_refused_once_for_no_reason_loses_nothing(world: World, job: Any, look: Any) -> None:
    thread = world.thread(*(f"word {number}" for number in range(150)))
    world.emulator.fail("list_items", status=400, after=1)

    report = look(thread)

    world.assert_exact()
    assert report.items_gone == 0


def test_an_id_twice_on_a_page_is_a_contradiction(world: World, look: Any) -> None:
    thread = world.thread()
    body = {"object": "list", "data": [{"id": "a"}, {"id": "a"}], "has_more": False}
    world.emulator.fail("list_items", status=200, body=body)

    report = look(thread)

    assert Contradiction.__name__ in report.failures[0].error
    assert world.words(thread) == []


@pytest.mark.parametrize(
    ("pages", "complaint"),
    [
        pytest.param([("a", "b", "b"), ("c", "d", "fresh")], "not on the page", id="a cursor out of nowhere"),
        pytest.param(
            [("a", "b", "b"), ("c", "d", "d"), ("d", "c", "c")], "page before", id="other order, other cursor"
        ),
    ],
)
def test_pages_that_repeat_with_a_fresh_cursor_end(
    world: World, look: Any, pages: list[tuple[str, str, str]], complaint: str
) -> None:
    thread = world.thread()
    for *ids, last_id in pages:
        data = [{"id": id, "type": "chatkit.user_message", "content": [], "created_at": 1} for id in ids]
        body = {"object": "list", "data": data, "has_more": True, "last_id": last_id}
        world.emulator.fail("list_items", status=200, body=body)

    report = look(thread)

    assert complaint in report.failures[0].error
    assert world.emulator.count("list_items") == len(pages)
    assert world.row(thread).synced_at is None


@pytest.mark.parametrize("count", [500, 501, 1_200])
def test_a_tail_that_was_cut_is_gone_in_statements_that_every_database_takes(
    world: World, look: Any, count: int
) -> None:
    thread = world.thread("first", *(f"word {number}" for number in range(count)))
    look(thread)
    world.emulator.cut_items(thread, after=world.emulator.items(thread)[0]["id"])

    with CaptureQueriesContext(connections[world.database]) as queries:
        report = look(thread)

    assert report.items_gone == count
    updates = [each for each in queries if each["sql"].startswith("UPDATE") and " IN (" in each["sql"]]
    assert len(updates) == -(-count // 500)
    world.assert_exact()


def test_older_knowledge_never_overwrites_newer(world: World, look: Any, job: Any, clock: Clock) -> None:
    thread = world.thread("one")
    look(thread)
    world.emulator.add_item(thread, text="two")
    run = job(thread)
    clock.move(seconds=1)
    stale_page = answered(next(run))
    world.emulator.add_item(thread, text="three")
    look(thread)

    with pytest.raises(StopIteration):  # what the other wrote is newer than this run
        run.send(stale_page)

    world.assert_exact()
    assert world.words(thread) == ["one", "two", "three"]


def test_a_copy_whose_lease_was_lost_goes_on_from_what_another_wrote(
    world: World, look: Any, job: Any, clock: Clock
) -> None:
    thread = world.thread(*(f"word {number}" for number in range(120)))
    run = _known(world, job, thread)
    page = answered(next(run))
    clock.move(seconds=leases.TERM.total_seconds())
    look(thread)
    clock.move(seconds=1)
    world.emulator.forget_requests()

    with pytest.raises(StopIteration):
        run.send(page)

    world.assert_exact()
    assert world.emulator.count() == 0
    assert ChatThreadItem.objects.using(world.database).count() == 120


def test_who_finds_a_long_tail_just_copied_by_another_asks_no_more(
    world: World, look: Any, job: Any, clock: Clock
) -> None:
    thread = world.thread("old")
    look(thread)
    for number in range(120):
        world.emulator.add_item(thread, text=f"new {number}")
    run = job(thread)
    glance = answered(next(run))
    look(thread)

    with pytest.raises(StopIteration):
        run.send(glance)

    world.assert_exact()


def test_who_finds_a_long_tail_being_copied_by_another_waits_for_its_end(
    world: World, look: Any, job: Any
) -> None:
    thread = world.thread("old")
    look(thread)
    for number in range(120):
        world.emulator.add_item(thread, text=f"new {number}")
    run, other = job(thread), job(thread)
    glance = answered(next(run))
    page = other.send(answered(next(other)))

    assert isinstance(run.send(glance), Later)
    _finish(other, page)
    world.emulator.forget_requests()
    _finish(run, next(run))

    world.assert_exact()
    assert world.emulator.count() == 1


def test_a_changed_item_on_the_page_is_changed_here(world: World, look: Any) -> None:
    thread = world.thread("one", "two")
    look(thread)
    id = world.emulator.items(thread)[0]["id"]
    world.emulator.change_item(id, content=[{"type": "input_text", "text": "one, edited"}])

    report = look(thread)

    world.assert_exact()
    assert report.items_changed == 1


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), ({"a": 1, "b": 2}, {"b": 2, "a": 1})])
def test_a_change_that_python_calls_equal_is_a_change(
    world: World, look: Any, before: Any, after: Any
) -> None:
    thread = world.thread()
    id = world.emulator.add_item(thread, type="chatkit.new", value=before)["id"]
    look(thread)
    world.emulator.change_item(id, value=after)

    look(thread)

    value = ChatThreadItem.objects.using(world.database).get(pk=id).payload["value"]
    assert repr(value) == repr(after)


def test_unknown_types_hostile_text_and_ids_of_other_case_are_kept_as_they_are(
    world: World, look: Any
) -> None:
    thread = world.thread("NUL \x00, half a pair \ud83d, and all of it \U0001f600")
    world.emulator.add_item(thread, id="cti_AbC", text="upper")
    world.emulator.add_item(thread, id="cti_abc", text="lower")
    world.emulator.add_item(thread, type="chatkit.hologram", deep={"\x00": ["\udfff"]})
    world.emulator.add_item(thread, type="x" * 5_000)

    look(thread)

    world.assert_exact()


def test_what_a_sync_touched_is_told_after_the_commit(
    world: World, look: Any, django_capture_on_commit_callbacks: Any
) -> None:
    thread = world.thread("one", "two")
    told: list[dict[str, Any]] = []

    def listen(sender: type, **arguments: Any) -> None:
        told.append(arguments)

    signals.thread_synced.connect(listen)
    try:
        with django_capture_on_commit_callbacks(using=world.database, execute=True):
            look(thread)
            assert told == []
        ids = [item["id"] for item in world.emulator.items(thread)]
        assert [(each["thread_id"], each["created"], each["gone"]) for each in told] == [(thread, ids, [])]
        with django_capture_on_commit_callbacks(using=world.database, execute=True):
            look(thread)
        assert len(told) == 1
    finally:
        signals.thread_synced.disconnect(listen)


def test_a_refusal_reaches_the_report_with_its_class(world: World, look: Any) -> None:
    thread = world.thread("one")
    world.emulator.fail("list_items", status=429, headers={"Retry-After": "600"})

    report = look(thread)

    assert RateLimitError.__name__ in report.failures[0].error
    assert world.row(thread).synced_at is None


def test_the_last_activity_is_that_of_the_newest_item(world: World, look: Any, clock: Clock) -> None:
    thread = world.thread("one")
    clock.move(hours=1)
    world.emulator.add_item(thread, text="two")

    look(thread)

    assert world.row(thread).last_activity_at == clock.now.replace(microsecond=0) - timedelta(seconds=1)


def _known(world: World, job: Any, thread: str) -> Any:
    """Enter a thread's row without its items, and begin a copy of these."""
    listed = [mirror.listed(each) for each in world.emulator.threads() if each["id"] == thread]
    mirror.write_threads(listed, as_of=datetime(2026, 11, 23, tzinfo=UTC), using=world.database)
    return job(thread)


def _finish(run: Any, request: Any) -> None:
    """Give a job the answer to its request, and to all that follow."""
    with suppress(StopIteration):
        while True:
            request = run.send(answered(request))


def test_a_late_tool_result_far_below_a_long_tail_is_seen(
    world: World, look: Any, chatkit: ChatKit, clock: Clock, pace: Pace
) -> None:
    thread = world.thread("before")
    call = world.emulator.add_item(thread, type="chatkit.client_tool_call", status="in_progress", output=None)
    for number in range(1_050):
        world.emulator.add_item(thread, text=f"later {number}")
    look(thread)
    world.emulator.change_item(call["id"], status="completed", output='"done"')
    world.emulator.cut_items(thread, after=world.emulator.items(thread)[-3]["id"])
    world.emulator.remove_item(world.emulator.items(thread)[50]["id"])

    report = look(thread)

    world.assert_exact()
    assert (report.items_changed, report.items_gone) == (1, 3)


def test_a_long_tail_above_an_unfinished_call_is_copied_too(world: World, look: Any) -> None:
    thread = world.thread()
    world.emulator.add_item(thread, type="chatkit.client_tool_call", status="in_progress", output=None)
    look(thread)
    for number in range(1_050):
        world.emulator.add_item(thread, text=f"later {number}")

    look(thread)

    world.assert_exact()


def test_a_page_of_large_items_is_cut_into_statements_that_every_database_takes(
    world: World, look: Any, settings: Any
) -> None:
    thread = world.thread(*("x" * 400_000 for _ in range(60)))

    report = look(thread)

    assert report.items_new == 60
    world.assert_exact()


@pytest.mark.parametrize("tie_order", ["insertion", "reversed", "id"])
@pytest.mark.parametrize("known", [1, 30, 130])
@pytest.mark.parametrize("later", [1, 30, 130])
def test_what_comes_in_a_second_that_was_read_before_it_was_over_is_found(
    world: World, look: Any, clock: Clock, tie_order: Any, known: int, later: int
) -> None:
    world.emulator.switches.tie_order = tie_order
    thread = world.thread("before")
    clock.move(seconds=1)
    _say(world, thread, known)
    clock.move(seconds=-0.5)
    look(thread)
    assert world.row(thread).young_from is not None
    clock.move(seconds=-0.2)
    _say(world, thread, later)

    report = look(thread)

    world.assert_exact()
    assert (report.items_new, report.items_gone) == (later, 0)
    assert world.row(thread).young_from is None


@pytest.mark.parametrize("tie_order", ["reversed", "id"])
def test_what_comes_behind_a_copy_in_its_second_is_found_though_the_copy_was_killed(
    world: World, look: Any, job: Any, clock: Clock, tie_order: Any
) -> None:
    world.emulator.switches.tie_order = tie_order
    thread = world.thread()
    _say(world, thread, 250)
    clock.move(seconds=-0.5)
    run = _known(world, job, thread)
    page = answered(next(run))
    _say(world, thread, 130)
    clock.move(seconds=5)
    answered(run.send(page))
    run.close()

    look(thread)

    world.assert_exact()


def test_a_second_that_is_not_over_is_read_until_it_is_and_written_once(
    world: World, look: Any, clock: Clock
) -> None:
    thread = world.thread(*(f"word {number}" for number in range(30)))
    clock.move(seconds=-0.9)
    look(thread)
    before = ChatThread.objects.using(world.database).filter(pk=thread).values().get()

    clock.move(seconds=-0.9)
    look(thread)
    assert ChatThread.objects.using(world.database).filter(pk=thread).values().get() == before

    look(thread)
    assert world.row(thread).young_from is None


def test_a_reconcile_without_items_reads_threads_with_young_ones(
    world: World, look: Any, run: Any, clock: Clock
) -> None:
    thread = world.thread("one")
    clock.move(seconds=-0.9)
    look(thread)
    clock.move(seconds=-0.9)
    _say(world, thread, 1)

    run(sync.reconcile, items=False)

    world.assert_exact()


def test_an_item_of_a_far_future_is_not_waited_for(world: World, look: Any, clock: Clock) -> None:
    thread = world.thread("one")
    world.emulator.add_item(thread, text="two", created_at=4_102_444_800)

    look(thread)

    assert world.row(thread).young_from is None


def _say(world: World, thread: str, count: int) -> None:
    for number in range(count):
        world.emulator.add_item(thread, text=f"word {number}")


@pytest.mark.parametrize("bad_cursor", ["not_found", "bad_request", "ignored"])
@pytest.mark.parametrize("held", [1, 30, 250])
@pytest.mark.parametrize("anew", [0, 30, 130, 250])
def test_a_thread_of_which_every_item_was_replaced_is_followed(
    world: World, look: Any, bad_cursor: Any, held: int, anew: int
) -> None:
    world.emulator.switches.bad_cursor = bad_cursor
    thread = world.thread(*(f"old {number}" for number in range(held)))
    look(thread)
    _replace(world, thread, anew)
    world.emulator.forget_requests()

    report = look(thread)

    assert report.ok
    world.assert_exact()
    assert (report.items_new, report.items_gone) == (anew, held)
    assert world.emulator.count() <= 1 + 2 * 9 + 3 + 1


@pytest.mark.parametrize("bad_cursor", ["not_found", "bad_request", "ignored"])
@pytest.mark.parametrize("anew", [0, 30, 250])
@pytest.mark.parametrize("is_killed", [True, False])
def test_every_item_may_be_replaced_between_two_pages_of_a_copy(
    world: World, look: Any, job: Any, clock: Clock, bad_cursor: Any, anew: int, is_killed: bool
) -> None:
    world.emulator.switches.bad_cursor = bad_cursor
    thread = world.thread(*(f"old {number}" for number in range(250)))
    run = _known(world, job, thread)
    request = run.send(answered(next(run)))
    clock.move(seconds=1)
    _replace(world, thread, anew)

    if is_killed:
        run.close()
        look(thread)
    else:
        _finish(run, request)

    world.assert_exact()


def _replace(world: World, thread: str, count: int) -> None:
    for item in world.emulator.items(thread):
        world.emulator.remove_item(item["id"])
    for number in range(count):
        world.emulator.add_item(thread, text=f"new {number}")


def test_calls_all_over_a_thread_cost_three_pages_a_day_and_each_has_its_turn(
    world: World, look: Any, run: Any, clock: Clock
) -> None:
    thread = world.thread("one")
    calls = []
    for _ in range(8):
        calls.append(_call(world, thread))
        _say(world, thread, 130)
    look(thread)
    assert look(thread).requests == 1 + open_calls.BUDGET
    for call in calls:
        world.emulator.change_item(call, status="completed", output='"late"')
    changed: list[int] = []

    for _ in range(3):
        clock.move(days=2)
        report = run(sync.reconcile)
        assert report.requests == 1 + 1 + min(open_calls.BUDGET, 8 - sum(changed))
        changed.append(report.items_changed)

    assert changed == [3, 3, 2]
    world.assert_exact()


@pytest.mark.parametrize("bad_cursor", ["not_found", "ignored"])
def test_where_what_stood_before_a_call_is_gone_all_is_read(world: World, look: Any, bad_cursor: Any) -> None:
    world.emulator.switches.bad_cursor = bad_cursor
    thread = world.thread("one", "two")
    call = _call(world, thread)
    _say(world, thread, 250)
    look(thread)
    world.emulator.remove_item(world.emulator.items(thread)[1]["id"])
    world.emulator.change_item(call, status="completed", output='"late"')

    assert look(thread).ok

    world.assert_exact()


def _call(world: World, thread: str) -> str:
    call = world.emulator.add_item(thread, type="chatkit.client_tool_call", status="in_progress", output=None)
    id: str = call["id"]
    return id
