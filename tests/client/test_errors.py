from __future__ import annotations

import copy
import pickle

import openai
import pytest

from django_chatkit import client
from django_chatkit.client import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    ChatKitError,
    NotFoundError,
    OpenAIError,
    RepeatedCursorError,
)
from django_chatkit.client.errors import NO_REASON, NOBODY_THERE, RequestLine, ResponseHead, status_error

LINE = RequestLine("GET", "https://h/v1/chatkit/threads/x")
HEAD = ResponseHead(404, {"x-request-id": "req_1"}, LINE, 3.0)
INNER = {"message": "Not here.", "type": "invalid_request_error", "code": "gone", "param": None}
SHARED = [
    "APIError",
    "APIConnectionError",
    "APITimeoutError",
    "APIResponseValidationError",
    "APIStatusError",
    "BadRequestError",
    "AuthenticationError",
    "PermissionDeniedError",
    "NotFoundError",
    "ConflictError",
    "UnprocessableEntityError",
    "RateLimitError",
    "InternalServerError",
]


@pytest.mark.parametrize("name", SHARED)
def test_names_and_ancestors_are_the_sdks(name: str) -> None:
    ours = [cls.__name__ for cls in getattr(client, name).__mro__]
    theirs = [cls.__name__ for cls in getattr(openai, name).__mro__]

    assert ours == ["ChatKitError" if ancestor == "OpenAIError" else ancestor for ancestor in theirs]
    assert OpenAIError is ChatKitError


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (409, "ConflictError"),
        (418, "APIStatusError"),
        (422, "UnprocessableEntityError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (599, "InternalServerError"),
    ],
)
def test_a_status_decides_the_class(status: int, name: str) -> None:
    assert type(status_error(HEAD._replace(status_code=status), INNER)).__name__ == name


def test_an_error_tells_what_upstream_said() -> None:
    error = status_error(HEAD, INNER)

    assert (error.message, error.type, error.code, error.param) == (
        "Not here.",
        "invalid_request_error",
        "gone",
        None,
    )
    assert (error.status_code, error.request_id, error.retry_after, error.body) == (404, "req_1", 3.0, INNER)
    assert (error.request, error.response.headers) == (LINE, HEAD.headers)
    assert str(error) == "Error code: 404 - Not here. (request id req_1)"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(None, NO_REASON + NOBODY_THERE, id="nothing"),
        pytest.param("Just words.", "Just words.", id="words"),
        pytest.param({"message": ["a"]}, NO_REASON + NOBODY_THERE, id="a-list"),
        pytest.param({"message": "x" * 1001}, "x" * 1000 + "…", id="a-novel"),
        pytest.param([1], NO_REASON + NOBODY_THERE, id="no-object"),
    ],
)
def test_no_reason_breaks_an_error(body: object, message: str) -> None:
    error = status_error(HEAD._replace(headers={}), body)

    assert (error.message, str(error)) == (message, f"Error code: 404 - {message}")


def test_a_code_that_is_no_text_becomes_one() -> None:
    assert status_error(HEAD, {"code": 7}).code == "7"


@pytest.mark.parametrize(
    "error",
    [
        ChatKitError("no key"),
        APIError("what"),
        APIConnectionError(request=LINE, unsent=True),
        APITimeoutError(LINE),
        APIResponseValidationError(HEAD),
        RepeatedCursorError(HEAD, message="again"),
        status_error(HEAD, INNER),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_the_way_to_another_process(error: ChatKitError) -> None:
    error.add_note("a note")

    for revived in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - of our own making
        assert (type(revived), str(revived), vars(revived)) == (type(error), str(error), vars(error))


def test_the_sdks_way_to_make_one_works() -> None:
    assert isinstance(NotFoundError("Gone.", response=HEAD, body=None), APIStatusError)
