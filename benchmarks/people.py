"""What the export of one end user takes, with a thousand items and with a hundred thousand: memory and the processor.

The peak is the process's own, with what it took to make the rows; so the small one comes first, and the big one must not
raise it.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import datetime

import scratch
from django.utils import timezone

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.services import person_archive

THREADS = 10


def _fill(user: str, items: int, *, now: datetime, using: str) -> None:
    EndUser.objects.using(using).create(id=user)
    for number in range(THREADS):
        thread = ChatThread(id=f"cthr_{user}_{number}", end_user_id=user, created_at=now)
        thread.save(using=using)
        rows = (
            ChatThreadItem(
                id=f"cti_{user}_{number}_{position}",
                thread=thread,
                type="chatkit.user_message",
                position=position,
                created_at=now,
                payload={"content": [{"type": "input_text", "text": f"a line of some words {position}"}]},
            )
            for position in range(items // THREADS)
        )
        ChatThreadItem.objects.using(using).bulk_create(rows, batch_size=500)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="SQLite", choices=scratch.VENDORS)
    parser.add_argument("--quick", action="store_true", help="a tenth of the items")
    given = parser.parse_args()
    using, now = given.database, timezone.now()
    with scratch.made(using):
        print("| items | bytes of the zip | seconds of the processor | peak of memory, MB |")
        print("|---:|---:|---:|---:|")
        sizes = (1_000, 10_000 if given.quick else 100_000)
        for items in sizes:
            _fill(f"user_{items}", items, now=now, using=using)
        for items in sizes:
            before = time.process_time()
            size = sum(map(len, person_archive.write(user=f"user_{items}", now=now, using=using)))
            print(f"| {items:,} | {size:,} | {time.process_time() - before:.1f} | {_peak()} |")


if __name__ == "__main__":
    main()
