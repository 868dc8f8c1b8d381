"""Which threads of the mirror an archive holds, and since when: what is in none is warned of while upstream lives."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from django.db.models import Case, Value, When

from ..models import ChatThread
from .transactions import persistently


def mark(threads: Mapping[str, datetime], *, using: str) -> None:
    """Note of threads when the archive that holds them began to read each; of two archives the later one counts."""
    rows = ChatThread.objects.using(using).filter(pk__in=threads)
    late = [
        id
        for id, archived_at in rows.values_list("pk", "archived_at")
        if archived_at is None or archived_at < threads[id]
    ]
    if late:
        moments = Case(*[When(pk=id, then=Value(threads[id])) for id in late])
        persistently(partial(rows.filter(pk__in=late).update, archived_at=moments), using=using)
