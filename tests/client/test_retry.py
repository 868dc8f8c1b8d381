from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.client import APIError, APITimeoutError
from django_chatkit.client.errors import RequestLine, ResponseHead, status_error
from django_chatkit.client.retry import backoff, seconds_asked, wait_before_repeat

NOW = 1_760_000_000.0


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"retry-after": "3"}, 3.0, id="seconds"),
        pytest.param({"retry-after": "1.5"}, 1.5, id="a-fraction"),
        pytest.param({"retry-after": "-2"}, -2.0, id="less-than-nothing"),
        pytest.param({"retry-after": "90000"}, 90_000.0, id="any-size"),
        pytest.param({"retry-after": formatdate(NOW + 60, usegmt=True)}, 60.0, id="a-date"),
        pytest.param({"retry-after": formatdate(NOW - 60, usegmt=True)}, -60.0, id="a-date-gone-by"),
        pytest.param({"retry-after-ms": "250", "retry-after": "3"}, 0.25, id="milliseconds-first"),
        pytest.param({"retry-after-ms": "soon", "retry-after": "3"}, 3.0, id="milliseconds-unreadable"),
        pytest.param({"retry-after": "soon"}, None, id="words"),
        pytest.param({"retry-after": "inf"}, None, id="for-ever"),
        pytest.param({"retry-after": "nan"}, None, id="not-a-number"),
        pytest.param({"retry-after": "Mon, 99 Foo 99999999999 25:61:61 GMT"}, None, id="an-impossible-date"),
        pytest.param(
            {"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None, id="beyond-time"
        ),
    ],
)
def test_what_upstream_asks_is_read(headers: dict[str, str], asked: float | None) -> None:
    assert seconds_asked(headers, now=NOW) == asked


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_breaks_the_reading(in_ms: str, plain: str) -> None:
    asked = seconds_asked({"retry-after-ms": in_ms, "retry-after": plain}, now=NOW)

    assert asked is None or math.isfinite(asked)


@given(st.integers(0, 5000), st.floats(0, 1))
def test_a_backoff_is_between_three_eighths_and_eight_seconds(attempt: int, chance: float) -> None:
    assert 0.375 <= backoff(attempt, chance) <= 8


def test_a_backoff_doubles() -> None:
    assert [backoff(attempt, 0) for attempt in range(6)] == [0.5, 1, 2, 4, 8, 8]


def test_chance_takes_a_quarter_at_most() -> None:
    assert backoff(0, 1) == 0.375


def refusal(status: int, asked: float | None = None, **headers: str) -> APIError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status_error(ResponseHead(status, named, RequestLine("GET", "/"), asked), None)


@pytest.mark.parametrize(
    ("error", "repeatable", "wait"),
    [
        pytest.param(refusal(408), True, 0.5, id="408"),
        pytest.param(refusal(409), True, 0.5, id="409"),
        pytest.param(refusal(429), True, 0.5, id="429"),
        pytest.param(refusal(500), True, 0.5, id="500"),
        pytest.param(refusal(599), True, 0.5, id="599"),
        pytest.param(refusal(400), True, None, id="400"),
        pytest.param(refusal(404), True, None, id="404"),
        pytest.param(refusal(307), True, None, id="a-redirect"),
        pytest.param(refusal(307, x_should_retry="true"), True, None, id="a-redirect-that-asks-for-it"),
        pytest.param(refusal(400, x_should_retry="true"), True, 0.5, id="400-that-asks-for-it"),
        pytest.param(refusal(429, x_should_retry="false"), True, None, id="429-that-forbids-it"),
        pytest.param(refusal(429, 7), True, 7, id="as-long-as-asked"),
        pytest.param(refusal(429, 120), True, 120, id="as-long-as-the-cap"),
        pytest.param(refusal(429, 120.1, x_should_retry="true"), True, None, id="longer-than-the-cap"),
        pytest.param(refusal(429, 0), True, 0.5, id="asked-for-nothing"),
        pytest.param(refusal(429, -5), True, 0.5, id="asked-for-less"),
        pytest.param(refusal(429), False, 0.5, id="create-429"),
        pytest.param(refusal(503), False, 0.5, id="create-503"),
        pytest.param(refusal(500, x_should_retry="true"), False, None, id="create-500"),
        pytest.param(refusal(408), False, None, id="create-408"),
        pytest.param(refusal(409), False, None, id="create-409"),
        pytest.param(APITimeoutError(), True, 0.5, id="timeout"),
        pytest.param(APITimeoutError(), False, None, id="create-timeout"),
        pytest.param(APITimeoutError(unsent=True), False, 0.5, id="create-unsent"),
        pytest.param(APIError("?"), True, None, id="anything-else"),
    ],
)
def test_what_is_repeated(error: APIError, repeatable: bool, wait: float | None) -> None:
    assert wait_before_repeat(error, repeatable=repeatable, attempt=0, chance=0) == wait


@given(st.none() | st.floats(), st.integers(0, 100), st.floats(0, 1))
def test_no_wait_is_longer_than_the_cap_and_its_spread(
    asked: float | None, attempt: int, chance: float
) -> None:
    wait = wait_before_repeat(refusal(429, asked), repeatable=True, attempt=attempt, chance=chance)

    assert wait is None or 0 < wait <= 120 + 1  # as long as asked, and a little spread
