"""Upstream's objects, read for our columns. Nothing here raises for a field that is missing or of another kind."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from ..client.redaction import Withheld
from ..models import words
from ..models.fields import is_storable, storable

Default = TypeVar("Default")

MAX_ID_LENGTH = 255
MAX_USER_LENGTH = 512

# Stands for the end user of a thread that upstream told without one (the documentation's dialect knows none). Nobody
# asks in this name: `asked_user` sees to it.
UNKNOWN_USER = "(unknown)"


class Unmirrorable(Exception):
    """An object of upstream's has no id that a row could be kept under; the message says which and why."""


def key(payload: Mapping[str, Any], *, field: str = "id", limit: int = MAX_ID_LENGTH) -> str:
    """Return an object's identifier.

    Raises:
        Unmirrorable: when it is missing, not text, empty, too long, or holds characters that a database refuses; or when
            the host's own function could not redact the object.
    """
    _must_be_whole(payload)
    value = payload.get(field)
    if not isinstance(value, str) or not value:
        raise Unmirrorable(f"upstream sent an object without {field}")
    if len(value) > limit or not is_storable(value):
        raise Unmirrorable(
            f"upstream sent a {field} that can't be a key (at most {limit} characters, no NUL): {value[:40]!r}"
        )
    return value


def user_of(payload: Mapping[str, Any]) -> str | None:
    """Return a thread's end user, or None where upstream did not say.

    Raises:
        Unmirrorable: when it can't be a key, or the host's own function could not redact the thread.
    """
    _must_be_whole(payload)
    return key(payload, field="user", limit=MAX_USER_LENGTH) if payload.get("user") else None


def _must_be_whole(payload: Mapping[str, Any]) -> None:
    if isinstance(payload, Withheld):
        raise Unmirrorable(f"{str(payload.get('id', ''))[:MAX_ID_LENGTH]!r} is not stored: {payload.why}")


def asked_user(user: str) -> str:
    """Return the end user that a list is asked for.

    Raises:
        Unmirrorable: when it only stands for those whom upstream did not name.
    """
    if user == UNKNOWN_USER:
        raise Unmirrorable("upstream did not tell whose these threads are, so it can't list them by name")
    return user


def without_items(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a thread without the items that stand in it, as in the documentation's example: they have rows of their own."""
    return {name: value for name, value in payload.items() if name != "items"}


def moment(payload: Mapping[str, Any], field: str, default: Default) -> datetime | Default:
    """Return a Unix time (seconds) as an aware moment in UTC, or the default where there is none."""
    value = payload.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return default


def word(payload: Mapping[str, Any], field: str, default: str = "") -> str:
    """Return a text field as every database keeps it, or the default where it is missing or no text."""
    value = payload.get(field)
    return storable(value) if isinstance(value, str) else default


def status_of(payload: Mapping[str, Any]) -> str:
    """Return a thread's status: the word in ``status.type``, or ``status`` itself where it is a word."""
    status = payload.get("status")
    return word(status, "type", "active") if isinstance(status, dict) else word(payload, "status", "active")


def is_settled(payload: Mapping[str, Any]) -> bool:
    """Tell whether upstream will leave an item as it is: all but what is in progress.

    The documentation's events tell their status within ``content``.
    """
    content = payload.get("content")
    inner = content.get("status") if isinstance(content, Mapping) else None
    return "in_progress" not in (payload.get("status"), inner)


# The words of an item, of whatever type, as plain text: what a person would search for. A row of the models reads them
# from its payload too.
text_of = words.text_of
