"""What a host takes out of threads and items before anybody sees them: its function, and what is left where that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

# Is given the type ("chatkit.thread", or an item's own) and the payload, and returns the payload to go on with.
Redact = Callable[[str, dict[str, Any]], dict[str, Any]]

THREAD = "chatkit.thread"
# By these an object is told from others: no function may change them.
KEPT = ("id", "user")


class Withheld(dict[str, Any]):
    """What is left of an object that could not be redacted: its id. `why` quotes nothing of it."""

    def __init__(self, payload: dict[str, Any], why: str) -> None:
        super().__init__({"id": payload["id"]} if "id" in payload else {})
        self.why = why


def redacted(redact: Redact, payload: dict[str, Any], *, type: str | None = None) -> dict[str, Any]:
    """Return a payload as a host's function leaves it; what it can't do leaves nothing but the id."""
    kind = type or payload.get("type")
    why = ""
    try:
        # In and out as copies: what the function keeps a hold of, or is no JSON, goes no further.
        left = redact(kind if isinstance(kind, str) else "", deepcopy(payload))
        left = json.loads(json.dumps(left, allow_nan=False))
    except Exception as error:  # noqa: BLE001 - it is anybody's function; its words may quote what it was given
        why = f"the function of REDACT failed: {error.__class__.__name__}"
    else:
        if not isinstance(left, dict):
            why = f"the function of REDACT returned {left.__class__.__name__}, not a dict"
        elif changed := [name for name in KEPT if left.get(name) != payload.get(name)]:
            why = f"the function of REDACT changed {' and '.join(changed)}"
        else:
            return left
    return Withheld(payload, why)
