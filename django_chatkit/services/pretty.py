"""JSON for people to read."""

import json
from typing import Any

from django.utils.translation import gettext

# What a parser or a writer raises for text that is no JSON, for numbers too long and for nesting too deep.
UNREADABLE = (ValueError, RecursionError)


def pretty(value: Any) -> str:
    """Write a value as indented JSON, or compactly where it is nested so deep that it would be mostly indents.

    It may hold lone surrogates; `visible` is for those.
    """
    try:
        compact = json.dumps(value, ensure_ascii=False)
        indented = json.dumps(value, ensure_ascii=False, indent=2)
    except RecursionError:
        return gettext("This is nested too deep to be shown.")
    return indented if len(indented) <= 10 * len(compact) else compact


def unfold(text: Any) -> str:
    """Write what upstream sends as a JSON string (arguments, an output) readably; text that is no JSON as it is."""
    if not isinstance(text, str):
        return pretty(text)
    try:
        return pretty(json.loads(text))
    except UNREADABLE:
        return text
