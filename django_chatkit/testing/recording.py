"""What was asked of the emulator: evidence for tests, with no secret in it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .answers import Response
from .calls import Call


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """Hold one request: header names in lower case, `Authorization` masked, `body` parsed (None: none, or no JSON).

    `operation` is "" where there is no such call; `status` is None where no answer was given (reset, timeout).
    """

    method: str
    path: str
    query: Mapping[str, str]
    operation: str
    headers: Mapping[str, str]
    body: Any
    status: int | None
    at: float


class Recorder:
    """Keep requests in the order in which they were answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []
        self._counts: Counter[str] = Counter()

    def add(self, call: Call, response: Response, *, at: float) -> None:
        """Record one request and the status of its answer."""
        headers = dict(call.headers)
        if "authorization" in headers:
            headers["authorization"] = "Bearer ***"
        status = None if response.damage in ("reset", "timeout") else response.status
        recorded = RecordedRequest(
            call.method, call.path, call.query, call.operation, headers, _parsed(call.body), status, at
        )
        with self._lock:
            self._requests.append(recorded)
            self._counts[call.operation] += 1

    def all(self) -> list[RecordedRequest]:
        """Return everything recorded."""
        with self._lock:
            return list(self._requests)

    def count(self, operation: str | None) -> int:
        """Return how many requests came, of one operation or (None) of all."""
        with self._lock:
            return len(self._requests) if operation is None else self._counts[operation]

    def clear(self) -> None:
        """Forget everything recorded."""
        with self._lock:
            self._requests.clear()
            self._counts.clear()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
