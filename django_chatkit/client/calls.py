"""What a call is: an operation, and what one caller adds to it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from requests.structures import CaseInsensitiveDict

from .checking import present
from .errors import ResponseHead

LONGEST_CONNECT = 5.0  # seconds, where a timeout is one number


class Operation(NamedTuple):
    """One of upstream's calls. `template` is the path as it is logged: without ids."""

    method: str
    template: str
    repeatable: bool = True  # see Note [Repeating a create]


class Extras(NamedTuple):
    """What a caller adds to one call, as the SDK's arguments of the same names."""

    headers: Mapping[str, object] | None = None
    query: Mapping[str, object] | None = None
    body: Mapping[str, object] | None = None
    timeout: object = None


class Call(NamedTuple):
    """One call, ready to be sent as often as it takes."""

    operation: Operation
    url: str
    headers: CaseInsensitiveDict[str]
    body: bytes | None
    timeout: tuple[float, float]

    def __repr__(self) -> str:
        return f"Call({self.operation.method} {self.url})"


class Reply(NamedTuple):
    """A readable answer: what it said, and about itself."""

    payload: dict[str, Any]
    head: ResponseHead
    client_secret: str | None = None
    texts: tuple[str, ...] | None = None  # of a page's objects, where the client keeps them

    def __repr__(self) -> str:
        return f"Reply({self.head!r})"


def query_string(query: Mapping[str, object]) -> str:
    """Return the query with its question mark, or nothing; a sequence is spelt `key[]=..`, as the SDK does."""
    pairs: list[tuple[str, str]] = []
    for key, value in query.items():
        if isinstance(value, Sequence) and not isinstance(value, str):
            pairs += [(f"{key}[]", _query_value(part, key)) for part in value]
        elif present(value):
            pairs.append((key, _query_value(value, key)))
    return "?" + urlencode(pairs, quote_via=quote) if pairs else ""


def _query_value(value: object, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"extra_query[{key!r}] must be str, int, float, bool or a list of these.")


def seconds(timeout: object, default: tuple[float, float]) -> tuple[float, float]:
    """Return (connect, read) in seconds.

    `timeout` is a number (connecting gets at most 5 seconds of it), a pair, or an object with `.connect` and `.read`
    such as the SDK's; what is None or left out is the default's. There is no "for ever".
    """
    if not present(timeout):
        return default
    if isinstance(timeout, int | float):
        read = _positive(timeout, timeout)
        return min(read, LONGEST_CONNECT), read
    if isinstance(timeout, tuple | list) and len(timeout) == 2:
        connect, read = timeout
    elif hasattr(timeout, "connect") and hasattr(timeout, "read"):
        connect, read = timeout.connect, timeout.read
    else:
        raise TypeError(f"timeout must be seconds or (connect, read) in seconds, not {timeout!r}.")
    return (
        _positive(connect, timeout) if present(connect) else default[0],
        _positive(read, timeout) if present(read) else default[1],
    )


def _positive(value: object, timeout: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"timeout must be seconds or (connect, read) in seconds, not {timeout!r}.")
    # The socket module counts in nanoseconds in 64 bits; a day is longer than any answer.
    if not math.isfinite(value) or not 0 < value <= 86_400:
        raise ValueError(f"timeout must be more than 0 and at most 86400 seconds, not {timeout!r}.")
    return float(value)
