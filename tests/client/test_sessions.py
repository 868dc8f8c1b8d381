from __future__ import annotations

import pytest

from django_chatkit.client import APIResponseValidationError

from .conftest import Make
from .scripted import SECRET, SESSION, Script, Step


def test_create_returns_the_session_with_its_secret(make: Make) -> None:
    script = Script(Step(SESSION))

    session = make(script).sessions.create(
        user="u", workflow={"id": "wf_1"}, expires_after=300, rate_limits={"per_minute": 3}
    )

    assert (session.id, session.status, session.workflow.id) == ("cksess_1", "active", "wf_1")
    assert (session.client_secret, session._request_id) == (SECRET, "req_1")
    assert script.sent == ["POST /chatkit/sessions"]
    assert script.said == {
        "user": "u",
        "workflow": {"id": "wf_1"},
        "expires_after": {"anchor": "created_at", "seconds": 300},
        "rate_limits": {"max_requests_per_1_minute": 3},
    }


def test_a_wrong_argument_is_refused_before_any_request(make: Make) -> None:
    script = Script(Step(SESSION))

    with pytest.raises(ValueError, match=r"1\.\.600"):
        make(script).sessions.create(user="u", workflow="w", expires_after=601)

    assert script.sent == []


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        pytest.param({"id": None}, "no id", id="no-id"),
        pytest.param({"id": ""}, "no id", id="an-empty-id"),
        pytest.param({"id": 7}, "no id", id="an-id-that-is-a-number"),
        pytest.param({"client_secret": None}, "no client_secret", id="no-secret"),
        pytest.param({"client_secret": ""}, "no client_secret", id="an-empty-secret"),
        pytest.param(
            {"client_secret": {"value": "ek_hidden"}}, "no client_secret", id="a-secret-in-an-object"
        ),
    ],
)
def test_a_session_without_id_or_secret_is_no_session(
    make: Make, missing: dict[str, object], why: str
) -> None:
    with pytest.raises(APIResponseValidationError, match=why) as caught:
        make(Step({**SESSION, **missing})).sessions.create(user="u", workflow="w")

    assert "ek_" not in str(caught.value) + repr(vars(caught.value))


def test_cancel_sends_nothing_and_says_so(make: Make) -> None:
    script = Script(Step({"id": "cksess/1", "status": "cancelled"}))

    session = make(script).sessions.cancel("cksess/1")

    (request,) = script.requests
    assert (session.status, session.client_secret) == ("cancelled", None)
    assert script.sent == ["POST /chatkit/sessions/cksess%2F1/cancel"]
    assert (request.body, request.headers["Content-Length"]) == (None, "0")
    assert "Content-Type" not in request.headers


@pytest.mark.parametrize("session_id", ["", ".", "..", "a\nb"])
def test_an_id_that_leads_elsewhere_is_refused(make: Make, session_id: str) -> None:
    with pytest.raises(ValueError, match="session_id"):
        make(Step({})).sessions.cancel(session_id)
