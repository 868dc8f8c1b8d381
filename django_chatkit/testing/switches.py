"""What nobody outside knows about upstream: one switch for each, with the guess that we start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CancelAnswer = Literal["expired", "cancelled", "not_found", "bad_request", "conflict"]


@dataclass(kw_only=True)
class Switches:
    """Choose how the emulator behaves where upstream's behaviour is not published.

    Every field may be set at any moment; the next request sees it.
    """

    # Which of the two descriptions of the API the answers follow: the published specification, or the documentation
    # (items `message` and `event`, rate_limits.per_minute, expires_after in seconds).
    dialect: Literal["specification", "documentation"] = "specification"

    # POST /chatkit/sessions/{id}/cancel for a session whose time is over: 200 with that status, or 404, 400, 409.
    cancel_of_expired: CancelAnswer = "expired"
    # The same for a session that was cancelled before.
    cancel_of_cancelled: CancelAnswer = "cancelled"

    # DELETE of a thread that was deleted before.
    second_delete: Literal["not_found", "deleted"] = "not_found"

    # A cursor that names nothing in the list that is asked for.
    bad_cursor: Literal["not_found", "bad_request", "ignored"] = "not_found"
    # `after` and `before` in one request: what lies between, or a 400.
    both_cursors: Literal["between", "error"] = "between"
    # limit=0, which the specification allows: an empty page, the default of 20, or a 400.
    limit_zero: Literal["empty", "default", "error"] = "empty"
    # limit=101 and more, which the specification forbids: a 400, or 100.
    limit_above_maximum: Literal["error", "clamp"] = "error"
    # The order of threads, and of items, created within the same second.
    tie_order: Literal["insertion", "reversed", "id"] = "insertion"

    # A request without `OpenAI-Beta: chatkit_beta=v1`.
    missing_beta_header: Literal["ignored", "error"] = "ignored"
    # A field in the body that the specification does not name.
    unknown_parameter: Literal["error", "ignored"] = "error"
    # The words of a refusal: a format string over {message} and {param}.
    validation_wording: str = "{message}"
    # Whether a refusal names the refused field in `param`.
    validation_param: bool = True

    # The `error` object of a 429, and the headers that come with it.
    rate_limit_error: Mapping[str, Any] = field(
        default_factory=lambda: {
            "message": "Too many requests for now; wait and try again.",
            "type": "requests",
            "param": None,
            "code": "rate_limit_exceeded",
        }
    )
    rate_limit_headers: Mapping[str, str] = field(default_factory=lambda: {"retry-after": "1"})
    # Which requests of the chat endpoint count against max_requests_per_1_minute: those that run the workflow, or all.
    rate_limit_counts: Literal["runs", "all"] = "runs"
    # Whether a 200 carries `x-ratelimit-*` headers.
    rate_limit_headers_on_success: bool = False

    # Whether a session in an answer has its `workflow`.
    workflow_in_session: bool = True
    # Whether lists and look-ups reach over the whole organization or the project of the `OpenAI-Project` header.
    scope: Literal["organization", "project"] = "organization"
    # The longest `user` that a session may be opened for; None: no limit. (The list filter stops at 512.)
    longest_user: int | None = None

    # From which moment (Unix seconds) the operations of `shutdown_operations` answer `shutdown_status`; None: never.
    shutdown_at: float | None = None
    shutdown_status: int = 404
    shutdown_operations: frozenset[str] = frozenset({"create_session", "conversation"})

    # The API keys that are good; None: any that is not empty.
    api_keys: frozenset[str] | None = None
    # The workflows that exist; None: any.
    workflows: frozenset[str] | None = None

    # Seconds between two pieces of a streamed reply.
    stream_pace: float = 0.0
