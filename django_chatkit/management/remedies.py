"""An error of upstream's, in words for an operator: what it means here and how to mend it."""

import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

from requests.exceptions import ProxyError

from .. import conf
from ..client import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    AuthenticationError,
    ChatKitError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)

# A key shorter than this would be given away by four of its characters.
_SHORTEST_KEY_TO_HINT_AT = 12


class Explanation(NamedTuple):
    """Say what happened, and what to do."""

    says: str
    remedy: str


def masked(api_key: str) -> str:
    """Return the last four characters of a key, or none of a short one."""
    return f"...{api_key[-4:]}" if len(api_key) >= _SHORTEST_KEY_TO_HINT_AT else "..."


def explain(error: ChatKitError, settings: conf.Settings) -> Explanation:
    """Put an error into words. Upstream's own are kept: they may name the reason better than ours."""
    says = next(says for kind, says, _ in _MEANINGS if isinstance(error, kind))
    words = says.format(address=settings.base_url, key=masked(settings.api_key))
    return Explanation(f"{words} ({_evidence(error)})", remedy(type(error)))


def remedy(kind: type[ChatKitError]) -> str:
    """Return what helps against an error of this kind."""
    return next(remedy for known, _, remedy in _MEANINGS if issubclass(kind, known))


def unknown_workflow(error: ChatKitError, settings: conf.Settings, workflow: str) -> Explanation:
    """Put into words that a session can't be opened because upstream does not find the workflow."""
    return Explanation(
        f"Upstream does not find the workflow {workflow} with the key {masked(settings.api_key)} "
        f"({_evidence(error)})",
        "Check WORKFLOW_ID, publish the workflow, or use a key of the project that the workflow belongs to: "
        "with the key of another project it is not found. Mind OPENAI_API_KEY in the environment.",
    )


def _evidence(error: ChatKitError) -> str:
    if not isinstance(error, APIConnectionError) or error.__cause__ is None:
        return str(error)
    reason = _reason(error, error.__cause__)
    return f"{error.request.method} {error.request.url}: {reason}" if error.request else reason


def _reason(error: APIConnectionError, cause: BaseException) -> str:
    """Name why no answer came. The words of what was raised are left out: they may hold an address with a password."""
    links = list(_chain(cause))
    found = (words for kind, words in _REASONS if any(isinstance(link, kind) for link in links))
    return next(found, "timed out" if isinstance(error, APITimeoutError) else type(cause).__name__)


def _chain(cause: BaseException) -> Iterator[BaseException]:
    """Yield an error and those it was made from; requests and urllib3 keep them as arguments and as `reason`."""
    pending: list[object] = [cause]
    seen = set[int]()
    while pending:
        link = pending.pop()
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            pending += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]


# The first that fits: a proxy's refusal is the proxy's, not upstream's.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ProxyError, "the proxy can't be used"),
    (socket.gaierror, "the name is not found"),
    (ssl.SSLCertVerificationError, "TLS: the certificate is not trusted"),
    (ssl.SSLError, "TLS: the two sides do not understand each other"),
    (ConnectionRefusedError, "the connection was refused"),
    (ConnectionResetError, "the connection was cut"),
    (TimeoutError, "timed out"),
)

_MEANINGS: tuple[tuple[type[ChatKitError], str, str], ...] = (
    (
        AuthenticationError,
        "Upstream refused the API key {key}.",
        "Set CHATKIT['API_KEY'] or OPENAI_API_KEY to a secret key that is still valid, and restart all processes.",
    ),
    (
        PermissionDeniedError,
        "The API key {key} may not do this.",
        "Use a key of the right project with the permission for ChatKit; check ORGANIZATION and PROJECT.",
    ),
    (
        NotFoundError,
        "{address} does not know what was asked for.",
        "Check BASE_URL (it ends with /v1), the proxy, and the key's project. Or upstream's endpoints have closed.",
    ),
    (
        RateLimitError,
        "Upstream asks for less: too many requests, or no quota left.",
        "Try later, lower SYNC_CONCURRENCY, or raise the limits of the project.",
    ),
    (InternalServerError, "Upstream is in trouble.", "Try later; nothing of ours is wrong."),
    (
        APITimeoutError,
        "{address} did not answer in time.",
        "Check the network and the proxy, try later, or raise TIMEOUT.",
    ),
    (
        APIConnectionError,
        "{address} can't be reached.",
        "Check BASE_URL, the network, the proxy and the certificates of this machine.",
    ),
    (
        APIResponseValidationError,
        "{address} answers, but not as the API does.",
        "Check BASE_URL: it may name a web page or a proxy instead of the API (it ends with /v1).",
    ),
    (
        ChatKitError,
        "Upstream refused the request.",
        "Check BASE_URL, ORGANIZATION and PROJECT; upstream's words stand in brackets.",
    ),
)
