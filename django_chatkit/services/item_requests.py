"""Requests for one thread's items, and the moments as of which their answers count. Note [As of] in mirror."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from ..client import ChatKit
from .item_pages import ItemPage, OnPage, fetch
from .item_progress import AN_INSTANT, SECOND
from .paging import CURSOR_REFUSED


class CursorVanished(Exception):
    """The item that a cursor named is no longer there; the thread is."""

    def __init__(self, cursor: str) -> None:
        super().__init__(cursor)
        self.cursor = cursor


@dataclass(slots=True, kw_only=True)
class ItemRequests:
    """What asks for one thread's items, page by page."""

    thread_id: str
    client: ChatKit
    clock: Callable[[], datetime]
    # When the last request was made, and as of when it counts.
    asked_at: datetime = field(init=False)
    as_of: datetime = field(init=False)
    # The first moment as of which the next may count.
    _least: datetime = field(init=False, default=datetime.min.replace(tzinfo=UTC))

    def not_before(self, moment: datetime | None) -> None:
        """Let requests count as of a moment at least."""
        self._least = max(self._least, moment or self._least)

    def is_top(self, page: ItemPage, *, since: datetime) -> Generator[Any, Any, bool]:
        """Tell whether a page is the thread's first, or all of it is gone. It is not if it begins with what is older than ``since``.

        Where all items were replaced, only the newest first item shows that a cursor's answer is no answer to it.
        """
        head = next(iter(page.items.values()), None)
        if head is not None and head.created_at is not None and head.created_at + SECOND <= since:
            return False
        top: ItemPage = yield from self.page(order="asc", limit=1, after=None)
        return not top.items or not page.items.keys().isdisjoint(top.items)

    def _begin(self) -> None:
        self.asked_at = self.clock()
        self.as_of = max(self.asked_at, self._least)
        self._least = self.as_of + AN_INSTANT

    def page(
        self,
        *,
        order: Literal["asc", "desc"],
        limit: int,
        after: str | None,
        on_page: OnPage | None = None,
    ) -> Generator[Any, Any, ItemPage]:
        """Ask for a page of items; ``on_page`` hears of it.

        Raises:
            CursorVanished: upstream refused the cursor, and has the thread.
        """
        self._begin()
        try:
            ask = partial(
                fetch,
                self.client,
                self.thread_id,
                order=order,
                limit=limit,
                after=after,
                on_page=on_page,
            )
            page: ItemPage = (yield ask).result()
        except CURSOR_REFUSED as error:
            if after is None:
                raise
            # Only the thread itself can tell whether it is gone: this raises NotFoundError if so.
            self._begin()
            (yield partial(self.client.threads.retrieve, self.thread_id)).result()
            raise CursorVanished(after) from error
        return page
