"""Read a database's address: one URL instead of six settings."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
    "mariadb": "django.db.backends.mysql",
}

# Web, worker and beat write to one file: readers must not wait for the writer (WAL), and a writer takes its turn at
# once instead of failing halfway (IMMEDIATE).
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 30,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
}


def parse(url: str) -> dict[str, Any]:
    """Return Django's settings for a database URL.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite://:memory:``, or
    ``postgresql|mariadb|mysql://user:password@host:port/name?option=value``. Raises `ImproperlyConfigured` for anything
    else; the message has no password in it.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in ENGINES:
        # The URL itself is not shown: it may carry a password.
        raise ImproperlyConfigured(f"DATABASE_URL must start with one of {', '.join(ENGINES)}, then '://'.")
    if scheme == "sqlite":
        return _sqlite(rest)
    if ENGINES[scheme].endswith("mysql"):
        speak_mysql()
    return {"ENGINE": ENGINES[scheme], **_server(url)}


def _sqlite(rest: str) -> dict[str, Any]:
    name = rest.removeprefix("/")
    if name in {"", ":memory:"}:
        return {"ENGINE": ENGINES["sqlite"], "NAME": ":memory:"}
    return {"ENGINE": ENGINES["sqlite"], "NAME": name, "OPTIONS": dict(SQLITE_OPTIONS)}


def _server(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    try:
        port = parts.port or ""
    except ValueError:
        raise ImproperlyConfigured("DATABASE_URL has a port that is not a number.") from None
    return {
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(port),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def speak_mysql() -> None:
    """Let PyMySQL stand in for mysqlclient where only PyMySQL is installed.

    Django asks for mysqlclient by name and by version; PyMySQL offers the same interface and names an older version of
    it than Django 6 wants, so it is told the one whose interface it has.
    """
    if find_spec("MySQLdb") is None and find_spec("pymysql") is not None:
        pymysql: Any = import_module("pymysql")
        pymysql.version_info = max(pymysql.version_info, (2, 2, 1, "final", 0))
        pymysql.install_as_MySQLdb()
