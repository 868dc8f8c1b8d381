"""What was said, taken out of the space that a database freed and has not used again."""

from typing import Any

from django.db import connections

from .rotation import MODELS

_INDEX = "chatkit_item_words"
# The last empties the write-ahead log into the file, which holds yesterday's pages too.
_SQLITE = ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)")
_REBUILD = f"INSERT INTO {_INDEX} ({_INDEX}) VALUES ('rebuild')"  # noqa: S608 - our own name


def scrub(*, using: str) -> bool:
    """Write the tables that hold what was said anew, with their indexes; False where the database knows no way to.

    The tables are locked meanwhile, and need their room twice. Not within a transaction.
    """
    connection: Any = connections[using]
    tables = [connection.ops.quote_name(model._meta.db_table) for model in MODELS]
    statements = {
        "sqlite": _SQLITE,
        "postgresql": [f"VACUUM (FULL, ANALYZE) {table}" for table in tables],
        "mysql": [f"ALTER TABLE {table} FORCE" for table in tables],
    }
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite" and _INDEX in connection.introspection.table_names(cursor):
            cursor.execute(_REBUILD)
        for statement in statements.get(connection.vendor, ()):
            cursor.execute(statement)
    return connection.vendor in statements
