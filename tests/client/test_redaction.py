"""What a host takes out is out of whatever a caller sees, and a function that fails leaves nothing but the id."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.client import ChatKit
from django_chatkit.client.redaction import THREAD, Withheld, redacted
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter

WORD = "canary"
MESSAGE = {"id": "cti_1", "type": "chatkit.user_message", "content": [{"text": f"my {WORD}"}]}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def without_word(type: str, payload: Any) -> Any:
    """Take the word out wherever it stands."""
    if isinstance(payload, dict):
        return {name: without_word(type, value) for name, value in payload.items()}
    if isinstance(payload, list):
        return [without_word(type, value) for value in payload]
    return payload.replace(WORD, "…") if isinstance(payload, str) else payload


@pytest.fixture
def emulator() -> Emulator:
    emulator = Emulator(seed=7)
    emulator.add_thread(
        id="cthr_1", user="ada", title=f"The {WORD}", items=[{"text": f"my {WORD}"}, {"text": "b"}]
    )
    return emulator


def client(emulator: Emulator, redact: Callable[[str, dict[str, Any]], Any] | None) -> ChatKit:
    return ChatKit(
        api_key="sk-test",
        base_url="http://emulator.invalid/v1",
        adapter=EmulatorAdapter(emulator),
        redact=redact,
    )


def test_each_call_that_reads_gives_what_is_left(emulator: Emulator) -> None:
    chatkit = client(emulator, without_word)

    thread = chatkit.threads.retrieve("cthr_1")
    threads = chatkit.threads.list()
    items = chatkit.threads.list_items("cthr_1", limit=1)

    assert thread.title == "The …"
    assert [each.title for each in threads] == ["The …"]
    assert [each.content[0].text for each in items] == ["b", "my …"]
    assert WORD not in str((thread.payload, threads.payload, items.payload, items.get_next_page().payload))


def test_a_copy_of_the_client_redacts_too(emulator: Emulator) -> None:
    chatkit = client(emulator, without_word).with_options(timeout=3)

    assert chatkit.threads.retrieve("cthr_1").title == "The …"


def test_without_a_function_nothing_is_touched(emulator: Emulator) -> None:
    assert client(emulator, None).threads.retrieve("cthr_1").payload == emulator.threads()[0]


def test_the_function_is_told_the_type(emulator: Emulator) -> None:
    types = list[str]()

    def note(type: str, payload: dict[str, Any]) -> dict[str, Any]:
        types.append(type)
        return payload

    chatkit = client(emulator, note)
    chatkit.threads.retrieve("cthr_1")
    chatkit.threads.list()
    chatkit.threads.list_items("cthr_1")

    assert types == [THREAD, THREAD, "chatkit.user_message", "chatkit.user_message"]


def test_a_session_is_the_hosts_own_and_is_not_redacted(emulator: Emulator) -> None:
    session = client(emulator, lambda type, payload: {}).sessions.create(user="ada", workflow={"id": "wf_1"})

    assert session.id
    assert session.client_secret


def test_a_list_that_is_none_is_still_refused(emulator: Emulator) -> None:
    chatkit = client(emulator, without_word)
    emulator.fail("list_threads", kind="wrong_shape")

    with pytest.raises(Exception, match="data") as caught:
        chatkit.threads.list()

    assert type(caught.value).__name__ == "APIResponseValidationError"


@given(st.dictionaries(st.text(), json_values))
def test_a_function_that_changes_nothing_changes_nothing(payload: dict[str, Any]) -> None:
    assert redacted(lambda type, given: given, payload) == payload


def test_the_function_may_change_what_it_is_given() -> None:
    def empty(type: str, payload: dict[str, Any]) -> dict[str, Any]:
        payload["content"].clear()
        return payload

    assert redacted(empty, MESSAGE)["content"] == []
    assert MESSAGE["content"]


def boom(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    raise ValueError(f"I was given {payload}")


@pytest.mark.parametrize(
    ("redact", "why"),
    [
        pytest.param(boom, "failed: ValueError", id="an error"),
        pytest.param(lambda type, payload: None, "returned NoneType, not a dict", id="nothing"),
        pytest.param(lambda type, payload: [WORD], "returned list, not a dict", id="a list"),
        pytest.param(lambda type, payload: {**payload, "x": {WORD}}, "failed: TypeError", id="no JSON"),
        pytest.param(lambda type, payload: {**payload, "x": float("nan")}, "failed: ValueError", id="NaN"),
        pytest.param(lambda type, payload: {**payload, "id": WORD}, "changed id", id="another id"),
        pytest.param(lambda type, payload: {"user": WORD}, "changed id and user", id="another user"),
    ],
)
def test_a_function_that_fails_leaves_the_id_and_a_reason_without_content(redact: Any, why: str) -> None:
    left = redacted(redact, MESSAGE)

    assert isinstance(left, Withheld)
    assert left == {"id": "cti_1"}
    assert left.why == f"the function of REDACT {why}"


def test_an_object_without_id_and_type_is_withheld_as_well() -> None:
    assert redacted(boom, {"type": 7}) == {}


def test_a_client_that_is_not_to_redact_gives_what_upstream_sent(emulator: Emulator) -> None:
    chatkit = client(emulator, without_word)

    assert chatkit.with_options(redacts=False).threads.retrieve("cthr_1").title == f"The {WORD}"
    assert chatkit.with_options().threads.retrieve("cthr_1").title == "The …"
