"""How many sessions an asker may open."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache.backends.base import BaseCache
from django.test import Client
from pytest_django import Settings

from django_chatkit.testing import Emulator
from tests.contract.schema import complaints
from tests.rest.conftest import Configure
from tests.rest.world import bearer, signed_in

SESSIONS = "/api/chatkit/sessions"

pytestmark = pytest.mark.django_db


def statuses(asker: Client, times: int, **headers: Any) -> list[int]:
    return [asker.post(SESSIONS, **headers).status_code for _ in range(times)]


class Down(BaseCache):
    """A cache that is out of reach."""

    def __init__(self, location: str, options: dict[str, Any]) -> None:
        super().__init__(options)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("redis://:password@cache.example")


def test_an_asker_that_opens_too_many_is_told_when_to_come_again(
    chatkit_emulator: Emulator, configure: Configure, ada: User
) -> None:
    configure(SESSION_RATE="2/hour")
    asker = bearer(ada)

    assert statuses(asker, 2) == [200, 200]
    refused = asker.post(SESSIONS)

    assert refused.status_code == 429
    assert complaints("Error", refused.json()) == []
    assert refused.json()["error"] == {
        "message": "Too many sessions were opened; wait and try again.",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    assert 60 < int(refused["Retry-After"]) <= 3600
    assert len(chatkit_emulator.sessions) == 2


def test_a_token_and_a_cookie_are_one_asker_and_others_are_not_counted(
    chatkit_emulator: Emulator, configure: Configure, ada: User, ben: User
) -> None:
    configure(SESSION_RATE="1/hour")

    assert statuses(bearer(ada), 1) + statuses(signed_in(ada), 1) == [200, 429]
    assert statuses(bearer(ben), 1) == [200]


def test_reading_and_cancelling_are_not_counted(
    chatkit_emulator: Emulator, configure: Configure, ada: User
) -> None:
    configure(SESSION_RATE="1/hour")
    asker = bearer(ada)
    id = asker.post(SESSIONS).json()["id"]

    assert asker.post(SESSIONS).status_code == 429
    assert [asker.get(SESSIONS).status_code for _ in range(3)] == [200] * 3
    assert asker.post(f"{SESSIONS}/{id}/cancel").status_code == 200


def test_what_is_refused_for_its_body_is_not_counted(
    chatkit_emulator: Emulator, configure: Configure, ada: User
) -> None:
    configure(SESSION_RATE="1/hour")
    asker = bearer(ada)

    assert asker.post(SESSIONS, {"x": 1}, content_type="application/json").status_code == 400
    assert statuses(asker, 2) == [200, 429]


def test_a_visitor_is_counted_by_its_address_whatever_it_is_called(
    chatkit_emulator: Emulator, configure: Configure
) -> None:
    names = iter("abc")
    configure(SESSION_RATE="2/hour", USER_ID=lambda request: f"visitor-{next(names)}")

    assert statuses(Client(), 3) == [200, 200, 429]


def test_a_visitor_elsewhere_is_another(chatkit_emulator: Emulator, configure: Configure) -> None:
    configure(SESSION_RATE="1/hour", USER_ID=lambda request: "visitor")

    assert statuses(Client(), 2) == [200, 429]
    assert statuses(Client(REMOTE_ADDR="10.0.0.9"), 1) == [200]


@pytest.mark.parametrize(
    ("proxies", "answers"),
    [
        pytest.param(0, [200, 429, 429], id="no proxy"),
        pytest.param(1, [200, 429, 200], id="a proxy, which adds where the request came from"),
        pytest.param(None, [200, 200, 200], id="unset"),
    ],
)
def test_a_visitor_that_makes_up_where_it_comes_from_is_counted_by_what_the_hosts_proxies_say(
    chatkit_emulator: Emulator,
    configure: Configure,
    settings: Settings,
    proxies: int | None,
    answers: list[int],
) -> None:
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    configure(SESSION_RATE="1/hour", USER_ID=lambda request: "visitor")
    told = ["1.1.1.1, 10.0.0.1", "2.2.2.2, 10.0.0.1", "2.2.2.2, 10.0.0.2"]

    assert [
        Client().post(SESSIONS, headers={"X-Forwarded-For": each}).status_code for each in told
    ] == answers


def test_without_a_rate_there_is_no_limit(
    chatkit_emulator: Emulator, configure: Configure, ada: User
) -> None:
    configure(SESSION_RATE=None)

    assert statuses(bearer(ada), 5) == [200] * 5


def test_a_cache_that_is_down_stops_nobody(
    chatkit_emulator: Emulator,
    configure: Configure,
    settings: Settings,
    ada: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    configure(SESSION_RATE="1/hour")
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Down"}}

    assert statuses(bearer(ada), 2) == [200, 200]
    assert "Django's cache failed (ConnectionError): openings are not counted." in caplog.text
    assert "password" not in caplog.text
