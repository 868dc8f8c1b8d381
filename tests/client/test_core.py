from __future__ import annotations

import pytest

from django_chatkit.client import ChatKit, RateLimitError

from .conftest import Make
from .scripted import KEY, SECRET, SESSION, Script, Step, page


def test_the_sdks_path_leads_to_the_same(make: Make) -> None:
    client = make(Step(SESSION))

    assert client.beta.chatkit.sessions.create(user="u", workflow={"id": "w"}).client_secret == SECRET
    assert client.beta.chatkit is client


def test_what_is_not_given_comes_from_the_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.test/v1/")
    monkeypatch.setenv("OPENAI_ORG_ID", "org_1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj_1")
    script = Script(page(""))

    make(script, api_key=None, base_url=None).threads.list()

    (request,) = script.requests
    assert request.url == "https://elsewhere.test/v1/chatkit/threads"
    assert request.headers["Authorization"] == "Bearer sk-of-the-environment"
    assert (request.headers["OpenAI-Organization"], request.headers["OpenAI-Project"]) == ("org_1", "proj_1")


def test_without_an_address_it_is_openais() -> None:
    assert ChatKit(api_key=KEY, adapter=Script(page(""))).base_url == "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("api.openai.com/v1", "must start with https", id="no-scheme"),
        pytest.param("ftp://h/v1", "must start with https", id="another-scheme"),
        pytest.param("https:///v1", "name a host", id="no-host"),
        pytest.param("https://h:0/v1", "name a host", id="port-0"),
        pytest.param("https://h:port/v1", "malformed", id="no-port"),
        pytest.param("https://[::1/v1", "malformed", id="half-an-address"),
        pytest.param("https://u:hidden@h/v1", "user or password", id="password"),
        pytest.param("https://h/v1?a=hidden", "end with its path", id="query"),
        pytest.param("https://h/v1#a", "end with its path", id="fragment"),
        pytest.param("https://h /v1", "printable ASCII", id="space"),
        pytest.param("https://h\n/v1", "printable ASCII", id="line-break"),
        pytest.param("https://hö/v1", "printable ASCII", id="not-ascii"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(make: Make, url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make(page(""), base_url=url)

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        pytest.param({"max_retries": -1}, ValueError, id="fewer-than-no-retries"),
        pytest.param({"max_retries": True}, TypeError, id="true-retries"),
        pytest.param({"timeout": 0}, ValueError, id="no-time"),
        pytest.param({"connections": 0}, ValueError, id="no-connections"),
        pytest.param({"longest_wait": "5"}, TypeError, id="a-longest-wait-that-is-text"),
        pytest.param({"base_url": 7}, TypeError, id="an-address-that-is-a-number"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(
    make: Make, options: dict[str, object], kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=next(iter(options))):
        make(page(""), **options)


def test_options_can_be_other_for_some_calls(make: Make, waits: list[float]) -> None:
    script = Script(Step({}, 429))
    client = make(script, timeout=9, max_retries=2)
    other = client.with_options(timeout=3, max_retries=0, default_headers={"X-Mine": "1"})

    with pytest.raises(RateLimitError):
        other.threads.list()

    assert (other.timeout, other.max_retries, client.timeout, client.max_retries) == ((3, 3), 0, (5, 9), 2)
    assert (len(script.sent), waits, script.requests[0].headers["X-Mine"]) == (1, [], "1")
    assert client.with_options().timeout == client.timeout


@pytest.mark.parametrize("asked", [5, 6], ids=["as-long-as-that", "longer"])
def test_a_wait_longer_than_the_longest_ends_the_call(make: Make, waits: list[float], asked: int) -> None:
    script = Script(Step({}, 429, retry_after=str(asked)), page(""))
    client = make(script, max_retries=1).with_options(longest_wait=5)

    if asked > 5:
        with pytest.raises(RateLimitError):
            client.threads.list()
    else:
        client.threads.list()

    assert waits == [5.0][: len(script.sent) - 1]


def test_close_leaves_an_adapter_that_was_passed_in_to_its_maker(make: Make) -> None:
    script = Script(page(""))

    with make(script) as client:
        client.threads.list()

    assert not script.closed


def test_a_repr_shows_no_key(make: Make) -> None:
    assert repr(make(page(""))) == "ChatKit(base_url='https://upstream.test/v1')"
