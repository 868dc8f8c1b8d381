"""Ways in: cookie, token, the host's own, and none."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed

from django_chatkit.rest.authentication import BearerAuthentication, authenticators
from django_chatkit.testing import Emulator
from tests.rest.conftest import Configure
from tests.rest.world import bearer, signed_in, thread_of

THREADS = "/api/chatkit/threads"
SESSIONS = "/api/chatkit/sessions"

pytestmark = pytest.mark.django_db


class HostsBearer(BaseAuthentication):
    """A host's own bearer tokens: the name of an account."""

    def authenticate(self, request: Any) -> tuple[User, None] | None:
        scheme, _, name = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return None
        if not name.startswith("host-"):
            raise AuthenticationFailed({"detail": "No such token.", "code": "token_not_valid"})
        return User.objects.get(username=name.removeprefix("host-")), None


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Bearer no-such-token", id="unknown"),
        pytest.param("Bearer", id="missing"),
        pytest.param("Bearer a b", id="two"),
        pytest.param("Bearer \x00", id="NUL"),
        pytest.param("Bearer \xff", id="no UTF-8"),
        pytest.param("Token {token}", id="another keyword"),
        pytest.param("Basic !", id="broken basic"),
    ],
)
def test_a_bad_token_is_a_401(ada: User, header: str) -> None:
    response = Client(headers={"Authorization": header.format(token="x")}).get(THREADS)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="ChatKit"'
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert response.json()["error"]["code"] == "invalid_api_key"


def test_an_inactive_account_is_let_in_no_way(ada: User) -> None:
    token, cookie = bearer(ada), signed_in(ada)
    User.objects.update(is_active=False)

    assert token.get(THREADS).status_code == 401
    assert cookie.get(THREADS).status_code == 401


def test_a_cookie_needs_the_csrf_token_to_change_anything(chatkit_emulator: Emulator, ada: User) -> None:
    browser = signed_in(ada, enforce_csrf_checks=True)
    browser.cookies["csrftoken"] = "a" * 32

    without = browser.post(SESSIONS, {}, content_type="application/json")
    with_it = browser.post(
        SESSIONS,
        {},
        content_type="application/json",
        headers={"X-CSRFToken": browser.cookies["csrftoken"].value},
    )

    assert (without.status_code, with_it.status_code) == (403, 200)
    assert without.json()["error"]["message"].startswith("CSRF Failed")
    assert browser.get(THREADS).status_code == 200


def test_a_token_needs_no_csrf_token(chatkit_emulator: Emulator, ada: User) -> None:
    asker = bearer(ada, enforce_csrf_checks=True)

    assert asker.post(SESSIONS, {}, content_type="application/json").status_code == 200


def test_a_visitor_known_by_a_cookie_needs_the_csrf_token_too(configure: Configure) -> None:
    configure(USER_ID=lambda request: "visitor-1")
    visitor = Client(enforce_csrf_checks=True)

    assert visitor.post(SESSIONS, {}, content_type="application/json").status_code == 403
    assert visitor.get(THREADS).status_code == 200


def test_without_the_token_app_there_are_cookies_only(ada: User, settings: Settings) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "rest_framework.authtoken"]
    assert not apps.is_installed("rest_framework.authtoken")

    assert signed_in(ada).get(THREADS).status_code == 200
    assert Client(headers={"Authorization": "Bearer x"}).get(THREADS).status_code == 401


def test_the_hosts_own_authenticators_come_first(ada: User, settings: Settings) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.HostsBearer"]}
    thread_of(ada, "cthr_1")

    good = Client(headers={"Authorization": "Bearer host-ada"}).get(THREADS)
    bad = bearer(ada).get(THREADS)

    assert [each["id"] for each in good.json()["data"]] == ["cthr_1"]
    assert (bad.status_code, bad["WWW-Authenticate"]) == (401, 'Bearer realm="ChatKit"')
    assert signed_in(ada).get(THREADS).status_code == 200


def test_no_authenticator_is_asked_twice(settings: Settings) -> None:
    default = "rest_framework.authentication.SessionAuthentication"
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [default]}

    assert [type(each) for each in authenticators()] == [SessionAuthentication, BearerAuthentication]
