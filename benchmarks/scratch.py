"""Django on databases of its own, made for one run and destroyed after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from django.conf import settings
from django.db import connections

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # neither the tests nor the example project are installed

from example_project import databases  # noqa: E402
from tests import servers  # noqa: E402

SIZES = (10_000, 100_000, 1_000_000)
_NAMES = {"default": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
_FOUND, _ = servers.find()
VENDORS = [_NAMES[alias] for alias in _FOUND]


def _database(alias: str, suffix: str) -> dict[str, Any]:
    if alias == "default":  # as the example project runs it: a file, with write-ahead logging
        return databases.parse("sqlite:///unnamed")
    test = {**_FOUND[alias]["TEST"], "NAME": f"{_FOUND[alias]['TEST']['NAME']}{suffix}"}
    return {**_FOUND[alias], "TEST": test}


settings.configure(
    # "SQLite", "SQLite 10000", ...: an alias takes no room until it is `made`.
    DATABASES={
        "default": {"ENGINE": "django.db.backends.dummy"},
        **{_NAMES[alias]: _database(alias, "") for alias in _FOUND},
        **{f"{_NAMES[alias]} {size}": _database(alias, f"_{size}") for alias in _FOUND for size in SIZES},
    },
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "rest_framework",
        "rest_framework.authtoken",
        "django_chatkit",
    ],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SECRET_KEY="of-a-benchmark",
    STATIC_URL="/static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    USE_TZ=True,
)
django.setup()


@contextmanager
def made(*aliases: str) -> Iterator[None]:
    """Make databases with our tables, and destroy them."""
    with TemporaryDirectory() as folder:
        for alias in aliases:
            connection = connections[alias]
            if connection.vendor == "sqlite":
                connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / f"{alias}.sqlite3")
            connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            for alias in aliases:
                connections[alias].creation.destroy_test_db(alias, verbosity=0)
