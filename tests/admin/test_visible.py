"""Text of other people, for the eye."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.admin.visible import one_line, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param("plain\ttext\n", "plain\ttext\n", id="plain"),
        pytest.param("a\x00b", "a␀b", id="nul"),
        pytest.param("\x1b[31m", "␛[31m", id="ansi"),
        pytest.param("\u202egnp.exe", "⟨U+202E⟩gnp.exe", id="override"),
        pytest.param("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩", id="isolates"),
        pytest.param("\x85\x7f", "⟨U+0085⟩⟨U+007F⟩", id="c1"),
        pytest.param("\ud83d", "⟨U+D83D⟩", id="lone-surrogate"),
        pytest.param("a\r\nb\rc\u2028d", "a\nb\nc\nd", id="line-ends"),
        pytest.param("👨‍👩‍👧 مرحبا\u200f", "👨‍👩‍👧 مرحبا\u200f", id="scripts-and-emoji"),
    ],
)
def test_what_hides_is_spelt_out(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(st.text(alphabet=st.characters(codec=None)))
def test_every_text_can_be_sent(text: str) -> None:
    visible(text).encode()
    assert visible(visible(text)) == visible(text)


@given(st.text(), st.integers(min_value=2, max_value=100))
def test_a_line_keeps_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit=limit)
    assert len(line) <= limit
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param("\u200b", "⟨U+200B⟩", id="zero-width"),
        pytest.param(" \u2060\u200f ", "⟨U+2060⟩⟨U+200F⟩", id="two of them"),
        pytest.param("\u3164\u2800", "⟨U+3164⟩⟨U+2800⟩", id="fillers"),
        pytest.param("a\u200b", "a\u200b", id="beside a letter"),
        pytest.param("", "", id="nothing"),
        pytest.param(" \n ", "", id="blanks"),
    ],
)
def test_a_line_that_nobody_would_see_is_spelt_out(text: str, seen: str) -> None:
    assert one_line(text) == seen


def test_a_cut_line_says_so() -> None:
    assert one_line("word " * 40, limit=10) == "word word…"
    assert one_line(" " * 1000 + "x", limit=10) == "…"
