"""Items as bubbles, without any HTML."""

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.services.bubbles import LONGEST_PART, Reading, describe
from django_chatkit.services.parts import (
    DEEPEST_LIST,
    MOST_OF_AN_ITEM,
    MOST_PARTS,
    Attachment,
    Call,
    Fact,
    Group,
    Json,
    Node,
    Part,
    Passage,
    Quote,
    Source,
    Step,
    Text,
    Tree,
)
from django_chatkit.services.pretty import pretty, unfold
from django_chatkit.services.widgets import MOST_FACTS, MOST_NODES, outline
from tests.admin.conftest import BEGIN
from tests.nested import nested, with_little_left


@dataclass
class Item:
    type: str
    payload: Any
    id: str = "cti_1"
    position: int = 7
    settled: bool = True
    created_at: datetime = BEGIN
    gone_at: datetime | None = None
    words_dropped_at: datetime | None = None


def parts(type: str, limit: int | None = None, **payload: Any) -> tuple[Part, ...]:
    return describe(Item(type, payload), Reading(limit=limit)).parts


def said(text: str) -> Text:
    return Text(passage=Passage(text=text))


@pytest.mark.parametrize(
    ("type", "payload", "role"),
    [
        pytest.param("chatkit.user_message", {}, "user", id="user"),
        pytest.param("chatkit.assistant_message", {}, "assistant", id="assistant"),
        pytest.param("chatkit.client_tool_call", {}, "tool", id="tool"),
        pytest.param("chatkit.widget", {}, "widget", id="widget"),
        pytest.param("chatkit.task", {}, "task", id="task"),
        pytest.param("chatkit.task_group", {}, "tasks", id="task-group"),
        pytest.param("message", {"role": "user"}, "user", id="documented-user"),
        pytest.param("message", {"role": "system"}, "unknown", id="documented-other"),
        pytest.param("chatkit.tomorrow", {}, "unknown", id="unknown"),
    ],
)
def test_a_type_has_a_role(type: str, payload: dict[str, Any], role: str) -> None:
    bubble = describe(Item(type, payload), Reading())
    assert bubble.role == role
    assert str(bubble.who)
    assert bubble.anchor == "p7"


def test_an_id_is_named_visibly() -> None:
    bubble = describe(Item("chatkit.widget", {}, id="cti_\u202e1"), Reading())
    assert (bubble.id, bubble.name) == ("cti_\u202e1", "cti_⟨U+202E⟩1")


def test_an_unknown_type_is_named_and_shown_as_json() -> None:
    bubble = describe(Item("chatkit.tomorrow", {"a": [1]}), Reading())
    assert bubble.who == "chatkit.tomorrow"
    assert bubble.parts == (Json(passage=Passage(text='{\n  "a": [\n    1\n  ]\n}')),)
    assert str(describe(Item("", {}), Reading()).who) == "Unknown item"


def test_a_user_message_has_text_quotes_files_and_options() -> None:
    content = [{"type": "quoted_text", "text": "noon"}, {"type": "input_text", "text": "When?\nToday?"}]
    files = [
        {"type": "image", "name": "a.png", "mime_type": "image/png", "preview_url": "https://x.example/a"},
        {"type": "file", "id": "cfile_1"},
        "odd",
    ]
    options = {"tool_choice": {"id": "orders"}, "model": "gpt-5"}
    assert parts("chatkit.user_message", content=content, attachments=files, inference_options=options) == (
        Quote(passage=Passage(text="noon")),
        said("When?\nToday?"),
        Attachment(name="a.png", media_type="image/png", is_image=True),
        Attachment(name="cfile_1", media_type="", is_image=False),
        Json(passage=Passage(text='"odd"')),
        Fact(name="Tool asked for", value="orders"),
        Fact(name="Model asked for", value="gpt-5"),
    )
    assert parts("chatkit.user_message", content=[], inference_options={"tool_choice": None}) == ()


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        pytest.param("Hello", (said("Hello"),), id="a-string"),
        pytest.param({"type": "text", "text": "Hello"}, (said("Hello"),), id="an-object"),
        pytest.param(["Hello"], (said("Hello"),), id="strings"),
        pytest.param(
            [{"type": "sound"}], (Json(passage=Passage(text='{\n  "type": "sound"\n}')),), id="unknown"
        ),
        pytest.param([7], (Json(passage=Passage(text="7")),), id="a-number"),
        pytest.param(7, (Json(passage=Passage(text='{\n  "content": 7\n}')),), id="no-content"),
        pytest.param([{"type": ["x"], "text": "y"}], None, id="unhashable-type"),
    ],
)
def test_content_of_any_shape_is_shown(content: Any, shown: tuple[Part, ...] | None) -> None:
    found = parts("chatkit.assistant_message", content=content)
    assert shown is None or found == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        pytest.param(
            {"url": "https://a.example/b?c=1"},
            Source(label="https://a.example/b?c=1", host="a.example", href="https://a.example/b?c=1"),
            id="web",
        ),
        pytest.param(
            {"url": "https://bank.example@evil.example/"},
            Source(
                label="https://bank.example@evil.example/",
                host="evil.example",
                href="https://bank.example@evil.example/",
            ),
            id="the-host-that-it-leads-to",
        ),
        pytest.param({"url": "javascript:alert(1)"}, Source(label="javascript:alert(1)"), id="script"),
        pytest.param({"url": "java\nscript:x"}, Source(label="java script:x"), id="split-script"),
        pytest.param({"url": "data:text/html,x"}, Source(label="data:text/html,x"), id="data"),
        pytest.param({"url": "//a.example/"}, Source(label="//a.example/"), id="no-scheme"),
        pytest.param(
            {"url": "https://a.example/\u202e"},
            Source(label="https://a.example/⟨U+202E⟩"),
            id="override",
        ),
        pytest.param({"url": "https://[x"}, Source(label="https://[x"), id="no-address"),
        pytest.param({"filename": "terms.pdf"}, Source(label="terms.pdf"), id="file"),
        pytest.param({"other": 1}, None, id="unknown"),
        pytest.param("odd", None, id="no-object"),
    ],
)
def test_only_plain_web_addresses_become_links(source: Any, shown: Source | None) -> None:
    annotation = {"type": "url", "source": source}
    content = [{"type": "output_text", "text": "Look", "annotations": [annotation]}]
    _text, found = parts("chatkit.assistant_message", content=content)
    assert found == (shown or Json(passage=Passage(text=pretty(annotation))))


def test_an_annotation_of_no_shape_is_shown_as_json() -> None:
    content = [{"type": "output_text", "text": "Look", "annotations": ["odd"]}]
    assert parts("chatkit.assistant_message", content=content)[1] == Json(passage=Passage(text='"odd"'))


def test_a_finished_call_has_a_result() -> None:
    (call,) = parts(
        "chatkit.client_tool_call",
        status="completed",
        name="track",
        call_id="call_1",
        arguments='{"a":"ü"}',
        output="not json",
    )
    assert call == Call(
        name="track",
        call_id="call_1",
        status="completed",
        is_finished=True,
        arguments=Passage(text='{\n  "a": "ü"\n}'),
        output=Passage(text="not json"),
    )


def test_an_unfinished_call_is_told_apart() -> None:
    (call,) = parts("chatkit.client_tool_call", status="in_progress", output=None)
    assert isinstance(call, Call)
    assert not call.is_finished
    assert not call.output


def test_tasks_are_steps() -> None:
    assert parts("chatkit.task", task_type="thought", heading="Think", summary=None) == (
        Step(is_thought=True, heading=Passage(text="Think"), summary=Passage(text="")),
    )
    tasks = [{"type": "custom", "heading": "Do", "summary": 5}, "odd"]
    assert parts("chatkit.task_group", tasks=tasks) == (
        Group(
            steps=(
                Step(is_thought=False, heading=Passage(text="Do"), summary=Passage(text="5")),
                Json(passage=Passage(text='"odd"')),
            )
        ),
    )
    assert parts("chatkit.task_group", tasks=None) == (Json(passage=Passage(text='{\n  "tasks": null\n}')),)


def test_a_widget_is_an_outline() -> None:
    widget = {
        "type": "Card",
        "size": "sm",
        "padding": None,
        "children": [
            {"type": "Text", "value": "Hello", "streaming": True},
            {"type": "Row", "children": ["loose"]},
        ],
        "action": {"type": "go"},
    }
    tree = Tree(
        nodes=(
            Node(depth=0, label="Card", text="", facts=(("size", "sm"),)),
            Node(depth=1, label="Text", text="Hello", facts=(("streaming", "true"),)),
            Node(depth=1, label="Row", text=""),
            Node(depth=2, label="children", text="loose"),
            Node(depth=1, label="action · go", text=""),
        )
    )
    assert parts("chatkit.widget", widget=json.dumps(widget)) == (tree,)
    assert parts("chatkit.widget", widget=widget) == (tree,)


@pytest.mark.parametrize("widget", [[], [[]], "[]", "[[], [[]]]"])
def test_a_widget_without_parts_is_shown_as_json(widget: Any) -> None:
    (part,) = parts("chatkit.widget", widget=widget)
    assert isinstance(part, Json)
    assert part.passage.text.startswith('{\n  "widget": ')


def test_an_outline_is_lists_in_lists_and_no_deeper_than_there_is_room() -> None:
    depths = [0, 1, 2, 1, *range(2, 11), 3]
    tree = Tree(nodes=tuple(Node(depth=depth, label="", text="") for depth in depths))
    opened, shown = 0, []
    for _, is_parent, ended in tree.lines:
        shown.append(opened)
        opened += is_parent - len(ended)
    assert shown == [min(depth, DEEPEST_LIST) for depth in depths]
    assert opened == 0


def test_a_widget_that_is_no_json_is_shown_as_it_is() -> None:
    assert parts("chatkit.widget", widget="{") == (Json(passage=Passage(text="{")),)
    assert parts("chatkit.widget", widget="7") == (Json(passage=Passage(text='{\n  "widget": "7"\n}')),)


@pytest.mark.parametrize(
    ("widget", "nodes"),
    [
        pytest.param([{"type": "Text"}] * 400, MOST_NODES, id="many parts"),
        pytest.param([{"type": "Text", "value": "x" * 5_000}] * 400, 4, id="many words"),
        pytest.param({"type": "Card", **{f"fact{n}": "x" * 60 for n in range(20_000)}}, 1, id="many details"),
        pytest.param({"type": "Text", "value": "x" * 2_001}, 1, id="a long word"),
    ],
)
def test_a_huge_widget_is_cut_in_the_conversation_and_whole_on_its_page(widget: Any, nodes: int) -> None:
    def characters(tree: Tree) -> int:
        return sum(len(node.text) + sum(map(len, chain(*node.facts))) for node in tree.nodes)

    cut, whole = outline(widget, limit=8_000), outline(widget, limit=None)

    assert (cut.is_cut, len(cut.nodes), characters(cut) <= 10_000) == (True, nodes, True)
    assert len(whole.nodes) == (400 if isinstance(widget, list) else 1)
    assert characters(whole) >= characters(cut)
    assert not whole.is_cut


def test_a_small_widget_is_whole_in_the_conversation() -> None:
    widget = {"type": "Text", "value": "x" * 2_000, **{f"fact{n}": n for n in range(MOST_FACTS)}}

    assert outline(widget, limit=8_000) == outline(widget, limit=None)


def test_a_deep_widget_is_read() -> None:
    deep: Any = "ground"
    for _ in range(5000):
        deep = [deep]
    assert outline(deep, limit=None).nodes[0].text == "ground"


MANY_BLOCKS = {"content": [{"type": "output_text", "text": "§" * 1_000}] * 200}
MANY_STEPS = {"tasks": [{"heading": "§" * 300, "summary": "§" * 700}] * 200}


@pytest.mark.parametrize(
    ("type", "payload"),
    [("chatkit.assistant_message", MANY_BLOCKS), ("chatkit.task_group", MANY_STEPS)],
)
def test_an_item_of_many_parts_is_cut_in_the_conversation_and_whole_on_its_page(
    type: str, payload: dict[str, Any]
) -> None:
    shown, whole = (_of_many_parts(type, payload, limit) for limit in (LONGEST_PART, None))

    assert shown == (MOST_PARTS, MOST_OF_AN_ITEM, True)
    assert whole == (200, 200_000, False)


def _of_many_parts(type: str, payload: dict[str, Any], limit: int | None) -> tuple[int, int, bool]:
    """Return how many parts are shown, how many characters of them, and whether it is said that there are more."""
    bubble = describe(Item(type, payload), Reading(limit=limit))
    holder = bubble.parts[0] if isinstance(bubble.parts[0], Group) else bubble
    held = holder.steps if isinstance(holder, Group) else holder.parts
    return len(held), str(held).count("§"), holder.is_cut


def test_what_is_not_shown_for_want_of_room_is_no_nothing() -> None:
    """An output that no character of is shown is still an output."""
    assert bool(Passage(text="", left=5)) is True
    assert bool(Passage(text="")) is False


def test_a_widget_nested_beyond_reading_is_shown_as_it_is() -> None:
    text = "[" * 100_000
    assert parts("chatkit.widget", widget=text) == (Json(passage=Passage(text=text)),)
    assert unfold(text) == text


def test_shallow_json_is_indented_and_deep_json_is_compact() -> None:
    assert pretty(nested(3)) == "[\n  [\n    []\n  ]\n]"
    assert pretty(nested(101)) == "[" * 101 + "]" * 101


def test_deep_json_is_shown_however_little_is_left_of_the_stack() -> None:
    assert with_little_left(100, lambda: pretty(nested(900))) == "[" * 900 + "]" * 900


def test_json_nested_beyond_writing_is_said_to_be_so() -> None:
    assert pretty(nested(200_000)) == "This is nested too deep to be shown."


def test_a_very_long_text_is_cut_and_says_by_how_much() -> None:
    content = [{"type": "output_text", "text": "x" * 30}]
    assert parts("chatkit.assistant_message", limit=10, content=content) == (
        Text(passage=Passage(text="x" * 10, left=20)),
    )
    assert parts("chatkit.assistant_message", content=content) == (said("x" * 30),)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_known = st.sampled_from(
    ["content", "attachments", "widget", "tasks", "status", "output", "arguments", "role", "text", "type"]
)
_types = st.sampled_from(
    [f"chatkit.{word}" for word in ("user_message", "widget", "client_tool_call", "task", "task_group")]
    + ["message", "x"]
)


@given(_types, st.dictionaries(_known, _json) | _json)
def test_no_payload_is_too_strange(type: str, payload: Any) -> None:
    bubble = describe(Item(type, payload), Reading())
    assert bubble.id == "cti_1"
    assert all(len(list(part.lines)) == len(part.nodes) for part in bubble.parts if isinstance(part, Tree))


def test_arguments_that_are_no_string_are_written_as_json() -> None:
    (call,) = parts("chatkit.client_tool_call", status="completed", arguments={"a": 1}, output=[True])
    assert isinstance(call, Call)
    assert call.arguments.text == '{\n  "a": 1\n}'
    assert call.output.text == "[\n  true\n]"
