"""An upstream of one's own, in memory, for development and tests.

Imports nothing of Django and nothing else of this package, so that the emulator cannot share a mistake with the code
that it tests. The two names most asked for are loaded on first use: the pytest plug-in lives in this package, and
every pytest run of every host would otherwise pay for importing requests.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter import EmulatorAdapter
    from .emulator import Emulator

__all__ = ["Emulator", "EmulatorAdapter"]

_HOMES = {"Emulator": ".emulator", "EmulatorAdapter": ".adapter"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)
