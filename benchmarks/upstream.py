"""An upstream for benchmarks: another process that answers prepared bytes, so that it is never the bottleneck."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from hashlib import sha1
from multiprocessing.connection import Connection
from urllib.parse import parse_qs, urlsplit

Document = dict[str, object]
Answer = Callable[[str], bytes]

KEY = "sk-of-a-benchmark"
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_1\r\nContent-Length: "
# Stands in a prepared page for the thread's own part of every id.
_THREAD = b"THREAD"
# How the moment of every prepared item begins; five digits follow.
_MOMENT = b'"created_at": 17600'


class _Connection(asyncio.Protocol):
    """Answer each request on a connection that stays open, `latency` seconds after it came."""

    def __init__(self, answer: Answer, latency: float) -> None:
        self.answer, self.latency, self.read = answer, latency, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.read += data
        head, found, rest = self.read.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        if len(rest) < length:
            return
        self.read = rest[length:]
        body = self.answer(head.split(b" ", 2)[1].decode())
        reply = partial(self.transport.write, f"{_HEAD}{len(body)}\r\n\r\n".encode() + body)
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, reply)
        else:
            reply()


def _serve(tell: Connection, answer: Answer, latency: float) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(answer, latency), "127.0.0.1", 0)
        tell.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def running(answer: Answer, *, latency: float = 0.0) -> Iterator[str]:
    """Run an upstream that says `answer(target)` to each request; give its address."""
    listen, tell = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(tell, answer, latency), daemon=True
    )
    server.start()
    try:
        yield f"http://127.0.0.1:{listen.recv()}"
    finally:
        server.terminate()
        server.join()


def item(n: int, *, id: str, thread: str) -> Document:
    common = {"id": id, "object": "chatkit.thread_item", "created_at": 1_760_000_000 + n, "thread_id": thread}
    text = (
        f"Sentence number {n}, about as long as what people say to a machine when they want something. " * 2
    )
    if n % 2:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        return {**common, "type": "chatkit.assistant_message", "content": content}
    return {**common, "type": "chatkit.user_message", "content": [{"type": "input_text", "text": text}],
            "attachments": [], "inference_options": None}  # fmt: skip


def thread(n: int, *, id: str, user: str) -> Document:
    return {"id": id, "object": "chatkit.thread", "created_at": 1_760_000_000 + n, "title": f"Talk {n}",
            "status": {"type": "active"}, "user": user}  # fmt: skip


def page(rows: list[Document], *, has_more: bool = False) -> bytes:
    ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {}
    return json.dumps({"object": "list", "data": rows, **ends, "has_more": has_more}).encode()


def project(name: str, *, threads: int, items: int) -> str:
    """Return the path of a project whose one end user, of the same name, has so many threads of so many items."""
    return f"{name}.{threads}x{items}"


def projects(target: str) -> bytes:
    """Answer for every project at once: /<project>/v1/chatkit/threads, and the items of each thread."""
    address = urlsplit(target)
    name, _, path = address.path.lstrip("/").partition("/v1/chatkit/threads")
    threads, _, items = name.rpartition(".")[2].partition("x")
    query = parse_qs(address.query)
    after = query.get("after", [None])[0]
    window = (query["order"][0], int(query["limit"][0]))
    if not path:
        return _threads(name, int(threads), *window, after)
    key = path.split("/")[1].removeprefix("cthr_")
    place = None if after is None else int(after[-8:], 16)
    return _items(int(items), *window, place).replace(_THREAD, key.encode())


def spread(target: str) -> bytes:
    """Answer as `projects`, of threads that begin at moments of their own, within five years.

    The threads of `projects` all say their items in the same seconds: a page of them lies scattered over an index of
    moments, as no page of real conversations does.
    """
    key = urlsplit(target).path.partition("/cthr_")[2]
    if not key:
        return projects(target)
    begin = 16_000 + int(key[:8], 16) % 1_600
    return projects(target).replace(_MOMENT, b'"created_at": %d' % begin)


def _threads(name: str, count: int, order: str, limit: int, after: str | None) -> bytes:
    start = None if after is None else int(after[-8:], 16)
    wanted, has_more = _window(count, order, limit, start)
    rows = [thread(n, id=f"cthr_{_key(name, n)}", user=name) for n in wanted]
    return page(rows, has_more=has_more)


def _key(name: str, n: int) -> str:
    return sha1(f"{name} {n}".encode(), usedforsecurity=False).hexdigest() + f"{n:08x}"


@cache
def _items(count: int, order: str, limit: int, after: int | None) -> bytes:
    wanted, has_more = _window(count, order, limit, after)
    own = _THREAD.decode()
    return page([item(n, id=f"cti_{own}{n:08x}", thread=f"cthr_{own}") for n in wanted], has_more=has_more)


def _window(count: int, order: str, limit: int, after: int | None) -> tuple[range, bool]:
    if order == "asc":
        start = 0 if after is None else after + 1
        return range(start, min(start + limit, count)), start + limit < count
    start = count - 1 if after is None else after - 1
    return range(start, max(start - limit, -1), -1), start - limit >= 0
