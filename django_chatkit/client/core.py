"""ChatKit, the client: `.sessions` and `.threads` over one set of connections."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from requests.adapters import BaseAdapter

from . import headers as header
from .calls import seconds
from .checking import number, present, text, whole_number
from .errors import ChatKitError
from .gate import Gate, MemoryGate
from .pool import Pool
from .redaction import Redact
from .retry import LONGEST_WAIT
from .sessions import Sessions
from .threads import Threads
from .transport import OnRequest, OnWait, Transport, World

BASE_URL = "https://api.openai.com/v1"
TIMEOUT = (5.0, 30.0)  # seconds: to connect, and for the whole exchange after that
MAX_RETRIES = 2
CONNECTIONS = 64  # kept open at most; more threads than that still work, on connections of their own


class ChatKit:
    """A client of hosted ChatKit; safe to share between threads, and across a fork.

    What is None is read from the environment as the SDK does: OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID,
    OPENAI_PROJECT_ID. `timeout` is seconds or (connect, read); the second bounds the whole exchange. Asked to wait
    longer than `longest_wait` seconds, a call ends with the error. `gate` is what calls ask before each attempt and close
    when upstream refuses for pace; by default one in memory, shared by the threads and copies of this client. `adapter`, a
    requests adapter, answers in place of the network and stays its maker's to close. `redact` is given the type and the
    payload of each thread ("chatkit.thread") and item, and returns the payload that callers see instead. `sleep`, `chance` (0..1),
    `monotonic` and `now` (Unix seconds) are the world, for tests.

    Raises:
        ChatKitError: there is no API key.
        TypeError, ValueError: an argument cannot be used; the text never shows the key.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        timeout: object = None,
        max_retries: int = MAX_RETRIES,
        longest_wait: float = LONGEST_WAIT,
        gate: Gate | None = None,
        default_headers: Mapping[str, object] | None = None,
        adapter: BaseAdapter | None = None,
        connections: int = CONNECTIONS,
        redact: Redact | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        key = _or_environment(api_key, "OPENAI_API_KEY")
        if not key:
            raise ChatKitError(
                "There is no API key: pass api_key=... or set the environment variable OPENAI_API_KEY."
            )
        address = checked_base_url(_or_environment(base_url, "OPENAI_BASE_URL") or BASE_URL)
        headers = header.default_headers(
            api_key=key,
            organization=_or_environment(organization, "OPENAI_ORG_ID"),
            project=_or_environment(project, "OPENAI_PROJECT_ID"),
            more=default_headers,
        )
        size = whole_number(connections, "connections", 1)
        self._redact = redact
        self._use(
            Transport(
                Pool(address, size=size, adapter=adapter),
                base_url=address,
                headers=headers,
                timeout=seconds(timeout, TIMEOUT),
                max_retries=whole_number(max_retries, "max_retries", 0),
                gate=gate or MemoryGate(monotonic),
                longest_wait=number(longest_wait, "longest_wait", "a number of seconds"),
                secrets=(key,),
                world=World(sleep=sleep, chance=chance, monotonic=monotonic, now=now),
            )
        )

    def _use(self, transport: Transport) -> None:
        self._transport = transport
        self.sessions = Sessions(transport)
        self.threads = Threads(transport, self._redact)
        self.beta = Beta(self)

    @property
    def base_url(self) -> str:
        """Return the address that paths are appended to, without a slash at its end."""
        return self._transport.base_url

    @property
    def max_retries(self) -> int:
        """Return how often a call is made again at most."""
        return self._transport.max_retries

    @property
    def timeout(self) -> tuple[float, float]:
        """Return (connect, read) in seconds."""
        return self._transport.timeout

    @property
    def gate(self) -> Gate:
        """Return what calls ask before each attempt: `gate.seconds_left()` tells whether a pause is on."""
        return self._transport.gate

    def with_options(
        self,
        *,
        timeout: object = None,
        max_retries: int | None = None,
        longest_wait: float | None = None,
        on_wait: OnWait | None = None,
        given_up: Callable[[], bool] | None = None,
        on_request: OnRequest | None = None,
        keeps_texts: bool | None = None,
        redacts: bool = True,
        default_headers: Mapping[str, object] | None = None,
    ) -> Self:
        """Return a client on the same connections and behind the same gate; what is None stays as it is.

        `on_wait` is called with the seconds of each wait that upstream causes (a pause, a wait before a call is made
        again) just before it begins, in the thread that waits, so in several at once; `StandStill` adds them up. One that this client was given is called too.
        `given_up` is asked four times a second during a wait: once it says True, the call ends in a ChatKitError.
        `on_request` is called just before each attempt is sent, in the thread that sends it: it may wait, and what it raises
        ends the call. With `keeps_texts` a page has the text of each of its objects in `texts`, as upstream sent it. Without
        `redacts` its objects are as upstream sent them, too.
        """
        old = self._transport
        client = type(self).__new__(type(self))
        client._redact = self._redact if redacts else None
        client._use(
            Transport(
                old.pool,
                base_url=old.base_url,
                headers=header.with_extra(old.headers, default_headers, "default_headers"),
                timeout=seconds(timeout, old.timeout),
                max_retries=old.max_retries
                if max_retries is None
                else whole_number(max_retries, "max_retries", 0),
                longest_wait=old.longest_wait
                if longest_wait is None
                else number(longest_wait, "longest_wait", "a number of seconds"),
                gate=old.gate,
                on_wait=_each(old.on_wait, on_wait),
                given_up=old.given_up if given_up is None else given_up,
                on_request=old.on_request if on_request is None else on_request,
                keeps_texts=old.keeps_texts if keeps_texts is None else keeps_texts,
                secrets=old.secrets,
                world=old.world,
            )
        )
        return client

    def close(self) -> None:
        """Close the open connections; an adapter that was passed in stays open."""
        self._transport.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"


class Beta:
    """The SDK's path to the same: `client.beta.chatkit.sessions`."""

    def __init__(self, chatkit: ChatKit) -> None:
        self.chatkit = chatkit


def checked_base_url(url: str) -> str:
    """Return a base URL without the slash at its end.

    Raises:
        TypeError, ValueError: it is no plain http(s) address; the text shows no part that may be a password.
    """
    remedy = f"give an address such as {BASE_URL}"
    plain = text(url, "base_url").rstrip("/")
    if not plain.isascii() or not plain.isprintable() or " " in plain:
        raise ValueError(f"base_url may have printable ASCII characters only: {remedy}.")
    try:
        parts = urlsplit(plain)
        port = parts.port
    except ValueError:
        raise ValueError(f"base_url is malformed: {remedy}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"base_url must start with https:// or http:// and name a host: {remedy}.")
    if "@" in parts.netloc:
        raise ValueError(f"base_url must not hold a user or password: {remedy}.")
    if "?" in plain or "#" in plain:
        raise ValueError(f"base_url must end with its path (extra_query adds to a query): {remedy}.")
    return plain


def _each(first: OnWait | None, second: OnWait | None) -> OnWait | None:
    if first is None or second is None:
        return first or second

    def both(seconds: float) -> None:
        first(seconds)
        second(seconds)

    return both


def _or_environment(value: str | None, name: str) -> str | None:
    return value if present(value) else os.environ.get(name) or None
