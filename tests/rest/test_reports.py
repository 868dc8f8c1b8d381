"""What Django's error reports show of a request that failed: no secret of anybody's."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.views.debug import ExceptionReporter
from pytest_django import Settings
from requests.adapters import BaseAdapter
from rest_framework.authtoken.models import Token

from django_chatkit.testing import Emulator
from tests.rest.conftest import Configure
from tests.rest.world import bearer, session_of, thread_of

SESSIONS = "/api/chatkit/sessions"
SECRET = "ek_of_a_session_that_went_wrong"
KEY = "sk-that-only-upstream-may-see"

pytestmark = pytest.mark.django_db


class Stumbling(BaseAdapter):
    """An adapter with a fault of its own."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("stumbled")

    def close(self) -> None:
        """Hold nothing."""


class NoTokens:
    """A router of a host that fails."""

    def db_for_read(self, model: Any, **hints: Any) -> None:
        if model is Token:
            raise RuntimeError("no tokens today")


def reports(caplog: pytest.LogCaptureFixture) -> str:
    """Return what a host would be sent, as a page and as text."""
    (record,) = [each for each in caplog.records if each.name == "django.request" and each.exc_info]
    reporter = ExceptionReporter(getattr(record, "request"), *(record.exc_info or ()))  # noqa: B009 -- set by Django
    return reporter.get_traceback_html() + reporter.get_traceback_text()


def test_the_secret_of_a_session_that_could_not_be_kept_is_not_shown(
    chatkit_emulator: Emulator, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    session_of(ada, "cksess_1")
    answer = {"id": "cksess_1", "object": "chatkit.session", "client_secret": SECRET}
    chatkit_emulator.fail("create_session", status=200, body=answer)

    response = bearer(ada, raise_request_exception=False).post(SESSIONS)

    assert response.status_code == 500
    assert "IntegrityError" in reports(caplog)
    assert SECRET not in reports(caplog) + response.content.decode() + caplog.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "sessions"), ("POST", "sessions/cksess_1/cancel"), ("DELETE", "threads/cthr_1")],
)
def test_the_key_on_its_way_to_upstream_is_not_shown(
    configure: Configure, ada: User, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    session_of(ada, "cksess_1")
    thread_of(ada, "cthr_1")
    configure(API_KEY=KEY, ADAPTER=f"{__name__}.Stumbling")

    response = bearer(ada, raise_request_exception=False).generic(method, f"/api/chatkit/{path}")

    assert response.status_code == 500
    assert "stumbled" in reports(caplog)
    assert KEY not in reports(caplog) + response.content.decode() + caplog.text


def test_an_askers_token_is_not_shown(
    ada: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    asker, token = bearer(ada, raise_request_exception=False), Token.objects.get(user=ada).key
    settings.DATABASE_ROUTERS = [f"{__name__}.NoTokens"]

    response = asker.get(SESSIONS)

    assert response.status_code == 500
    assert "no tokens today" in reports(caplog)
    assert token not in reports(caplog) + response.content.decode() + caplog.text
