"""What the doctor says of archives, and of upstream once its announced end is past."""

from datetime import datetime, timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from django_chatkit import conf
from django_chatkit.client import APIConnectionError, ChatKit
from django_chatkit.management.doctor import archive
from django_chatkit.management.doctor import upstream as examination
from django_chatkit.management.doctor.findings import Finding
from django_chatkit.models import ChatThread, EndUser, ErasedThread, Erasure, PrunedThread
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


def examined(emulator: Emulator, now: datetime, using: str = "default") -> list[Finding]:
    """Return what is said of archives while upstream is examined."""
    client = ChatKit(api_key="sk-test", base_url="http://e.invalid/v1", adapter=EmulatorAdapter(emulator))
    findings = examination.examine(
        client=client, settings=conf.read(), clock=lambda: now, open_session=False, using=using
    )
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


@pytest.mark.parametrize(
    ("now", "verdict"),
    [pytest.param(LONG_BEFORE, "note", id="early"), pytest.param(BEFORE, "wrong", id="late")],
)
@pytest.mark.parametrize("is_mirrored", [True, False])
def test_an_archived_mirror_is_no_proof_where_upstreams_newest_thread_is_in_no_archive(
    upstream: Emulator, database: str, now: datetime, verdict: str, is_mirrored: bool
) -> None:
    upstream.add_thread(user="ada", id="cthr_0")
    upstream.add_thread(user="ada", id="cthr_1")
    if is_mirrored:
        thread(database)

    (finding,) = examined(upstream, now, database)

    words = "in no archive as it is now." if is_mirrored else "not in the mirror, and so in no archive."
    assert (finding.verdict, finding.says) == (verdict, f"upstream's newest thread, cthr_1, is {words}")
    assert finding.remedy == "Run: python manage.py chatkit_archive DIR"


@pytest.mark.parametrize(
    ("last_activity_at", "verdict"),
    [
        pytest.param(None, "well", id="no-activity"),
        pytest.param(LONG_BEFORE, "well", id="as-it-is"),
        pytest.param(BEFORE + timedelta(hours=1), "wrong", id="went-on"),
    ],
)
def test_upstreams_newest_thread_may_be_archived(
    upstream: Emulator, database: str, last_activity_at: datetime | None, verdict: str
) -> None:
    upstream.add_thread(user="ada", id="cthr_1")
    thread(
        database, archived_at=BEFORE, **({"last_activity_at": last_activity_at} if last_activity_at else {})
    )

    (finding,) = examined(upstream, BEFORE, database)

    assert finding.verdict == verdict


def test_of_a_newest_thread_that_is_kept_out_nothing_is_claimed(upstream: Emulator, database: str) -> None:
    upstream.add_thread(user="ada", id="cthr_1")
    PrunedThread.objects.using(database).create(id="cthr_1", active_at=BEFORE)
    (left_out,) = examined(upstream, BEFORE, database)
    PrunedThread.objects.using(database).all().delete()
    erasure = Erasure.objects.using(database).create(end_user="ada", asked_at=BEFORE)
    ErasedThread.objects.using(database).create(id="cthr_1", erasure=erasure, erased_at=BEFORE)

    (erased,) = examined(upstream, BEFORE, database)

    assert left_out == erased
    assert erased.verdict == "unknown"
    assert "kept out of the mirror, by an erasure or by retention" in erased.says


def test_of_a_newest_thread_that_can_be_no_row_nothing_is_claimed(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", id="cthr_" + "x" * 300)

    (finding,) = examined(upstream, BEFORE)

    assert finding.verdict == "unknown"
    assert finding.says.startswith("upstream's newest thread can be no row here: ")


def test_where_the_tables_cannot_be_read_nothing_is_looked_up(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", id="cthr_1")
    client = ChatKit(api_key="sk-test", base_url="http://e.invalid/v1", adapter=EmulatorAdapter(upstream))

    found = examination.examine(
        client=client, settings=conf.read(), clock=lambda: BEFORE, open_session=False, using=None
    )

    assert "archive" not in {each.name for each in found}


def test_that_upstream_was_not_asked_is_said(upstream: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    says = "upstream was not asked, so threads that never reached the mirror would not show."
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert says in run("chatkit_doctor", "--json", "--skip", "beat", "--skip", "upstream").out
    upstream.fail("list_threads", status=401)
    (refused,) = examined(upstream, BEFORE)

    with override_settings(CHATKIT={"WORKFLOW_ID": "wf_a"}):
        without_key = run("chatkit_doctor", "--json", "--skip", "beat")

    assert (refused.verdict, refused.says) == ("unknown", says)
    assert says in without_key.out


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
