"""Refuse what can be no id before any request, with the option's name and the remedy."""

import re
from collections.abc import Iterable

from django.core.management.base import CommandError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SHOWN = 60  # characters of a wrong value that are repeated


def check(option: str, values: Iterable[str], *, longest: int, in_path: bool, remedy: str) -> None:
    """Look at each value of an option; ``in_path`` where it becomes a part of an address.

    Raises:
        CommandError: one is empty, too long, leads elsewhere, or holds a control character.
    """
    for value in values:
        if problem := _problem(value, longest=longest, in_path=in_path):
            raise CommandError(f"{option} {problem}. {remedy}")


def _problem(value: str, *, longest: int, in_path: bool) -> str:
    if not value:
        return "must not be empty"
    if in_path and value in (".", ".."):
        return f"must not be {value!r}, which would address something else"
    if len(value) > longest:
        return f"may have at most {longest} characters, not {len(value)}: {_shown(value)}"
    if _CONTROL.search(value):
        return f"must not hold a control character: {_shown(value)}"
    return ""


def _shown(value: str) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
