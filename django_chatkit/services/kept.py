"""A thread as a file keeps it: examined whole before anything of it is taken, then given page by page.

Note [Read twice]
What is judged must be what is taken, and a long thread is no guest of the memory. So a file is read twice: the first time
each item is judged and the digest of all lines up to the end of each page is kept; the second time a page is given only
where its digest is still the same. A thread of one page stays in memory between the two, and is read once.

Note [Redacted once it is sound]
What the host takes out is taken out of what was judged, never before: digests are of the file. The host's function is tried
on all of a thread before any of it is given, which reads the file once more; so what it fails at costs the thread, and
leaves no half of one.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from typing import Any

from ..client import reading as answers
from ..client.redaction import THREAD, Redact, redacted
from ..client.wire import SECRET_KEY, without_secrets
from . import archive_format, item_pages, reading
from .archive_format import BrokenArchive, Readable
from .paging import Contradiction

# A page ends with so many items, or once its lines are so long.
PAGE_ITEMS = 250
PAGE_BYTES = 1 << 20

Lines = Iterator[bytes]
# The thread stands in the first line of its file.
_FIRST_ITEM = 2
_TWICE = "an item comes twice"
_TOO_DEEP = "an object is nested too deep"


class Damaged(ValueError):
    """A file does not hold what it should. The message says what is wrong, and quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptThread:
    """A thread and its items as a file keeps them, found sound, as upstream had them at ``read_at``."""

    id: str
    # Whose it is: None where neither the file nor upstream said.
    user: str | None
    payload: Mapping[str, Any]
    read_at: datetime
    # What the file is called in reports.
    name: str
    # Whether an archive holds it: a dump proves nothing.
    is_archived: bool = False
    examined: "Examined"
    lines: Callable[[], Lines]
    # What takes out of each item what must not be stored.
    redact: Redact | None = None

    def pages(self) -> Iterator[tuple[item_pages.Items, bool]]:
        """Yield the items page by page, each with whether it is the last; there is one at least.

        Raises:
            Damaged: the file is no longer what it was when it was examined. Note [Read twice]
            Unmirrorable: the host's function can't redact an item.
        """
        last = len(self.examined.digests) - 1
        if self.examined.page is not None:
            yield self.examined.page, True
            return
        digest, number = sha256(), -1
        for number, lines in enumerate(cut(self.lines())):
            for line in lines:
                digest.update(line)
            if number > last or digest.digest() != self.examined.digests[number]:
                raise Damaged("it was changed while it was read")
            yield _items(lines, self.redact), number == last
        if number != last:
            raise Damaged("it was changed while it was read")


@dataclass(slots=True, kw_only=True)
class Examined:
    """What is known of a thread's items once all of them were judged."""

    items: int = 0
    first: str | None = None
    last: str | None = None
    # Over all lines, in hexadecimal digits.
    sha256: str = ""
    # When the newest item was made, as far as the items tell.
    newest: datetime | None = None
    # Of all lines up to the end of each page.
    digests: list[bytes] = field(default_factory=list)
    # The only page of a short thread, and how long its lines were.
    page: item_pages.Items | None = None
    held_bytes: int = 0


def examine(lines: Iterable[bytes], *, thread_id: str) -> Examined:
    """Judge all items of a thread, a line each.

    An id costs eight bytes of memory until the end, so that one which comes twice is seen.

    Raises:
        Damaged: a line is no item of this thread, or an item comes twice.
        Unmirrorable: an item has no usable id.
    """
    found, digest, ids, size = Examined(), sha256(), array("q"), 0
    for page in cut(lines):
        items = _judged(page, thread_id=thread_id, number=found.items + _FIRST_ITEM)
        for line in page:
            digest.update(line)
            size += len(line)
        found.digests.append(digest.digest())
        found.page = items if len(found.digests) == 1 else None
        found.first = found.first or next(iter(items), None)
        found.last = next(reversed(items), found.last)
        moments = [item.created_at for item in items.values()]
        found.newest = max(filter(None, [found.newest, *moments]), default=None)
        found.items += len(items)
        ids.extend(map(hash, items))
    found.sha256 = digest.hexdigest()
    if size > PAGE_BYTES:
        found.page = None
    found.held_bytes = 0 if found.page is None else size
    if any(one == other for one, other in pairwise(sorted(ids))):
        raise Damaged(_TWICE)
    return found


def redact_whole(thread: KeptThread, redact: Redact | None) -> KeptThread:
    """Return a thread that gives only what a host's function leaves of it. Note [Redacted once it is sound]

    Raises:
        Unmirrorable: the function can't redact the thread, or an item of it.
        Damaged: the file was changed since it was examined, or what the function made is nested too deep.
    """
    if redact is None:
        return thread
    payload = redacted(redact, dict(thread.payload), type=THREAD)
    reading.key(payload)
    unread = replace(thread.examined, page=None)
    left = replace(thread, payload=payload, redact=redact, examined=unread)
    with _none_too_deep():
        pages = left.pages()
        first, _ = next(pages)
        for _ in pages:
            pass
    if thread.examined.page is None:
        return left
    return replace(left, examined=replace(unread, page=first))


def cut(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Cut lines into pages, always in the same places; without a line there is one page, and it is empty."""
    page: list[bytes] = []
    size = 0
    is_first = True
    for line in lines:
        page.append(line)
        size += len(line)
        if len(page) == PAGE_ITEMS or size >= PAGE_BYTES:
            yield page
            page, size, is_first = [], 0, False
    if page or is_first:
        yield page


def lines_of(file: Readable) -> Lines:
    """Yield the lines of a file from where it stands, each with its end.

    Raises:
        Damaged: one is longer than a line of an archive may be.
    """
    try:
        yield from archive_format.lines_of(file)
    except BrokenArchive as error:
        raise Damaged(str(error)) from None


def read_object(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line, less every secret.

    Raises:
        Damaged: there is none.
    """
    try:
        payload = answers.decode(line)
    except answers.Unreadable as error:
        raise Damaged(str(error)) from None
    with _none_too_deep():
        return without_secrets(payload) if SECRET_KEY.encode() in line else payload


def _judged(lines: list[bytes], *, thread_id: str, number: int) -> item_pages.Items:
    payloads = []
    for line_number, line in enumerate(lines, number):
        try:
            payload = read_object(line)
        except Damaged as error:
            raise Damaged(f"line {line_number} can't be used: {error}") from None
        if (payload.get("thread_id") or thread_id) != thread_id:
            raise Damaged(f"line {line_number} is an item of another thread")
        payloads.append(payload)
    try:
        with _none_too_deep():
            return item_pages.by_id(payloads)
    except Contradiction:
        raise Damaged(_TWICE) from None


@contextmanager
def _none_too_deep() -> Iterator[None]:
    """Say of what is nested deeper than some code goes that it is damaged: how deep that is depends on who calls."""
    try:
        yield
    except RecursionError:
        raise Damaged(_TOO_DEEP) from None


def _items(lines: list[bytes], redact: Redact | None) -> item_pages.Items:
    payloads = [read_object(line) for line in lines]
    return item_pages.by_id(
        payloads if redact is None else [redacted(redact, payload) for payload in payloads]
    )
