"""Read the address of Celery's broker; ``filesystem://`` means a folder, so that a laptop needs no server."""

from pathlib import Path
from typing import Any

from .folder import SCHEME

# Seconds between looks into the folder: a chat should not wait for kombu's one.
POLLING_INTERVAL = 0.25


def parse(url: str) -> tuple[str, dict[str, Any]]:
    """Return Celery's broker URL and its transport options.

    ``filesystem:///path/to/a/folder`` keeps the queues in that folder, which is made when it is missing. Every other
    URL is Celery's own affair.
    """
    scheme, _, path = url.partition("://")
    if scheme != SCHEME:
        return url, {}
    folder = Path(path or "var/broker").resolve()
    messages = folder / "messages"
    # kombu makes neither of them, nor any parent.
    messages.mkdir(parents=True, exist_ok=True)
    return f"{SCHEME}://", {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(folder / "control"),
        "polling_interval": POLLING_INTERVAL,
    }
