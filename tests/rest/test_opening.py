"""What an asker may choose about its session, and what not."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.conf import Settings
from django_chatkit.rest import opening
from django_chatkit.rest.errors import Refusal
from django_chatkit.testing import Emulator
from tests.rest.conftest import Configure
from tests.rest.world import bearer

SESSIONS = "/api/chatkit/sessions"
UPLOADS = {"chatkit_configuration": {"file_upload": {"enabled": True, "max_files": 3}}}

pytestmark = pytest.mark.django_db


def order(body: Any, state_variables: Any = None, **settings: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"workflow_id": "wf_tests", "allowed_workflows": ("wf_other",), **settings}
    return opening.order(
        settings=Settings(**values), end_user="7", body=body, state_variables=state_variables or {}
    )


ALLOWED = [
    pytest.param({}, {}, {}, id="nothing"),
    pytest.param({"user": "7"}, {}, {}, id="itself"),
    pytest.param({"workflow": None, "expires_after": None}, {}, {}, id="null-is-nothing"),
    pytest.param(
        {"expires_after": {"anchor": "created_at", "seconds": 60}},
        {},
        {"expires_after": {"seconds": 60}},
        id="shorter-in-the-specifications-words",
    ),
    pytest.param(
        {"expires_after": 60},
        {},
        {"expires_after": {"seconds": 60}},
        id="shorter-in-the-documentations-words",
    ),
    pytest.param(
        {"rate_limits": {"per_minute": 5}},
        {},
        {"rate_limits": {"max_requests_per_1_minute": 5}},
        id="slower-in-the-documentations-words",
    ),
    pytest.param(
        {"rate_limits": {"max_requests_per_1_minute": 20}},
        {"rate_limits": {"per_minute": 20}},
        {"rate_limits": {"max_requests_per_1_minute": 20}},
        id="up-to-the-ceiling",
    ),
    pytest.param(
        {"rate_limits": {"max_requests_per_1_minute": None, "per_minute": 5}},
        {},
        {"rate_limits": {"max_requests_per_1_minute": 5}},
        id="a-name-with-null-is-nothing",
    ),
    pytest.param({}, UPLOADS, UPLOADS, id="defaults-hold-where-nothing-is-asked"),
    pytest.param(
        {"chatkit_configuration": {"file_upload": {"max_files": 1}, "history": {"recent_threads": 9}}},
        UPLOADS,
        {
            "chatkit_configuration": {
                "file_upload": {"enabled": True, "max_files": 1},
                "history": {"recent_threads": 9},
            }
        },
        id="lowered-beside-defaults",
    ),
    pytest.param(
        {"chatkit_configuration": {"history": {"enabled": False}}},
        {"chatkit_configuration": {"history": {"recent_threads": None}}},
        {"chatkit_configuration": {"history": {"enabled": False}}},
        id="turned-off",
    ),
]


@pytest.mark.parametrize(("body", "defaults", "options"), ALLOWED)
def test_what_lowers_a_setting_is_allowed(
    body: dict[str, Any], defaults: dict[str, Any], options: dict[str, Any]
) -> None:
    ordered = order(body, session_defaults=defaults)

    assert ordered == {"user": "7", "workflow": {"id": "wf_tests"}, **options}


REFUSED = [
    pytest.param([], {}, None, "invalid_type", id="a-list"),
    pytest.param("{}", {}, None, "invalid_type", id="a-string"),
    pytest.param(None, {}, None, "invalid_type", id="null"),
    pytest.param({"user": "8"}, {}, "user", "invalid_value", id="somebody-else"),
    pytest.param({"user": 7}, {}, "user", "invalid_value", id="a-number-as-user"),
    pytest.param({"user": None}, {}, "user", "invalid_value", id="nobody"),
    pytest.param({"colour": 1}, {}, "colour", "unknown_parameter", id="unknown-field"),
    pytest.param({"c" * 500: 1}, {}, "c" * 200 + "…", "unknown_parameter", id="unknown-long-field"),
    pytest.param({"workflow": "wf_tests"}, {}, "workflow", "invalid_type", id="workflow-as-text"),
    pytest.param({"workflow": {"x": 1}}, {}, "workflow.x", "unknown_parameter", id="unknown-in-workflow"),
    pytest.param({"workflow": {}}, {}, "workflow.id", "missing_required_parameter", id="no-workflow-named"),
    pytest.param(
        {"workflow": {"id": None, "version": "2"}},
        {},
        "workflow.id",
        "missing_required_parameter",
        id="a-version-of-no-workflow",
    ),
    pytest.param({"workflow": {"id": "wf_x"}}, {}, "workflow.id", "invalid_value", id="foreign-workflow"),
    pytest.param({"workflow": {"id": ["wf_tests"]}}, {}, "workflow.id", "invalid_value", id="workflow-list"),
    pytest.param(
        {"workflow": {"id": "wf_tests", "version": "2"}},
        {},
        "workflow.version",
        "invalid_value",
        id="version-of-its-own",
    ),
    pytest.param(
        {"workflow": {"id": "wf_tests", "state_variables": {"role": "admin"}}},
        {},
        "workflow.state_variables.role",
        "invalid_value",
        id="a-state-variable",
    ),
    pytest.param(
        {"workflow": {"id": "wf_tests", "state_variables": {"role": None}}},
        {},
        "workflow.state_variables.role",
        "invalid_value",
        id="a-state-variable-of-null",
    ),
    pytest.param(
        {"workflow": {"id": "wf_tests", "state_variables": []}},
        {},
        "workflow.state_variables",
        "invalid_type",
        id="state-variables-in-a-list",
    ),
    pytest.param(
        {"workflow": {"id": "wf_tests", "tracing": {"enabled": False}}},
        {},
        "workflow.tracing.enabled",
        "invalid_value",
        id="no-tracing",
    ),
    pytest.param(
        {"workflow": {"id": "wf_tests", "tracing": {"enabled": 0}}},
        {},
        "workflow.tracing.enabled",
        "invalid_value",
        id="tracing-as-number",
    ),
    pytest.param(
        {"workflow": {"id": "wf_tests", "tracing": True}},
        {},
        "workflow.tracing",
        "invalid_type",
        id="tracing-alone",
    ),
    pytest.param({"expires_after": 0}, {}, "expires_after.seconds", "invalid_value", id="no-time"),
    pytest.param({"expires_after": 601}, {}, "expires_after.seconds", "invalid_value", id="too-long"),
    pytest.param({"expires_after": True}, {}, "expires_after.seconds", "invalid_type", id="time-as-boolean"),
    pytest.param({"expires_after": "60"}, {}, "expires_after.seconds", "invalid_type", id="time-as-text"),
    pytest.param(
        {"expires_after": {}}, {}, "expires_after.seconds", "missing_required_parameter", id="term-of-nothing"
    ),
    pytest.param(
        {"expires_after": {"anchor": "created_at", "seconds": None}},
        {},
        "expires_after.seconds",
        "missing_required_parameter",
        id="term-without-seconds",
    ),
    pytest.param(
        {"expires_after": {"seconds": 60, "minutes": 1}},
        {},
        "expires_after.minutes",
        "unknown_parameter",
        id="term-in-minutes",
    ),
    pytest.param(
        {"rate_limits": {"max_requests_per_1_minute": 5, "per_minute": 5}},
        {},
        "rate_limits.per_minute",
        "invalid_value",
        id="two-names-of-one-setting",
    ),
    pytest.param(
        {"rate_limits": {"per_minute": 5, "max_requests_per_1_minute": 9}},
        {},
        "rate_limits.max_requests_per_1_minute",
        "invalid_value",
        id="two-names-the-other-way-about",
    ),
    pytest.param(
        {"expires_after": {"anchor": "now", "seconds": 60}},
        {},
        "expires_after.anchor",
        "invalid_value",
        id="another-anchor",
    ),
    pytest.param(
        {"expires_after": 120},
        {"expires_after": 60},
        "expires_after.seconds",
        "invalid_value",
        id="longer-than-here",
    ),
    pytest.param(
        {"rate_limits": {"max_requests_per_1_minute": 11}},
        {},
        "rate_limits.max_requests_per_1_minute",
        "invalid_value",
        id="faster-than-upstreams-default",
    ),
    pytest.param(
        {"rate_limits": {"per_minute": 11}},
        {},
        "rate_limits.per_minute",
        "invalid_value",
        id="faster-in-the-documentations-words",
    ),
    pytest.param(
        {"rate_limits": {"per_minute": 10**30}}, {}, "rate_limits.per_minute", "invalid_value", id="huge"
    ),
    pytest.param(
        {"rate_limits": {"per_minute": 0}}, {}, "rate_limits.per_minute", "invalid_value", id="zero"
    ),
    pytest.param({"rate_limits": 5}, {}, "rate_limits", "invalid_type", id="limits-as-number"),
    pytest.param(
        UPLOADS, {}, "chatkit_configuration.file_upload.enabled", "invalid_value", id="uploads-turned-on"
    ),
    pytest.param(
        {"chatkit_configuration": {"file_upload": {"max_file_size": 513}}},
        {},
        "chatkit_configuration.file_upload.max_file_size",
        "invalid_value",
        id="larger-than-upstream-takes",
    ),
    pytest.param(
        {"chatkit_configuration": {"history": {"enabled": 1}}},
        {},
        "chatkit_configuration.history.enabled",
        "invalid_type",
        id="switch-as-number",
    ),
    pytest.param(
        {"chatkit_configuration": {"history": {"recent_threads": 6}}},
        {"chatkit_configuration": {"history": {"recent_threads": 5}}},
        "chatkit_configuration.history.recent_threads",
        "invalid_value",
        id="more-history-than-here",
    ),
    pytest.param(
        {"chatkit_configuration": {"theme": {}}},
        {},
        "chatkit_configuration.theme",
        "unknown_parameter",
        id="unknown-group",
    ),
]


@pytest.mark.parametrize(("body", "defaults", "param", "code"), REFUSED)
def test_what_an_asker_may_not_choose_is_refused_by_name(
    chatkit_emulator: Emulator,
    configure: Configure,
    ada: User,
    body: Any,
    defaults: dict[str, Any],
    param: str | None,
    code: str,
) -> None:
    configure(SESSION_DEFAULTS=defaults, USER_ID=lambda request: "7")

    response = bearer(ada).post(SESSIONS, json.dumps(body), content_type="application/json")

    error = response.json()["error"]
    assert (response.status_code, error["param"], error["code"]) == (400, param, code)
    assert error["type"] == "invalid_request_error"
    assert chatkit_emulator.requests == []


@given(
    ceiling=st.none() | st.integers(1, 600),
    asked=st.integers(-5, 700),
)
def test_no_session_ever_lasts_longer_than_the_settings_allow(ceiling: int | None, asked: int) -> None:
    defaults = {} if ceiling is None else {"expires_after": ceiling}

    if 1 <= asked <= (ceiling or 600):
        assert order({"expires_after": asked}, session_defaults=defaults)["expires_after"] == {
            "seconds": asked
        }
    else:
        with pytest.raises(Refusal, match=r"expires_after\.seconds"):
            order({"expires_after": asked}, session_defaults=defaults)


REPEATED = {"plan": "pro", "seats": 3, "trial": True, "share": 0.5}


@pytest.mark.parametrize("said", [{}, {"plan": "pro"}, REPEATED])
def test_the_sites_own_state_variables_may_be_said_again(said: dict[str, Any]) -> None:
    ordered = order({"workflow": {"id": "wf_tests", "state_variables": said}}, state_variables=REPEATED)

    assert ordered["workflow"]["state_variables"] == REPEATED


@pytest.mark.parametrize(
    "said", [{"plan": "free"}, {"seats": 3.0}, {"seats": True}, {"trial": 1}, {"share": "0.5"}, {"x": 1}]
)
def test_a_state_variable_that_the_site_does_not_set_so_is_refused(said: dict[str, Any]) -> None:
    (name,) = said

    with pytest.raises(Refusal) as refused:
        order({"workflow": {"id": "wf_tests", "state_variables": said}}, state_variables=REPEATED)

    assert refused.value.param == f"workflow.state_variables.{name}"


@pytest.mark.parametrize("tracing", [None, {}, {"enabled": None}, {"enabled": True}])
def test_tracing_may_be_said_to_be_on(tracing: Any) -> None:
    assert order({"workflow": {"id": "wf_tests", "tracing": tracing}})["workflow"] == {"id": "wf_tests"}


def test_two_names_of_one_setting_are_both_named() -> None:
    with pytest.raises(
        Refusal, match=r"'rate_limits\.per_minute' and 'rate_limits\.max_requests_per_1_minute'"
    ):
        order({"rate_limits": {"per_minute": 5, "max_requests_per_1_minute": 5}})


def test_an_allowed_workflow_may_be_named() -> None:
    assert order({"workflow": {"id": "wf_other"}})["workflow"] == {"id": "wf_other"}


def test_the_configured_version_goes_with_its_workflow_only() -> None:
    assert order({}, workflow_version="3")["workflow"] == {"id": "wf_tests", "version": "3"}
    assert (
        order({"workflow": {"id": "wf_tests", "version": "3"}}, workflow_version="3")["workflow"]["version"]
        == "3"
    )
    assert order({"workflow": {"id": "wf_other"}}, workflow_version="3")["workflow"] == {"id": "wf_other"}


def test_the_sites_state_variables_go_to_the_workflow(
    chatkit_emulator: Emulator, configure: Configure, ada: User
) -> None:
    configure(STATE_VARIABLES=lambda request: {"name": request.user.username})

    answer = bearer(ada).post(SESSIONS, {}, content_type="application/json").json()

    assert answer["workflow"]["state_variables"] == {"name": "ada"}


@pytest.mark.parametrize(
    ("keys", "logged"),
    [
        pytest.param({"WORKFLOW_ID": ""}, "CHATKIT['WORKFLOW_ID']", id="no-workflow"),
        pytest.param(
            {"SESSION_DEFAULTS": {"rate_limits": {"per_minute": 0}}},
            "CHATKIT['SESSION_DEFAULTS']: 'rate_limits.per_minute'",
            id="bad-defaults",
        ),
        pytest.param(
            {"SESSION_DEFAULTS": {"expires_after": {"anchor": "created_at"}}},
            "CHATKIT['SESSION_DEFAULTS']: 'expires_after.seconds' is required.",
            id="defaults-without-a-term",
        ),
        pytest.param(
            {"SESSION_DEFAULTS": {"rate_limits": {"per_minute": 5, "max_requests_per_1_minute": 5}}},
            "CHATKIT['SESSION_DEFAULTS']: 'rate_limits.per_minute' and",
            id="defaults-with-two-names",
        ),
        pytest.param({"WORKFLOW_VERSION": "latest"}, "latest", id="a-version-that-the-client-refuses"),
        pytest.param({"NO_SUCH_KEY": 1}, "NO_SUCH_KEY", id="unknown-setting"),
    ],
)
def test_a_wrong_setting_is_a_503_whose_remedy_is_in_the_log(
    configure: Configure,
    ada: User,
    caplog: pytest.LogCaptureFixture,
    keys: dict[str, Any],
    logged: str,
) -> None:
    configure(**keys)

    response = bearer(ada).post(SESSIONS, {}, content_type="application/json")

    assert response.status_code == 503
    assert "CHATKIT" not in response.content.decode()
    assert logged in caplog.text
    assert response["x-request-id"] in caplog.text


def refuse(emulator: Emulator, status: int, param: str | None) -> None:
    error = {"message": "no good", "type": "invalid_request_error", "param": param, "code": "no_good"}
    emulator.fail("create_session", status=status, body={"error": error})


OF_THE_ASKER = [
    pytest.param({"expires_after": 5}, "expires_after.seconds", "expires_after.seconds", id="a-setting"),
    pytest.param({"expires_after": 5}, "expires_after", "expires_after", id="a-group"),
    pytest.param(
        {"rate_limits": {"per_minute": 5}},
        "rate_limits.max_requests_per_1_minute",
        "rate_limits.per_minute",
        id="in-the-documentations-words",
    ),
]


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(("body", "blamed", "param"), OF_THE_ASKER)
def test_upstreams_refusal_of_the_askers_own_input_is_told_the_asker_in_our_words(
    chatkit_emulator: Emulator, ada: User, status: int, body: dict[str, Any], blamed: str, param: str
) -> None:
    refuse(chatkit_emulator, status, blamed)

    response = bearer(ada).post(SESSIONS, body, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": f"The chat service does not take this '{param}': choose another value, or leave it out.",
        "type": "invalid_request_error",
        "param": param,
        "code": "invalid_value",
    }


OF_THE_SITE = [
    "expires_after.seconds",
    "rate_limits.max_requests_per_1_minute",
    "expires_after.sk-emulator",
    "workflow.id",
    "user",
    "",
    None,
]


@pytest.mark.parametrize("param", OF_THE_SITE)
@pytest.mark.parametrize("status", [400, 422])
def test_upstreams_refusal_of_what_the_site_set_is_a_502(
    chatkit_emulator: Emulator, ada: User, status: int, param: str | None
) -> None:
    refuse(chatkit_emulator, status, param)
    body = {"user": str(ada.pk), "chatkit_configuration": {"history": {"enabled": False}}}

    response = bearer(ada).post(SESSIONS, body, content_type="application/json")

    assert response.status_code == 502
    assert "no good" not in response.content.decode()
    assert "sk-emulator" not in response.content.decode()
