from __future__ import annotations

import httpx2
import pytest

from django_chatkit.client import NOT_GIVEN
from django_chatkit.client.calls import Call, Operation, Reply, query_string, seconds
from django_chatkit.client.errors import RequestLine, ResponseHead

DEFAULT = (5.0, 30.0)


class Half:
    connect, read = None, 9


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        pytest.param(None, DEFAULT, id="none"),
        pytest.param(NOT_GIVEN, DEFAULT, id="not-given"),
        pytest.param(2, (2.0, 2.0), id="short"),
        pytest.param(60.0, (5.0, 60.0), id="long"),
        pytest.param((1, 2), (1.0, 2.0), id="pair"),
        pytest.param([1, 2], (1.0, 2.0), id="pair-from-json"),
        pytest.param((None, 2), (5.0, 2.0), id="half-a-pair"),
        pytest.param(Half(), (5.0, 9.0), id="half-an-object"),
        pytest.param(httpx2.Timeout(7.0, connect=3.0), (3.0, 7.0), id="the-SDKs"),
    ],
)
def test_a_timeout_has_many_spellings(timeout: object, expected: tuple[float, float]) -> None:
    assert seconds(timeout, DEFAULT) == expected


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), 86_401, (0, 1), (1, -1)])
def test_a_timeout_is_never_nothing_nor_for_ever(timeout: object) -> None:
    with pytest.raises(ValueError, match="at most 86400"):
        seconds(timeout, DEFAULT)


@pytest.mark.parametrize("timeout", ["5", True, (1, 2, 3), (1, "2"), {}])
def test_a_timeout_is_made_of_numbers(timeout: object) -> None:
    with pytest.raises(TypeError, match="timeout must be seconds"):
        seconds(timeout, DEFAULT)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        pytest.param({}, "", id="empty"),
        pytest.param({"a": None}, "", id="nothing-in-it"),
        pytest.param({"a": "x y&z/ü", "b": 1}, "?a=x%20y%26z%2F%C3%BC&b=1", id="escaped"),
        pytest.param({"a": True, "b": False, "c": 1.5}, "?a=true&b=false&c=1.5", id="kinds"),
        pytest.param({"a": ["x", 2]}, "?a%5B%5D=x&a%5B%5D=2", id="a-list"),
    ],
)
def test_a_query_is_spelt_as_the_sdk_does(query: dict[str, object], text: str) -> None:
    assert query_string(query) == text


def test_what_cannot_be_in_a_query_is_named() -> None:
    with pytest.raises(TypeError, match=r"extra_query\['a'\]"):
        query_string({"a": {"b": 1}})


def test_nothing_secret_is_in_a_repr() -> None:
    call = Call(Operation("GET", "/"), "https://h/", {"Authorization": "sk-secret"}, b"sk-secret", (1, 1))  # type: ignore[arg-type]
    head = ResponseHead(200, {"set-cookie": "sk-secret"}, RequestLine("GET", "https://h/"))
    reply = Reply({"a": "sk-secret"}, head, "sk-secret")

    assert "sk-secret" not in repr((call, head, reply))
    assert "https://h/" in repr(call)
