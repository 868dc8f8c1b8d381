"""The ledger and the mirror, and staff's own words on it: columns, constraints and querysets."""

from .annotations import Tag, ThreadNote, ThreadReview
from .days import DailyCount, Overview
from .end_users import EndUser
from .erasures import ErasedThread, Erasure
from .holds import Hold
from .items import ChatThreadItem
from .pruned import PrunedThread
from .runs import SyncRun
from .sessions import ChatSession
from .threads import ChatThread

__all__ = [
    "ChatSession",
    "ChatThread",
    "ChatThreadItem",
    "DailyCount",
    "EndUser",
    "ErasedThread",
    "Erasure",
    "Hold",
    "Overview",
    "PrunedThread",
    "SyncRun",
    "Tag",
    "ThreadNote",
    "ThreadReview",
]
