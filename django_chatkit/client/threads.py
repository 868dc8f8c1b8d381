"""Threads and their items: read and delete. Upstream has no call that writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from .calls import Extras, Operation
from .checking import NOT_GIVEN, NotGiven, omit, one_of, path_id, present, text, whole_number
from .pages import Page
from .redaction import THREAD, Redact, redacted
from .transport import Transport
from .wire import ChatKitThread, ChatKitThreadItem, ThreadDeleteResponse, WireObject

RETRIEVE = Operation("GET", "/chatkit/threads/{thread_id}")
LIST = Operation("GET", "/chatkit/threads")
DELETE = Operation("DELETE", "/chatkit/threads/{thread_id}")
LIST_ITEMS = Operation("GET", "/chatkit/threads/{thread_id}/items")

MOST_PER_PAGE = 100
LONGEST_USER_FILTER = 512  # characters

T = TypeVar("T", bound=WireObject)
Order = Literal["asc", "desc"]


class Threads:
    """The calls of a client about threads and their items."""

    def __init__(self, transport: Transport, redact: Redact | None = None) -> None:
        self._transport = transport
        self._redact = redact

    def retrieve(
        self,
        thread_id: str,
        *,
        extra_headers: Mapping[str, object] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: object = NOT_GIVEN,
    ) -> ChatKitThread:
        """Return a thread, without its items.

        Raises:
            TypeError, ValueError: the id cannot be one; nothing was sent.
            APIError: the call failed; NotFoundError where upstream does not have it.
        """
        extras = Extras(extra_headers, extra_query, extra_body, timeout)
        reply = self._transport.call(RETRIEVE, _path(thread_id), extras=extras)
        redact, payload = self._redact, reply.payload
        left = payload if redact is None else redacted(redact, payload, type=THREAD)
        return ChatKitThread(left, reply.head.request_id)

    def list(
        self,
        *,
        after: str | NotGiven | None = omit,
        before: str | NotGiven | None = omit,
        limit: int | NotGiven | None = omit,
        order: Order | NotGiven | None = omit,
        user: str | NotGiven | None = omit,
        extra_headers: Mapping[str, object] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: object = NOT_GIVEN,
    ) -> Page[ChatKitThread]:
        """Return a page of threads, newest first unless `order` says "asc", of all end users unless `user` names one.

        `after` and `before` are ids and exclusive, in list order; `limit` is 0..100 (upstream's default: 20).
        Iterate over the page to walk through the whole list.

        Raises:
            TypeError, ValueError: an argument is outside what upstream takes; nothing was sent.
            APIError: the call failed.
        """
        query = _window(after, before, limit, order)
        if present(user):
            query["user"] = text(user, "user", longest=LONGEST_USER_FILTER)
        extras = Extras(extra_headers, extra_query, extra_body, timeout)
        return self._page(LIST, "/chatkit/threads", ChatKitThread, query, extras)

    def delete(
        self,
        thread_id: str,
        *,
        extra_headers: Mapping[str, object] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: object = NOT_GIVEN,
    ) -> ThreadDeleteResponse:
        """Delete a thread with its items and stored attachments, for good.

        Raises:
            TypeError, ValueError: the id cannot be one; nothing was sent.
            NotFoundError: upstream does not have it; with `after_lost_answer` set it may be gone by this very call.
            APIError: the call failed otherwise.
        """
        extras = Extras(extra_headers, extra_query, extra_body, timeout)
        reply = self._transport.call(DELETE, _path(thread_id), extras=extras)
        return ThreadDeleteResponse(reply.payload, reply.head.request_id)

    def list_items(
        self,
        thread_id: str,
        *,
        after: str | NotGiven | None = omit,
        before: str | NotGiven | None = omit,
        limit: int | NotGiven | None = omit,
        order: Order | NotGiven | None = omit,
        extra_headers: Mapping[str, object] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: object = NOT_GIVEN,
    ) -> Page[ChatKitThreadItem]:
        """Return a page of a thread's items, newest first unless `order` says "asc"; arguments as in `list`.

        Raises:
            TypeError, ValueError: an argument is outside what upstream takes; nothing was sent.
            APIError: the call failed; a 404 with a cursor may mean that the cursor is gone, not the thread.
        """
        query = _window(after, before, limit, order)
        extras = Extras(extra_headers, extra_query, extra_body, timeout)
        return self._page(LIST_ITEMS, f"{_path(thread_id)}/items", ChatKitThreadItem, query, extras)

    def _page(
        self, operation: Operation, path: str, kind: type[T], query: dict[str, object], extras: Extras
    ) -> Page[T]:
        # As the SDK: the next page is the same query, `before` and all, with `after` set to the last id.
        asked = {**query, **(extras.query or {})}
        plain = extras._replace(query=None) if extras.query else extras

        def fetch(cursor: str | None, walked: frozenset[str]) -> Page[T]:
            turned = asked if cursor is None else {**asked, "after": cursor}
            reply = self._transport.call(operation, path, query=turned, extras=plain)
            return Page(
                self._redacted(reply.payload, kind),
                head=reply.head,
                kind=kind,
                fetch=fetch,
                walked=walked,
                texts=reply.texts,
            )

        start = asked.get("after")
        return fetch(None, frozenset([start]) if isinstance(start, str) else frozenset())

    def _redacted(self, envelope: dict[str, Any], kind: type[WireObject]) -> dict[str, Any]:
        """Return a page of which nothing is left that was redacted; what is no object is the page's to refuse."""
        redact, rows = self._redact, envelope.get("data")
        if redact is None or not isinstance(rows, list):
            return envelope
        type = THREAD if kind is ChatKitThread else None
        left = [redacted(redact, row, type=type) if isinstance(row, dict) else row for row in rows]
        return {**envelope, "data": left}


def _path(thread_id: str) -> str:
    return f"/chatkit/threads/{path_id(thread_id, 'thread_id')}"


def _window(after: object, before: object, limit: object, order: object) -> dict[str, object]:
    query: dict[str, object] = {}
    if present(after):
        query["after"] = text(after, "after")
    if present(before):
        query["before"] = text(before, "before")
    if present(limit):
        query["limit"] = whole_number(limit, "limit", 0, MOST_PER_PAGE)
    if present(order):
        query["order"] = one_of(order, "order", ("asc", "desc"))
    return query
