"""What hosts may listen to. Every signal is sent after commit, to robust receivers, with the model as sender.

========================  =======================================================================
``session_opened``        ``session``: the `ChatSession` that was added to the ledger
``session_cancelled``     ``session``: the `ChatSession` that was settled, whatever upstream answered
``thread_synced``         ``thread_id``, ``created``, ``changed``, ``gone``: ids of the items that a sync touched
``thread_gone``           ``thread_id``: upstream no longer has this thread
========================  =======================================================================
"""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

session_opened = Signal()
session_cancelled = Signal()
thread_synced = Signal()
thread_gone = Signal()


def send_after_commit(signal: Signal, *, sender: type, using: str, **arguments: Any) -> None:
    """Send a signal once the transaction under way on ``using`` has committed, or now if there is none.

    A receiver that raises is logged by Django and stops neither the others nor the caller.
    """
    transaction.on_commit(partial(signal.send_robust, sender=sender, using=using, **arguments), using=using)
