"""Pages of items, asked for and read: a crew's threads do this, beside the writing of other pages."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from ..client import ChatKit, ChatKitThreadItem, Page
from ..models.fields import dumps
from . import columns, reading
from .paging import Contradiction, has_more


class Item(NamedTuple):
    """An item as upstream gave it, read for its row."""

    type: str
    text: str
    settled: bool
    payload: str
    created_at: datetime | None


# By id, in the order that upstream gave them.
Items = dict[str, Item]


class ItemPage(NamedTuple):
    """A page of a thread's items, the id that the next page begins after, and whether there is one."""

    items: Items
    last_id: str | None
    more: bool


# Hears of a page, and of the id that it was asked for after, in the thread that asked.
OnPage = Callable[[Page[ChatKitThreadItem], str | None], None]


def fetch(
    client: ChatKit,
    thread_id: str,
    *,
    order: Literal["asc", "desc"],
    limit: int,
    after: str | None,
    on_page: OnPage | None = None,
) -> ItemPage:
    """Ask for a page and read its items; ``on_page`` hears of one that makes sense.

    Raises:
        APIError: what upstream answered.
        Contradiction: when the page makes no sense.
        Unmirrorable: when an item has no usable id.
    """
    page = client.threads.list_items(thread_id, order=order, limit=limit, after=after)
    items, more = by_id([item.payload for item in page.data]), has_more(page)
    if more and page.last_id not in items:
        raise Contradiction("upstream said to go on after an item that is not on the page")
    if on_page:
        on_page(page, after)
    return ItemPage(items, page.last_id, more)


def by_id(payloads: Sequence[dict[str, Any]]) -> Items:
    """Read items in their order.

    Raises:
        Contradiction: when one stands there twice.
        Unmirrorable: when one has no usable id.
    """
    found = {reading.key(payload): _read(payload) for payload in payloads}
    if len(found) < len(payloads):
        raise Contradiction("upstream gave the same item twice on a page")
    return found


def _read(payload: dict[str, Any]) -> Item:
    return Item(payload=dumps(payload), **columns.of_item(payload))
