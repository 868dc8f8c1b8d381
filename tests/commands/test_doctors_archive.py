"""What the doctor says of archives, and of upstream once its announced end is past."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from django_chatkit import conf
from django_chatkit.client import APIConnectionError, ChatKit
from django_chatkit.management.doctor import archive
from django_chatkit.management.doctor import upstream as examination
from django_chatkit.management.doctor.findings import Finding
from django_chatkit.models import ChatThread, EndUser
from django_chatkit.services import closing
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter

from .conftest import run

pytestmark = pytest.mark.django_db

LONG_BEFORE = closing.CLOSES - timedelta(days=90)
BEFORE = closing.CLOSES - timedelta(days=7)
AFTER = closing.CLOSES + timedelta(days=2)


def thread(database: str, **fields: datetime) -> None:
    EndUser.objects.using(database).get_or_create(id="ada")
    ChatThread.objects.using(database).create(
        id="cthr_1", end_user_id="ada", created_at=LONG_BEFORE, **fields
    )


def told(database: str, now: datetime) -> list[tuple[str, str]]:
    return [(each.verdict, each.says) for each in archive.examine(using=database, now=now)]


def test_an_empty_mirror_has_nothing_to_lose(database: str) -> None:
    assert told(database, BEFORE) == [("well", "the mirror holds no thread.")]


def test_an_archived_mirror_has_nothing_to_lose(database: str) -> None:
    thread(database, archived_at=BEFORE)

    assert told(database, AFTER) == [("well", "1 thread of the mirror, each in an archive.")]


@pytest.mark.parametrize(
    ("now", "verdict", "when"),
    [
        (LONG_BEFORE, "note", "90 days from now"),
        (BEFORE, "wrong", "7 days from now"),
        (AFTER, "wrong", "2 days ago"),
    ],
)
def test_what_is_unarchived_is_told(database: str, now: datetime, verdict: str, when: str) -> None:
    thread(database)

    ((found, says),) = told(database, now)

    assert found == verdict
    assert when in says


def examined(emulator: Emulator, now: datetime) -> list[Finding]:
    """Return what is said of archives while upstream is examined."""
    client = ChatKit(api_key="sk-test", base_url="http://e.invalid/v1", adapter=EmulatorAdapter(emulator))
    findings = examination.examine(client=client, settings=conf.read(), clock=lambda: now, open_session=False)
    return [each for each in findings if each.name == "archive"]


def test_before_the_end_upstreams_answer_is_no_news(upstream: Emulator) -> None:
    assert examined(upstream, BEFORE) == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, "still lists threads (status 200)"),
        (404, "answers 404 to a list of threads"),
        (410, "answers 410 to a list of threads"),
    ],
)
def test_after_the_end_upstreams_answer_is_told(upstream: Emulator, status: int, words: str) -> None:
    if status != 200:
        upstream.fail("list_threads", status=status, times=None)

    (finding,) = examined(upstream, AFTER)

    assert finding.verdict == "note"
    assert "2026-11-30, is past" in finding.says
    assert words in finding.says


def test_no_answer_is_told_as_none() -> None:
    (finding,) = archive.what_is_left(APIConnectionError(message="no"), now=AFTER)

    assert "gives no answer (APIConnectionError)" in finding.says


def test_without_tables_nothing_is_known() -> None:
    assert str(archive.archive_unknown()) == "archive: not examined, because the tables can't be read."


def test_the_doctor_asks_and_can_be_told_not_to(upstream: Emulator) -> None:
    EndUser.objects.create(id="ada")
    ChatThread.objects.create(id="cthr_1", end_user_id="ada", created_at=timezone.now())

    asked = run("chatkit_doctor", "--json", "--skip", "beat", "--skip", "work")
    told_not_to = run("chatkit_doctor", "--json", "--skip", "beat", "--skip", "work", "--skip", "archive")

    assert "1 thread is in no archive" in asked.out
    assert "in no archive" not in told_not_to.out
