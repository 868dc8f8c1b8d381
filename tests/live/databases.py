"""Databases of the tests' own, which other processes use too: a SQLite file, or one on the real servers."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pymysql
from django.conf import settings
from django.db import connections

from tests.servers import RUN

ALIAS = "live"  # this process's connection to the one that is open


@contextmanager
def created(server: str, name: str, folder: Path) -> Iterator[str]:
    """Give the URL of an empty database that lasts as long as the block."""
    if server == "default":
        yield f"sqlite:///{folder / name}.sqlite3"
        return
    name = f"test_chatkit_{RUN}_{name}"
    create, drop = {
        "postgresql": ("CREATE DATABASE {} TEMPLATE template0", "DROP DATABASE IF EXISTS {} WITH (FORCE)"),
        "mariadb": ("CREATE DATABASE {} CHARACTER SET utf8mb4", "DROP DATABASE IF EXISTS {}"),
    }[server]
    said = settings.DATABASES[server]
    _execute(server, said, drop.format(name), create.format(name))  # the first: one that a killed run left
    try:
        yield _url(server, said, name)
    finally:
        _execute(server, said, drop.format(name))


@contextmanager
def opened(configuration: dict[str, Any]) -> Iterator[str]:
    """Let this process use the database under an alias while the block runs."""
    handler: Any = connections
    handler.settings[ALIAS] = handler.configure_settings({"default": {}, ALIAS: configuration})[ALIAS]
    try:
        yield ALIAS
    finally:
        connections[ALIAS].close()
        del connections[ALIAS], handler.settings[ALIAS]


def _execute(server: str, said: dict[str, Any], *statements: str) -> None:
    where = {
        "host": said["HOST"],
        "port": int(said["PORT"]),
        "user": said["USER"],
        "password": said["PASSWORD"],
    }
    connection: Any = (
        psycopg.connect(**where, dbname="postgres", autocommit=True)
        if server == "postgresql"
        else pymysql.connect(**where)
    )
    with closing(connection), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _url(server: str, said: dict[str, Any], name: str) -> str:
    password = f":{quote(said['PASSWORD'], safe='')}" if said["PASSWORD"] else ""
    options = f"?{urlencode(said['OPTIONS'])}" if said.get("OPTIONS") else ""
    return (
        f"{server}://{quote(said['USER'], safe='')}{password}@{said['HOST']}:{said['PORT']}/{name}{options}"
    )
