import socket
from ssl import SSLCertVerificationError, SSLError

import pytest
from requests import ConnectionError as RequestsConnectionError
from requests.exceptions import ProxyError
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError

from django_chatkit import conf
from django_chatkit.client import APIConnectionError, APITimeoutError, ChatKit, ChatKitError
from django_chatkit.client.errors import RequestLine
from django_chatkit.management import remedies

POOL = HTTPConnectionPool("upstream.example")


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        pytest.param("", "...", id="none"),
        pytest.param("sk-12345678", "...", id="short"),
        pytest.param("sk-123456789abcd", "...abcd", id="long"),
    ],
)
def test_a_key_is_hinted_at_by_its_last_four_characters_at_most(key: str, shown: str) -> None:
    assert remedies.masked(key) == shown


def test_the_reason_of_a_lost_connection_is_named_by_its_kind_alone() -> None:
    error = APIConnectionError()
    error.__cause__ = TimeoutError("words that may hold an address")

    says, remedy = remedies.explain(error, conf.Settings(base_url="https://upstream.example/v1"))

    assert says == "https://upstream.example/v1 can't be reached. (timed out)"
    assert "BASE_URL" in remedy


def test_a_lost_connection_without_a_cause_keeps_its_words() -> None:
    assert remedies.explain(APIConnectionError(), conf.Settings()).says.endswith("(Connection error.)")


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        pytest.param(ProxyError(MaxRetryError(POOL, "/", ConnectionRefusedError())), "the proxy", id="proxy"),
        pytest.param(
            RequestsConnectionError(MaxRetryError(POOL, "/", socket.gaierror())), "the name is not", id="name"
        ),
        pytest.param(SSLCertVerificationError(), "TLS: the certificate is not trusted", id="certificate"),
        pytest.param(SSLError(), "TLS: the two sides", id="no-tls"),
        pytest.param(ConnectionRefusedError(), "the connection was refused", id="refused"),
        pytest.param(ConnectionResetError(), "the connection was cut", id="reset"),
        pytest.param(TimeoutError(), "timed out", id="timeout"),
        pytest.param(OSError("no such bundle"), "OSError", id="another"),
    ],
)
def test_why_no_answer_came_is_said_once(cause: Exception, reason: str) -> None:
    error = APIConnectionError(request=RequestLine("GET", "https://upstream.example/v1/chatkit/threads"))
    error.__cause__ = cause

    says = remedies.explain(error, conf.Settings(base_url="https://upstream.example/v1")).says

    assert f"(GET https://upstream.example/v1/chatkit/threads: {reason}" in says
    assert "no such bundle" not in says


def test_a_timeout_of_any_kind_is_one() -> None:
    error = APITimeoutError()
    error.__cause__ = OSError()

    assert "(timed out)" in remedies.explain(error, conf.Settings()).says


def test_an_address_that_nobody_serves_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    address = f"http://127.0.0.1:{port}/v1"

    with (
        pytest.raises(APIConnectionError) as raised,
        ChatKit(api_key="sk-a", base_url=address, max_retries=0) as client,
    ):
        client.threads.list(limit=1)

    says = remedies.explain(raised.value, conf.Settings(base_url=address)).says
    assert says == (
        f"{address} can't be reached. (GET {address}/chatkit/threads?limit=1: the connection was refused)"
    )


def test_an_error_of_no_known_kind_keeps_upstreams_words() -> None:
    assert "odd words" in remedies.explain(ChatKitError("odd words"), conf.Settings()).says
