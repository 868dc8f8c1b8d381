"""Refuse a wrong argument before any request, with its name and its limit in the message.

A wrong kind of thing is a TypeError, a thing out of bounds a ValueError. True is not the number 1 here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


class NotGiven:
    """The type of an argument that was left out."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "NOT_GIVEN"


class Omit(NotGiven):
    """The SDK's other name for the same."""


NOT_GIVEN = not_given = NotGiven()
omit = Omit()

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SENTINELS = frozenset({"NotGiven", "Omit"})


def present(value: object) -> bool:
    """Tell whether an argument was given; None and the sentinels of this package and of the SDK were not."""
    # By name: the SDK's own sentinels come along with code that used to call it, and we do not import it.
    return value is not None and type(value).__name__ not in _SENTINELS


def text(value: object, name: str, *, longest: int | None = None) -> str:
    """Return a str that is not empty and, where `longest` says so, has at most that many characters."""
    if not isinstance(value, str):
        given = type(value).__name__ if present(value) else "nothing"
        raise TypeError(f"{name} must be a str, not {given}.")
    if not value:
        raise ValueError(f"{name} must not be empty.")
    if longest is not None and len(value) > longest:
        raise ValueError(f"{name} may have at most {longest} characters, not {len(value)}.")
    return value


def whole_number(value: object, name: str, least: int, most: int | None = None, *, unit: str = "") -> int:
    """Return an int of least..most, both included."""
    bounds = f"at least {least}" if most is None else f"{least}..{most}"
    wanted = f"{name} must be a whole number, {bounds}{' ' if unit else ''}{unit}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{wanted}, not {type(value).__name__}.")
    if not isinstance(value, int) or value < least or (most is not None and value > most):
        raise ValueError(f"{wanted}, not {value!r}.")
    return value


def number(value: object, name: str, kinds: str) -> float:
    """Return a finite number; `kinds` names for the message what else may stand there."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be {kinds}, not {type(value).__name__}.")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {value!r}.")
    return value


def one_of(value: object, name: str, known: tuple[str, ...]) -> str:
    """Return one of the known words."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, not {value!r}.")
    return value


def refuse_unknown(value: object, name: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    """Return a mapping that has none but the known keys."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dict, not {type(value).__name__}.")
    unknown = [key for key in value if key not in known]
    if unknown:
        raise ValueError(
            f"{name} has no key {unknown[0]!r}; it takes {', '.join(map(repr, known))} "
            "(what upstream learns later goes into extra_body)."
        )
    return value


def path_id(value: object, name: str) -> str:
    """Return an id percent-encoded for its place in a path; one that would lead elsewhere is refused."""
    plain = text(value, name)
    if plain in (".", ".."):
        raise ValueError(f"{name} must not be {plain!r}: it would address something else.")
    if _CONTROL.search(plain):
        raise ValueError(f"{name} must not contain control characters or lone surrogates: {plain!r}.")
    return quote(plain, safe="")
