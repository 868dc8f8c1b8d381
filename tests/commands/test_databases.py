import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, ProgrammingError, connections

from django_chatkit.management import databases

SQLITE = "default"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OperationalError("no such table: django_chatkit_enduser"), id="sqlite-table"),
        pytest.param(OperationalError("table t has no column named tie"), id="sqlite-insert"),
        pytest.param(OperationalError("no such column: tie"), id="sqlite-column"),
        pytest.param(ProgrammingError('relation "t" does not exist\nLINE 1: ..'), id="postgresql-table"),
        pytest.param(ProgrammingError("column t.tie does not exist"), id="postgresql-column"),
        pytest.param(ProgrammingError(1146, "Table 'a.t' doesn't exist"), id="mariadb-table"),
        pytest.param(OperationalError(1054, "Unknown column 'tie' in 'SELECT'"), id="mariadb-column"),
    ],
)
def test_what_migrate_mends_is_migrated(error: DatabaseError) -> None:
    says, remedy = databases.explain(error, using=SQLITE)

    assert remedy == "Run: python manage.py migrate"
    assert "\n" not in says


def test_the_database_to_migrate_is_named() -> None:
    connections.settings["another"] = {**connections.settings[SQLITE]}
    try:
        _, remedy = databases.explain(OperationalError("no such table: t"), using="another")
    finally:
        del connections.settings["another"], connections["another"]

    assert remedy.endswith("migrate --database another")


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        pytest.param(
            "attempt to write a readonly database", "Let the account that runs this write", id="read-only"
        ),
        pytest.param("unable to open database file", "See that the folder of ", id="no-file"),
        pytest.param("database is locked", "Run it again: another process was writing.", id="locked"),
        pytest.param("database or disk is full.", "Check DATABASES['default'], the file ", id="another"),
    ],
)
def test_a_file_is_named_with_what_helps(words: str, remedy: str) -> None:
    says, helps = databases.explain(OperationalError(words), using=SQLITE)

    assert says == words.removesuffix(".")
    assert helps.startswith(remedy)
    assert "migrate" not in helps


@pytest.mark.skipif("postgresql" not in settings.DATABASES, reason="there is no PostgreSQL here")
@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        pytest.param("connection refused", "and that the server runs.", id="refused"),
        pytest.param("cannot execute INSERT in a read-only transaction", "may do: it", id="read-only"),
        pytest.param("permission denied for table t", "the account of DATABASES['postgresql']", id="rights"),
    ],
)
def test_a_server_is_named_by_its_alias(words: str, remedy: str) -> None:
    assert remedy in databases.explain(OperationalError(words), using="postgresql").remedy
