"""The text of each object on a page, as upstream sent it: what a decoded payload no longer tells (spaces, escapes, 1.50)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .wire import SECRET_KEY, without_secrets

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def rows(text: str) -> list[str]:
    """Return the texts of the objects in the list `data` of a JSON object that was decoded without an error before.

    An object that holds a client secret is written anew without it.
    """
    found: list[str] = []
    for key, place in _members(text):
        if key == "data":  # of several, the last one counts, as in a decoded payload
            found = list(_elements(text, place))
    return found


def _members(text: str) -> Iterator[tuple[str, int]]:
    """Yield the keys at the top of an object, and where their values begin."""
    place = _after_space(text, _after_space(text, 0) + 1)
    while text[place] != "}":
        key, place = _DECODER.raw_decode(text, place)
        place = _after_space(text, _after_space(text, place) + 1)
        yield key, place
        _, place = _DECODER.raw_decode(text, place)
        place = _after_comma(text, place)


def _elements(text: str, place: int) -> Iterator[str]:
    """Yield the texts of the elements of a list."""
    place = _after_space(text, place + 1)
    while text[place] != "]":
        value, end = _DECODER.raw_decode(text, place)
        yield _safe(text[place:end], value)
        place = _after_comma(text, end)


def _after_comma(text: str, place: int) -> int:
    place = _after_space(text, place)
    return _after_space(text, place + 1) if text[place] == "," else place


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    assert found is not None  # it matches nothing, too
    return found.end()


def _safe(text: str, value: object) -> str:
    if SECRET_KEY not in text:
        return text
    clean = without_secrets(value)
    return text if clean == value else json.dumps(clean, separators=(",", ":"))
