"""Lists: a page, and the walk over all pages that follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, Self, TypeVar

from .errors import APIResponseValidationError, RepeatedCursorError, ResponseHead
from .reading import describe
from .wire import WireObject

T = TypeVar("T", bound=WireObject)


class Page(Generic[T]):
    """One page of a list; to iterate over it is to iterate over the whole list, page after page.

    `data` holds this page's objects, `payload` the envelope as upstream sent it.
    """

    __slots__ = ("_fetch", "_head", "_request_id", "_walked", "data", "payload", "texts")

    def __init__(
        self,
        payload: dict[str, Any],
        *,
        head: ResponseHead,
        kind: type[T],
        fetch: Callable[[str, frozenset[str]], Page[T]],
        walked: frozenset[str],
        texts: tuple[str, ...] | None = None,
    ) -> None:
        """Wrap a list answer.

        `walked` holds the cursors that led here, `fetch(cursor, walked)` brings a page that follows. `texts` are those of
        the objects, in order, where the client keeps them.

        Raises:
            APIResponseValidationError: `data` is not a list of objects.
        """
        self.payload = payload
        self.texts = texts
        self._head, self._fetch, self._walked = head, fetch, walked
        self._request_id = request_id = head.request_id
        rows = payload.get("data")
        if not isinstance(rows, list):
            raise APIResponseValidationError(head, message=describe(head, "`data` is not a list"))
        for row in rows:
            if not isinstance(row, dict):
                raise APIResponseValidationError(
                    head, message=describe(head, "`data` holds what is no object")
                )
        self.data: list[T] = [kind(row, request_id) for row in rows]

    @property
    def object(self) -> Any:
        """Return the envelope's type word, "list"."""
        return self.payload.get("object")

    @property
    def first_id(self) -> str | None:
        """Return the id of the first object, or None on an empty page."""
        return self._edge("first_id", 0)

    @property
    def last_id(self) -> str | None:
        """Return the id of the last object, the cursor of what follows, or None on an empty page."""
        return self._edge("last_id", -1)

    @property
    def has_more(self) -> bool | None:
        """Return what upstream said; None when it did not say, which counts as "go on"."""
        return self.payload.get("has_more")

    def has_next_page(self) -> bool:
        """Tell whether there is a page after this one."""
        return bool(self.data) and self.has_more is not False and self.last_id is not None

    def get_next_page(self) -> Self:
        """Fetch the page after this one.

        Raises:
            RuntimeError: there is none; ask `has_next_page()` first.
            RepeatedCursorError: the page leads back to one already walked.
            APIError: the call failed.
        """
        if not self.has_next_page():
            raise RuntimeError("There is no page after this one: ask has_next_page() first.")
        cursor = self._unwalked_cursor()
        page = self._fetch(cursor, self._walked | {cursor})
        if page.has_next_page():
            page._unwalked_cursor()  # a page that came twice must not reach the caller
        return page  # type: ignore[return-value]

    def iter_pages(self) -> Iterator[Self]:
        """Yield this page and every page after it."""
        page = self
        yield page
        while page.has_next_page():
            page = page.get_next_page()
            yield page

    def __iter__(self) -> Iterator[T]:
        for page in self.iter_pages():
            yield from page.data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.data)} objects, has_more={self.has_more!r})"

    def _unwalked_cursor(self) -> str:
        cursor = self.last_id
        assert cursor is not None  # has_next_page() saw to it
        if cursor in self._walked:
            why = f"its last_id {cursor!r} has been a cursor before, so the list would never end"
            raise RepeatedCursorError(self._head, message=describe(self._head, why))
        return cursor

    def _edge(self, name: str, index: int) -> str | None:
        # A null is upstream's word for "none"; a field that is missing or no id is read off the objects.
        value = self.payload.get(name, "")
        if value is None or (isinstance(value, str) and value):
            return value
        found = self.data[index].payload.get("id") if self.data else None
        return found if isinstance(found, str) and found else None


SyncConversationCursorPage = SyncCursorPage = SyncPage = Page
