"""What is refused, in upstream's words: a status and the envelope ``{"error": {...}}``."""

import math
from collections.abc import Mapping
from typing import Any

_LONGEST_ECHO = 200  # characters of the asker's own text that a refusal repeats

# What the specification calls the ids in addresses.
_IN_ADDRESSES = {"Chatkit Session": "session_id", "Thread": "thread_id"}


class Refusal(Exception):
    """Tell why a request gets no answer. Its texts are English, as upstream's are: programs read them too."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code
        self.headers = dict(headers or {})

    @property
    def document(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def not_found(noun: str, id: str, *, param: str | None = None) -> Refusal:
    """Return the refusal of an id that names nothing that the asker may see; no `param`: the one in the address."""
    message = f"{noun} with id '{echo(id)}' not found."
    return Refusal(404, message, param=param or _IN_ADDRESSES.get(noun), code="not_found")


def invalid(message: str, *, param: str | None, code: str = "invalid_value") -> Refusal:
    """Return the refusal of a value, naming the parameter."""
    return Refusal(400, message, param=param, code=code)


def missing(param: str) -> Refusal:
    """Return the refusal of an object that lacks what it must have."""
    return invalid(f"'{param}' is required.", param=param, code="missing_required_parameter")


def forbidden(message: str) -> Refusal:
    """Return the refusal of an act on something that the asker may see."""
    return Refusal(403, message, code="permission_denied")


def echo(text: str) -> str:
    """Return the asker's text, short enough to be repeated."""
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}…"


def seconds(wait: float) -> str:
    """Return a time to wait as ``Retry-After`` says it: whole seconds, at least one."""
    return str(max(1, math.ceil(wait)))
