"""Faults to order: which operation fails, how, how often, and after how many good answers."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

OPERATIONS: Final = (
    "create_session",
    "cancel_session",
    "list_threads",
    "retrieve_thread",
    "delete_thread",
    "list_items",
    "conversation",
    "script",
)
KINDS: Final = (
    "status",
    "not_here",
    "unknown_address",
    "delay",
    "trickle",
    "cut",
    "not_json",
    "wrong_shape",
    "repeat_page",
    "empty_page",
    "reset",
    "timeout",
)
# A delay or a trickle is weather: it lasts unless a count is given. Everything else happens once.
_LASTING: Final = ("delay", "trickle")
_WITHOUT_ACT: Final = ("status", "not_here", "unknown_address", "reset", "timeout")
_SECONDS: Final = ("delay", "trickle", "timeout")
_SPEC = re.compile(
    r"(?P<operation>[a-z_]+|\*):"
    r"(?:(?P<status>[2-5][0-9]{2})|(?P<kind>[a-z_]+))"
    r"(?:=(?P<seconds>[0-9]+(?:\.[0-9]+)?))?"
    r"(?:x(?P<times>[0-9]+|\*))?"
    r"(?:@(?P<after>[0-9]+))?"
)


@dataclass(kw_only=True, eq=False)
class Fault:
    """Describe one fault.

    `times` None: for ever. `acts`: whether the call is done all the same before its answer is lost or spoilt; None:
    done where an answer is spoilt (cut, trickle, not_json, wrong_shape, repeat_page, empty_page, delay), not done where
    there is none (status, not_here, unknown_address, reset, timeout). `delay` is in seconds. `match`: only requests whose
    path or query has this in it.
    """

    operation: str = "*"
    kind: str = "status"
    status: int = 500
    times: int | None = 1
    after: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    match: str | None = None
    delay: float = 0.0
    acts: bool | None = None

    def __post_init__(self) -> None:
        if self.operation not in (*OPERATIONS, "*"):
            raise ValueError(f"{self.operation!r} is no operation; choose from: *, {', '.join(OPERATIONS)}")
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of fault; choose from: {', '.join(KINDS)}")
        if self.acts is None:
            self.acts = self.kind not in _WITHOUT_ACT


class Faults:
    """Keep the faults that are still to happen; the first that fits a request is taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Order a fault."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Call off everything ordered."""
        with self._lock:
            self._waiting.clear()

    def take(self, *, operation: str, subject: str) -> Fault | None:
        """Return the fault that this request meets, and count it off."""
        with self._lock:
            for fault in self._waiting:
                if fault.operation not in (operation, "*") or (fault.match or "") not in subject:
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                self._count_off(fault)
                return fault
        return None

    def _count_off(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._waiting.remove(fault)


def parse(spec: str) -> list[Fault]:
    """Read faults from a line such as `list_items:429x3,retrieve_thread:reset,*:delay=0.2`.

    Each is OPERATION:STATUS or OPERATION:KIND, then `=SECONDS` (delay, trickle, timeout), `xTIMES` (`x*`: for ever)
    and `@AFTER` (so many good answers first). ValueError names the part that cannot be read.
    """
    return [_parse_one(part.strip()) for part in spec.split(",") if part.strip()]


def _parse_one(part: str) -> Fault:
    found = _SPEC.fullmatch(part)
    if found is None:
        raise ValueError(
            f"{part!r} is no fault; write OPERATION:STATUS or OPERATION:KIND, as in list_items:429x3"
        )
    kind = found["kind"] or "status"
    if found["seconds"] and kind not in _SECONDS:
        raise ValueError(f"{part!r}: only {', '.join(_SECONDS)} take seconds")
    times = found["times"] or ("*" if kind in _LASTING else "1")
    try:
        return Fault(
            operation=found["operation"],
            kind=kind,
            status=int(found["status"] or 500),
            times=None if times == "*" else int(times),
            after=int(found["after"] or 0),
            delay=float(found["seconds"] or 0),
        )
    except ValueError as error:
        raise ValueError(f"{part!r}: {error}") from None
