"""Pages between cursors, with upstream's semantics: any page of any list is one statement.

Note [Cursors in place]: a cursor is an id, and what orders the list are other columns. Instead of reading these first,
the statement compares with sub-queries for the cursor's own row *within the list*. A cursor that names nothing there
compares with NULL, so that the page is empty.

Note [Marks beside the page]: an empty page doesn't say whether what it hangs on is there, the parent and the cursors. So
their marks stand in the same statement, beside each row and, where there is none, alone: a second one would be too many
for who comes by a cookie and has to be asked for permissions.

Note [Compiled once]: to build such a statement from querysets takes Django ten times as long as the database needs to
answer it. So it is built once for each kind of page, with a `Hole` wherever a request puts its own text, and kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

from django.db import connections, router
from django.db.models import Exists, Model, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable

from ..models.fields import as_stored, is_storable
from ..models.sealing import opened
from .errors import Refusal, forbidden, not_found
from .scope import owned
from .windows import Window

Rows: TypeAlias = QuerySet[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Say what a list holds. `key` puts its rows in upstream's ``asc`` order; the last column is unique in the list.

    Where the rows belong to another list's row, to their `parent`, they are found by its id, and it is that row which
    belongs to an end user.
    """

    noun: str
    model: type[Model]
    rows: Callable[[str], Rows]
    key: tuple[str, ...]
    columns: tuple[str, ...] = ()
    parent: "Listing | None" = None


@dataclass(frozen=True, slots=True)
class Page:
    """Hold the rows of a page, each a tuple: its id, its payload as stored text, and the columns asked for."""

    rows: list[tuple[Any, ...]]
    has_more: bool

    @property
    def ids(self) -> list[str]:
        """Return the ids, in list order."""
        return [row[0] for row in self.rows]


class Hole(str):
    """Stand in a statement for a text that each request brings anew."""

    __slots__ = ()


_AFTER, _BEFORE, _PARENT, _OWNERS = Hole("after"), Hole("before"), Hole("parent"), (Hole("own"), Hole("user"))


def paginate(
    listing: Listing,
    window: Window,
    *,
    owners: tuple[str, ...],
    readers: tuple[str, ...] = (),
    parent: str = "",
    using: str | None = None,
) -> Page:
    """Cut a page out of a list, of what belongs to each of the `owners`.

    Rows that lie in a parent are read only where that belongs to each of the `readers` too, if there are any.

    Raises:
        Refusal: a 404 when the parent or a cursor is not there, a 403 when the parent is and may not be read.
    """
    using = using or router.db_for_read(listing.model)
    refusals = _refusals(listing, window, parent)
    rows = _read(listing, window, owners=owners, readers=readers or owners, parent=parent, using=using)
    marks = rows[0][: len(refusals)] if rows else ()
    for is_there, refusal in zip(marks, refusals, strict=True):
        if not is_there:
            raise refusal
    found = [_row(listing, row[len(refusals) :]) for row in rows if row[len(refusals)] is not None]
    page = found[: window.limit]
    return Page(page[::-1] if window.is_backwards else page, len(found) > window.limit)


def _refusals(listing: Listing, window: Window, parent: str) -> list[Refusal]:
    """Return what is said where a mark is not there, in the order of `_marks`."""
    above = listing.parent
    refusals = [not_found(listing.noun, id, param=param) for param, id in window.cursors.items()]
    if above is None:
        return refusals
    noun = above.noun.lower()
    unread = f"This account may see this {noun}, but has no permission to read what was said in it."
    return [not_found(above.noun, parent), forbidden(unread), *refusals]


def _read(
    listing: Listing,
    window: Window,
    *,
    owners: tuple[str, ...],
    readers: tuple[str, ...],
    parent: str,
    using: str,
) -> list[tuple[Any, ...]]:
    """Return the marks and the rows of a page in the order of the walk, and one more that tells whether the list goes on."""
    kind = replace(
        window,
        after=None if window.after is None else _AFTER,
        before=None if window.before is None else _BEFORE,
    )
    sql, params = _statement(listing, kind, _OWNERS[: len(owners)], _OWNERS[: len(readers)], using)
    # What no column can hold names nothing, like "": no row's id is empty.
    cursors = {param: id if is_storable(id) else "" for param, id in window.cursors.items()}
    given = {_PARENT: parent, **cursors, **dict(zip(_OWNERS, readers, strict=False))}
    with connections[using].cursor() as cursor:
        cursor.execute(sql, [given[each] if isinstance(each, Hole) else each for each in params])
        return list(cursor.fetchall())


def _row(listing: Listing, row: tuple[Any, ...]) -> tuple[Any, ...]:
    id, stored, *others = row
    # Django opens what is sealed where it reads rows; here that is ours to do.
    return id, opened(stored), *others[: len(listing.columns)]


@lru_cache(maxsize=512)
def _statement(
    listing: Listing, window: Window, owners: tuple[str, ...], readers: tuple[str, ...], using: str
) -> tuple[str, tuple[Any, ...]]:
    """Return the statement of a kind of page, and its parameters with the holes among them. See [Compiled once]."""
    listed, shown = _lists(listing, owners=readers, parent=_PARENT, using=using)
    leading = [each for each in listing.key if each != "id"]
    columns: list[str | Combinable] = ["id", as_stored("payload"), *listing.columns, *leading]
    page, params = _compiled(_cut(shown, listed, window, listing.key).values_list(*columns), using)
    marks = [_compiled(each, using) for each in _marks(listing, listed, window, owners, readers, using)]
    if not marks:
        return page, params
    there = ", ".join(f"EXISTS ({sql}) AS mark{number}" for number, (sql, _) in enumerate(marks))
    # By number: Django's releases name the columns of a statement each in a way of its own.
    places = (len(marks) + columns.index(each) + 1 for each in listing.key)
    order = ", ".join(f"{place} {_direction(window)}" for place in places)
    sql = (
        f"SELECT marks.*, page.* FROM (SELECT {there}) marks "  # noqa: S608 -- all of it compiled by Django
        f"LEFT JOIN ({page}) page ON 1 = 1 ORDER BY {order}"
    )
    return sql, (*(each for _, given in marks for each in given), *params)


def _compiled(rows: Rows, using: str) -> tuple[str, tuple[Any, ...]]:
    sql, params = rows.query.get_compiler(using).as_sql()
    return sql, tuple(params)


def _marks(
    listing: Listing,
    listed: Rows,
    window: Window,
    owners: tuple[str, ...],
    readers: tuple[str, ...],
    using: str,
) -> list[Rows]:
    """Return the rows that must be there for the page to be answered. See [Marks beside the page]."""
    cursors = [listed.filter(pk=id).values("pk") for id in window.cursors.values()]
    if listing.parent is None:
        return cursors
    above = [_lists(listing.parent, owners=each, parent="", using=using)[0] for each in (owners, readers)]
    return [*(rows.filter(pk=_PARENT).values("pk") for rows in above), *cursors]


def _lists(listing: Listing, *, owners: tuple[str, ...], parent: str, using: str) -> tuple[Rows, Rows]:
    """Return a list, and what of it is shown to whom the owners name.

    They differ where the list has a parent: the question whose that is stays out of the cursors' sub-queries, because
    MariaDB begins in the middle of an index for the plainest only.
    """
    listed = listing.rows(parent).using(using)
    if listing.parent is None:
        listed = owned(listed, owners)
        return listed, listed
    above, _ = _lists(listing.parent, owners=owners, parent="", using=using)
    return listed, listed.filter(Exists(above.filter(pk=parent)))


def _cut(shown: Rows, listed: Rows, window: Window, key: tuple[str, ...]) -> Rows:
    descending = window.order == "desc"
    rows = shown
    if window.after is not None:
        rows = rows.filter(_beyond(listed, key, window.after, less=descending))
    if window.before is not None:
        rows = rows.filter(_beyond(listed, key, window.before, less=not descending))
    sign = "-" if _direction(window) == "DESC" else ""
    return rows.order_by(*(sign + column for column in key))[: window.limit + 1]


def _direction(window: Window) -> str:
    """Return which way a page is walked: a page that ends at its cursor, from there on backwards."""
    return "DESC" if (window.order == "desc") != window.is_backwards else "ASC"


def _beyond(listed: Rows, key: tuple[str, ...], id: str, *, less: bool) -> Q:
    """Keep what stands on one side of a row: column by column, the first that differs decides."""
    compare = "lt" if less else "gt"
    marks = {column: Subquery(listed.filter(pk=id).values(column)[:1]) for column in key}
    *leading, last = key
    condition = Q(**{f"{last}__{compare}": marks[last]})
    for column in reversed(leading):
        mark = marks[column]
        condition = Q(**{f"{column}__{compare}": mark}) | (Q(**{column: mark}) & condition)
    if leading:  # says nothing new, but lets the database begin at the right place of the index
        condition = Q(**{f"{key[0]}__{compare}e": marks[key[0]]}) & condition
    return condition
