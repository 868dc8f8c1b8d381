"""A host's own settings do not change what we answer."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from django_chatkit.testing import Emulator
from tests.rest.world import bearer, items_of, thread_of

pytestmark = pytest.mark.django_db


def refuse_to_help(error: Exception, context: dict[str, Any]) -> None:
    """Be a host's exception handler that knows nothing of us."""


HOSTS = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.MultiPartParser"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "rest_framework.negotiation.BaseContentNegotiation",
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 1,
    "ALLOWED_VERSIONS": ["9"],
    "DEFAULT_VERSION": "8",
    "EXCEPTION_HANDLER": f"{__name__}.refuse_to_help",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": "format",
    "FORMAT_SUFFIX_KWARG": "id",
    "DEFAULT_FILTER_BACKENDS": ["rest_framework.filters.SearchFilter"],
    "DEFAULT_METADATA_CLASS": "rest_framework.metadata.BaseMetadata",
    "COMPACT_JSON": False,
    "UNICODE_JSON": False,
    "STRICT_JSON": False,
    "NON_FIELD_ERRORS_KEY": "oops",
    "DEFAULT_THROTTLE_RATES": {"chatkit": "1/day", None: "1/day"},
}
CALLS = [
    ("GET", "threads"),
    ("GET", "threads/cthr_1"),
    ("GET", "threads/cthr_1/items?order=asc"),
    ("GET", "threads/cthr_0"),
    ("GET", "threads?limit=1000"),
    ("GET", "sessions?format=json"),
    ("PUT", "sessions"),
    ("POST", "sessions"),
]


@pytest.mark.parametrize("known", [True, False], ids=["known", "nobody"])
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_hosts_rest_settings_change_nothing(
    chatkit_emulator: Emulator, ada: User, settings: Settings, method: str, path: str, known: bool
) -> None:
    items_of(thread_of(ada, "cthr_1"), "cti_1", "cti_2")
    asker = bearer(ada) if known else Client()
    usual = asker.generic(method, f"/api/chatkit/{path}")

    settings.REST_FRAMEWORK = HOSTS
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    there = asker.generic(method, f"/api/chatkit/{path}", headers={"Accept": "text/html; version=7"})

    assert there.status_code == usual.status_code
    assert there["Content-Type"] == "application/json"
    if method != "POST" or not known:  # two sessions are two sessions
        assert there.content == usual.content


def test_a_call_to_upstream_is_never_within_the_hosts_transaction(client: Client) -> None:
    for name in ("session-list", "thread-detail"):
        path = reverse(f"django_chatkit:{name}", args=[] if "list" in name else ["x"])
        view: Any = client.get(path).resolver_match.func

        assert view._non_atomic_requests == set(connections)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/"),
        ("GET", "/sessions/"),
        ("POST", "/sessions/"),
        ("GET", "/models"),
        ("GET", "/a%0Ab"),
        ("GET", "//threads"),
        ("GET", "/threads//items"),
        ("DELETE", "/threads/a/items/b"),
    ],
)
def test_an_address_that_is_none_is_upstreams_404(client: Client, method: str, path: str) -> None:
    response = client.generic(method, f"/api/chatkit{path}")

    assert response.status_code == 404
    error = response.json()["error"]
    assert error["message"].startswith(f"There is nothing at {method} /api/chatkit")
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "not_found", None)


def test_a_head_is_a_get_without_its_body(ada: User) -> None:
    response = bearer(ada).head("/api/chatkit/threads")

    assert (response.status_code, response.content) == (200, b"")


def test_every_answer_has_a_request_id_of_its_own_and_is_kept_by_nobody_else(ada: User) -> None:
    asker = bearer(ada)
    paths = {
        "threads": "private, no-cache",
        "threads/x": "private, no-store",
        "sessions": "private, no-store",
        "x": "private, no-store",
    }
    answers = {path: asker.get(f"/api/chatkit/{path}") for path in paths}

    assert {path: answer["Cache-Control"] for path, answer in answers.items()} == paths
    assert len({answer["x-request-id"] for answer in answers.values()}) == len(paths)
