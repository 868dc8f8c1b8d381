"""Writes transcripts as JSON, JSON Lines, CSV and Markdown, piece by piece: nothing is held that is written.

JSON is upstream's own objects, as they came. In CSV and Markdown what was said is for the eye: characters that hide or
reorder are spelt out, and nothing that somebody wrote becomes a formula, a tag or a heading.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..models.fields import dumps, loads
from . import markdown
from .transcript_rows import ItemRow, ThreadRow, Told
from .visible import visible

Pieces = Iterator[str]

# Where a spreadsheet would begin to compute instead of showing: at a sign, plain or full-width, whatever blanks stand
# before it. It begins with the cell, and where the cell is cut: a spreadsheet that parts by semicolons or tabs, as it does
# in German, French and many more countries, heeds no quotes after the row's first cell, and takes each line for a row.
_SIGN = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_BLANK = "\u200b\u2060\ufeff"
_FORMULA = re.compile(
    rf"(^)(?=[\s{_BLANK}]*{_SIGN}|[\t\r\n])|([;\t\r\n])(?=(?:[^\S\t\r\n]|[{_BLANK}])*{_SIGN})"
)
_COLUMNS = ("thread", "title", "end_user", "position", "item", "type", "created_at", "gone_at", "text")


@dataclass(frozen=True, slots=True)
class Format:
    """Tell what a format is called, and how threads are written in it."""

    label: str
    extension: str
    media_type: str
    write: Callable[[Iterable[Told]], Pieces]


def _markdown(threads: Iterable[Told]) -> Pieces:
    for place, (thread, items) in enumerate(threads):
        if place:
            yield "\n"
        yield from markdown.write(thread, items)


def _json(threads: Iterable[Told]) -> Pieces:
    """Write one document, in the shape that the emulator loads: ``{"threads": [{..a thread.., "items": [..]}, ..]}``."""
    yield '{"threads":['
    for place, (thread, items) in enumerate(threads):
        yield ",\n" if place else "\n"
        yield from _json_thread(thread, items)
    yield "\n]}\n"


def _json_thread(thread: ThreadRow, items: Iterable[ItemRow]) -> Pieces:
    gone: dict[str, str] = {}
    dropped: dict[str, str] = {}
    payload = {"id": thread.id, **_object(thread.stored)}
    payload.pop("items", None)
    yield f'{dumps(payload)[:-1]},"items":['
    for place, item in enumerate(items):
        yield f",\n{item.stored}" if place else f"\n{item.stored}"
        if item.gone_at is not None:
            gone[item.id] = moment(item.gone_at)
        if item.words_dropped_at is not None:
            dropped[item.id] = moment(item.words_dropped_at)
    yield "]"
    # Upstream's objects know no such thing, so it stands beside them.
    if thread.gone_at is not None or gone:
        yield f',"gone":{dumps({"at": moment(thread.gone_at), "items": gone})}'
    if dropped:
        yield f',"words_dropped":{dumps(dropped)}'
    yield "}"


def _json_lines(threads: Iterable[Told]) -> Pieces:
    for thread, items in threads:
        for item in items:
            head = {
                "thread_id": thread.id,
                "user": thread.end_user_id,
                "position": item.position,
                "gone_at": moment(item.gone_at) or None,
            }
            if item.words_dropped_at is not None:
                head["words_dropped_at"] = moment(item.words_dropped_at)
            yield f'{dumps(head)[:-1]},"item":{item.stored}}}\n'


def _csv(threads: Iterable[Told]) -> Pieces:
    yield "\ufeff"  # without it, spreadsheets take UTF-8 for something else
    yield _line(_COLUMNS)
    for thread, items in threads:
        whose = [cell(text) for text in (thread.id, thread.title, thread.end_user_id)]
        for item in items:
            said = (item.id, item.type, moment(item.created_at), moment(item.gone_at), item.text)
            yield _line([*whose, str(item.position), *map(cell, said)])


FORMATS = {
    "markdown": Format("Markdown", "md", "text/markdown", _markdown),
    "json": Format("JSON", "json", "application/json", _json),
    "jsonl": Format("JSON Lines", "jsonl", "application/x-ndjson", _json_lines),
    "csv": Format("CSV", "csv", "text/csv", _csv),
}


def cell(text: str) -> str:
    """Return text as a spreadsheet shows it and never computes it, whatever parts its cells."""
    return _FORMULA.sub(r"\g<0>'", visible(text))


def moment(value: datetime | None) -> str:
    """Return a moment in UTC as ISO 8601 tells it, or nothing for none."""
    return "" if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class _Echo:
    """Give back what is written to it, which is all that `csv` needs of a file."""

    def write(self, text: str) -> str:
        return text


_WRITE_CELLS = csv.writer(_Echo(), quoting=csv.QUOTE_ALL).writerow


def _line(cells: Iterable[str]) -> str:
    return str(_WRITE_CELLS(cells))


def _object(stored: str) -> dict[str, Any]:
    try:
        payload = loads(stored)
    except RecursionError:  # one thread that nobody can read stops no other
        return {}
    return payload if isinstance(payload, dict) else {}
