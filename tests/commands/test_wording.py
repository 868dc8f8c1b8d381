from datetime import timedelta

import pytest

from django_chatkit.management.wording import counted, span


@pytest.mark.parametrize(
    ("number", "words"),
    [
        pytest.param(0, "0 requests", id="none"),
        pytest.param(1, "1 request", id="one"),
        pytest.param(2, "2 requests", id="two"),
    ],
)
def test_one_is_singular(number: int, words: str) -> None:
    assert counted(number, "request") == words


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (-3, "0.0 s"),
        (0.44, "0.4 s"),
        (10, "10 s"),
        (200, "3 min 20 s"),
        (3_600, "1 h"),
        (3_620, "1 h"),
        (100_000, "1 day 3 h"),
        (259_200, "3 days"),
    ],
)
def test_a_span_reads_in_two_units(seconds: float, says: str) -> None:
    assert span(timedelta(seconds=seconds)) == says
