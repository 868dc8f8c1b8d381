from __future__ import annotations

import gzip

import pytest
import requests

from django_chatkit.client.reading import Cut, Late, Unreadable, read_body

from .scripted import Step


def response(step: Step) -> requests.Response:
    return step.answer(requests.PreparedRequest())


def test_a_body_is_read_whole() -> None:
    assert (
        read_body(response(Step(b"x" * 3_000_000)), limit=3_000_000, in_time=lambda: True) == b"x" * 3_000_000
    )


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(Step(b"x" * 11), id="unannounced"),
        pytest.param(Step(b"x", Content_Length="11"), id="announced"),
    ],
)
def test_a_body_that_is_too_long_is_not(step: Step) -> None:
    with pytest.raises(Unreadable, match="longer than 10 bytes"):
        read_body(response(step), limit=10, in_time=lambda: True)


def test_a_body_that_ends_early_is_cut() -> None:
    with pytest.raises(Cut, match="ended early"):
        read_body(response(Step(b"x", Content_Length="5")), limit=10, in_time=lambda: True)


@pytest.mark.parametrize("length", ["", "-1", "soon", "²", "9" * 30])
def test_a_length_that_is_none_is_no_matter(length: str) -> None:
    assert read_body(response(Step(b"x", Content_Length=length)), limit=10, in_time=lambda: True) == b"x"


def test_the_length_of_a_compressed_body_says_nothing_of_the_whole() -> None:
    body = gzip.compress(b"x")

    assert read_body(
        response(Step(body, Content_Length="99", Content_Encoding="gzip")), limit=100, in_time=lambda: True
    )


def test_a_body_that_is_late_is_left() -> None:
    with pytest.raises(Late):
        read_body(response(Step(b"x")), limit=10, in_time=lambda: False)
