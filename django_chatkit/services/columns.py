"""The columns beside a payload: what they hold, and what the payload says that they should."""

from collections.abc import Mapping
from typing import Any

from ..models.sealing import HIDDEN
from . import reading

Columns = Mapping[str, Any]


def of_item(payload: Mapping[str, Any], *, is_emptied: bool = False) -> Columns:
    """Return what an item's payload says for its columns; where its words were dropped no text stands there."""
    return {
        "type": reading.word(payload, "type"),
        "text": "" if is_emptied else reading.text_of(payload),
        "settled": reading.is_settled(payload),
        "created_at": reading.moment(payload, "created_at", None),
    }


def of_thread(payload: Mapping[str, Any], *, is_emptied: bool = False) -> Columns:
    """Return what a thread's payload says for its columns; where its words were dropped no title stands there."""
    return {
        "title": "" if is_emptied else reading.word(payload, "title"),
        "status": reading.status_of(payload),
        "created_at": reading.moment(payload, "created_at", None),
    }


def differing(held: Columns, said: Columns) -> tuple[str, ...]:
    """Return the names of the columns that hold something else than is said."""
    return tuple(sorted(name for name in held if not holds(held[name], said[name])))


def holds(held: Any, said: Any) -> bool:
    """Tell whether a column holds what is said. One that hides words holds any; any moment does where none is said."""
    return said is None or held == said or (held == HIDDEN and bool(said))
