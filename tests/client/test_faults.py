from __future__ import annotations

import pytest
import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from django_chatkit.client import APITimeoutError
from django_chatkit.client.errors import RequestLine
from django_chatkit.client.faults import connection_error, is_hopeless

LINE = RequestLine("GET", "https://h/")


def wrapped(reason: Exception) -> requests.ConnectionError:
    return requests.ConnectionError(MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


REFUSED = NewConnectionError(None, "refused")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cause", "late", "unsent"),
    [
        pytest.param(wrapped(REFUSED), False, True, id="refused"),
        pytest.param(ConnectionRefusedError(), False, True, id="refused-plainly"),
        pytest.param(requests.ConnectTimeout(ConnectTimeoutError()), True, True, id="no-connection-in-time"),
        pytest.param(requests.exceptions.ProxyError(), False, True, id="proxy"),
        pytest.param(requests.ReadTimeout(), True, False, id="no-answer-in-time"),
        pytest.param(
            requests.ConnectionError(ReadTimeoutError(None, "/", "slow")),  # type: ignore[arg-type]
            True,
            False,
            id="no-body-in-time",
        ),
        pytest.param(
            requests.ConnectionError(ProtocolError("aborted", TimeoutError())),
            True,
            False,
            id="not-sent-in-time",
        ),
        pytest.param(TimeoutError(), True, False, id="plainly-late"),
        pytest.param(
            requests.ConnectionError(ProtocolError("aborted", ConnectionResetError())),
            False,
            False,
            id="reset",
        ),
        pytest.param(requests.exceptions.SSLError(), False, False, id="tls"),
    ],
)
def test_what_a_broken_connection_means(cause: Exception, late: bool, unsent: bool) -> None:
    error = connection_error(cause, LINE)

    assert (isinstance(error, APITimeoutError), error.unsent, error.request) == (late, unsent, LINE)


def test_the_cause_keeps_no_request_whose_headers_hold_the_key() -> None:
    cause = requests.ConnectionError(
        "broken", request=requests.PreparedRequest(), response=requests.Response()
    )

    connection_error(cause, LINE)

    assert (cause.request, cause.response) == (None, None)


def test_causes_that_lead_in_a_circle_end() -> None:
    first, second = OSError(), OSError()
    first.__context__, second.__context__ = second, first

    assert not connection_error(first, LINE).unsent


@pytest.mark.parametrize(
    ("cause", "hopeless"),
    [
        (requests.exceptions.InvalidURL(), True),
        (OSError(), True),
        (ConnectionResetError(), False),
        (None, False),
    ],
)
def test_what_a_second_attempt_cannot_mend(cause: Exception | None, hopeless: bool) -> None:
    assert is_hopeless(cause) is hopeless
