"""Find the servers that the tests can use: databases, and services such as Redis and RabbitMQ.

Where they are is told by ``TEST_POSTGRESQL_URL``, ``TEST_MARIADB_URL``, ``TEST_REDIS_URL`` and ``TEST_RABBITMQ_URL``;
by default on this machine, the databases with the rights to create some. A laptop without them leaves out what needs
them; where ``CI`` is true, `tests.conftest` refuses to.
"""

import os
from collections.abc import Callable
from typing import Any

import psycopg
import pymysql
import redis
from amqp.exceptions import AMQPError
from kombu import Connection

from example_project import databases

Configuration = dict[str, Any]

# What tests commit has to outlive a killed process, not a killed server: half the time of PostgreSQL's tests went to disks.
ADDRESSES = {
    "postgresql": os.environ.get("TEST_POSTGRESQL_URL")
    or "postgresql://postgres@127.0.0.1:5432/postgres?options=-c%20synchronous_commit%3Doff",
    "mariadb": os.environ.get("TEST_MARIADB_URL") or "mariadb://root@127.0.0.1:3306/mysql",
}
SERVICES = {
    "redis": os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/0",
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL") or "amqp://guest:guest@127.0.0.1:5672//",
}
TIMEOUT = 15  # seconds

# Which databases a run is about, where it is not about all: `TEST_DATABASES=default,mariadb`. Without `default`, SQLite
# is there all the same, for what is not tried on each database.
WANTED = frozenset(filter(None, os.environ.get("TEST_DATABASES", "").split(","))) or {"default", *ADDRESSES}
if unknown := WANTED - {"default", *ADDRESSES}:
    raise ValueError(
        f"TEST_DATABASES names {', '.join(sorted(unknown))}; there are default, {', '.join(ADDRESSES)}"
    )

# Several runs may share a server, so each names its databases and queues and prefixes its keys after itself. A process
# that a test starts inherits the name, and with it the databases.
RUN = os.environ.setdefault("TEST_RUN", str(os.getpid()))

# template0: nobody can be connected to it, so runs that start together do not refuse each other.
TEST_OPTIONS: dict[str, Configuration] = {
    "postgresql": {"TEMPLATE": "template0"},
    "mariadb": {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_unicode_ci"},
}


def find() -> tuple[dict[str, Configuration], dict[str, str]]:
    """Return Django's DATABASES, and by alias why a server is left out."""
    found: dict[str, Configuration] = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    }
    left_out = {}
    for alias in sorted(WANTED - {"default"}, reverse=True):
        url = ADDRESSES[alias]
        configuration = databases.parse(url)
        if reason := _refusal(KNOCK[alias], configuration):
            left_out[alias] = f"{configuration['HOST']}:{configuration['PORT']}: {reason}"
        else:
            # No dependencies: `-k postgresql` makes that one alone.
            test = {"NAME": f"test_chatkit_{RUN}", "DEPENDENCIES": [], **TEST_OPTIONS[alias]}
            found[alias] = {**configuration, "TEST": test}
    return found, left_out


def find_services() -> tuple[dict[str, str], dict[str, str]]:
    """Return the addresses of the services that answer, and by name why another is left out."""
    found, left_out = {}, {}
    for name, url in SERVICES.items():
        try:
            KNOCK_AT_SERVICE[name](url)
        except (redis.RedisError, AMQPError, OSError) as error:
            left_out[name] = str(error).strip().splitlines()[0]
        else:
            found[name] = url
    return found, left_out


def _refusal(knock: Callable[[Configuration], None], configuration: Configuration) -> str:
    """Return why the server does not let us in, or nothing if it does."""
    try:
        knock(configuration)
    except (psycopg.OperationalError, pymysql.err.OperationalError) as error:
        return str(error.args[-1]).strip().splitlines()[0]
    return ""


def _knock_at_postgresql(configuration: Configuration) -> None:
    psycopg.connect(
        host=configuration["HOST"],
        port=configuration["PORT"],
        user=configuration["USER"],
        password=configuration["PASSWORD"],
        dbname=configuration["NAME"],
        **configuration.get("OPTIONS", {}),
        connect_timeout=TIMEOUT,
    ).close()


def _knock_at_mariadb(configuration: Configuration) -> None:
    pymysql.connect(
        host=configuration["HOST"],
        port=int(configuration["PORT"]),
        user=configuration["USER"],
        password=configuration["PASSWORD"],
        database=configuration["NAME"],
        connect_timeout=TIMEOUT,
    ).close()


def _knock_at_redis(url: str) -> None:
    with redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT) as client:
        client.ping()


def _knock_at_rabbitmq(url: str) -> None:
    # Not `connect`, which tries again for two seconds.
    Connection(url, connect_timeout=TIMEOUT).transport.establish_connection().close()


KNOCK = {"postgresql": _knock_at_postgresql, "mariadb": _knock_at_mariadb}
KNOCK_AT_SERVICE = {"redis": _knock_at_redis, "rabbitmq": _knock_at_rabbitmq}
