"""kombu's broker in a folder, with messages that appear in one piece.

kombu opens a message under its final name and writes it afterwards: a worker that looks in between takes an empty file
for a message, and ends.

It takes the place of kombu's own under the same name, because Celery reads ``CELERY_BROKER_URL`` from the environment by
itself, before any setting of ours.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

SCHEME = "filesystem"
TRANSPORT_ALIASES[SCHEME] = "example_project.folder:Transport"


class Channel(filesystem.Channel):
    """Write a message beside the queue, then give it its name there."""

    def _put(  # type: ignore[override]  # kombu's own classes disagree about the second name
        self, queue: str, payload: Any, **kwargs: Any
    ) -> None:
        name = f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg"
        # What follows the first full stop is the queue's name: a leading one makes the draft nobody's.
        draft = Path(self.data_folder_out, f".{name}")
        draft.write_text(dumps(payload), encoding="utf-8")
        draft.rename(draft.with_name(name))


class Transport(filesystem.Transport):
    """The transport of ``filesystem://``."""

    Channel = Channel
