"""Makes SQLite's index of words forget what no item says any more.

Note [Half forgotten]
FTS5 notes of a word that is taken out that it is; the word itself stays in the file until the index is merged. PostgreSQL
and InnoDB clean theirs up with the table, by VACUUM and OPTIMIZE TABLE: those are the operator's. docs/operations.md
"""

from typing import Any

from django.db import connections

from .transactions import persistently

INDEX = "chatkit_item_words"
# Pages of the index that one statement merges.
AT_ONCE = 500


def forget(*, using: str) -> int:
    """Merge the index of words, a short statement at a time, and return how many it took; none on other databases."""
    connection: Any = connections[using]
    if connection.vendor != "sqlite" or not _is_there(connection):
        return 0
    steps, pages = 1, -AT_ONCE  # a negative number begins, a positive goes on
    while _merge(connection, pages, using=using):
        steps, pages = steps + 1, AT_ONCE
    return steps


def _is_there(connection: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = %s", [INDEX])
        return bool(cursor.fetchone()[0])


def _merge(connection: Any, pages: int, *, using: str) -> bool:
    """Merge so many pages, and tell whether there may be more: SQLite then says that rows changed, one for the asking."""

    def merge() -> bool:
        with connection.cursor() as cursor:
            before = connection.connection.total_changes
            cursor.execute(f"INSERT INTO {INDEX} ({INDEX}, rank) VALUES ('merge', %s)", [pages])  # noqa: S608
            return bool(connection.connection.total_changes - before > 1)

    return persistently(merge, using=using)
