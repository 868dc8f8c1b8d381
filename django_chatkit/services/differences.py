"""What a comparison of upstream with a copy of it finds, and the report of that. Names and counts, never content."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal

from ..models.fields import dumps, loads
from .reports import Report

# How many differences a report keeps; all of them are told, one by one, as they are found.
KEPT = 1000

# What would break a line or a terminal; upstream's names may hold it.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Noun = Literal["thread", "item"]


class What(StrEnum):
    """Name the ways in which the two sides differ."""

    MISSING = "missing"
    GONE_HERE = "gone here"
    NOT_UPSTREAM = "not upstream"
    PAYLOAD = "payload"
    COLUMNS = "columns"
    ORDER = "order"
    BEHIND = "behind"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Name one thing that is not the same on both sides. Two are equal that say the same of the same thing."""

    noun: Noun
    id: str
    thread_id: str
    what: What
    # Of a payload: the names of the keys that differ; none where only their order does. Else of the columns beside it.
    keys: tuple[str, ...] = field(default=(), compare=False)
    # How many it stands for: items that the mirror is behind by, or things in a row that upstream does not have.
    count: int = field(default=1, compare=False)
    # What was compared with what, in words.
    ours: str = field(default="the mirror", compare=False)
    theirs: str = field(default="upstream", compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "noun": self.noun,
            "id": printable(self.id),
            "thread_id": printable(self.thread_id),
            "what": self.what.value,
            "keys": [printable(key) for key in self.keys],
            "count": self.count,
        }

    def __str__(self) -> str:
        of = f" of thread {self.thread_id}" if self.noun == "item" else ""
        return printable(f"{self.noun} {self.id}{of}: {self._says()}")

    def _says(self) -> str:
        match self.what:
            case What.MISSING:
                return f"missing {self._here}"
            case What.GONE_HERE:
                return f"marked gone {self._here}, and {self.theirs} has it"
            case What.NOT_UPSTREAM:
                more = f", nor the {self.count - 1} after it" if self.count > 1 else ""
                where = "listed upstream" if self.theirs == "upstream" else f"in {self.theirs}"
                return f"present {self._here}, and not {where}{more}"
            case What.PAYLOAD:
                return f"differs in {', '.join(self.keys) or 'the order of its keys'}"
            case What.COLUMNS:
                return f"differs from its own payload {self._here} in {', '.join(self.keys)}"
            case What.ORDER:
                return f"in another place {self._here}"
            case What.TEXT:
                return f"says the same {self._here} in another text: other spaces, escapes or numbers"
            case _:
                where = "upstream" if self.theirs == "upstream" else f"in {self.theirs}"
                return f"{self.ours} is behind: {self.count} newer {where}"

    @property
    def _here(self) -> str:
        return "here" if self.ours == "the mirror" else f"in {self.ours}"


def of_thread(id: str, what: What, **details: Any) -> Difference:
    """Return a difference of a thread."""
    return Difference(noun="thread", id=id, thread_id=id, what=what, **details)


def printable(text: str) -> str:
    """Return the text with each character that would break a line or a terminal replaced by U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


def differing_keys(payload: Mapping[str, Any], stored: str) -> tuple[str, ...]:
    """Return the names of the keys in which a payload differs from one that is kept as text."""
    held = _object(stored)
    names = payload.keys() | held.keys()
    return tuple(sorted(name for name in names if _value(payload, name) != _value(held, name)))


def _object(stored: str) -> Mapping[str, Any]:
    """Read a kept payload; one that is no JSON object any more has no keys."""
    try:
        held = loads(stored)
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _value(payload: Mapping[str, Any], name: str) -> str | None:
    return dumps(payload[name]) if name in payload else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Say how many threads to compare. The same seed picks the same threads of an unchanged mirror."""

    size: int
    seed: int


@dataclass(slots=True, kw_only=True)
class VerifyReport(Report):
    """Count what was compared and what differs, and keep the first thousand differences."""

    # Where only a sample was compared: which.
    sample: Sample | None = None
    threads: int = 0
    items: int = 0
    requests: int = 0
    differences: int = 0
    # How many of each kind there are.
    kinds: Counter[What] = field(default_factory=Counter)
    found: list[Difference] = field(default_factory=list)
    # What is worth knowing, and no difference: the first thousand.
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Tell whether all was compared and nothing differs."""
        return not self.failures and not self.differences

    def add(self, difference: Difference) -> None:
        """Count a difference, and keep it while there is room."""
        self.differences += 1
        self.kinds[difference.what] += 1
        if len(self.found) < KEPT:
            self.found.append(difference)

    def note(self, words: str) -> None:
        """Keep a note while there is room."""
        if len(self.notes) < KEPT:
            self.notes.append(words)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able values; ``left_out`` says how many differences are counted and not listed."""
        return {
            "sample": None if self.sample is None else asdict(self.sample),
            "threads": self.threads,
            "items": self.items,
            "requests": self.requests,
            "differences": self.differences,
            "kinds": {what.value: count for what, count in self.kinds.items()},
            "found": [each.as_dict() for each in self.found],
            "left_out": self.differences - len(self.found),
            "notes": self.notes,
            "failures": [asdict(each) for each in self.failures],
            "ok": self.ok,
        }
