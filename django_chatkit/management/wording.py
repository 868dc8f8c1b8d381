"""Words that the commands share."""

from datetime import timedelta

_UNITS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def counted(number: int, noun: str) -> str:
    """Return how many there are of something, as in "1 request" and "2 requests"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def span(value: timedelta) -> str:
    """Return how long something is, in its biggest unit and the next: "0.4 s", "3 min 20 s", "2 days 4 h"."""
    seconds = max(value.total_seconds(), 0.0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    parts, rest = [], round(seconds)
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        parts.append(counted(number, unit) if unit == "day" else f"{number} {unit}")
    first = next(place for place, part in enumerate(parts) if not part.startswith("0 "))
    return " ".join(part for part in parts[first : first + 2] if not part.startswith("0 "))
