"""`example_project.databases`: one URL instead of six settings."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from example_project import databases


@pytest.mark.parametrize(
    ("url", "name"),
    [
        pytest.param("sqlite:///data.db", "data.db", id="relative"),
        pytest.param("sqlite:////srv/data.db", "/srv/data.db", id="absolute"),
        pytest.param("sqlite://:memory:", ":memory:", id="memory"),
        pytest.param("sqlite://", ":memory:", id="empty"),
    ],
)
def test_a_sqlite_url_names_a_file(url: str, name: str) -> None:
    assert databases.parse(url)["NAME"] == name
    assert databases.parse(url)["ENGINE"] == "django.db.backends.sqlite3"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "postgres://ann:p%40ss@db.example:6432/chat?sslmode=require",
            {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "chat",
                "USER": "ann",
                "PASSWORD": "p@ss",
                "HOST": "db.example",
                "PORT": "6432",
                "OPTIONS": {"sslmode": "require"},
            },
            id="everything",
        ),
        pytest.param(
            "mariadb:///chat",
            {
                "ENGINE": "django.db.backends.mysql",
                "NAME": "chat",
                "USER": "",
                "PASSWORD": "",
                "HOST": "",
                "PORT": "",
                "OPTIONS": {},
            },
            id="only-a-name",
        ),
    ],
)
def test_a_server_url_says_all_that_django_asks_for(url: str, expected: dict[str, Any]) -> None:
    assert databases.parse(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("oracle://ann:hunter2@db/chat", id="unknown-engine"),
        pytest.param("ann:hunter2@db/chat", id="no-scheme"),
        pytest.param("postgresql://ann:hunter2@db:port/chat", id="port-in-words"),
        pytest.param("postgresql://ann:hunter2/chat", id="half-an-address"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as refusal:
        databases.parse(url)

    assert "hunter2" not in str(refusal.value)
