"""Whatever differs between upstream and the mirror is named, and nothing else is."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_chatkit.client import ChatKit
from django_chatkit.models import EndUser
from django_chatkit.services.differences import KEPT, Sample
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter

from .comparing import Both
from .conftest import Clock, World, no_sleep

pytestmark = pytest.mark.django_db

WHOLE: dict[str, Any] = {}
# More than there are: everything of a small world is in it.
SAMPLE = {"sample": Sample(size=300, seed=1)}
THREADS = {"threads": [f"cthr_{name}" for name in ("long", "empty", "a", "b", "c")]}


@pytest.fixture
def both(world: World, chatkit: ChatKit, clock: Clock, pace: Pace) -> Both:
    """Give five threads on both sides: one of 250 items, one empty, three small ones of one second."""
    world.thread(*map(str, range(250)), id="cthr_long", created_at=1_700_000_000)
    world.thread(id="cthr_empty", user="bob", created_at=1_700_000_100)
    for name in "abc":
        world.thread("one", "two", "three", id=f"cthr_{name}", created_at=1_700_000_200)
    both = Both(world, chatkit, clock, pace)
    both.sync()
    return both


def test_nothing_is_told_after_a_sync(both: Both) -> None:
    for scope in (WHOLE, SAMPLE, {"users": ["ada", "bob"]}, THREADS):
        assert both.told(**scope) == []

        report = both.compare(**scope)
        assert (report.threads, report.items) == (5, 259)
        assert report.requests == both.emulator.count()


def append(both: Both) -> None:
    for text in "de":
        both.emulator.add_item("cthr_a", text=text)


def drop_from_the_middle(both: Both) -> None:
    both.items.filter(pk=both.item("cthr_long", 120)).delete()


def drop_the_tail(both: Both) -> None:
    both.items.of("cthr_long").filter(position__gte=40).delete()


def cut(both: Both) -> None:
    both.emulator.cut_items("cthr_b", after=both.item("cthr_b", 0))


def remove_from_the_middle(both: Both) -> None:
    both.emulator.remove_item(both.item("cthr_long", 100))


def mark_an_item_gone(both: Both) -> None:
    both.items.filter(pk=both.item("cthr_c", 1)).update(gone_at="2026-01-01T00:00Z")


def change_an_item(both: Both) -> None:
    both.emulator.change_item(both.item("cthr_long", 199), status="completed", output="42")


def move(both: Both, item: str, position: int) -> None:
    assert both.items.filter(pk=item).update(position=position)


def swap_two_items(both: Both) -> None:
    one, two = both.item("cthr_a", 0), both.item("cthr_a", 1)
    for item, position in ((one, 99), (two, 0), (one, 1)):
        move(both, item, position)


def move_the_first_item_to_the_end(both: Both) -> None:
    move(both, both.item("cthr_long", 0), 5000)


def move_the_last_item_to_the_front(both: Both) -> None:
    move(both, both.item("cthr_long", 249), -5)


def move_the_last_of_a_page_to_the_end(both: Both) -> None:
    move(both, both.item("cthr_long", 99), 5000)


def open_a_thread(both: Both) -> None:
    both.world.thread("hello", id="cthr_new", user="ada")


def delete_a_thread(both: Both) -> None:
    both.emulator.remove_thread("cthr_b")


def drop_a_thread(both: Both) -> None:
    both.threads.get(pk="cthr_b").delete()


def mark_a_thread_gone(both: Both) -> None:
    both.threads.filter(pk="cthr_b").update(gone_at="2026-01-01T00:00Z")


def rename_a_thread(both: Both) -> None:
    both.emulator.change_thread("cthr_empty", title="Cats", status="locked")


def give_a_thread_to_another(both: Both) -> None:
    both.threads.filter(pk="cthr_b").update(end_user="bob")


def move_a_thread(both: Both) -> None:
    both.threads.filter(pk="cthr_c").update(tie=-1)


def reorder_the_keys(both: Both) -> None:
    row = both.threads.get(pk="cthr_a")
    row.payload = dict(reversed(row.payload.items()))
    row.save()


def change_an_items_columns(both: Both) -> None:
    fields = {"type": "chatkit.other", "text": "other", "settled": False, "created_at": "2026-01-01T00:00Z"}
    both.items.filter(pk=both.item("cthr_long", 120)).update(**fields)


def change_a_threads_columns(both: Both) -> None:
    at = datetime.fromtimestamp(1_700_000_150, UTC)
    both.threads.filter(pk="cthr_empty").update(title="Cats", status="locked", created_at=at)


def store(both: Both, text: str) -> None:
    with connections[both.world.database].cursor() as cursor:
        cursor.execute("UPDATE django_chatkit_chatthread SET payload = %s WHERE id = 'cthr_empty'", [text])


def damage_a_payload(both: Both) -> None:
    store(both, '{"id": "cthr')


def store_what_is_no_object(both: Both) -> None:
    store(both, "[]")


HAS_IT = "marked gone here, and upstream has it"
NOT_LISTED = "present here, and not listed upstream"
COLUMNS = "differs from its own payload here in"
ALL_KEYS = "created_at, id, object, status, title, user"
MUTATIONS = [
    (append, ["thread cthr_a: the mirror is behind: 2 newer upstream"]),
    (drop_from_the_middle, ["item {long120} of thread cthr_long: missing here"]),
    (drop_the_tail, ["thread cthr_long: the mirror is behind: 210 newer upstream"]),
    (cut, [f"item {{b1}} of thread cthr_b: {NOT_LISTED}", f"item {{b2}} of thread cthr_b: {NOT_LISTED}"]),
    (remove_from_the_middle, [f"item {{long100}} of thread cthr_long: {NOT_LISTED}"]),
    (mark_an_item_gone, [f"item {{c1}} of thread cthr_c: {HAS_IT}"]),
    (change_an_item, ["item {long199} of thread cthr_long: differs in output, status"]),
    (swap_two_items, ["item {a0} of thread cthr_a: in another place here"]),
    (move_the_first_item_to_the_end, ["item {long0} of thread cthr_long: in another place here"]),
    (move_the_last_item_to_the_front, ["item {long249} of thread cthr_long: in another place here"]),
    (move_the_last_of_a_page_to_the_end, ["item {long99} of thread cthr_long: in another place here"]),
    (open_a_thread, ["thread cthr_new: missing here"]),
    (delete_a_thread, [f"thread cthr_b: {NOT_LISTED}"]),
    (drop_a_thread, ["thread cthr_b: missing here"]),
    (mark_a_thread_gone, [f"thread cthr_b: {HAS_IT}"]),
    (rename_a_thread, ["thread cthr_empty: differs in status, title"]),
    (give_a_thread_to_another, ["thread cthr_b: differs in user"]),
    (move_a_thread, ["thread cthr_c: in another place here"]),
    (reorder_the_keys, ["thread cthr_a: differs in the order of its keys"]),
    (
        change_an_items_columns,
        [f"item {{long120}} of thread cthr_long: {COLUMNS} created_at, settled, text, type"],
    ),
    (change_a_threads_columns, [f"thread cthr_empty: {COLUMNS} created_at, status, title"]),
    (damage_a_payload, [f"thread cthr_empty: differs in {ALL_KEYS}"]),
    (store_what_is_no_object, [f"thread cthr_empty: differs in {ALL_KEYS}"]),
]


@pytest.mark.parametrize(("happens", "lines"), MUTATIONS, ids=[each[0].__name__ for each in MUTATIONS])
def test_what_differs_is_named_and_nothing_else(
    both: Both, happens: Callable[[Both], None], lines: list[str]
) -> None:
    names = {
        f"{name}{number}": each["id"]
        for name in ("long", "a", "b", "c")
        for number, each in enumerate(both.emulator.items(f"cthr_{name}"))
    }
    happens(both)

    expected = sorted(line.format(**names) for line in lines)
    assert both.told() == expected
    assert both.told(**SAMPLE) == expected
    if happens is give_a_thread_to_another:
        expected.append(f"thread cthr_b: {NOT_LISTED}")  # under bob, that is
    assert both.told(users=["ada", "bob"]) == sorted(expected)


@pytest.mark.parametrize(
    ("happens", "line"),
    [
        (rename_a_thread, "thread cthr_empty: differs in status, title"),
        (delete_a_thread, f"thread cthr_b: {NOT_LISTED}"),
        (mark_a_thread_gone, f"thread cthr_b: {HAS_IT}"),
        (drop_a_thread, "thread cthr_b: missing here"),
        (append, "thread cthr_a: the mirror is behind: 2 newer upstream"),
    ],
    ids=str,
)
def test_a_thread_is_compared_alone(both: Both, happens: Callable[[Both], None], line: str) -> None:
    happens(both)
    thread = line.split(":")[0].removeprefix("thread ")

    assert both.told(threads=[thread]) == [line]
    assert both.told(threads=["cthr_long"]) == []


def test_one_end_users_differences_are_not_anothers(both: Both) -> None:
    append(both)
    rename_a_thread(both)

    assert both.told(users=["bob"]) == ["thread cthr_empty: differs in status, title"]


def test_what_both_sides_know_as_gone_does_not_differ(both: Both) -> None:
    cut(both)
    both.emulator.remove_thread("cthr_c")
    both.sync()

    for scope in (WHOLE, SAMPLE, {"users": ["ada"]}, {"threads": ["cthr_c", "cthr_b"]}):
        assert both.told(**scope) == []


def test_what_neither_side_knows_is_a_failure(both: Both) -> None:
    EndUser.objects.using(both.world.database).create(id="eve")  # she has no threads yet: no failure

    report = both.compare(users=["eve", "nobody"], threads=["cthr_none"])

    assert sorted(str(each).partition(" (")[0][:60] for each in report.failures) == [
        "end user nobody: unknown here, and without threads upstream",
        "thread cthr_none: NotFoundError: Error code: 404 - Thread wi",
    ]
    assert (report.differences, report.ok) == (0, False)


@pytest.mark.parametrize("happens", [each[0] for each in MUTATIONS], ids=lambda each: each.__name__)
def test_a_deep_sync_mends_whatever_differs(both: Both, happens: Callable[[Both], None]) -> None:
    happens(both)

    both.sync(deep=True)

    assert both.told() == []


def test_a_hole_deep_in_a_thread_is_mended_by_a_deep_sync_alone(both: Both) -> None:
    drop_from_the_middle(both)
    both.sync("cthr_long")
    assert both.told() != []

    both.sync("cthr_long", deep=True)

    assert both.told() == []


def test_a_deep_sync_asks_for_each_page_and_leaves_what_is_equal(both: Both) -> None:
    rows = list(both.items.values_list())
    both.emulator.forget_requests()

    both.sync("cthr_long", deep=True)

    assert both.emulator.count() == 3
    assert list(both.items.values_list()) == rows


def test_nothing_is_written(both: Both) -> None:
    append(both)
    delete_a_thread(both)

    for scope in (WHOLE, SAMPLE, {"users": ["ada"]}, {"threads": ["cthr_a"]}):
        statements = both.queries(**scope)
        assert statements
        assert all(each.startswith("SELECT") and "FOR UPDATE" not in each for each in statements)


def test_what_is_equal_costs_a_request_and_a_query_a_page(both: Both) -> None:
    for number in range(120):
        both.world.thread("hi", id=f"cthr_more{number}", created_at=1_700_000_300 + number)
    both.sync()

    queries = both.queries()

    pages = 2 + (3 + 4 + 120)  # of threads, and of their items
    assert both.emulator.count() == pages
    assert len(queries) == pages + 1  # whether any thread is left out


def test_a_thread_that_we_are_behind_by_is_read_once(both: Both) -> None:
    both.items.of("cthr_long").delete()

    queries = both.queries()

    assert both.emulator.count() == 1 + 3 + 4 + 1  # the first page that differs is asked for twice
    assert len(queries) <= 20


def test_memory_holds_pages_and_a_thousand_differences(both: Both) -> None:
    both.items.of("cthr_long").filter(position__gte=1).update(payload={})
    for number in range(KEPT):
        both.world.thread(id=f"cthr_n{number:04}", created_at=1_700_000_300 + number)

    report = both.compare()

    assert report.differences == 249 + KEPT
    assert len(report.found) == KEPT
    assert report.as_dict()["left_out"] == 249
    assert all(" LIMIT " in each or " IN (" in each for each in both.queries(threads=["cthr_long"]))


def test_exotic_words_compare_equal_after_a_sync(both: Both) -> None:
    for id in ("cthr_X", "cthr_x", "cthr_x "):
        both.world.thread("nul \x00", "lone \ud800", id=id, title="\udfff\x00", created_at=1_700_000_500)
    both.emulator.add_item("cthr_X", id="cti_q", type="chatkit.new_kind", novelty={"b": [1.0, None], "a": 1})
    both.emulator.add_item("cthr_X", id="cti_Q", type="message", role="user", content="hi")
    both.sync()

    for scope in (WHOLE, SAMPLE, {"threads": ["cthr_X", "cthr_x"]}):
        assert both.told(**scope) == []


def test_the_documentations_dialect_compares_equal_after_a_sync(
    world: World, chatkit: ChatKit, clock: Clock, pace: Pace
) -> None:
    world.emulator.switches.dialect = "documentation"
    id = world.thread("hello", user="eve")
    both = Both(world, chatkit, clock, pace)
    both.sync()

    for scope in (WHOLE, SAMPLE, {"threads": [id]}):
        assert both.told(**scope) == []
    # That list told of nobody, and so the thread stands under (unknown), until she is synced by name.
    assert both.told(users=["eve"]) == [f"thread {id}: differs in user"]


def test_a_difference_is_one_line_whatever_its_names_hold(both: Both) -> None:
    both.emulator.change_item(both.item("cthr_a", 0), **{"new\nline\x1b[2J": 1, "lone \ud800": 2})

    report = both.compare()

    assert str(report.found[0]).endswith(": differs in lone \ufffd, new\ufffdline\ufffd[2J")
    assert report.as_dict()["found"][0]["keys"] == ["lone \ufffd", "new\ufffdline\ufffd[2J"]


MUTATIONS_OF_ANY = [
    "append",
    "change",
    "cut",
    "open",
    "delete",
    "drop item",
    "gone item",
    "move item",
    "drop thread",
]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    lengths=st.lists(st.sampled_from([0, 1, 3, 100, 101]), min_size=1, max_size=3),
    mutation=st.sampled_from(MUTATIONS_OF_ANY),
    chance=st.randoms(use_true_random=False),
)
def test_of_any_world_one_change_is_what_is_told(lengths: list[int], mutation: str, chance: Any) -> None:
    clock = Clock()
    emulator = Emulator(clock=clock.timestamp, sleep=no_sleep, seed=5)
    world = World(emulator, "default")
    chatkit = ChatKit(
        api_key="sk-test",
        base_url="http://emulator.invalid/v1",
        adapter=EmulatorAdapter(emulator),
        max_retries=0,
    )
    both = Both(
        world, chatkit, clock, Pace(interval=clock.now - clock.now, grace=clock.now - clock.now, workers=0)
    )
    with transaction.atomic():
        ids = [world.thread(*["hi"] * length) for length in lengths]
        both.sync()
        assert both.told(workers=0) == []

        expected = happen(both, mutation, chance.choice(ids), chance)

        assert both.told(workers=0) == expected
        transaction.set_rollback(True)


def happen(both: Both, mutation: str, thread: str, chance: Any) -> list[str]:
    """Change one thing on one side, and return what is to be told."""
    items = [each["id"] for each in both.emulator.items(thread)]
    if mutation == "append":
        both.emulator.add_item(thread)
        return [f"thread {thread}: the mirror is behind: 1 newer upstream"]
    if mutation == "open":
        return [f"thread {both.world.thread('hello')}: missing here"]
    if mutation == "delete":
        both.emulator.remove_thread(thread)
        return [f"thread {thread}: {NOT_LISTED}"]
    if mutation == "drop thread":
        both.threads.get(pk=thread).delete()
        return [f"thread {thread}: missing here"]
    return happen_to_items(both, mutation, thread, items, chance) if items else []


def happen_to_items(both: Both, mutation: str, thread: str, items: list[str], chance: Any) -> list[str]:
    item = chance.choice(items)
    line = f"item {item} of thread {thread}: "
    if mutation == "change":
        both.emulator.change_item(item, novelty=1)
        return [f"{line}differs in novelty"]
    if mutation == "gone item":
        both.items.filter(pk=item).update(gone_at=both.clock.now)
        return [line + HAS_IT]
    if mutation == "cut":
        gone = both.emulator.cut_items(thread, after=item)
        return sorted(f"item {each} of thread {thread}: {NOT_LISTED}" for each in gone)
    if mutation == "move item":
        if len(items) < 3:  # of two that change places, either may be told
            return []
        item, to = chance.choice([(items[0], len(items)), (items[-1], -1)])
        move(both, item, to)
        return [f"item {item} of thread {thread}: in another place here"]
    both.items.filter(pk=item).delete()
    is_last = item == items[-1]
    return [f"thread {thread}: the mirror is behind: 1 newer upstream" if is_last else f"{line}missing here"]
