"""Looks into the site's database from outside, as a proof that things have arrived there."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db.models import Model


class Database:
    """Read the SQLite file of the site; nothing can be written through it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def count(self, model: type[Model], **equals: object) -> int:
        """Return how many rows of a model have these values in these columns."""
        return int(self.select("count(*)", model, **equals)[0])

    def select(self, expression: str, model: type[Model], **equals: object) -> list[Any]:
        """Return an expression of each row that has these values in these columns."""
        condition = " AND ".join(f'"{column}" = ?' for column in equals) or "1"
        # Every name here is one of ours; the values go in as parameters.
        query = f'SELECT {expression} FROM "{model._meta.db_table}" WHERE {condition}'  # noqa: S608
        with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            return [row[0] for row in connection.execute(query, list(equals.values()))]
