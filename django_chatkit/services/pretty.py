"""JSON for people to read."""

import json
from typing import Any

from django.utils.translation import gettext

from ..models.nesting import with_room

# What a parser or a writer raises for text that is no JSON, for numbers too long and for nesting too deep.
UNREADABLE = (ValueError, RecursionError)


def pretty(value: Any) -> str:
    """Write a value as indented JSON, or compactly where it is nested so deep that it would be mostly indents.

    It may hold lone surrogates; `visible` is for those.
    """
    try:
        compact = with_room(_compact, value)
    except RecursionError:
        return gettext("This is nested too deep to be shown.")
    try:
        indented = json.dumps(value, ensure_ascii=False, indent=2)
    except RecursionError:  # what indents goes no deeper than its caller's stack, and would be mostly indents
        return compact
    return indented if len(indented) <= 10 * len(compact) else compact


_compact = json.JSONEncoder(ensure_ascii=False).encode


def unfold(text: Any) -> str:
    """Write what upstream sends as a JSON string (arguments, an output) readably; text that is no JSON as it is."""
    if not isinstance(text, str):
        return pretty(text)
    try:
        return pretty(json.loads(text))
    except UNREADABLE:
        return text
