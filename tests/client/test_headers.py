from __future__ import annotations

import re

import pytest

from django_chatkit.client import ChatKitError, omit
from django_chatkit.client.headers import USER_AGENT

from .conftest import Make
from .scripted import KEY, Script, page


def test_every_call_says_who_asks_and_for_what(make: Make) -> None:
    script = Script(page(""))

    make(script, organization="org_1", project="proj_1", default_headers={"X-Mine": "1"}).threads.list()

    headers = script.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["OpenAI-Beta"] == "chatkit_beta=v1"
    assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org_1", "proj_1")
    assert (headers["Accept"], headers["X-Mine"]) == ("application/json", "1")
    assert headers["User-Agent"] == USER_AGENT


def test_the_user_agent_is_our_own() -> None:
    assert re.fullmatch(r"django-openai-chatkit/\S+ \(python 3\.\d+\.\d+; requests \S+\)", USER_AGENT)


def test_what_is_not_set_is_not_sent(make: Make) -> None:
    script = Script(page(""))

    make(script).threads.list()

    assert not {"openai-organization", "openai-project", "cookie"} & {
        name.lower() for name in script.requests[0].headers
    }


def test_a_header_can_be_added_replaced_and_taken_out(make: Make) -> None:
    script = Script(page(""))

    make(script).threads.list(extra_headers={"X-Mine": "1", "openai-beta": "chatkit_beta=v2", "accept": omit})

    headers = script.requests[0].headers
    assert (headers["X-Mine"], headers["OpenAI-Beta"], headers.get("Accept")) == (
        "1",
        "chatkit_beta=v2",
        None,
    )


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX: y", "a\0b", "a\x7fb", "☃"], ids=ascii)
def test_a_value_that_no_header_can_hold_is_refused(make: Make, value: str) -> None:
    script = Script(page(""))

    with pytest.raises(ValueError, match=r"extra_headers\['X-Mine'\] has a line break") as caught:
        make(script).threads.list(extra_headers={"X-Mine": value})

    assert (script.sent, value in str(caught.value)) == ([], False)


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\n", 7], ids=repr)
def test_a_name_that_is_no_headers_is_refused(make: Make, name: str) -> None:
    with pytest.raises(ValueError, match="default_headers has a name"):
        make(page(""), default_headers={name: "1"})


def test_a_value_is_a_text(make: Make) -> None:
    with pytest.raises(TypeError, match="must be a str, not int"):
        make(page("")).threads.list(extra_headers={"X-Mine": 1})


def test_a_key_with_a_line_break_is_refused_unseen(make: Make) -> None:
    with pytest.raises(ValueError, match="api_key has a line break") as caught:
        make(page(""), api_key="sk-hidden\n")

    assert "sk-hidden" not in str(caught.value)


def test_without_a_key_there_is_no_client(make: Make) -> None:
    with pytest.raises(ChatKitError, match="OPENAI_API_KEY"):
        make(page(""), api_key=None)
