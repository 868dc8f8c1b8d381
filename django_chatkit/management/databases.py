"""An error of the database's, in words for an operator: what it says and how to mend it."""

import re

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from ..models import ChatThread
from .remedies import Explanation

# How SQLite, PostgreSQL, MariaDB and MySQL put it.
_NO_TABLE = re.compile(
    r"no such (table|column)|has no column named|(relation|column) .* does not exist|Table .* doesn't exist|Unknown column"
)
_NO_WRITE = re.compile(r"readonly|read-only|denied", re.IGNORECASE)
_NO_FILE = re.compile(r"unable to open database file")
_BUSY = re.compile(r"is locked")


def must_have_tables(*, using: str) -> None:
    """Ask the table of threads for its newest columns, before anything is made that would need them.

    Raises:
        DatabaseError: it is not there, or lacks one: migrations were not run.
    """
    ChatThread.objects.using(using).values_list("pk", "archived_at").order_by("pk").first()


def explain(error: DatabaseError, *, using: str) -> Explanation:
    """Put an error into words: the database's own, in one line, and a remedy that fits them."""
    words = " ".join(str(error).split())
    return Explanation(words.removesuffix("."), _remedy(words, using))


def _remedy(words: str, using: str) -> str:
    setting = f"DATABASES[{using!r}]"
    file = connections[using].settings_dict["NAME"] if connections[using].vendor == "sqlite" else None
    if _NO_TABLE.search(words):
        option = "" if using == DEFAULT_DB_ALIAS else f" --database {using}"
        return f"Run: python manage.py migrate{option}"
    if _BUSY.search(words):
        return f"Run it again: another process was writing. A higher timeout in the OPTIONS of {setting} waits longer."
    if _NO_FILE.search(words):
        return f"See that the folder of {file} exists and that the account that runs this may use it ({setting})."
    if _NO_WRITE.search(words):
        return (
            f"Let the account that runs this write to {file} and to the folder that it is in."
            if file
            else f"See what the account of {setting} may do: it reads and writes tables, on no read-only copy."
        )
    return f"Check {setting}" + (f", the file {file} and its disk." if file else " and that the server runs.")
