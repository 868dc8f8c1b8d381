"""What the doctor found: one finding a question."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Judge what was examined."""

    WELL = "well"
    NOTE = "note"  # worth knowing, nothing to mend at once
    UNKNOWN = "unknown"  # could not be examined, because something else is wrong or it was not asked for
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Say what was found in words, and how to mend it where something is wrong."""

    name: str
    verdict: Verdict
    says: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.says} {self.remedy}".rstrip()

    def as_dict(self) -> dict[str, str]:
        """Return the finding as JSON-able values."""
        return asdict(self)


def well(name: str, says: str) -> Finding:
    """Find that all is well."""
    return Finding(name=name, verdict=Verdict.WELL, says=says)


def note(name: str, says: str, remedy: str = "") -> Finding:
    """Find something worth knowing."""
    return Finding(name=name, verdict=Verdict.NOTE, says=says, remedy=remedy)


def unknown(name: str, says: str) -> Finding:
    """Find that the question can't be answered."""
    return Finding(name=name, verdict=Verdict.UNKNOWN, says=says)


def wrong(name: str, says: str, remedy: str) -> Finding:
    """Find something wrong, and say how to mend it."""
    return Finding(name=name, verdict=Verdict.WRONG, says=says, remedy=remedy)
