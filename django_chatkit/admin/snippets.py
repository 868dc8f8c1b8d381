"""The line in which something was found, the found words marked."""

import re
from collections.abc import Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from .terms import Term, pattern
from .visible import visible

# Characters before the first word found, and of the whole line.
_BEFORE, _LONGEST = 40, 140


def snippet(text: str, terms: list[Term]) -> SafeString:
    """Return the line of a text in which a term stands first, or its beginning; all of it escaped."""
    wanted = pattern(terms)
    first = wanted.search(text)
    begin = max(first.start() - _BEFORE, 0) if first else 0
    line = text[begin : begin + _LONGEST]
    shown = format_html_join("", "{}{}", _pieces(line, wanted))
    return format_html("{}{}{}", "…" if begin else "", shown, "…" if begin + _LONGEST < len(text) else "")


def _pieces(line: str, wanted: re.Pattern[str]) -> Iterator[tuple[str, SafeString | str]]:
    """Cut a line into what stands before each word found, and the word."""
    end = 0
    for found in wanted.finditer(line):
        yield _plain(line[end : found.start()]), format_html("<mark>{}</mark>", _plain(found[0]))
        end = found.end()
    yield _plain(line[end:]), ""


def _plain(text: str) -> str:
    return visible(text).replace("\n", " ")
