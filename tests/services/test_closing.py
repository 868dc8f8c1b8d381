from datetime import UTC, datetime, timedelta

import pytest

from django_chatkit.models import ChatThread, EndUser
from django_chatkit.services import closing
from django_chatkit.services.closing import Outlook

NOON = timedelta(hours=12)


def outlook(days: int, unarchived: int = 2) -> Outlook:
    return Outlook(unarchived=unarchived, now=closing.CLOSES + timedelta(days=days) + NOON)


@pytest.mark.parametrize(
    ("days", "unarchived", "near", "late", "past"),
    [
        (-100, 2, False, False, False),
        (-59, 2, True, False, False),
        (-13, 2, True, True, False),
        (0, 2, True, True, True),
        (50, 2, True, True, True),
        (-13, 0, False, False, False),
        (50, 0, False, False, True),
    ],
)
def test_what_is_unarchived_matters_more_the_nearer_the_end(
    days: int, unarchived: int, near: bool, late: bool, past: bool
) -> None:
    found = outlook(days, unarchived)

    assert (found.is_near, found.is_late, found.is_past) == (near, late, past)


@pytest.mark.parametrize(
    ("days", "unarchived", "words"),
    [
        (
            -7,
            2,
            "2 threads are in no archive as they are now, and the announced end of Agent Builder, 2026-11-30, is 7 days from now.",
        ),
        (
            -1,
            1,
            "1 thread is in no archive as they are now, and the announced end of Agent Builder, 2026-11-30, is 1 day from now.",
        ),
        (0, 2, "is today."),
        (1, 2, "was 1 day ago."),
        (9, 2, "was 9 days ago."),
    ],
)
def test_it_is_told_in_words(days: int, unarchived: int, words: str) -> None:
    assert str(outlook(days, unarchived)).endswith(words)


def test_what_no_archive_holds_as_it_is_now_is_counted(database: str) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    before, after = now - timedelta(minutes=1), now + timedelta(minutes=1)
    EndUser.objects.using(database).create(id="ada")
    rows = {
        "never": {},
        "whole": {"archived_at": now, "last_activity_at": before},
        "silent": {"archived_at": now},
        "grown": {"archived_at": now, "last_activity_at": after},
        "gone": {"gone_at": now},
    }
    for id, fields in rows.items():
        ChatThread.objects.using(database).create(id=id, end_user_id="ada", created_at=before, **fields)

    found = ChatThread.objects.using(database).unarchived().order_by("pk").values_list("pk", flat=True)

    assert list(found) == ["grown", "never"]
    assert closing.outlook(now=now, using=database).unarchived == 2
