"""What the emulator says: answers that know nothing of the transport, and refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

Damage = Literal["cut", "reset", "timeout", "trickle"]


@dataclass(slots=True)
class Response:
    """Hold one answer; the transport (adapter or server) does the waiting and the damage.

    `body` is bytes, or an iterator for a stream. `delay` is in seconds: before the answer, between the bytes of a
    trickle, or for how long a "timeout" keeps silent.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""
    delay: float = 0.0
    damage: Damage | None = None


class Refusal(Exception):
    """Raised where a request is refused; becomes upstream's error envelope."""

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
        self.error: dict[str, Any] = {"message": message, "type": type, "param": param, "code": code}
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the answer that tells of the refusal."""
        return as_json({"error": self.error}, status=self.status, headers=self.headers)


def as_json(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer. ASCII only: a lone surrogate travels as its escape."""
    body = json.dumps(document, separators=(",", ":")).encode("ascii")
    return Response(status, {"content-type": "application/json", **(headers or {})}, body)


def not_found(noun: str, id: str) -> Refusal:
    """Return the refusal for an id that names nothing."""
    return Refusal(404, f"{noun} with id '{id}' not found.")


def phrase(status: int) -> str:
    """Return the words that go with a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
