"""Rows written in bulk: each database in the form that is fastest there, and one form for all others.

Django's ``bulk_create`` compiles each value of each row anew. The statements here say the same, and hand the values to
the driver as they are; ``docs/decisions/0007-rows-are-written-in-bulk.md`` tells what that saves.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.db.models import Model
from django.db.models.constants import OnConflict

from ..models.sealing import keyring

# Characters in one statement, where that is bounded: escaped and in UTF-8 they may be four times the bytes.
LARGEST_STATEMENT = 2 * 1024 * 1024

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Say which columns of a model a row fills, the id first, and which of them change where the id is there.

    With none that change an id that is there is refused: an IntegrityError.
    """

    model: type[Model]
    columns: tuple[str, ...]
    updates: tuple[str, ...]

    def fields(self, names: Sequence[str]) -> list[Any]:
        """Return the model's fields of these columns."""
        return [self.model._meta.get_field(name) for name in names]


def upsert(table: Table, rows: Sequence[Row], *, using: str) -> None:
    """Insert rows, or update those that are there, in id order (Note [Locks] in mirror).

    A row holds what its columns hold: text, numbers, booleans, moments and None, a payload as its JSON text. Of rows
    with one id the last counts. Where the host has keys, payloads are sealed on their way.
    """
    _write(table, rows, using, _FORMS.get(connections[using].vendor, _by_django))


def rewrite(table: Table, rows: Sequence[Row], *, using: str) -> None:
    """Give rows that are there other values in the columns after the id, as they are: nothing is sealed on its way."""
    connection: Any = connections[using]
    quote = connection.ops.quote_name
    id, *changed = (quote(field.column) for field in table.fields(table.columns))
    news = ", ".join(f"{column} = %s" for column in changed)
    sql = f"UPDATE {quote(table.model._meta.db_table)} SET {news} WHERE {id} = %s"  # noqa: S608 - our models' names
    with connection.cursor() as cursor:
        cursor.executemany(sql, [(*values, id) for id, *values in rows])


def upsert_portably(table: Table, rows: Sequence[Row], *, using: str) -> None:
    """Do as `upsert`, by what Django offers for every database."""
    _write(table, rows, using, _by_django)


_Form = Callable[[Table, Sequence[Row], Any], None]


def _write(table: Table, rows: Sequence[Row], using: str, form: _Form) -> None:
    connection: Any = connections[using]
    by_id = {row[0]: row for row in rows}  # PostgreSQL refuses a statement that names a row twice
    in_order: Sequence[Row] = [by_id[id] for id in sorted(by_id)]
    if form is not _by_django:  # whose fields do it themselves
        in_order = _at_rest(table, in_order)
    with transaction.atomic(using=using, savepoint=False):
        for packet in _packets(in_order) if connection.vendor == "mysql" else filter(None, [in_order]):
            form(table, packet, connection)


def _at_rest(table: Table, rows: Sequence[Row]) -> Sequence[Row]:
    """Return rows as their columns hold them: words and payloads sealed, where the host has keys."""
    if not keyring().is_on:
        return rows
    writers = [getattr(field, "at_rest", None) for field in table.fields(table.columns)]
    return [
        tuple(write(value) if write else value for write, value in zip(writers, row, strict=True))
        for row in rows
    ]


def _packets(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows into statements: MySQL takes no more than ``max_allowed_packet`` in one, 16 MB where nobody set it."""
    packet: list[Row] = []
    size = 0
    for row in rows:
        length = sum(len(value) for value in row if isinstance(value, str))
        if packet and size + length > LARGEST_STATEMENT:
            yield packet
            packet, size = [], 0
        packet.append(row)
        size += length
    if packet:
        yield packet


def _by_django(table: Table, rows: Sequence[Row], connection: Any) -> None:
    fields = table.fields(table.columns)
    has_target = connection.features.supports_update_conflicts_with_target
    table.model._default_manager.using(connection.alias).bulk_create(
        [
            table.model(
                **{field.attname: field.to_python(value) for field, value in zip(fields, row, strict=True)}
            )
            for row in rows
        ],
        update_conflicts=bool(table.updates),
        unique_fields=[table.columns[0]] if table.updates and has_target else None,
        update_fields=table.updates or None,
    )


def _by_one_prepared_statement(table: Table, rows: Sequence[Row], connection: Any) -> None:
    """Run one statement over all rows: what SQLite does fastest, for it needs no round trip."""
    source = f"VALUES ({', '.join(['%s'] * len(table.columns))})"
    with connection.cursor() as cursor:
        cursor.executemany(_insert(table, source, connection), _adapted(rows, connection))


def _by_many_values(table: Table, rows: Sequence[Row], connection: Any) -> None:
    one = f"({', '.join(['%s'] * len(table.columns))})"
    source = f"VALUES {', '.join([one] * len(rows))}"
    with connection.cursor() as cursor:
        values = [value for row in _adapted(rows, connection) for value in row]
        cursor.execute(_insert(table, source, connection), values)


def _by_one_json_parameter(table: Table, rows: Sequence[Row], connection: Any) -> None:
    """Send all rows as one JSON text, which PostgreSQL takes apart: a driver escapes one parameter, not a thousand."""
    quote = connection.ops.quote_name
    fields = table.fields(table.columns)
    columns = ", ".join(f"{quote(field.column)} {field.db_type(connection)}" for field in fields)
    names = [field.column for field in fields]
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    source = f"SELECT * FROM json_to_recordset(%s::json) AS page ({columns})"  # noqa: S608 - our models' names
    with connection.cursor() as cursor:
        page = json.dumps(objects, ensure_ascii=False, default=datetime.isoformat)
        cursor.execute(_insert(table, source, connection), [page])


def _insert(table: Table, source: str, connection: Any) -> str:
    quote = connection.ops.quote_name
    fields = table.fields(table.columns)
    columns = [field.column for field in fields]
    updates = [field.column for field in table.fields(table.updates)]
    on_conflict = OnConflict.UPDATE if updates else None
    conflict = connection.ops.on_conflict_suffix_sql(fields, on_conflict, updates, columns[:1])
    into = f"{quote(table.model._meta.db_table)} ({', '.join(map(quote, columns))})"
    return f"INSERT INTO {into} {source} {conflict}"


def _adapted(rows: Sequence[Row], connection: Any) -> list[list[Any]]:
    """Spell moments as Django does for this database; every other value is one that drivers take."""
    spell = spelling(connection)
    return [[spell(value) if isinstance(value, datetime) else value for value in row] for row in rows]


def spelling(connection: Any) -> Callable[[datetime], Any]:
    """Return the function that spells a moment for a database as Django does."""
    spell: Callable[[datetime], Any] = connection.ops.adapt_datetimefield_value
    zone = connection.timezone
    if zone is None:  # a host without time zones
        return spell
    # Left to find the zone by itself, Django looks into its settings for each value: a third of the time.
    return lambda moment: spell(moment.astimezone(zone).replace(tzinfo=None))


_FORMS: dict[str, _Form] = {
    "sqlite": _by_one_prepared_statement,
    "postgresql": _by_one_json_parameter,
    "mysql": _by_many_values,
}
