"""End a connection as a database's server does that is restarted or loses patience."""

from typing import Any

from django.db import connections

from tests.deadline import until

ASKS = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT connection_id()"}
LIVES = {
    "postgresql": "SELECT 1 FROM pg_stat_activity WHERE pid = %s",
    "mysql": "SELECT 1 FROM information_schema.processlist WHERE id = %s",
}
ENDS = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}


def end_backend(database: str) -> None:
    """Have the server end this thread's connection; that one learns of it with its next statement."""
    connection: Any = connections[database]
    with connection.cursor() as cursor:
        cursor.execute(ASKS[connection.vendor])
        (backend,) = cursor.fetchone()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(ENDS[connection.vendor], [backend])
            until(lambda: not _lives(cursor, LIVES[connection.vendor], backend))
    finally:
        other.close()


def _lives(cursor: Any, ask: str, backend: int) -> bool:
    cursor.execute(ask, [backend])
    return cursor.fetchone() is not None
