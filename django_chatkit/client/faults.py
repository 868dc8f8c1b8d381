"""What a broken connection means: which of our errors it is, and whether upstream may have acted."""

from __future__ import annotations

from collections.abc import Iterator

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError
from urllib3.exceptions import TimeoutError as PoolTimeoutError

from .errors import APIConnectionError, APITimeoutError, RequestLine

# All that requests, urllib3, the ssl module and the socket module raise.
BROKEN = (requests.RequestException, HTTPError, OSError)


def connection_error(cause: Exception, line: RequestLine) -> APIConnectionError:
    """Return the error that `cause` stands for; the caller raises it from `cause`."""
    if isinstance(cause, requests.RequestException):
        # What requests hangs onto its errors holds the key, and perhaps an answer with a secret.
        cause.request = cause.response = None
    unsent = _unsent(cause)
    if _is_timeout(cause):
        message = f"{line.method} {line.url}: no whole answer in time."
        return APITimeoutError(line, message=message, unsent=unsent)
    message = f"{line.method} {line.url}: the connection failed ({type(cause).__name__})."
    return APIConnectionError(message=message, request=line, unsent=unsent)


def is_hopeless(cause: BaseException | None) -> bool:
    """Tell whether the same call would fail the same way: a proxy or certificate bundle of the environment is wrong."""
    # To requests a malformed address is a ValueError; a bundle that is not there a plain OSError.
    return isinstance(cause, ValueError) or type(cause) is OSError


def _is_timeout(cause: BaseException) -> bool:
    kinds = (requests.Timeout, PoolTimeoutError, TimeoutError)
    return any(isinstance(link, kinds) and not isinstance(link, NewConnectionError) for link in _chain(cause))


def _unsent(cause: Exception) -> bool:
    if isinstance(
        cause, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError | ConnectionRefusedError
    ):
        return True
    return any(isinstance(link, NewConnectionError) for link in _chain(cause))


def _chain(cause: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those it was made from; urllib3 keeps them as arguments and as `reason`."""
    pending, seen = [cause], set[int]()
    while pending:
        link = pending.pop()
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        reason = link.reason if isinstance(link, MaxRetryError) else None
        pending += [*link.args, reason, link.__cause__, link.__context__]
