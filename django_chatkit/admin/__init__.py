"""The admin: end users, sessions, threads as conversations, items, sync runs, erasures, the overview. Read-only; acting goes through services."""

from .end_users import EndUserAdmin
from .erasures import ErasureAdmin
from .items import ChatThreadItemAdmin
from .overview import OverviewAdmin
from .runs import SyncRunAdmin
from .sessions import ChatSessionAdmin
from .threads import ChatThreadAdmin

__all__ = [
    "ChatSessionAdmin",
    "ChatThreadAdmin",
    "ChatThreadItemAdmin",
    "EndUserAdmin",
    "ErasureAdmin",
    "OverviewAdmin",
    "SyncRunAdmin",
]
