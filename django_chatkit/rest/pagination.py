"""Pages between cursors, with upstream's semantics: any page of any list is one statement.

Note [Cursors in place]: a cursor is an id, and what orders the list are other columns. Instead of reading these first,
the statement compares with sub-queries for the cursor's own row *within the list*. A cursor that names nothing there
compares with NULL, so that the page is empty; only then a second statement asks for the cursors themselves.

Note [Compiled once]: to build such a statement from querysets takes Django ten times as long as the database needs to
answer it. So it is built once for each kind of page, with a `Hole` wherever a request puts its own text, and kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

from django.db import connections, router
from django.db.models import Exists, Model, Q, QuerySet, Subquery

from ..models.fields import as_stored, is_storable
from ..models.sealing import opened
from .errors import not_found
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
    parent: str = "",
    using: str | None = None,
) -> Page:
    """Cut a page out of a list, of what belongs to each of the `owners`.

    Raises:
        Refusal: a 404 when the parent or a cursor is not there.
    """
    using = using or router.db_for_read(listing.model)
    found = _read(listing, window, owners=owners, parent=parent, using=using)
    if not found:
        _doubt(listing, window, owners=owners, parent=parent, using=using)
    page = found[: window.limit]
    return Page(page[::-1] if window.is_backwards else page, len(found) > window.limit)


def _read(
    listing: Listing, window: Window, *, owners: tuple[str, ...], parent: str, using: str
) -> list[tuple[Any, ...]]:
    """Return the rows of a page in the order of the walk, and one more that tells whether the list goes on."""
    if not all(map(is_storable, window.cursors.values())):
        return []
    kind = replace(
        window,
        after=None if window.after is None else _AFTER,
        before=None if window.before is None else _BEFORE,
    )
    sql, params = _statement(listing, kind, _OWNERS[: len(owners)], using)
    given = {_PARENT: parent, **window.cursors, **dict(zip(_OWNERS, owners, strict=False))}
    with connections[using].cursor() as cursor:
        cursor.execute(sql, [given[each] if isinstance(each, Hole) else each for each in params])
        # Django opens what is sealed where it reads rows; here that is ours to do.
        return [(id, opened(stored), *others) for id, stored, *others in cursor.fetchall()]


@lru_cache(maxsize=512)
def _statement(
    listing: Listing, window: Window, owners: tuple[str, ...], using: str
) -> tuple[str, tuple[Any, ...]]:
    """Return the statement of a kind of page, and its parameters with the holes among them. See [Compiled once]."""
    listed, shown = _lists(listing, owners=owners, parent=_PARENT, using=using)
    rows = _cut(shown, listed, window, listing.key)
    columns = rows.values_list("pk", as_stored("payload"), *listing.columns)
    sql, params = columns.query.get_compiler(using).as_sql()
    return sql, tuple(params)


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
    sign = "-" if descending != window.is_backwards else ""
    return rows.order_by(*(sign + column for column in key))[: window.limit + 1]


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


def _doubt(listing: Listing, window: Window, *, owners: tuple[str, ...], parent: str, using: str) -> None:
    """Raise where an empty page means that what it hangs on is not there. A cursor in the list vouches for the parent."""
    askable = [id for id in window.cursors.values() if is_storable(id)]
    _, shown = _lists(listing, owners=owners, parent=parent, using=using)
    known = set(shown.filter(pk__in=askable).values_list("pk", flat=True)) if askable else set()
    if listing.parent is not None and not known:
        above, _ = _lists(listing.parent, owners=owners, parent="", using=using)
        if not above.filter(pk=parent).exists():
            raise not_found(listing.parent.noun, parent)
    for param, id in window.cursors.items():
        if id not in known:
            raise not_found(listing.noun, id, param=param)
