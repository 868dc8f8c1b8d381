from __future__ import annotations

from typing import Any

import pytest

from django_chatkit.client import omit
from django_chatkit.client.params import create_body


def body(**given: Any) -> dict[str, Any]:
    absent = dict.fromkeys(("chatkit_configuration", "expires_after", "rate_limits"), omit)
    return create_body(**{"user": "u", "workflow": "wf_1", **absent, **given})


def test_what_is_absent_is_not_said() -> None:
    assert body(expires_after=None) == {"user": "u", "workflow": {"id": "wf_1"}}


def test_everything_can_be_said() -> None:
    workflow = {
        "id": "wf_1",
        "version": "3",
        "state_variables": {"a": "x", "b": 1, "c": 1.5, "d": True},
        "tracing": {"enabled": False},
    }
    configuration = {
        "automatic_thread_titling": {"enabled": True},
        "file_upload": {"enabled": True, "max_file_size": 512, "max_files": 1},
        "history": {"enabled": True, "recent_threads": 10},
    }
    said = body(
        workflow=workflow,
        chatkit_configuration=configuration,
        expires_after={"anchor": "created_at", "seconds": 600},
        rate_limits={"max_requests_per_1_minute": 7},
    )

    assert said == {
        "user": "u",
        "workflow": workflow,
        "chatkit_configuration": configuration,
        "expires_after": {"anchor": "created_at", "seconds": 600},
        "rate_limits": {"max_requests_per_1_minute": 7},
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"expires_after": 300}, {"anchor": "created_at", "seconds": 300}, id="seconds"),
        pytest.param({"expires_after": 300.0}, {"anchor": "created_at", "seconds": 300}, id="whole-float"),
        pytest.param(
            {"expires_after": {"seconds": 1}}, {"anchor": "created_at", "seconds": 1}, id="no-anchor"
        ),
        pytest.param({"rate_limits": {"per_minute": 20}}, {"max_requests_per_1_minute": 20}, id="per-minute"),
        pytest.param(
            {"workflow": {"id": "w", "version": None, "tracing": None, "state_variables": None}},
            {"id": "w"},
            id="nothing-in-a-workflow",
        ),
        pytest.param(
            {
                "chatkit_configuration": {
                    "history": {"enabled": True, "recent_threads": None},
                    "file_upload": None,
                }
            },
            {"history": {"enabled": True}},
            id="nothing-in-a-configuration",
        ),
    ],
)
def test_both_dialects_become_the_specifications(given: dict[str, Any], said: object) -> None:
    ((name, _),) = given.items()

    assert body(**given)[name] == said


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"user": ""}, "user must not be empty", id="no-user"),
        pytest.param({"workflow": ""}, r"workflow\['id'\] must not be empty", id="no-workflow"),
        pytest.param({"workflow": {"id": "w", "version": " Latest"}}, "Leave version out", id="latest"),
        pytest.param(
            {"workflow": {"id": "w", "model": 1}}, "no key 'model'; it takes 'id', 'version'", id="unknown"
        ),
        pytest.param({"workflow": {"id": "w", "tracing": {"on": 1}}}, "no key 'on'", id="unknown-tracing"),
        pytest.param(
            {"workflow": {"id": "w", "state_variables": {str(n): 1 for n in range(65)}}},
            "at most 64 entries, not 65",
            id="65-variables",
        ),
        pytest.param(
            {"workflow": {"id": "w", "state_variables": {"k" * 65: 1}}},
            "65 characters .*at most 64",
            id="long-key",
        ),
        pytest.param(
            {"workflow": {"id": "w", "state_variables": {"k": "x" * 10_485_761}}},
            "10,485,760",
            id="long-variable",
        ),
        pytest.param(
            {"workflow": {"id": "w", "state_variables": {"k": float("nan")}}},
            "finite number",
            id="not-a-number",
        ),
        pytest.param({"expires_after": 0}, "1..600 seconds, not 0", id="0-seconds"),
        pytest.param({"expires_after": 601}, "1..600 seconds, not 601", id="601-seconds"),
        pytest.param({"expires_after": 1.5}, "whole number", id="a-second-and-a-half"),
        pytest.param({"expires_after": float("inf")}, "whole number", id="for-ever"),
        pytest.param({"expires_after": {"seconds": 5, "minutes": 1}}, "no key 'minutes'", id="minutes"),
        pytest.param({"expires_after": {"seconds": 5, "anchor": "now"}}, "'created_at'", id="another-anchor"),
        pytest.param({"rate_limits": {"per_minute": 0}}, "at least 1, not 0", id="no-requests"),
        pytest.param({"rate_limits": {"per_minute": 1.5}}, "whole number", id="a-request-and-a-half"),
        pytest.param({"rate_limits": {"per_hour": 1}}, "no key 'per_hour'", id="per-hour"),
        pytest.param({"rate_limits": {}}, "must have one of", id="no-limit"),
        pytest.param(
            {"rate_limits": {"per_minute": 1, "max_requests_per_1_minute": 1}},
            "they mean the same",
            id="both",
        ),
        pytest.param({"chatkit_configuration": {"theme": {}}}, "no key 'theme'", id="unknown-group"),
        pytest.param(
            {"chatkit_configuration": {"history": {"all": True}}}, "no key 'all'", id="unknown-switch"
        ),
        pytest.param(
            {"chatkit_configuration": {"file_upload": {"max_file_size": 513}}}, "1..512", id="513-MB"
        ),
        pytest.param(
            {"chatkit_configuration": {"file_upload": {"max_files": 0}}}, "at least 1", id="no-files"
        ),
        pytest.param(
            {"chatkit_configuration": {"history": {"recent_threads": 0}}}, "at least 1", id="no-threads"
        ),
    ],
)
def test_what_is_out_of_bounds_is_named_with_its_limit(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        body(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"user": 7}, "user must be a str, not int", id="user"),
        pytest.param({"user": None}, "user must be a str, not nothing", id="no-user"),
        pytest.param({"workflow": 7}, "workflow must be a dict, not int", id="workflow"),
        pytest.param({"workflow": {}}, r"workflow\['id'\] must be a str", id="no-id"),
        pytest.param({"workflow": {"id": "w", "version": 3}}, "version", id="version"),
        pytest.param({"workflow": {"id": "w", "state_variables": []}}, "must be a dict", id="variables"),
        pytest.param({"workflow": {"id": "w", "state_variables": {1: 1}}}, "str keys", id="variable-name"),
        pytest.param({"workflow": {"id": "w", "state_variables": {"k": None}}}, "NoneType", id="no-variable"),
        pytest.param({"workflow": {"id": "w", "tracing": {"enabled": "no"}}}, "True or False", id="tracing"),
        pytest.param({"expires_after": True}, "bool", id="true-seconds"),
        pytest.param({"expires_after": "300"}, "not str", id="seconds-as-text"),
        pytest.param({"expires_after": {}}, r"expires_after\['seconds'\]", id="no-seconds"),
        pytest.param({"rate_limits": 20}, "rate_limits must be a dict", id="a-bare-limit"),
        pytest.param({"rate_limits": {"per_minute": True}}, "bool", id="true-requests"),
        pytest.param({"chatkit_configuration": {"history": True}}, "must be a dict", id="a-bare-switch"),
        pytest.param(
            {"chatkit_configuration": {"history": {"enabled": 1}}}, "True or False", id="one-for-true"
        ),
    ],
)
def test_the_wrong_kind_of_thing_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        body(**given)
