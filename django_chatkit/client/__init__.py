"""A client of hosted ChatKit over requests; usable without Django.

Names, arguments and error classes are those of OpenAI's SDK, so that code moves between the two by its import.
"""

from .checking import NOT_GIVEN, NotGiven, Omit, not_given, omit
from .core import ChatKit
from .errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ChatKitError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    OpenAIError,
    PermissionDeniedError,
    RateLimitError,
    RepeatedCursorError,
    UnprocessableEntityError,
)
from .gate import Gate, MemoryGate, StandStill
from .pages import Page, SyncConversationCursorPage, SyncCursorPage, SyncPage
from .params import (
    ChatKitConfiguration,
    ChatSessionChatKitConfigurationParam,
    ChatSessionExpiresAfterParam,
    ChatSessionRateLimitsParam,
    ChatSessionWorkflowParam,
    ExpiresAfter,
    RateLimits,
    Workflow,
)
from .wire import ChatKitThread, ChatKitThreadItem, ChatSession, Secret, ThreadDeleteResponse, WireObject

__all__ = [
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ChatKit",
    "ChatKitConfiguration",
    "ChatKitError",
    "ChatKitThread",
    "ChatKitThreadItem",
    "ChatSession",
    "ChatSessionChatKitConfigurationParam",
    "ChatSessionExpiresAfterParam",
    "ChatSessionRateLimitsParam",
    "ChatSessionWorkflowParam",
    "ConflictError",
    "ExpiresAfter",
    "Gate",
    "InternalServerError",
    "MemoryGate",
    "NotFoundError",
    "NotGiven",
    "Omit",
    "OpenAIError",
    "Page",
    "PermissionDeniedError",
    "RateLimitError",
    "RateLimits",
    "RepeatedCursorError",
    "Secret",
    "StandStill",
    "SyncConversationCursorPage",
    "SyncCursorPage",
    "SyncPage",
    "ThreadDeleteResponse",
    "UnprocessableEntityError",
    "WireObject",
    "Workflow",
    "not_given",
    "omit",
]
