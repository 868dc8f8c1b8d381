"""Sessions: open one, cancel one. Upstream has no call that reads or lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .calls import Extras, Operation
from .checking import NOT_GIVEN, NotGiven, omit, path_id
from .errors import APIResponseValidationError
from .params import ChatKitConfiguration, ExpiresAfter, RateLimits, Workflow, create_body
from .reading import describe
from .transport import Transport
from .wire import ChatSession

CREATE = Operation("POST", "/chatkit/sessions", repeatable=False)
CANCEL = Operation("POST", "/chatkit/sessions/{session_id}/cancel")


class Sessions:
    """The calls of a client about sessions."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        *,
        user: str,
        workflow: Workflow | Mapping[str, Any] | str,
        chatkit_configuration: ChatKitConfiguration | Mapping[str, Any] | NotGiven | None = omit,
        expires_after: ExpiresAfter | Mapping[str, Any] | float | NotGiven | None = omit,
        rate_limits: RateLimits | Mapping[str, Any] | NotGiven | None = omit,
        extra_headers: Mapping[str, object] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: object = NOT_GIVEN,
    ) -> ChatSession:
        """Open a session for an end user and return it with its `client_secret`.

        `user` is the scope that owns the threads; `workflow` an id or a dict with `id`, `version`, `state_variables`,
        `tracing`; `expires_after` is in seconds (1..600) or a dict; `rate_limits` a dict with `per_minute` or
        `max_requests_per_1_minute`.

        Raises:
            TypeError, ValueError: an argument is outside what upstream takes; nothing was sent.
            APIResponseValidationError: the answer cannot be read or lacks the id or the secret; a session may exist.
            APIError: any other failure. The call is repeated only where upstream cannot have acted on it.
        """
        body = create_body(
            user=user,
            workflow=workflow,
            chatkit_configuration=chatkit_configuration,
            expires_after=expires_after,
            rate_limits=rate_limits,
        )
        extras = Extras(extra_headers, extra_query, extra_body, timeout)
        reply = self._transport.call(CREATE, "/chatkit/sessions", body=body, extras=extras)
        session_id = reply.payload.get("id")
        if not isinstance(session_id, str) or not session_id:
            raise APIResponseValidationError(reply.head, message=describe(reply.head, "it has no id"))
        if reply.client_secret is None:
            raise APIResponseValidationError(
                reply.head, message=describe(reply.head, "it has no client_secret")
            )
        return ChatSession(reply.payload, reply.head.request_id, client_secret=reply.client_secret)

    def cancel(
        self,
        session_id: str,
        *,
        extra_headers: Mapping[str, object] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: object = NOT_GIVEN,
    ) -> ChatSession:
        """End a session, so that its client secret opens nothing any more, and return it as it is now.

        Raises:
            TypeError, ValueError: the id cannot be one; nothing was sent.
            APIError: the call failed; NotFoundError, ConflictError and BadRequestError may mean that it had ended.
        """
        path = f"/chatkit/sessions/{path_id(session_id, 'session_id')}/cancel"
        extras = Extras(extra_headers, extra_query, extra_body, timeout)
        reply = self._transport.call(CANCEL, path, extras=extras)
        return ChatSession(reply.payload, reply.head.request_id, client_secret=reply.client_secret)
