"""Every kind of trouble has its status, and none tells what only the operator may know."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from pytest_django import Settings
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    MethodNotAllowed,
    NotFound,
    Throttled,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from django_chatkit.rest.verdicts import verdict
from django_chatkit.testing import Emulator
from tests import celery_apps
from tests.rest.conftest import Configure
from tests.rest.world import bearer, thread_of

SESSIONS = "/api/chatkit/sessions"
KEY = "sk-emulator"

pytestmark = pytest.mark.django_db

UPSTREAM = [
    pytest.param({"status": 500}, 503, None, id="500"),
    pytest.param({"status": 502, "headers": {"retry-after": "7"}}, 503, "7", id="502 with Retry-After"),
    pytest.param({"kind": "reset"}, 503, None, id="reset"),
    pytest.param({"kind": "timeout"}, 504, None, id="silence"),
    pytest.param({"status": 429, "headers": {"retry-after": "1.2"}}, 429, "2", id="429 with Retry-After"),
    pytest.param({"status": 429}, 429, "1", id="429"),
    pytest.param({"status": 401}, 502, None, id="401"),
    pytest.param({"status": 403}, 502, None, id="403"),
    pytest.param({"status": 404}, 502, None, id="404"),
    pytest.param({"status": 409}, 502, None, id="409"),
    pytest.param({"kind": "not_json"}, 502, None, id="200 without JSON"),
]


@pytest.mark.parametrize(("fault", "status", "retry_after"), UPSTREAM)
def test_upstreams_trouble_is_told_without_upstreams_words(
    chatkit_emulator: Emulator,
    configure: Configure,
    ada: User,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
    status: int,
    retry_after: str | None,
) -> None:
    configure(MAX_RETRIES=0)
    chatkit_emulator.sleep = lambda seconds: None  # silence lasts no longer than it takes to say so
    told = {
        "error": {"message": f"Incorrect API key provided: {KEY}", "type": "x", "param": None, "code": "y"}
    }
    chatkit_emulator.fail("create_session", times=None, **{"body": told, **fault})

    response = bearer(ada).post(SESSIONS, {}, content_type="application/json")

    error = response.json()["error"]
    assert response.status_code == status
    assert response.headers.get("Retry-After") == retry_after
    assert error["type"] == ("requests" if status == 429 else "server_error")
    assert KEY not in response.content.decode() + caplog.text
    assert "API key" not in response.content.decode()
    assert response["x-request-id"] in caplog.text


def test_a_broker_out_of_reach_is_a_503(ada: User, caplog: pytest.LogCaptureFixture) -> None:
    thread_of(ada, "cthr_1")

    with celery_apps.current(broker_url=celery_apps.NO_BROKER):
        response = bearer(ada).post("/api/chatkit/threads/cthr_1/sync")

    assert response.status_code == 503
    assert response.json()["error"]["type"] == "server_error"
    assert response["x-request-id"] in caplog.text


def test_what_nobody_foresaw_is_a_500_that_the_host_hears_of(
    configure: Configure, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(request: object) -> str:
        raise RuntimeError("a detail of the host's")

    configure(USER_ID=stumble)
    asker = bearer(ada, raise_request_exception=False)

    response = asker.get(SESSIONS)

    (record,) = [each for each in caplog.records if each.name == "django.request"]
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"
    assert "a detail" not in response.content.decode()
    assert record.exc_info is not None
    assert response["x-request-id"] in caplog.text


def test_a_host_that_watches_for_exceptions_sees_them(configure: Configure, ada: User) -> None:
    def stumble(request: object) -> str:
        raise RuntimeError("seen")

    configure(USER_ID=stumble)

    with pytest.raises(RuntimeError, match="seen"):  # Django's test client listens to the signal
        bearer(ada).get(SESSIONS)


class OncePerDay(SimpleRateThrottle):
    """A host's own throttle."""

    rate = "1/day"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return "once"


class Closed(BaseThrottle):
    """A host's throttle that lets nobody pass and tells no term."""

    def allow_request(self, request: Any, view: Any) -> bool:
        return False


def test_the_hosts_throttle_answers_in_upstreams_words(ada: User, settings: Settings) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_CLASSES": [f"{__name__}.OncePerDay"]}
    asker = bearer(ada)

    first, second = asker.get(SESSIONS), asker.get(SESSIONS)

    assert (first.status_code, second.status_code) == (200, 429)
    assert second.json()["error"]["code"] == "rate_limit_exceeded"
    assert second.json()["error"]["type"] == "requests"
    assert 86_000 < int(second["Retry-After"]) <= 86_400


ERRORS = [
    pytest.param(Http404("model detail"), 404, "Not found.", id="Django's 404"),
    pytest.param(PermissionDenied(), 403, "This is not allowed.", id="Django's 403"),
    pytest.param(PermissionDenied("Not today."), 403, "Not today.", id="Django's 403 with words"),
    pytest.param(SuspiciousOperation("detail"), 400, "The request can't be read.", id="suspicious"),
    pytest.param(ValidationError({"a": ["b"]}), 400, "Invalid input.", id="a detail that is no text"),
    pytest.param(APIException("Down."), 500, "Down.", id="the framework's 500"),
    pytest.param(APIException(_("Monday")), 500, "Monday", id="the framework's 500 in words of a host"),
    pytest.param(NotFound(), 404, "Not found.", id="the framework's 404"),
    pytest.param(Throttled(), 429, "Too many requests; wait and try again.", id="throttled for ever"),
    pytest.param(
        KeyError("x"), 500, "Something went wrong here. Its request id finds it in the log.", id="any"
    ),
]


@pytest.mark.parametrize(("error", "status", "message"), ERRORS)
def test_each_exception_has_its_refusal(error: Exception, status: int, message: str) -> None:
    refusal = verdict(error)

    assert (refusal.status, refusal.message) == (status, message)
    assert set(refusal.document["error"]) == {"message", "type", "param", "code"}


EXPIRED = {"detail": "expired", "code": "token_not_valid"}
FRAMEWORKS = [
    pytest.param(AuthenticationFailed, [_("Invalid token.")], "Invalid token.", id="words of its own"),
    pytest.param(AuthenticationFailed, [], "Incorrect authentication credentials.", id="words of the class"),
    pytest.param(
        AuthenticationFailed,
        [EXPIRED],
        "Incorrect authentication credentials.",
        id="a detail that is no text",
    ),
    pytest.param(AuthenticationFailed, ["Zu spät."], "Zu spät.", id="a host's words"),
    pytest.param(NotFound, [], "Not found.", id="404"),
    pytest.param(
        MethodNotAllowed,
        ["PUT"],
        "This address does not take this method; the header Allow names those it takes.",
        id="405",
    ),
    pytest.param(
        UnsupportedMediaType,
        ["text/plain"],
        "The body of the request must be JSON, and its Content-Type application/json.",
        id="415",
    ),
    pytest.param(Throttled, [5], "Too many requests; wait and try again.", id="429"),
]


@pytest.mark.parametrize(("error", "arguments", "message"), FRAMEWORKS)
def test_rest_frameworks_words_are_english_whatever_the_requests_language(
    error: type[APIException], arguments: list[Any], message: str
) -> None:
    with translation.override("de"):
        assert verdict(error(*arguments)).message == message
        assert translation.get_language() == "de"


@pytest.mark.parametrize("error", [NotFound(), Http404()], ids=["the framework's", "Django's"])
def test_each_404_has_the_code_of_one(error: Exception) -> None:
    assert verdict(error).code == "not_found"


def test_a_bad_token_is_told_in_english_to_who_reads_german(client: Client) -> None:
    with translation.override("de"):
        assert gettext("Invalid token.") != "Invalid token."
        response = client.get(SESSIONS, headers={"Authorization": "Bearer no-such-token"})

    assert response.json()["error"]["message"] == "Invalid token."


def test_a_throttle_that_does_not_know_how_long_asks_for_a_second(ada: User, settings: Settings) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_CLASSES": [f"{__name__}.Closed"]}

    response = bearer(ada).get(SESSIONS)

    assert (response.status_code, response["Retry-After"]) == (429, "1")


def test_an_upstream_that_asks_to_slow_down_without_a_term_asks_for_a_second(
    chatkit_emulator: Emulator, configure: Configure, ada: User
) -> None:
    configure(MAX_RETRIES=0)
    chatkit_emulator.switches.rate_limit_headers = {}
    chatkit_emulator.fail("create_session", status=429)

    response = bearer(ada).post(SESSIONS, {}, content_type="application/json")

    assert (response.status_code, response["Retry-After"]) == (429, "1")


def test_a_method_that_is_none_is_a_405(ada: User) -> None:
    asker = bearer(ada)

    for method in ("PUT", "PATCH", "OPTIONS", "BREW"):
        response = asker.generic(method, SESSIONS)
        assert response.status_code == 405
        assert response.json()["error"]["code"] == "method_not_supported"
        assert response["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_nobody_gets_a_401_with_a_challenge(client: Client) -> None:
    response = client.get(SESSIONS)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="ChatKit"'
    assert response["Cache-Control"] == "private, no-store"
    assert response.json()["error"]["code"] == "invalid_api_key"
