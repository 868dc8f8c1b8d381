"""Upstream's objects without their words."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import django_chatkit.rest
from django_chatkit.models.fields import dumps
from django_chatkit.services import emptied

CONTRACT = json.loads(
    (Path(django_chatkit.rest.__file__).parent / "contract.json").read_text(encoding="utf-8")
)
SAID = "zyx said this"
COMMON = {"id": "cti_1", "object": "chatkit.thread_item", "created_at": 1_700_000_000, "thread_id": "cthr_1"}
FILE = {"type": "file", "id": SAID, "name": SAID, "mime_type": SAID, "preview_url": SAID}

ITEMS: dict[str, dict[str, Any]] = {
    "chatkit.user_message": {
        "content": [{"type": "input_text", "text": SAID}, {"type": "quoted_text", "text": SAID}],
        "attachments": [FILE],
        "inference_options": {"model": SAID, "tool_choice": {"id": SAID}},
    },
    "chatkit.assistant_message": {"content": [{"type": "output_text", "text": SAID, "annotations": []}]},
    "chatkit.widget": {"widget": dumps({"title": SAID})},
    "chatkit.client_tool_call": {
        "status": "in_progress",
        "call_id": SAID,
        "name": SAID,
        "arguments": dumps({"a": SAID}),
        "output": SAID,
    },
    "chatkit.task": {"task_type": "thought", "heading": SAID, "summary": SAID},
    "chatkit.task_group": {"tasks": [{"type": "custom", "heading": SAID, "summary": SAID}]},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted(
    {*COMMON, "type", "title", "status", "user", "role", *(name for each in ITEMS.values() for name in each)}
)
OBJECTS = st.dictionaries(
    st.sampled_from(NAMES), JSON | st.sampled_from([*ITEMS, "message", "in_progress", "closed"]), max_size=10
)


@pytest.mark.parametrize("type_", ITEMS)
def test_an_item_keeps_upstreams_shape_and_none_of_its_words(type_: str) -> None:
    full = {**COMMON, "type": type_, **ITEMS[type_]}

    empty = emptied.item(full)

    jsonschema.validate(empty, {"$ref": "#/$defs/Item", "$defs": CONTRACT["$defs"]})
    assert SAID not in dumps(empty)
    assert {name: empty[name] for name in (*COMMON, "type")} == {**COMMON, "type": type_}


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        pytest.param(
            {"type": "chatkit.client_tool_call", "status": "in_progress"},
            ("status", "in_progress"),
            id="call",
        ),
        pytest.param(
            {"type": "chatkit.client_tool_call", "status": SAID}, ("status", "completed"), id="odd-call"
        ),
        pytest.param({"type": "chatkit.task", "task_type": "thought"}, ("task_type", "thought"), id="task"),
        pytest.param({"type": "chatkit.task", "task_type": [SAID]}, ("task_type", "custom"), id="odd-task"),
        pytest.param({"type": "message", "role": "user"}, ("role", "user"), id="message"),
        pytest.param({"type": "message", "role": SAID}, ("role", "assistant"), id="odd-message"),
    ],
)
def test_what_an_item_is_stays_where_it_is_one_of_upstreams_words(
    payload: dict[str, Any], kept: tuple[str, str]
) -> None:
    assert emptied.item(payload)[kept[0]] == kept[1]


def test_of_an_item_of_a_kind_that_we_do_not_know_only_the_common_fields_stay() -> None:
    assert emptied.item({**COMMON, "type": "chatkit.new", "novelty": SAID}) == {
        **COMMON,
        "type": "chatkit.new",
    }


@pytest.mark.parametrize(
    ("status", "left"),
    [
        pytest.param({"type": "active"}, {"type": "active"}, id="active"),
        pytest.param({"type": "closed", "reason": SAID}, {"type": "closed", "reason": None}, id="closed"),
        pytest.param("locked", {"type": "locked", "reason": None}, id="documentation"),
    ],
)
def test_a_thread_keeps_whose_and_how_it_is(status: Any, left: Any) -> None:
    full = {
        "id": "cthr_1",
        "object": "chatkit.thread",
        "created_at": 1,
        "title": SAID,
        "status": status,
        "user": "ada",
    }

    empty = emptied.thread({**full, "metadata": {"a": SAID}})

    jsonschema.validate(empty, {"$ref": "#/$defs/Thread", "$defs": CONTRACT["$defs"]})
    assert empty == {**full, "title": None, "status": left}


def test_a_status_that_we_do_not_know_goes() -> None:
    assert emptied.thread({"id": "cthr_1", "status": {"type": SAID}}) == {"id": "cthr_1", "title": None}


@given(OBJECTS)
def test_what_was_emptied_is_emptied_to_the_same(payload: dict[str, Any]) -> None:
    for empty in (emptied.item, emptied.thread):
        text = emptied.stored(empty, dumps(payload))

        assert emptied.stored(empty, text) == text == dumps(empty(payload))


@pytest.mark.parametrize(
    "text", ["", "[1]", "not JSON", "[" * 100_000], ids=["empty", "list", "words", "deep"]
)
def test_of_what_nobody_can_read_nothing_is_left(text: str) -> None:
    assert emptied.stored(emptied.item, text) == "{}"
