"""From any exception to the refusal that answers it.

==============================================  ==============================================================
upstream can't be reached, or answers 5xx       503, with its Retry-After where it gave one
upstream keeps silent for too long              504
upstream asks us to slow down                   429, with its Retry-After or that of a second
upstream refuses our key, or what the host set  502
upstream's answer can't be read                 502
the host's settings are wrong                   503
the broker can't be reached                     503
what is to be deleted is on hold                409
what nobody foresaw                             500
==============================================  ==============================================================

Upstream's own words stay in the log: they may name the key.
"""

import logging
from functools import singledispatch

from django.core.exceptions import (
    ImproperlyConfigured,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.http import Http404, UnreadablePostError
from django.http.request import RawPostDataException
from django.utils.translation import override
from rest_framework.exceptions import APIException, MethodNotAllowed, Throttled, UnsupportedMediaType

from .. import client, queue
from ..services.holds import Held
from ..services.threads import NotDeleted
from .errors import Refusal, forbidden, seconds

logger = logging.getLogger("django_chatkit.rest")

CHALLENGE = 'Bearer realm="ChatKit"'

_CODES = {
    401: "invalid_api_key",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_supported",
    415: "unsupported_content_type",
    429: "rate_limit_exceeded",
}


@singledispatch
def verdict(error: Exception) -> Refusal:
    """Return the refusal that answers an exception; one that nobody foresaw is a 500."""
    return _trouble(500, "Something went wrong here. Its request id finds it in the log.")


@verdict.register
def _(error: Refusal) -> Refusal:
    return error


@verdict.register
def _(error: APIException) -> Refusal:
    return _of_framework(error, _in_english(error))


@verdict.register
def _(error: MethodNotAllowed) -> Refusal:
    return _of_framework(
        error, "This address does not take this method; the header Allow names those it takes."
    )


@verdict.register
def _(error: UnsupportedMediaType) -> Refusal:
    return _of_framework(
        error, "The body of the request must be JSON, and its Content-Type application/json."
    )


@verdict.register
def _(error: Throttled) -> Refusal:
    return _of_framework(error, "Too many requests; wait and try again.")


@verdict.register
def _(error: Http404) -> Refusal:
    return Refusal(404, "Not found.", code="not_found")


@verdict.register
def _(error: PermissionDenied) -> Refusal:
    return forbidden(str(error) or "This is not allowed.")


@verdict.register
def _(error: SuspiciousOperation) -> Refusal:
    return Refusal(400, "The request can't be read.")


@verdict.register(UnreadablePostError)
@verdict.register(RawPostDataException)  # where the check of a cookie's request met the same before us
def _(error: Exception) -> Refusal:
    return Refusal(400, "The body of the request can't be read.")


@verdict.register
def _(error: RequestDataTooBig) -> Refusal:
    return Refusal(413, "The body of the request is too long.")


@verdict.register
def _(error: ImproperlyConfigured) -> Refusal:
    return _trouble(503, "The chat service is not set up here. Its operator finds the reason in the log.")


@verdict.register
def _(error: queue.Unavailable) -> Refusal:
    return _trouble(503, "The work can't be queued right now; try again later.")


@verdict.register
def _(error: client.APIError) -> Refusal:
    return _trouble(502, "The chat service refused what this site asked of it.")


@verdict.register
def _(error: NotDeleted) -> Refusal:
    return _trouble(502, "The chat service did not delete this; try again.")


@verdict.register
def _(error: Held) -> Refusal:
    # OpenAI's SDK repeats a 409 by itself, unless it is told that this doesn't help.
    message = "This can't be deleted now: what belongs to this end user is on hold."
    return Refusal(409, message, code="on_hold", headers={"x-should-retry": "false"})


@verdict.register
def _(error: client.APIConnectionError) -> Refusal:
    return _trouble(503, "The chat service can't be reached right now; try again later.")


@verdict.register
def _(error: client.APITimeoutError) -> Refusal:
    return _trouble(504, "The chat service did not answer in time; try again later.")


@verdict.register
def _(error: client.InternalServerError) -> Refusal:
    return _trouble(503, "The chat service is out of order right now; try again later.", error.retry_after)


@verdict.register
def _(error: client.RateLimitError) -> Refusal:
    refusal = _trouble(429, "The chat service is busy; wait and try again.", error.retry_after or 0)
    refusal.type, refusal.code = "requests", "rate_limit_exceeded"
    return refusal


def note(error: Exception, refusal: Refusal, *, request_id: str) -> None:
    """Log what the operator must know, with ids and never with content."""
    if isinstance(error, client.ChatKitError):
        status, upstream_id = getattr(error, "status_code", None), getattr(error, "request_id", None)
        name = type(error).__name__
        logger.warning(
            "%s: upstream failed: %s, status %s, request id %s", request_id, name, status, upstream_id
        )
    elif isinstance(error, ImproperlyConfigured | queue.Unavailable | NotDeleted):
        logger.error("%s: %s", request_id, error)
    elif refusal.status == 500:
        logger.error("%s: an unforeseen %s", request_id, type(error).__name__)


def _trouble(status: int, message: str, retry_after: float | None = None) -> Refusal:
    headers = {} if retry_after is None else {"Retry-After": seconds(retry_after)}
    return Refusal(status, message, type="server_error", headers=headers)


def _of_framework(error: APIException, message: str) -> Refusal:
    status = error.status_code
    kind = "requests" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
    return Refusal(status, message, type=kind, code=_CODES.get(status), headers=_headers(error))


def _in_english(error: APIException) -> str:
    """Return what an exception of REST framework's says, in the language of all that we refuse.

    It was put into the request's language when the exception was made; what it was made from can be put into any.
    """
    said = error.detail if isinstance(error.detail, str) else error.default_detail
    source = next((each for each in (*error.args, error.default_detail) if each == said), said)
    with override("en"):
        return str(source)


def _headers(error: APIException) -> dict[str, str]:
    if error.status_code == 401:
        return {"WWW-Authenticate": CHALLENGE}
    wait = getattr(error, "wait", None)  # of a throttle, which need not know
    return {"Retry-After": seconds(wait or 0)} if wait is not None or error.status_code == 429 else {}
