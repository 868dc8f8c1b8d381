"""Whatever upstream sends has a row, or an error that names it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.services import reading

NOW = datetime(2026, 11, 23, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["content", "heading", "summary", "name", "arguments", "output", "widget", "tasks", "status", "type"]
objects = st.dictionaries(st.sampled_from([*FIELDS, "created_at", "title", "user", "id"]), json_values)


@given(objects)
def test_no_object_is_too_strange_to_be_read(payload: dict[str, Any]) -> None:
    text = reading.text_of(payload)
    title = reading.word(payload, "title")
    status = reading.status_of(payload)

    assert all(ord(char) and not 0xD800 <= ord(char) <= 0xDFFF for char in text + title + status)
    assert reading.moment(payload, "created_at", NOW).tzinfo is UTC
    assert reading.is_settled(payload) in (True, False)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        pytest.param({"content": [{"type": "input_text", "text": "Hi"}]}, "Hi", id="message"),
        pytest.param({"content": [{"text": "a"}, {"text": "b"}]}, "a\nb", id="two parts"),
        pytest.param({"content": "plain"}, "plain", id="the documentation's message"),
        pytest.param({"content": {"text": "event"}}, "event", id="the documentation's event"),
        pytest.param({"heading": "Look up", "summary": None}, "Look up", id="task"),
        pytest.param({"tasks": [{"heading": "One"}, {"summary": "Two"}, 3]}, "One\nTwo", id="task group"),
        pytest.param({"name": "weather", "arguments": "{}", "output": "5"}, "weather\n{}\n5", id="tool call"),
        pytest.param(
            {"widget": '{"type":"Card","id":"x","children":[{"type":"Text","value":"Hello"}]}'},
            "Hello",
            id="widget",
        ),
        pytest.param({"widget": "no JSON"}, "", id="widget that is no JSON"),
        pytest.param({"widget": "[" * 100_000}, "", id="widget nested too deep"),
        pytest.param({"content": [{"text": "a\x00b\ud800"}]}, "a\ufffdb\ufffd", id="what databases refuse"),
        pytest.param({"content": [None, 3, [], {}]}, "", id="nothing to read"),
    ],
)
def test_the_words_of_an_item_are_what_a_person_would_search_for(payload: dict[str, Any], words: str) -> None:
    assert reading.text_of(payload) == words


def test_words_above_a_bottomless_pit_are_read() -> None:
    pit: list[Any] = []
    for _ in range(100_000):
        pit = [pit]

    assert reading.text_of({"content": ["above", pit]}) == "above"


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"status": {"type": "locked", "reason": None}}, "locked"),
        ({"status": "closed"}, "closed"),
        ({"status": {}}, "active"),
        ({}, "active"),
        ({"status": 7}, "active"),
    ],
)
def test_a_status_is_read_in_both_dialects(payload: dict[str, Any], status: str) -> None:
    assert reading.status_of(payload) == status


@pytest.mark.parametrize("value", [None, "1712345600", True, 1e300, float("inf"), -(10**18)])
def test_a_moment_that_is_none_falls_back(value: Any) -> None:
    assert reading.moment({"created_at": value}, "created_at", NOW) == NOW


def test_a_moment_is_read_in_seconds_and_utc() -> None:
    assert reading.moment({"created_at": 1712345600}, "created_at", NOW) == datetime(
        2024, 4, 5, 19, 33, 20, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(None, "without id", id="missing"),
        pytest.param("", "without id", id="empty"),
        pytest.param(5, "without id", id="no text"),
        pytest.param("x" * 256, "can't be a key", id="too long"),
        pytest.param("a\x00b", "can't be a key", id="NUL"),
        pytest.param("a\ud800", "can't be a key", id="lone surrogate"),
    ],
)
def test_an_id_that_no_row_can_have_is_refused_by_name(value: Any, complaint: str) -> None:
    with pytest.raises(reading.Unmirrorable, match=complaint):
        reading.key({"id": value})


def test_a_thread_may_come_without_its_end_user() -> None:
    assert reading.user_of({"id": "cthr_1"}) is None
    assert reading.user_of({"user": "ada"}) == "ada"
