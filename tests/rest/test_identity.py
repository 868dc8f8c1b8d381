"""Which end user a request speaks for."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from django_chatkit.rest.identity import end_user_of, state_variables_of
from tests.rest.conftest import Configure

NOT_CALLABLE = "a string"


def by_name(request: HttpRequest) -> str:
    """Name the end user as a host's mapping does."""
    return f"name-{request.user.get_username()}"


def variables(request: HttpRequest) -> dict[str, str]:
    """Tell the workflow who asks."""
    return {"name": request.user.get_username()}


@pytest.fixture
def request_of_ada() -> HttpRequest:
    request = HttpRequest()
    request.user = User(pk=7, username="ada")
    return request


def test_an_end_user_is_the_accounts_primary_key(request_of_ada: HttpRequest) -> None:
    assert end_user_of(request_of_ada) == "7"


@pytest.mark.parametrize("user", [AnonymousUser(), None], ids=["anonymous", "none"])
def test_nobody_is_no_end_user(user: Any) -> None:
    request = HttpRequest()
    request.user = user

    assert end_user_of(request) is None


@pytest.mark.parametrize("mapping", [f"{__name__}.by_name", by_name], ids=["path", "callable"])
def test_the_host_may_map_otherwise(configure: Configure, request_of_ada: HttpRequest, mapping: Any) -> None:
    configure(USER_ID=mapping)

    assert end_user_of(request_of_ada) == "name-ada"


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_mapping_may_know_nobody(
    configure: Configure, request_of_ada: HttpRequest, nothing: str | None
) -> None:
    configure(USER_ID=lambda request: nothing)

    assert end_user_of(request_of_ada) is None


@pytest.mark.parametrize("end_user", [7, "u" * 513, "a\x00b", "\ud800", 0, "(unknown)"], ids=repr)
def test_a_mapping_that_returns_no_end_user_is_the_hosts_mistake(
    configure: Configure, request_of_ada: HttpRequest, end_user: Any
) -> None:
    configure(USER_ID=lambda request: end_user)

    with pytest.raises(ImproperlyConfigured, match="USER_ID"):
        end_user_of(request_of_ada)


@pytest.mark.parametrize(
    "path", ["no.such.module", f"{__name__}.missing", f"{__name__}.NOT_CALLABLE", "bare"]
)
def test_a_mapping_that_names_nothing_is_the_hosts_mistake(
    configure: Configure, request_of_ada: HttpRequest, path: str
) -> None:
    configure(USER_ID=path, STATE_VARIABLES=path)

    with pytest.raises(ImproperlyConfigured, match="USER_ID"):
        end_user_of(request_of_ada)
    with pytest.raises(ImproperlyConfigured, match="STATE_VARIABLES"):
        state_variables_of(request_of_ada)


def test_state_variables_are_none_or_the_hosts(configure: Configure, request_of_ada: HttpRequest) -> None:
    assert state_variables_of(request_of_ada) == {}

    configure(STATE_VARIABLES=f"{__name__}.variables")

    assert state_variables_of(request_of_ada) == {"name": "ada"}


def test_state_variables_are_a_dict(configure: Configure, request_of_ada: HttpRequest) -> None:
    configure(STATE_VARIABLES=lambda request: ["name"])

    with pytest.raises(ImproperlyConfigured, match="STATE_VARIABLES"):
        state_variables_of(request_of_ada)
