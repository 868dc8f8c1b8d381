from datetime import UTC, datetime, timedelta

import pytest

from django_chatkit.models import ChatThread, EndUser
from django_chatkit.services import archive_marks

pytestmark = pytest.mark.django_db

THEN = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, THEN), (THEN - timedelta(days=1), THEN), (THEN, THEN), (THEN + timedelta(days=1),) * 2],
    ids=["never", "earlier", "then", "later"],
)
def test_of_two_archives_the_later_one_counts(
    database: str, before: datetime | None, after: datetime
) -> None:
    EndUser.objects.using(database).create(id="ada")
    for id in ("cthr_a", "cthr_b", "cthr_other"):
        ChatThread.objects.using(database).create(
            id=id, end_user_id="ada", created_at=THEN, archived_at=before if id == "cthr_a" else None
        )

    archive_marks.mark({"cthr_a": THEN, "cthr_b": THEN, "cthr_unknown": THEN}, using=database)

    marked = ChatThread.objects.using(database).values_list("pk", "archived_at")
    assert dict(marked) == {"cthr_a": after, "cthr_b": THEN, "cthr_other": None}
