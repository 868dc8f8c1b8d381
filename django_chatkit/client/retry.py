"""When a call is made once more, and after how many seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz

from .errors import APIConnectionError, APIError, APIStatusError

LONGEST_WAIT = 120.0  # seconds; asked to wait longer, we end the call instead of sleeping
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 8.0

# Note [Repeating a create]: upstream has no idempotency key, so a create that is repeated may open a second session.
# It is repeated only where nobody can have acted on it: the connection failed before the first byte was sent, or
# upstream said that it turned the request away (429, 503). A lost answer, a timeout while reading, a 500 or a cut body
# may hide a session that exists; `x-should-retry: true` does not know whether the caller can live with two.
_TURNED_AWAY = frozenset({429, 503})
_WORTH_REPEATING = frozenset({408, 409, 429})

# Note [A pause for all]: 429 and 503 are about the pace of everybody who uses the key, so whoever meets one closes the
# gate for all, also where its own attempts are used up. Not so where upstream says that waiting does not help
# (`x-should-retry: false` without a time, as when a quota is spent): a pause would only delay that answer for the others,
# and hold up what may still be allowed. Nor where it asks for more than two minutes: that is no pause but an outage.
_FOR_ALL = frozenset({429, 503})


def seconds_asked(headers: Mapping[str, str], *, now: float) -> float | None:
    """Return how long upstream asks us to wait: `retry-after-ms`, else `Retry-After` in seconds or as a date.

    `now` is Unix time in seconds. None when it did not ask, or not in a form that means a number of seconds.
    """
    in_ms = _number(headers.get("retry-after-ms"))
    if in_ms is not None:
        return in_ms / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    return _until(text, now) if seconds is None and text else seconds


def backoff(attempt: int, chance: float) -> float:
    """Return the wait after the attempt with this number (from 0): doubling to 8 s, less up to a quarter.

    `chance` is a random number of 0..1; it keeps many clients from coming back at the same moment.
    """
    return min(FIRST_BACKOFF * 2.0 ** min(attempt, 10), LONGEST_BACKOFF) * (1 - 0.25 * chance)


def spread(seconds: float, chance: float) -> float:
    """Return a little more than `seconds`: up to a tenth, a second at most, by `chance` (0..1).

    Many wait for the same moment; so they do not come back in the same instant.
    """
    return seconds + min(0.1 * seconds, 1.0) * chance


def pause_for_all(error: APIError, *, attempt: int, chance: float) -> float | None:
    """Return for how many seconds nobody may call, or None; see Note [A pause for all]."""
    if not isinstance(error, APIStatusError) or error.status_code not in _FOR_ALL or error.unsent:
        return None
    asked = error.retry_after
    if asked is not None and asked > 0:
        return asked if asked <= LONGEST_WAIT else None
    return None if error.response.headers.get("x-should-retry") == "false" else backoff(attempt, chance)


def wait_before_repeat(
    error: APIError, *, repeatable: bool, attempt: int, chance: float, longest: float = LONGEST_WAIT
) -> float | None:
    """Return the seconds to wait before the call is made again, or None when it must not be.

    `repeatable` is False for a create (Note [Repeating a create]). Asked to wait longer than `longest` seconds, the
    call ends; else the wait is as long as asked, and a little `spread`.
    """
    if not _may_repeat(error, repeatable):
        return None
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    if asked is not None and asked > longest:
        return None
    return spread(asked, chance) if asked is not None and asked > 0 else backoff(attempt, chance)


def _may_repeat(error: APIError, repeatable: bool) -> bool:
    if isinstance(error, APIConnectionError):
        return repeatable or error.unsent
    if not isinstance(error, APIStatusError) or error.unsent:
        return False
    status, wish = error.status_code, error.response.headers.get("x-should-retry")
    if wish == "false" or status < 400 or not (repeatable or status in _TURNED_AWAY):
        return False
    return wish == "true" or status in _WORTH_REPEATING or status >= 500


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _until(text: str, now: float) -> float | None:
    try:
        parsed = parsedate_tz(text)
        return None if parsed is None else mktime_tz(parsed) - now
    except (ValueError, OverflowError):
        return None
