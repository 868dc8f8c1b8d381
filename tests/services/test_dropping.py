"""What was said is dropped when its time has come: rows stay, words go, and no sync brings them back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem, DailyCount
from django_chatkit.services import cleanup, days, sync, verify
from django_chatkit.services.reports import CleanupReport

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

QUARTER = {"content": timedelta(days=90)}
SAID = "xylophonic"


@pytest.fixture
def clean(chatkit: ChatKit, clock: Clock, world: World) -> Any:
    def run(retention: Any = QUARTER, **options: Any) -> CleanupReport:
        return cleanup.run(client=chatkit, clock=clock, retention=retention, using=world.database, **options)

    return run


@pytest.fixture
def old(world: World, clock: Clock, run: Any) -> str:
    """Mirror a thread with an item of each kind, and let a hundred days pass."""
    id = world.thread(f"{SAID} one", f"{SAID} two", title=f"{SAID} title")
    world.emulator.add_item(id, type="chatkit.widget", widget=f'{{"title":"{SAID}"}}')
    world.emulator.add_item(
        id,
        type="chatkit.client_tool_call",
        status="in_progress",
        name=SAID,
        call_id="c",
        arguments=f'"{SAID}"',
    )
    run(sync.reconcile)
    clock.move(days=100)
    world.emulator.forget_requests()
    return id


def items(world: World, id: str) -> list[ChatThreadItem]:
    return list(ChatThreadItem.objects.using(world.database).of(id).in_order())


def everything(database: str) -> str:
    """Return all that the tables hold, as text."""
    found = []
    connection = connections[database]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("django_chatkit_"):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own tables
                found += [str(row) for row in cursor.fetchall()]
    return "\n".join(found)


def told(chatkit: ChatKit, world: World, **scope: Any) -> list[str]:
    report = verify.compare(client=chatkit, using=world.database, **scope)
    assert report.failures == []
    return [str(each) for each in report.found]


def test_words_go_and_rows_stay(world: World, clean: Any, clock: Clock, old: str) -> None:
    before = items(world, old)

    report = clean()

    after = items(world, old)
    assert (report.threads_emptied, report.items_emptied) == (1, 4)
    assert [(row.id, row.type, row.position, row.created_at, row.settled) for row in after] == [
        (row.id, row.type, row.position, row.created_at, row.settled) for row in before
    ]
    assert {(row.text, row.words_dropped_at) for row in after} == {("", clock.now)}
    assert world.row(old).words_dropped_at == clock.now
    assert (world.row(old).title, world.row(old).payload["title"]) == ("", None)
    assert world.emulator.count() == 0


def test_no_column_of_any_table_holds_a_word_afterwards(world: World, clean: Any, old: str) -> None:
    assert SAID in everything(world.database)

    clean()

    assert SAID not in everything(world.database)


def test_a_second_run_finds_nothing(clean: Any, old: str) -> None:
    clean()

    assert clean().as_dict() == CleanupReport().as_dict()


@pytest.mark.parametrize("deep", [False, True], ids=["sync", "deep"])
def test_no_sync_brings_words_back(world: World, clean: Any, run: Any, old: str, deep: bool) -> None:
    clean()

    for service, scope in (
        (sync.reconcile, {}),
        (sync.sync_user, {"user": "ada"}),
        (sync.sync_thread, {"thread_id": old}),
    ):
        report = run(service, deep=deep, **scope)
        assert report.ok
        assert (report.items_changed, report.threads_changed, report.items_new) == (0, 0, 0)
    assert SAID not in everything(world.database)


def test_no_words_are_a_difference(world: World, chatkit: ChatKit, clean: Any, old: str) -> None:
    clean()

    for scope in ({}, {"users": ["ada"]}, {"threads": [old]}):
        assert told(chatkit, world, **scope) == []


def test_what_is_more_than_words_is_a_difference_and_is_brought(
    world: World, chatkit: ChatKit, clean: Any, run: Any, old: str
) -> None:
    clean()
    call = items(world, old)[-1]
    world.emulator.change_item(call.id, status="completed", output=f'"{SAID}"')
    world.emulator.change_thread(old, status={"type": "closed", "reason": SAID}, title=f"{SAID} again")

    assert [line.partition(": ")[2] for line in told(chatkit, world)] == ["differs in status"] * 2

    run(sync.reconcile)

    assert (items(world, old)[-1].settled, world.row(old).status) == (True, "closed")
    assert told(chatkit, world) == []
    assert SAID not in everything(world.database)


def test_what_is_said_afterwards_is_kept_until_its_own_time_comes(
    world: World, clean: Any, clock: Clock, run: Any, old: str
) -> None:
    clean()
    world.emulator.add_item(old, text="new words")
    run(sync.reconcile)

    assert world.words(old) == ["", "", "", "", "new words"]
    assert clean().as_dict() == CleanupReport().as_dict()

    clock.move(days=91)
    assert (clean().items_emptied, world.words(old)) == (1, [""] * 5)


def test_an_item_that_was_deleted_here_by_hand_comes_back_and_is_emptied_by_the_next_run(
    world: World, clean: Any, run: Any, old: str
) -> None:
    clean()
    ChatThreadItem.objects.using(world.database).filter(pk=items(world, old)[1].id).delete()
    run(sync.reconcile, deep=True)
    assert SAID in everything(world.database)

    assert clean().items_emptied == 1
    assert SAID not in everything(world.database)


def test_a_young_thread_keeps_its_words(world: World, clean: Any, clock: Clock, run: Any, old: str) -> None:
    young = world.thread("hello")
    run(sync.reconcile)

    assert clean().threads_emptied == 1
    assert world.words(young) == ["hello"]


def test_a_thread_that_is_not_copied_whole_is_left_alone(world: World, clean: Any, old: str) -> None:
    ChatThread.objects.using(world.database).update(synced_at=None)

    assert clean().threads_emptied == 0


def test_what_is_gone_upstream_is_emptied_too(world: World, clean: Any, run: Any, old: str) -> None:
    world.emulator.remove_thread(old)
    run(sync.reconcile)

    assert clean().items_emptied == 4
    assert SAID not in everything(world.database)


def test_the_numbers_of_the_days_stay(world: World, clean: Any, clock: Clock, old: str) -> None:
    clean({})
    counts = DailyCount.objects.using(world.database).exclude(metric__in=["counted", "cleaned"])
    before = sorted(counts.values_list("day", "metric", "type", "value"))

    clean()
    days.count(now=clock.now, whole=True, using=world.database)

    assert sorted(counts.exclude(metric="lag").values_list("day", "metric", "type", "value")) == [
        row for row in before if row[1] != "lag"
    ]


def test_a_page_costs_the_same_however_many_follow(world: World, clean: Any, run: Any, clock: Clock) -> None:
    def queries(threads: int) -> int:
        for number in range(threads):
            world.thread(*map(str, range(4)), user=f"u{number}")
        run(sync.reconcile)
        clock.move(days=100)
        clean({})  # counts the days
        with CaptureQueriesContext(connections[world.database]) as captured:
            assert clean(batch_size=4).items_emptied == 4 * threads
        return len(captured)

    few, many = queries(4), queries(16)

    assert many - few == 3 * (queries(8) - queries(4))
    assert (many - few) / 12 <= 14  # statements for each page of four items, of a fourth of a page of threads


def test_memory_holds_a_page(world: World, clean: Any, run: Any, clock: Clock) -> None:
    id = world.thread(*(f"{SAID} {number}" for number in range(40)))
    run(sync.reconcile)
    clock.move(days=100)
    done: list[int] = []

    report = clean(batch_size=7, on_progress=lambda report: done.append(report.items_emptied))

    assert report.items_emptied == 40
    assert [b - a for a, b in zip([0, *done], done, strict=False)] == [7, 7, 7, 7, 7, 5, 0]
    assert world.words(id) == [""] * 40


class Killed(BaseException):
    """Stands for the end of a process: nobody catches it."""


def dying(after: int) -> Callable[..., Any]:
    left = [after]

    def execute(proceed: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return proceed(sql, params, many, context)

    return execute


@pytest.mark.parametrize("retention", [QUARTER, {"threads": {"days": timedelta(days=90), "upstream": False}}])
def test_a_run_that_dies_at_any_statement_leaves_whole_rows_and_the_next_one_ends(
    world: World, clean: Any, run: Any, clock: Clock, retention: Any
) -> None:
    first, second = (world.thread(*(f"{SAID} {n}" for n in range(3)), user=user) for user in ("ada", "bob"))
    run(sync.reconcile)
    clock.move(days=100)
    clean({})
    survived = False
    for after in range(0, 200, 3):
        try:
            with connections[world.database].execute_wrapper(dying(after)):
                clean(retention, batch_size=2)
            survived = True
            break
        except Killed:
            _assert_whole(world)
    assert survived

    clean(retention, batch_size=2)

    assert SAID not in everything(world.database)
    run(sync.reconcile)
    assert SAID not in everything(world.database)
    threads = ChatThread.objects.using(world.database)
    assert threads.count() == (2 if retention is QUARTER else 0)
    assert {first, second} == set(world.upstream())


def _assert_whole(world: World) -> None:
    for row in ChatThreadItem.objects.using(world.database):
        is_emptied = row.words_dropped_at is not None
        assert (row.text == "") is is_emptied
        assert (SAID in str(row.payload)) is not is_emptied
    for thread in ChatThread.objects.using(world.database).present():
        assert len(items(world, thread.id)) == 3
