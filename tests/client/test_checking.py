from __future__ import annotations

from urllib.parse import unquote

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.client import NOT_GIVEN, not_given, omit
from django_chatkit.client.checking import path_id, present

CONTROLS = st.characters(categories=["Cc", "Cs"])


@pytest.mark.parametrize("value", [None, NOT_GIVEN, not_given, omit, openai.NOT_GIVEN, openai.omit], ids=repr)
def test_what_was_not_given_is_absent(value: object) -> None:
    assert not present(value)


@pytest.mark.parametrize("value", [0, "", False, {}])
def test_what_is_merely_empty_is_present(value: object) -> None:
    assert present(value)


def test_a_sentinel_is_false_and_says_its_name() -> None:
    assert (bool(NOT_GIVEN), repr(NOT_GIVEN)) == (False, "NOT_GIVEN")


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(
        lambda text: text not in (".", "..")
    )
)
def test_an_id_stays_one_segment_of_a_path_and_can_be_read_back(name: str) -> None:
    encoded = path_id(name, "thread_id")

    assert not set(encoded) & set("/?#\\ ")
    assert unquote(encoded) == name


@given(st.text(), CONTROLS, st.text())
def test_an_id_with_a_control_character_is_refused(before: str, control: str, after: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        path_id(before + control + after, "thread_id")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_id_that_would_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="thread_id must not be"):
        path_id(name, "thread_id")


def test_an_id_is_a_text() -> None:
    with pytest.raises(TypeError, match="thread_id must be a str, not int"):
        path_id(7, "thread_id")
