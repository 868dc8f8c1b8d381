"""Leaves an entry in the admin's log for each deed and each look at what was said. See docs/decisions/0018.

Named by id: a title is the end user's words, and the log outlives what is deleted.
"""

from collections.abc import Iterable

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest

from .readonly import Word
from .visible import one_line


def record(request: HttpRequest, model: type[Model], ids: Iterable[str], did: Word) -> None:
    """Note that the asker did this to each of these rows, in one statement."""
    user_id = request.user.pk
    assert user_id is not None  # the admin lets nobody else in
    content_type, message = ContentType.objects.get_for_model(model), str(did)
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user_id,
            content_type=content_type,
            object_id=id,
            object_repr=one_line(id, limit=200),
            action_flag=CHANGE,
            change_message=message,
        )
        for id in ids
    )
