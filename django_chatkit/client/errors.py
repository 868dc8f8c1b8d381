"""What can go wrong between us and upstream, as a tree:

ChatKitError (also under the SDK's name, OpenAIError)
└── APIError                          something about one call; `.message` `.body` `.code` `.type` `.param`
    ├── APIConnectionError            no answer, or half of one; the reason is `__cause__`
    │   └── APITimeoutError           no whole answer within the time given
    ├── APIResponseValidationError    an answer that says "done" and cannot be read
    │   └── RepeatedCursorError       a list that leads back to a page already walked
    └── APIStatusError                an answer that says no; `.status_code` `.request_id` `.retry_after`
        ├── BadRequestError           400
        ├── AuthenticationError       401: the key is wrong
        ├── PermissionDeniedError     403
        ├── NotFoundError             404: unknown, deleted, or of another project's key
        ├── ConflictError             409
        ├── UnprocessableEntityError  422
        ├── RateLimitError            429: wait `.retry_after` seconds; `.unsent`
        └── InternalServerError       500 and above

A wrong argument is not in the family: it is a ValueError or a TypeError, raised before any request.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

MESSAGE_LIMIT = 1000  # characters of upstream's words that go on into a log line or a column
NO_REASON = "upstream gave no reason"
# Upstream's own 404s have words.
NOBODY_THERE = ": the base URL or a proxy may be wrong, or its ChatKit endpoints have closed"


class RequestLine(NamedTuple):
    """Name the call an error is about: no header, no body."""

    method: str
    url: str


class ResponseHead(NamedTuple):
    """Hold what an answer said about itself: never its body, which may carry a secret."""

    status_code: int
    headers: Mapping[str, str]
    request: RequestLine
    retry_after: float | None = None  # seconds upstream asked us to wait, whatever their number

    @property
    def request_id(self) -> str | None:
        """Return upstream's name for this exchange, which its support asks for."""
        return self.headers.get("x-request-id")

    def __repr__(self) -> str:
        return f"ResponseHead(status_code={self.status_code}, request={self.request!r})"


class ChatKitError(Exception):
    """Anything that this client raises about upstream."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Celery and multiprocessing send errors between processes; keyword-only constructors don't survive that.
        return _revive, (type(self), self.args, self.__dict__.copy())


OpenAIError = ChatKitError


def _revive(cls: type[ChatKitError], args: tuple[Any, ...], state: dict[str, Any]) -> ChatKitError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class APIError(ChatKitError):
    """A call that did not end well."""

    def __init__(
        self, message: str, request: RequestLine | None = None, *, body: object | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.request = request
        self.body = body
        said: dict[str, Any] = body if isinstance(body, dict) else {}
        self.code = _text(said.get("code"))
        self.type = _text(said.get("type"))
        self.param = _text(said.get("param"))
        self.request_id: str | None = None


class APIConnectionError(APIError):
    """No answer came, or only a part of one.

    `unsent` tells that the connection failed before a byte of the request was on its way, so upstream cannot have
    acted on it.
    """

    def __init__(
        self, *, message: str = "Connection error.", request: RequestLine | None = None, unsent: bool = False
    ) -> None:
        super().__init__(message, request)
        self.unsent = unsent


class APITimeoutError(APIConnectionError):
    """No whole answer came within the time given."""

    def __init__(
        self, request: RequestLine | None = None, *, message: str = "Request timed out.", unsent: bool = False
    ) -> None:
        super().__init__(message=message, request=request, unsent=unsent)


class APIResponseValidationError(APIError):
    """Upstream answered "done" in a form that cannot be read; `body` is always None, it might hold a secret."""

    def __init__(
        self, response: ResponseHead, body: object | None = None, *, message: str | None = None
    ) -> None:
        super().__init__(message or "The answer cannot be read.", response.request, body=body)
        self.response = response
        self.status_code = response.status_code
        self.request_id = response.request_id


class RepeatedCursorError(APIResponseValidationError):
    """A page leads back to one already walked, so the list would never end."""


class APIStatusError(APIError):
    """Upstream answered no, or redirected (which is refused: the key would follow).

    `after_lost_answer` tells that an earlier attempt of the same call may have been acted on: a 404 to a delete then
    means that the thread is gone, perhaps by this very call. `unsent` tells that nothing was asked: upstream had told us
    before to wait.
    """

    unsent = False

    def __init__(self, message: str, *, response: ResponseHead, body: object | None = None) -> None:
        super().__init__(message, response.request, body=body)
        self.response = response
        self.status_code = response.status_code
        self.request_id = response.request_id
        self.retry_after = response.retry_after
        self.after_lost_answer = False

    def __str__(self) -> str:
        """Join status, upstream's words and the request id in one line."""
        tail = f" (request id {self.request_id})" if self.request_id else ""
        return f"Error code: {self.status_code} - {self.message}{tail}"


class BadRequestError(APIStatusError):
    """400."""


class AuthenticationError(APIStatusError):
    """401: the API key is wrong."""


class PermissionDeniedError(APIStatusError):
    """403."""


class NotFoundError(APIStatusError):
    """404: unknown, deleted, or belonging to another project's key."""


class ConflictError(APIStatusError):
    """409."""


class UnprocessableEntityError(APIStatusError):
    """422."""


class RateLimitError(APIStatusError):
    """429."""


class InternalServerError(APIStatusError):
    """500 and above."""


STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def status_error(response: ResponseHead, body: object | None) -> APIStatusError:
    """Return the error that an answer stands for; `body` is the inner `error` object, or None."""
    fallback = InternalServerError if response.status_code >= 500 else APIStatusError
    cls = STATUS_ERRORS.get(response.status_code, fallback)
    said = body.get("message") if isinstance(body, dict) else body
    message = said if isinstance(said, str) and said else NO_REASON
    if message is NO_REASON and response.status_code == 404:
        message += NOBODY_THERE
    if len(message) > MESSAGE_LIMIT:
        message = message[:MESSAGE_LIMIT] + "…"
    return cls(message, response=response, body=body)


def paused(request: RequestLine, seconds: float) -> RateLimitError:
    """Return the error for a call that was not made: upstream asked us to wait, and it is longer than the caller can."""
    head = ResponseHead(429, {}, request, seconds)
    error = RateLimitError(
        f"upstream asked for a pause that lasts {seconds:.1f} s more: nothing was sent", response=head
    )
    error.unsent = True
    return error


def redirect_refused(response: ResponseHead) -> APIStatusError:
    """Return the error for an answer that points elsewhere."""
    return APIStatusError(
        "upstream redirected and redirects are refused (the API key would follow): "
        "set base_url to the address that answers itself",
        response=response,
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
