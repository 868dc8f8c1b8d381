from datetime import timedelta
from typing import Any

import pytest
from django.core.management import ManagementUtility
from django.utils import timezone

from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, DailyCount, EndUser, SyncRun
from django_chatkit.testing import Emulator

from .conftest import run

pytestmark = pytest.mark.django_db


@pytest.fixture
def retention(upstream: Emulator, request: pytest.FixtureRequest) -> None:
    settings = request.getfixturevalue("settings")
    settings.CHATKIT = {**settings.CHATKIT, "RETENTION": {"sessions": 30, "threads": timedelta(hours=36)}}


@pytest.fixture
def ledger(upstream: Emulator, database: str) -> str:
    """Fill the ledger and the mirror: of each kind one to go and one to stay."""
    now = timezone.now()
    ada = EndUser.objects.using(database).create(id="ada")
    for id, status, expires_at in (
        ("cksess_expired", "active", now - timedelta(minutes=1)),
        ("cksess_live", "active", now + timedelta(minutes=5)),
        ("cksess_old", "expired", now - timedelta(days=31)),
        ("cksess_young", "cancelled", now - timedelta(days=29)),
    ):
        ChatSession.objects.using(database).create(
            id=id, end_user=ada, status=status, expires_at=expires_at, created_at=expires_at
        )
    for id, age in (("cthr_old", timedelta(days=3)), ("cthr_young", timedelta(days=1))):
        at = now - age
        upstream.add_thread(user="ada", id=id, created_at=int(at.timestamp()))
        ChatThread.objects.using(database).create(id=id, end_user=ada, created_at=at, synced_at=at)
    for subject, age in (("run_old", timedelta(days=31)), ("run_young", timedelta(days=29))):
        at = now - age
        SyncRun.objects.using(database).create(kind="user", subject=subject, started_at=at, noted_at=at)
    return database


def left(database: str) -> list[str]:
    sessions = ChatSession.objects.using(database).values_list("pk", flat=True)
    threads = ChatThread.objects.using(database).values_list("pk", flat=True)
    runs = SyncRun.objects.using(database).exclude(kind="thread").values_list("subject", flat=True)
    return sorted([*sessions, *threads, *runs])


SESSIONS = ["cksess_expired", "cksess_live", "cksess_old", "cksess_young"]
ALL = [*SESSIONS, "cthr_old", "cthr_young", "run_old", "run_young"]


def test_what_a_run_that_was_killed_had_claimed_is_cancelled_before_this_one_says_done(
    upstream: Emulator, ledger: str
) -> None:
    soon = timezone.now() + timedelta(seconds=1)
    ChatSession.objects.using(ledger).filter(pk="cksess_expired").update(claimed_until=soon)

    outcome = run("chatkit_cleanup", "--sessions", "--database", ledger)

    assert outcome.code == 0
    assert "1 expired session cancelled" in outcome.out
    assert upstream.count("cancel_session") == 1


@pytest.mark.usefixtures("retention")
@pytest.mark.parametrize(
    ("flags", "gone", "cancels"),
    [
        pytest.param([], ["cksess_old", "cthr_old", "run_old"], 1, id="nothing-named"),
        pytest.param(["--sessions", "--threads"], ["cksess_old", "cthr_old"], 1, id="two-of-three"),
        pytest.param(["--runs"], ["run_old"], 0, id="runs"),
        pytest.param(["--sessions"], ["cksess_old"], 1, id="sessions"),
        pytest.param(["--threads"], ["cthr_old"], 0, id="threads"),
        pytest.param(["--batch-size", "1"], ["cksess_old", "cthr_old", "run_old"], 1, id="small-batches"),
    ],
)
def test_what_was_asked_for_goes(
    upstream: Emulator, ledger: str, flags: list[str], gone: list[str], cancels: int
) -> None:
    outcome = run("chatkit_cleanup", "--database", ledger, *flags)

    assert (outcome.code, outcome.err) == (0, "")
    assert left(ledger) == [id for id in ALL if id not in gone]
    assert upstream.count("cancel_session") == cancels


@pytest.mark.usefixtures("retention")
def test_the_report_counts_what_went(ledger: str) -> None:
    outcome = run("chatkit_cleanup", "--database", ledger)

    assert outcome.out == (
        "1 expired session cancelled; 1 session deleted (kept for 30 days); 1 thread deleted, here and "
        "upstream where it was still there (kept for 1 day, 12:00:00); 1 sync run deleted (kept for 30 days); "
        "0 failures.\n"
    )


def test_without_retention_only_expired_sessions_are_touched(upstream: Emulator, ledger: str) -> None:
    outcome = run("chatkit_cleanup", "--database", ledger)

    assert "0 sessions deleted (kept for ever); 0 threads" in outcome.out
    assert left(ledger) == [id for id in ALL if id != "run_old"]
    assert upstream.count() == upstream.count("cancel_session") == 1


@pytest.mark.usefixtures("retention")
def test_a_dry_run_says_what_would_go_and_does_nothing(upstream: Emulator, ledger: str) -> None:
    before = list(ChatSession.objects.using(ledger).order_by("pk").values())

    words = run("chatkit_cleanup", "--dry-run", "--database", ledger)
    counted = run("chatkit_cleanup", "--dry-run", "--json", "--database", ledger).json

    assert words.out.splitlines()[:3] == [
        "session cksess_expired: cancelled",
        "session cksess_old",
        "thread cthr_old",
    ]
    assert words.out.splitlines()[-1].startswith(
        "Would have: 1 expired session cancelled; 1 session deleted "
    )
    assert counted == {
        "dry_run": True,
        "failures": [],
        "items_emptied": 0,
        "ok": True,
        "runs_deleted": 1,
        "sessions_cancelled": 1,
        "sessions_deleted": 1,
        "threads_deleted": 1,
        "threads_emptied": 0,
        "threads_left_out": 0,
    }
    assert left(ledger) == ALL
    assert list(ChatSession.objects.using(ledger).order_by("pk").values()) == before
    assert upstream.count() == 0


@pytest.mark.usefixtures("retention")
def test_a_failure_is_named_and_the_rest_goes(upstream: Emulator, ledger: str) -> None:
    upstream.fail("cancel_session", status=500)

    outcome = run("chatkit_cleanup", "--json", "--database", ledger)

    assert outcome.code == 1
    assert outcome.err.startswith("session cksess_expired: InternalServerError")
    assert outcome.json["ok"] is False
    assert left(ledger) == [id for id in ALL if id not in ("cksess_old", "cthr_old", "run_old")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--batch-size", "0"], "must be a whole number of at least 1, not '0'", id="zero"),
        pytest.param(["--batch-size", "-5"], "must be a whole number of at least 1, not '-5'", id="negative"),
        pytest.param(["--batch-size", "many"], "must be a whole number of at least 1, not", id="no-number"),
    ],
)
def test_a_wrong_batch_size_is_named(upstream: Emulator, arguments: list[str], says: str) -> None:
    outcome = run("chatkit_cleanup", *arguments)

    assert outcome.code == 1
    assert says in outcome.error


@pytest.mark.parametrize("command", ["chatkit_cleanup", "chatkit_rotate"])
def test_a_wrong_batch_size_from_code_is_named_too(upstream: Emulator, command: str) -> None:
    assert run(command, batch_size=0).error == "--batch-size must be at least 1, not 0."


@pytest.mark.parametrize("command", ["chatkit_cleanup", "chatkit_rotate"])
def test_a_value_that_an_option_can_not_have_ends_with_2(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        ManagementUtility(["manage.py", command, "--batch-size", "0"]).execute()

    assert stopped.value.code == 2
    assert "must be a whole number of at least 1, not '0'" in capsys.readouterr().err


def test_silence_where_none_is_asked_for(ledger: str) -> None:
    assert run("chatkit_cleanup", "--database", ledger, verbosity=0).out == ""


@pytest.mark.usefixtures("retention")
def test_progress_is_shown_on_a_terminal(ledger: str) -> None:
    outcome = run("chatkit_cleanup", "--database", ledger, terminal=True)

    assert "expired session cancelled" in outcome.err
    assert outcome.err.endswith("\r")


def test_a_second_run_finds_nothing_left_to_cancel(upstream: Emulator, ledger: str) -> None:
    reports: list[Any] = [run("chatkit_cleanup", "--json", "--database", ledger).json for _ in range(2)]

    assert [each["sessions_cancelled"] for each in reports] == [1, 0]
    assert upstream.count("cancel_session") == 1


@pytest.fixture
def in_detail(ledger: str, request: pytest.FixtureRequest) -> str:
    """Keep words for two days, threads of one workflow here for one, and all others on both sides for ten."""
    settings = request.getfixturevalue("settings")
    terms = {"sessions": 30, "content": 2, "threads": 10}
    workflows = {"wf_here": {"threads": {"days": 1, "upstream": False}}, "wf_ever": {"content": None}}
    settings.CHATKIT = {**settings.CHATKIT, "RETENTION": {**terms, "workflows": workflows}}
    old = ChatThread.objects.using(ledger).get(pk="cthr_old")
    for thread, workflow in (
        (old, ""),
        (copied(old, "cthr_here"), "wf_here"),
        (copied(old, "cthr_ever"), "wf_ever"),
    ):
        thread.workflow_id = workflow
        thread.save(using=ledger)
        ChatThreadItem.objects.using(ledger).create(
            id=f"cti_{thread.pk}", thread=thread, position=0, created_at=old.created_at, text="words"
        )
    return ledger


def copied(thread: ChatThread, id: str) -> ChatThread:
    return ChatThread(
        pk=id, end_user_id=thread.end_user_id, created_at=thread.created_at, synced_at=thread.synced_at
    )


SUMMARY = (
    "1 expired session cancelled; 1 session deleted (kept for 30 days); 0 threads deleted, here and upstream where it "
    "was still there (kept for 10 days); 1 thread deleted here only (kept for 1 day in wf_here); words of 1 item in 1 "
    "thread dropped (kept for 2 days); 1 sync run deleted (kept for 30 days); 0 failures.\n"
)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_dry_run_names_each_thing(upstream: Emulator, in_detail: str, terminal: bool) -> None:
    before = left(in_detail)

    outcome = run("chatkit_cleanup", "--dry-run", "--database", in_detail, terminal=terminal)

    (run_id,) = SyncRun.objects.using(in_detail).filter(subject="run_old").values_list("pk", flat=True)
    assert outcome.out.splitlines(keepends=True) == [
        "session cksess_expired: cancelled\n",
        "session cksess_old\n",
        "thread cthr_here\n",
        "thread cthr_old: words of 1 item\n",
        f"sync run {run_id}\n",
        f"Would have: {SUMMARY}",
    ]
    assert left(in_detail) == before
    assert upstream.count() == 0
    assert outcome.err == ""
    assert run("chatkit_cleanup", "--dry-run", "--json", "--database", in_detail).json["ok"]
    assert run("chatkit_cleanup", "--dry-run", "--database", in_detail, verbosity=0).out == ""


def test_what_the_dry_run_named_goes(upstream: Emulator, in_detail: str) -> None:
    before = left(in_detail)

    outcome = run("chatkit_cleanup", "--database", in_detail)

    assert outcome.out == SUMMARY
    assert sorted(set(before) - set(left(in_detail))) == ["cksess_old", "cthr_here", "run_old"]
    full = ChatThreadItem.objects.using(in_detail).exclude(text="")
    assert list(full.values_list("pk", flat=True)) == ["cti_cthr_ever"]
    assert DailyCount.objects.using(in_detail).cleaned_at() is not None


def test_a_part_of_a_cleanup_is_no_cleanup(upstream: Emulator, in_detail: str) -> None:
    outcome = run("chatkit_cleanup", "--content", "--json", "--database", in_detail)

    assert (outcome.json["items_emptied"], outcome.json["threads_left_out"]) == (2, 0)
    assert DailyCount.objects.using(in_detail).cleaned_at() is None
    assert run("chatkit_cleanup", "--dry-run", "--database", in_detail).code == 0
    assert DailyCount.objects.using(in_detail).cleaned_at() is None


def test_threads_that_go_here_only_are_told_once(ledger: str, settings: Any) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "RETENTION": {"threads": {"days": 10, "upstream": False}}}

    told = run("chatkit_cleanup", "--threads", "--database", ledger).out

    assert "deleted here only (kept for 10 days)" in told
    assert "here and upstream" not in told
