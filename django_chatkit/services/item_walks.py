"""A plain walk through one thread's items, from the oldest on, that writes nothing."""

from functools import partial
from typing import Any

from ..client import ChatKit
from .crew import Job
from .item_pages import OnPage
from .paging import CURSOR_REFUSED, PAGE, Contradiction, has_more

# How often a walk begins again because a cursor vanished.
RESTARTS = 20


def walk(client: ChatKit, thread_id: str, *, on_page: OnPage) -> Job:
    """Let ``on_page`` hear each page of items; where upstream cut away the item to go on from, all of them again.

    It hears a page in the thread that asked for it, with the id that it was asked for after: None says that all begins.

    Raises:
        APIError: what upstream answered, other than that a cursor vanished.
        Contradiction: when its pages make no sense.
    """
    for _ in range(RESTARTS):
        try:
            yield from _through(client, thread_id, on_page)
            return
        except _Vanished:
            # Only the thread itself can tell whether it is gone: this raises NotFoundError if so.
            (yield partial(client.threads.retrieve, thread_id)).result()
    raise Contradiction("upstream knows none of the last items that it gave")


class _Vanished(Exception):
    """The item that a cursor named is no longer there."""


def _through(client: ChatKit, thread_id: str, on_page: OnPage) -> Job:
    after: str | None = None
    before, cursors, more = set[str](), set[str | None](), True
    while more:
        try:
            page = (yield partial(_ask, client, thread_id, after, before, on_page)).result()
        except CURSOR_REFUSED as error:
            if after is None:
                raise
            raise _Vanished from error
        more, after, before = has_more(page), page.last_id, {item.id for item in page.data}
        if more and (after in cursors or after not in before):
            raise Contradiction("upstream gave no way on through the items")
        cursors.add(after)


def _ask(client: ChatKit, thread_id: str, after: str | None, before: set[str], on_page: OnPage) -> Any:
    page = client.threads.list_items(thread_id, order="asc", limit=PAGE, after=after)
    ids = [item.payload.get("id") for item in page.data]
    if not all(isinstance(id, str) and id for id in ids):
        raise Contradiction("upstream gave an item without an id")
    if len(set(ids)) < len(ids) or not before.isdisjoint(ids):
        raise Contradiction("upstream gave the same item twice")
    on_page(page, after)
    return page
