"""What we say: the arguments of a create, in the documentation's words or the specification's."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from .checking import number, one_of, present, refuse_unknown, text, whole_number

SHORTEST_SESSION, LONGEST_SESSION = 1, 600  # seconds; 600 is also upstream's default
MOST_STATE_VARIABLES = 64
LONGEST_VARIABLE_NAME = 64  # characters
LONGEST_VARIABLE = 10_485_760  # characters
LARGEST_FILE = 512  # megabytes


class Tracing(TypedDict):
    """Whether upstream keeps a trace of what the workflow did."""

    enabled: bool


class Workflow(TypedDict):
    """The workflow that answers, what it is told, and which version of it."""

    id: str
    version: NotRequired[str | None]
    state_variables: NotRequired[Mapping[str, str | int | float | bool] | None]
    tracing: NotRequired[Tracing | None]


class ExpiresAfter(TypedDict):
    """How long a session accepts messages, in seconds from its creation."""

    seconds: int
    anchor: NotRequired[Literal["created_at"]]


class RateLimits(TypedDict, total=False):
    """How many requests a minute a browser may make; the documentation says `per_minute`."""

    max_requests_per_1_minute: int
    per_minute: int


class AutomaticThreadTitling(TypedDict, total=False):
    """Whether upstream names threads."""

    enabled: bool


class FileUpload(TypedDict, total=False):
    """Whether files may be attached, how large (megabytes) and how many."""

    enabled: bool
    max_file_size: int
    max_files: int


class History(TypedDict, total=False):
    """Whether earlier threads are shown, and how many."""

    enabled: bool
    recent_threads: int | None


class ChatKitConfiguration(TypedDict, total=False):
    """What the widget offers."""

    automatic_thread_titling: AutomaticThreadTitling
    file_upload: FileUpload
    history: History


# The SDK's names of the same.
ChatSessionWorkflowParam = Workflow
ChatSessionExpiresAfterParam = ExpiresAfter
ChatSessionRateLimitsParam = RateLimits
ChatSessionChatKitConfigurationParam = ChatKitConfiguration


def create_body(
    *,
    user: object,
    workflow: object,
    chatkit_configuration: object,
    expires_after: object,
    rate_limits: object,
) -> dict[str, Any]:
    """Return the body of a create in the specification's words; what is absent or None is left out.

    Raises:
        TypeError, ValueError: an argument is outside what upstream takes; the text names it and its limit.
    """
    body: dict[str, Any] = {"user": text(user, "user"), "workflow": _workflow(workflow)}
    if present(chatkit_configuration):
        body["chatkit_configuration"] = _configuration(chatkit_configuration)
    if present(expires_after):
        body["expires_after"] = _expires_after(expires_after)
    if present(rate_limits):
        body["rate_limits"] = _rate_limits(rate_limits)
    return body


def _workflow(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        value = {"id": value}
    given = refuse_unknown(value, "workflow", ("id", "version", "state_variables", "tracing"))
    said: dict[str, Any] = {"id": text(given.get("id"), "workflow['id']")}
    if present(given.get("version")):
        said["version"] = _version(given["version"])
    if present(given.get("state_variables")):
        said["state_variables"] = _state_variables(given["state_variables"])
    if present(given.get("tracing")):
        said["tracing"] = _switches(given["tracing"], "workflow['tracing']", {"enabled": None})
    return said


def _version(value: object) -> str:
    version = text(value, "workflow['version']")
    if version.strip().lower() == "latest":
        raise ValueError(
            "workflow['version'] must not be 'latest': upstream accepts it and then fails in the chat. "
            "Leave version out to get the newest published one."
        )
    return version


def _state_variables(value: object) -> dict[str, Any]:
    name = "workflow['state_variables']"
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dict, not {type(value).__name__}.")
    if len(value) > MOST_STATE_VARIABLES:
        raise ValueError(f"{name} may have at most {MOST_STATE_VARIABLES} entries, not {len(value)}.")
    for key, variable in value.items():
        if not isinstance(key, str):
            raise TypeError(f"{name} must have str keys, not {type(key).__name__}.")
        if len(key) > LONGEST_VARIABLE_NAME:
            raise ValueError(
                f"{name} has a key of {len(key)} characters ({key[:20]!r}...); at most {LONGEST_VARIABLE_NAME}."
            )
        _state_variable(variable, f"{name}[{key!r}]")
    return dict(value)


def _state_variable(value: object, name: str) -> None:
    if isinstance(value, bool):
        return
    if isinstance(value, str):
        if len(value) > LONGEST_VARIABLE:
            raise ValueError(f"{name} may have at most {LONGEST_VARIABLE:,} characters, not {len(value):,}.")
        return
    number(value, name, "str, int, bool or float")


def _expires_after(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        given = refuse_unknown(value, "expires_after", ("anchor", "seconds"))
        if present(given.get("anchor")):
            one_of(given["anchor"], "expires_after['anchor']", ("created_at",))
        seconds, name = given.get("seconds"), "expires_after['seconds']"
    else:
        seconds, name = value, "expires_after"
    if isinstance(seconds, float) and seconds.is_integer():
        seconds = int(seconds)
    whole_number(seconds, name, SHORTEST_SESSION, LONGEST_SESSION, unit="seconds")
    return {"anchor": "created_at", "seconds": seconds}


def _rate_limits(value: object) -> dict[str, Any]:
    given = refuse_unknown(value, "rate_limits", ("max_requests_per_1_minute", "per_minute"))
    limits = {key: limit for key, limit in given.items() if present(limit)}
    if len(limits) != 1:
        raise ValueError(
            "rate_limits must have one of 'max_requests_per_1_minute' and 'per_minute' (they mean the same)."
        )
    ((key, limit),) = limits.items()
    return {"max_requests_per_1_minute": whole_number(limit, f"rate_limits['{key}']", 1)}


def _configuration(value: object) -> dict[str, Any]:
    name = "chatkit_configuration"
    given = refuse_unknown(value, name, tuple(_GROUPS))
    return {
        group: _switches(given[group], f"{name}['{group}']", known)
        for group, known in _GROUPS.items()
        if present(given.get(group))
    }


# Group -> field -> (least, most), or None for a switch.
_GROUPS: dict[str, dict[str, tuple[int, int | None] | None]] = {
    "automatic_thread_titling": {"enabled": None},
    "file_upload": {"enabled": None, "max_file_size": (1, LARGEST_FILE), "max_files": (1, None)},
    "history": {"enabled": None, "recent_threads": (1, None)},
}


def _switches(
    value: object, name: str, known: Mapping[str, tuple[int, int | None] | None]
) -> dict[str, bool | int]:
    given = refuse_unknown(value, name, tuple(known))
    said: dict[str, bool | int] = {}
    for key, setting in given.items():
        if not present(setting):
            continue
        bounds = known[key]
        if bounds is not None:
            said[key] = whole_number(setting, f"{name}['{key}']", *bounds)
        elif isinstance(setting, bool):
            said[key] = setting
        else:
            raise TypeError(f"{name}['{key}'] must be True or False, not {type(setting).__name__}.")
    return said
