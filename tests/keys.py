"""Keys of encryption for tests, and a look at what a database holds as it is."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections

# Keys that anybody may know: they seal what tests made up.
FIRST = "Zmlyc3QtZmlyc3QtZmlyc3QtZmlyc3QtZmlyc3QtMDE="
SECOND = "c2Vjb25kLXNlY29uZC1zZWNvbmQtc2Vjb25kLXMtMDI="
THIRD = "dGhpcmQtdGhpcmQtdGhpcmQtdGhpcmQtdGhpcmQtMDM="


def use(settings: Any, *keys: str) -> None:
    """Set the keys of encryption, the first of which encrypts."""
    settings.CHATKIT = {**settings.CHATKIT, "ENCRYPTION_KEYS": list(keys)}


def dump(using: str, *, index: bool = True) -> Iterator[str]:
    """Tell every value of every table of every installed app, and what the index of words knows, as they stand there.

    SQLite's index knows what it has to forget until it is scrubbed; without ``index`` it is left out.
    """
    connection = connections[using]
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
    with connection.cursor() as cursor:
        for table in dict.fromkeys(tables):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            for row in cursor.fetchall():
                yield from map(str, row)
        if index:
            yield from _indexed_words(connection, cursor)


def _indexed_words(connection: Any, cursor: Any) -> Iterator[str]:
    if connection.vendor == "sqlite":
        cursor.execute("SELECT block FROM chatkit_item_words_data")
        for (block,) in cursor.fetchall():
            yield bytes(block).decode("latin-1")
    elif connection.vendor == "postgresql":
        marks = "-/.@_:+~&?=#<>"
        vector = f"to_tsvector('simple', translate(left(text, 100000), '{marks}', '{' ' * len(marks)}'))"
        cursor.execute(f"SELECT {vector}::text FROM django_chatkit_chatthreaditem")  # noqa: S608
        for (words,) in cursor.fetchall():
            yield words
