"""The claim on a thread's row that each write of its items begins with. Notes [As of] and [Locks] in mirror."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connections

from ..models import ChatThread
from .bulk import spelling


def claim(
    thread_id: str,
    values: Mapping[str, datetime | None],
    *,
    as_of: datetime,
    leased_until: datetime | None,
    using: str,
) -> bool:
    """Write moments into a thread's row, and tell whether that was done: unless knowledge as new stands there.

    With ``leased_until`` the row must be leased until just then.
    """
    # By hand, because each page waits for it: Django builds this update anew each time, and a page took 9 % more of the
    # processor.
    connection: Any = connections[using]
    quote = connection.ops.quote_name
    # A thread found gone meanwhile takes no items any more: what was asked before that is no longer so.
    conditions: dict[str, Any] = {
        "gone_at IS NULL AND id = %s": thread_id,
        "(items_as_of IS NULL OR items_as_of < %s)": as_of,
    }
    if leased_until is not None:
        conditions["leased_until = %s"] = leased_until
    spell = spelling(connection)
    news = ", ".join(f"{quote(name)} = %s" for name in values)
    sql = f"UPDATE {quote(ChatThread._meta.db_table)} SET {news} WHERE {' AND '.join(conditions)}"  # noqa: S608
    given = [*values.values(), *conditions.values()]
    with connection.cursor() as cursor:
        cursor.execute(sql, [spell(value) if isinstance(value, datetime) else value for value in given])
        return bool(cursor.rowcount)
