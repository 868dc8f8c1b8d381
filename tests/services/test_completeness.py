"""As of when the mirror speaks of one end user: the newest sync that read all of their threads."""

from datetime import timedelta
from typing import Any

import pytest

from django_chatkit.models import EndUser, SyncRun
from django_chatkit.services.completeness import completeness

from .conftest import Clock

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("run", "counts"),
    [
        pytest.param({"kind": "reconcile"}, True, id="everybody"),
        pytest.param({"kind": "user", "subject": "ada"}, True, id="her"),
        pytest.param({"kind": "user", "subject": "ben"}, False, id="another"),
        pytest.param({"kind": "due"}, False, id="whoever-was-due"),
        pytest.param({"kind": "reconcile", "errors": 1}, False, id="something-failed"),
        pytest.param({"kind": "reconcile", "stopped": True}, False, id="stopped"),
        pytest.param({"kind": "reconcile", "ended_at": None}, False, id="under-way"),
    ],
)
def test_a_run_counts_that_read_all_of_their_threads(
    database: str, clock: Clock, run: dict[str, Any], counts: bool
) -> None:
    now = clock.now
    times = {"started_at": now, "noted_at": now + HOUR, "ended_at": now + HOUR}
    SyncRun.objects.using(database).create(**{**times, **run})

    assert completeness(user="ada", using=database).as_of == (now if counts else None)


@pytest.mark.parametrize(
    ("row", "counts"),
    [
        pytest.param({}, True, id="after-the-chat"),
        pytest.param({"due_at": True}, False, id="of-the-newest-only"),
        pytest.param({"last_error": "NotFoundError"}, False, id="failed"),
    ],
)
def test_a_look_counts_that_no_other_follows(
    database: str, clock: Clock, row: dict[str, Any], counts: bool
) -> None:
    before = {"started_at": clock.now - HOUR, "noted_at": clock.now, "ended_at": clock.now}
    SyncRun.objects.using(database).create(kind="reconcile", **before)
    values = {**row, **({"due_at": clock.now + HOUR} if "due_at" in row else {})}
    EndUser.objects.using(database).create(id="ada", looked_at=clock.now, **values)

    found = completeness(user="ada", using=database)

    assert found.as_of == (clock.now if counts else clock.now - HOUR)
