"""Dumps made with OpenAI's own SDK come back."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.beta.chatkit import ChatKitThread

from django_chatkit.models import ChatThread, ChatThreadItem
from django_chatkit.services import dumps, kept, sync
from django_chatkit.services.kept import Damaged, KeptThread
from django_chatkit.testing import Emulator
from django_chatkit.testing.server import serve

from .archives import Importer, made, rows
from .conftest import Clock, World

Order = Literal["asc", "desc"]
Write = Callable[[Any], str]

MODES: dict[str, Write] = {
    "model_dump": lambda each: json.dumps(each.model_dump()),
    "model_dump_json": lambda each: each.model_dump_json(),
    "to_dict": lambda each: json.dumps(each.to_dict(), ensure_ascii=False),
}


@pytest.fixture
def sdk(emulator: Emulator) -> Iterator[openai.OpenAI]:
    with (
        serve(emulator) as server,
        openai.OpenAI(api_key="sk-dump", base_url=server.base_url, max_retries=0, timeout=120) as client,
    ):
        yield client


@pytest.fixture
def importer(database: str, clock: Clock) -> Importer:
    return Importer(database, clock)


def of_each_kind(world: World) -> None:
    """Add threads upstream that hold each kind of item, and one that no SDK knows."""
    thread = world.thread(title="Ä", created_at=1_760_000_000)
    for text in ("Hello", "Wie geht's? \u2028 Gut."):
        world.emulator.add_item(thread, text=text, created_at=1_760_000_010)
    for number, (kind, fields) in enumerate[Any](
        [
            ("chatkit.assistant_message", {"text": "Good day"}),
            ("chatkit.client_tool_call", {"status": "in_progress", "output": None}),
            ("chatkit.task", {"heading": "Think", "summary": None}),
            ("chatkit.task_group", {"tasks": [{"type": "thought", "heading": "a", "summary": "b"}]}),
            ("chatkit.widget", {"widget": '{"type":"Card","title":"Weather"}'}),
            ("chatkit.of_tomorrow", {"colour": "blue"}),
        ]
    ):
        world.emulator.add_item(thread, kind, created_at=1_760_000_100 + number, **fields)
    world.thread(user="bob", created_at=1_760_000_001)
    world.thread("One", user="bob", created_at=1_760_000_001, status="locked")


def dumped(sdk: openai.OpenAI, file: Path, *, write: Write, order: Order | None, apart: bool = False) -> Path:
    """Write all threads and items as somebody would with the SDK; ``apart`` says all threads first."""
    options: dict[str, Any] = {} if order is None else {"order": order}
    chatkit, after, lines = sdk.beta.chatkit, list[str](), list[str]()
    for thread in chatkit.threads.list(**options):
        lines.append(write(thread))
        items = [write(item) for item in chatkit.threads.list_items(thread.id, **options)]
        (after if apart else lines).extend(items)
    file.write_text("\n".join([*lines, *after]) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("write", MODES.values(), ids=list(MODES))
@pytest.mark.parametrize(
    ("order", "apart"), [("asc", False), ("desc", False), (None, False), (None, True)], ids=str
)
def test_a_dump_tells_what_upstream_has_however_it_was_made(
    emulator: Emulator, sdk: openai.OpenAI, tmp_path: Path, write: Write, order: Order | None, apart: bool
) -> None:
    world = World(emulator, "")  # no mirror is needed to read a dump
    of_each_kind(world)

    found, wrong = read(dumped(sdk, tmp_path / "dump.jsonl", write=write, order=order, apart=apart))

    assert wrong == {}
    assert [each.id for each in found] == list(world.upstream())
    for thread, (payload, items) in zip(found, world.upstream().values(), strict=True):
        here = [json.loads(item.payload) for page, _ in thread.pages() for item in page.values()]
        assert thread.payload == payload
        assert [_without_nothing(each) for each in here] == [_without_nothing(each) for each in items]


def _without_nothing(payload: dict[str, Any]) -> dict[str, Any]:
    """Return what an object says: the SDK adds nulls for what it expected and did not find."""
    return {name: value for name, value in payload.items() if value is not None}


@pytest.mark.django_db
def test_what_the_sdk_was_sent_comes_back_to_the_letter_with_to_dict(
    world: World, sdk: openai.OpenAI, importer: Importer, tmp_path: Path
) -> None:
    of_each_kind(world)

    importer.dump(dumped(sdk, tmp_path / "dump.jsonl", write=MODES["to_dict"], order=None))

    world.assert_exact()


@pytest.mark.django_db
def test_a_dump_is_imported_once_and_a_sync_goes_on_from_it(
    world: World, sdk: openai.OpenAI, importer: Importer, tmp_path: Path, run: Any
) -> None:
    of_each_kind(world)
    file = dumped(sdk, tmp_path / "dump.jsonl", write=MODES["model_dump"], order=None)
    importer.dump(file)
    before = rows(world.database)

    again = importer.dump(file)

    assert again.threads_unchanged == again.threads == 3
    assert rows(world.database) == before
    assert run(sync.reconcile, items=True, deep=True).ok
    world.assert_exact()


@pytest.mark.django_db
def test_a_dump_counts_as_of_its_newest_item(
    world: World, sdk: openai.OpenAI, importer: Importer, tmp_path: Path, run: Any, clock: Clock
) -> None:
    clock.now = datetime.fromtimestamp(1_760_000_050, UTC)
    of_each_kind(world)  # some of it is made later than now
    run(sync.reconcile, items=True)
    thread = next(iter(world.upstream()))
    clock.now = datetime.fromtimestamp(1_760_000_200, UTC)
    world.emulator.cut_items(thread, after=world.emulator.items(thread)[0]["id"])
    dump = dumped(sdk, tmp_path / "cut.jsonl", write=MODES["to_dict"], order="asc")
    world.emulator.add_item(thread, text="anew", created_at=1_760_000_199)
    later = dumped(sdk, tmp_path / "later.jsonl", write=MODES["to_dict"], order="asc")

    assert importer.dump(dump).items_gone == 0  # it may be older than what the mirror knows
    assert importer.dump(later).items_gone == 7

    world.assert_exact()
    moments = ChatThread.objects.using(world.database).filter(pk=thread).values_list("as_of", "synced_at")
    assert set(moments.get()) == {datetime.fromtimestamp(1_760_000_199, UTC)}


@pytest.mark.django_db
def test_a_long_thread_that_stands_newest_first_comes_back(
    tmp_path: Path, importer: Importer, database: str
) -> None:
    thread, items = made("cthr_long", 2 * kept.PAGE_ITEMS + 1)
    file = tmp_path / "dump.jsonl"
    file.write_text("\n".join(map(json.dumps, [*reversed(items), thread])))

    assert importer.dump(file).ok

    here = ChatThreadItem.objects.using(database).of("cthr_long").in_order()
    assert list(here.values_list("pk", flat=True)) == [each["id"] for each in items]


def read(file: Path) -> tuple[list[KeptThread], dict[str, str]]:
    wrong: dict[str, str] = {}
    return list(dumps.threads(file, fail=lambda id, error: wrong.update({id: str(error)}))), wrong


def ids(thread: KeptThread) -> list[str]:
    return [id for page, _ in thread.pages() for id in page]


THREAD = json.dumps({"id": "cthr_a", "object": "chatkit.thread", "user": "ada", "created_at": 1})


def item(id: str, created_at: int | None = 5, thread: str = "cthr_a", **fields: Any) -> str:
    payload = {"id": id, "object": "chatkit.thread_item", "thread_id": thread, "created_at": created_at}
    return json.dumps({**payload, **fields})


@pytest.mark.parametrize(
    ("lines", "order"),
    [
        pytest.param([item("x", 1), item("y", 2), item("z", 2)], "xyz", id="oldest-first"),
        pytest.param([item("x", 2), item("y", 2), item("z", 1)], "zyx", id="newest-first"),
        pytest.param([item("x", 2), item("y", None), item("z", 1)], "zyx", id="one-without-a-time"),
        pytest.param([item("x"), item("y")], "yx", id="nothing-tells"),
        pytest.param(
            [item("x"), item("y"), item("p", 1, "cthr_b"), item("q", 2, "cthr_b")], "xy", id="another-tells"
        ),
        pytest.param(
            [item("x"), item("y"), item("p", 2, "cthr_b"), item("q", 1, "cthr_b")], "yx", id="and-otherwise"
        ),
        pytest.param([item("x")], "x", id="one"),
        pytest.param([], "", id="none"),
        pytest.param(["", "  ", item("x"), ""], "x", id="empty-lines"),
        pytest.param([item("x", object=None)], "x", id="without-object"),
        pytest.param([item("x", object="chatkit.thread.item")], "x", id="of-the-documentation"),
    ],
)
def test_items_come_oldest_first_whichever_way_the_dump_goes(
    tmp_path: Path, lines: list[str], order: str
) -> None:
    file = tmp_path / "dump.jsonl"
    file.write_text("\n".join([*lines, THREAD, THREAD.replace("_a", "_b")]))

    found, wrong = read(file)

    assert "".join(*[ids(each) for each in found if each.id == "cthr_a"]) == order
    assert wrong == {}


@given(
    st.lists(st.integers(min_value=1, max_value=4), min_size=1, max_size=9).map(sorted),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_any_order_of_threads_and_items_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, times: list[int], newest_first: bool, chance: Any
) -> None:
    items = [item(f"cti_{number}", time) for number, time in enumerate([0, *times])]
    lines = items[::-1] if newest_first else list(items)
    lines.insert(chance.randrange(len(lines) + 1), THREAD)
    file = tmp_path_factory.mktemp("dump") / "dump.jsonl"
    file.write_text("\n".join(lines))

    ((thread,), wrong) = read(file)

    assert ids(thread) == [json.loads(each)["id"] for each in items]
    assert wrong == {}
    assert thread.read_at == datetime.fromtimestamp(max(1, *times), UTC)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param('{"id": "cthr_', "line 2: it is not JSON", id="torn"),
        pytest.param("{'id': 'cthr_a'}", "line 2: it is not JSON", id="python"),
        pytest.param("[]", "line 2: it is not a JSON object", id="a-list"),
        pytest.param("{}", "line 2: it is neither a thread nor an item", id="nothing"),
        pytest.param('{"object": "list", "data": []}', "line 2: it is a page", id="a-page"),
        pytest.param(
            item("x", thread=""), "line 2: upstream sent an object without thread_id", id="no-thread"
        ),
        pytest.param(
            '{"object": "chatkit.thread"}', "line 2: upstream sent an object without id", id="no-id"
        ),
    ],
)
def test_a_dump_with_a_line_that_nobody_can_place_gives_nothing(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "dump.jsonl"
    file.write_text(f"{THREAD}\n{line}\n{item('x')}\n")

    with pytest.raises(Damaged, match=says):
        read(file)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        pytest.param(
            [item("x", thread="cthr_b")], "dump.jsonl holds items of it, and not the thread", id="no-thread"
        ),
        pytest.param(
            [THREAD.replace("_a", "_b"), *(item(f"{number}", number % 2, "cthr_b") for number in range(3))],
            "its items are in no order",
            id="no-order",
        ),
        pytest.param(
            [THREAD.replace("_a", "_b"), item("x", thread="cthr_b"), item("x", thread="cthr_b")],
            "an item comes twice",
            id="twice",
        ),
        pytest.param(
            [THREAD.replace("_a", "_b"), item("", thread="cthr_b")], "an object without id", id="no-id"
        ),
        pytest.param(
            [THREAD.replace("_a", "_b").replace("ada", "x" * 513)], "that can't be a key", id="no-user"
        ),
    ],
)
def test_what_is_wrong_with_one_thread_keeps_no_other_away(
    tmp_path: Path, lines: list[str], says: str
) -> None:
    file = tmp_path / "dump.jsonl"
    file.write_text("\n".join([THREAD, *lines, item("good")]))

    found, wrong = read(file)

    assert [each.id for each in found] == ["cthr_a"]
    assert list(wrong) == ["cthr_b"]
    assert says in wrong["cthr_b"]


def test_of_a_thread_that_was_dumped_twice_the_last_line_counts(tmp_path: Path) -> None:
    file = tmp_path / "dump.jsonl"
    file.write_text("\n".join([THREAD, item("x"), THREAD.replace("ada", "bob")]))

    ((thread,), _) = read(file)

    assert thread.user == "bob"


def test_a_thread_of_which_no_time_is_known_is_older_than_all(tmp_path: Path) -> None:
    file = tmp_path / "dump.jsonl"
    file.write_text(json.dumps({"id": "cthr_a", "object": "chatkit.thread"}))

    ((thread,), _) = read(file)

    assert thread.read_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert ChatKitThread.construct(**thread.payload).id == "cthr_a"
