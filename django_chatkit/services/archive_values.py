"""Values as an archive's JSON says them, read one by one: what is of another kind is refused."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from . import archive_format as form

Reader = Callable[[Any], Any]

# More items, threads or bytes than this no archive has; and millions of such numbers can be added up in 64 bits.
_MOST = 10**12


def read(readers: Mapping[str, Reader], said: Mapping[str, Any]) -> dict[str, Any]:
    """Read what is said under each name."""
    return {name: reader(said[name]) for name, reader in readers.items()}


def text(value: Any) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TypeError
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Return texts."""
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return tuple(map(text, value))


def count(value: Any) -> int:
    """Return a number that counts."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise ValueError
    return value


def flag(value: Any) -> bool:
    """Return what is true or not."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def moment(value: Any) -> datetime:
    """Return a moment, in UTC."""
    moment = datetime.fromisoformat(text(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def compression(value: Any) -> Any:
    """Return a way to pack files."""
    if value not in form.COMPRESSIONS:
        raise ValueError
    return value


def or_none(reader: Reader) -> Reader:
    """Return a reader that takes null too."""
    return lambda value: None if value is None else reader(value)
