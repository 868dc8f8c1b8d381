import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser, SyncRun
from django_chatkit.testing import Emulator

from .conftest import run

pytestmark = pytest.mark.django_db


def due(user: str, *, database: str = "default") -> None:
    now = timezone.now()
    EndUser.objects.using(database).create(id=user, due_at=now, live_until=now + timedelta(minutes=5))


def test_without_an_option_the_due_end_users_are_looked_at(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", items=[{}, {}])
    upstream.add_thread(user="bob")
    due("ada")

    outcome = run("chatkit_sync")

    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.startswith("1 end user looked at; 1 thread read: 1 new, ")
    assert list(ChatThread.objects.values_list("end_user", flat=True)) == ["ada"]


def test_nobody_due_costs_no_request(upstream: Emulator) -> None:
    outcome = run("chatkit_sync")

    assert outcome.code == 0
    assert outcome.out == "Nobody is due, so upstream was not asked. --full looks at everybody.\n"
    assert upstream.count() == 0


def test_full_brings_everything_of_everybody(upstream: Emulator) -> None:
    for user in ("ada", "bob", "eve"):
        upstream.add_thread(user=user, items=[{}, {}])
    run("chatkit_sync", "--full")
    upstream.add_item(upstream.threads("bob")[0]["id"])

    outcome = run("chatkit_sync", "--full", "--json")

    assert outcome.json["items_new"] == 1
    assert outcome.json["ok"] is True
    assert ChatThreadItem.objects.count() == 7


def test_end_users_are_synced_by_name(upstream: Emulator) -> None:
    for user in ("ada", "bob", "eve"):
        upstream.add_thread(user=user)

    outcome = run("chatkit_sync", "--user", "ada", "--user", "bob", "--json")

    assert outcome.json["users"] == 2
    assert sorted(ChatThread.objects.values_list("end_user", flat=True)) == ["ada", "bob"]


def test_an_end_user_whom_we_know_may_have_no_threads(upstream: Emulator) -> None:
    EndUser.objects.create(id="ada")

    assert run("chatkit_sync", "--user", "ada").code == 0


def test_threads_are_synced_by_id(upstream: Emulator) -> None:
    ids = [upstream.add_thread(user="ada", items=[{}])["id"] for _ in range(3)]

    outcome = run("chatkit_sync", "--thread", ids[0], "--thread", ids[1], "--json")

    assert outcome.json["items_new"] == 2
    assert sorted(ChatThread.objects.values_list("pk", flat=True)) == sorted(ids[:2])


def test_the_database_can_be_chosen(upstream: Emulator, database: str) -> None:
    upstream.add_thread(user="ada")

    assert run("chatkit_sync", "--full", "--database", database).code == 0
    assert ChatThread.objects.using(database).count() == 1


@pytest.mark.parametrize(
    ("arguments", "names", "remedy"),
    [
        pytest.param(
            ["--user", "nobody"], "end user nobody: unknown here", "Check the spelling", id="unknown-end-user"
        ),
        pytest.param(
            ["--thread", "cthr_none"],
            "thread cthr_none: NotFoundError",
            "Check the thread's id, that BASE_URL ends with /v1",
            id="unknown-thread",
        ),
    ],
)
def test_what_nobody_knows_is_named_with_the_remedy(
    upstream: Emulator, arguments: list[str], names: str, remedy: str
) -> None:
    outcome = run("chatkit_sync", *arguments)

    assert outcome.code == 1
    failure, helps = outcome.err.splitlines()
    assert failure.startswith(names)
    assert helps.startswith(remedy)
    assert outcome.error == "1 thing is not done."


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--user", ""], "--user must not be empty. Give an end user's id", id="no-user"),
        pytest.param(
            ["--user", "x" * 513],
            f"--user may have at most 512 characters, not 513: '{'x' * 56}.... Give",
            id="long-user",
        ),
        pytest.param(["--user", "a\x00"], r"--user must not hold a control character: 'a\x00'", id="nul"),
        pytest.param(["--thread", ""], "--thread must not be empty. Give a thread's id", id="no-thread"),
        pytest.param(["--thread", ".."], "--thread must not be '..', which would", id="a-path"),
        pytest.param(["--thread", "."], "--thread must not be '.', which would", id="a-folder"),
        pytest.param(["--thread", "x" * 256], "--thread may have at most 255 characters", id="long-thread"),
        pytest.param(["--thread", "c", "--thread", "a\n"], r"character: 'a\n'", id="the-second"),
    ],
)
def test_what_can_be_no_id_is_refused_before_any_request(
    upstream: Emulator, arguments: list[str], says: str
) -> None:
    outcome = run("chatkit_sync", *arguments)

    assert outcome.code == 1
    assert says in outcome.error
    assert len(outcome.error) < 200
    assert (outcome.out, outcome.err, upstream.count()) == ("", "", 0)


def test_an_end_user_may_be_named_by_a_dot(upstream: Emulator) -> None:
    upstream.add_thread(user=".")

    assert run("chatkit_sync", "--user", ".").code == 0


@pytest.mark.parametrize("arguments", [[], ["--full"]], ids=["due", "full"])
def test_a_listing_that_is_not_found_names_the_address(upstream: Emulator, arguments: list[str]) -> None:
    due("ada")
    upstream.fail("list_threads", status=404, times=None)

    outcome = run("chatkit_sync", *arguments)

    failure, remedy = outcome.err.splitlines()
    assert "NotFoundError" in failure
    assert remedy.startswith("Check BASE_URL (it ends with /v1)")
    assert outcome.error == "1 thing is not done."


def test_what_may_pass_is_to_be_run_again(upstream: Emulator) -> None:
    due("ada")
    upstream.fail("list_threads", status=503, times=None)

    outcome = run("chatkit_sync")

    assert len(outcome.err.splitlines()) == 1
    assert outcome.error == "1 thing is not done; run it again later."


def test_an_end_user_who_was_not_looked_at_is_not_counted(upstream: Emulator) -> None:
    upstream.add_thread(user="ada", items=[{}])

    outcome = run("chatkit_sync", "--full")

    assert re.fullmatch(
        "1 thread read: 1 new, 0 changed, 0 gone; items: 1 new, 0 changed, 0 gone, 0 unchanged; "
        r"2 requests, 0 failures\. Took [\d.]+ s\.\n",
        outcome.out,
    )


@pytest.mark.usefixtures("read_only")
def test_a_database_that_cannot_be_written_is_named(upstream: Emulator) -> None:
    upstream.add_thread(user="ada")

    outcome = run("chatkit_sync", "--full")

    assert outcome.code == 1
    assert outcome.error.startswith("The database refuses: attempt to write a readonly database. Let the ")
    assert "migrate" not in outcome.error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--full", "--user", "ada"], "not allowed with argument --full", id="full-and-user"),
        pytest.param(["--user", "a", "--thread", "b"], "not allowed with argument", id="user-and-thread"),
        pytest.param(["--database", "nowhere"], "invalid choice: 'nowhere'", id="no-database"),
        pytest.param(["everything"], "unrecognized arguments: everything", id="no-option"),
    ],
)
def test_a_mistake_is_named_before_any_request(upstream: Emulator, arguments: list[str], says: str) -> None:
    outcome = run("chatkit_sync", *arguments)

    assert outcome.code == 1
    assert says in outcome.error
    assert upstream.count() == 0


def test_each_failure_is_one_line_and_the_rest_is_done(upstream: Emulator) -> None:
    for user in ("ada", "bob", "eve"):
        upstream.add_thread(user=user, id=f"cthr_{user}", items=[{}])
    upstream.fail("list_items", match="cthr_bob", times=None)
    upstream.fail("list_items", match="cthr_eve", times=None)

    outcome = run("chatkit_sync", "--full", "--json")

    assert outcome.code == 1
    assert outcome.error == "2 things are not done; run it again later."
    assert sorted(line.split(":")[0] for line in outcome.err.splitlines()) == [
        "thread cthr_bob",
        "thread cthr_eve",
    ]
    assert outcome.json["ok"] is False
    assert [each["noun"] for each in outcome.json["failures"]] == ["thread", "thread"]
    assert ChatThreadItem.objects.get().thread_id == "cthr_ada"


def refuse_the_key(upstream: Emulator) -> None:
    upstream.fail(status=401, times=None)


def interrupt(upstream: Emulator) -> None:
    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    upstream.sleep = ctrl_c
    upstream.latency = 1


@pytest.mark.parametrize(
    ("happens", "code", "says"),
    [
        pytest.param(refuse_the_key, 1, "Upstream refused the API key ...", id="refused-key"),
        pytest.param(interrupt, 130, "Interrupted. What was done is kept", id="ctrl-c"),
    ],
)
def test_what_stops_everything_is_put_into_words(
    upstream: Emulator, happens: Any, code: int, says: str
) -> None:
    happens(upstream)

    outcome = run("chatkit_sync", "--full", "--json")

    assert outcome.code == code
    assert says in outcome.error
    assert outcome.json == {"ok": False, "error": outcome.error}


@pytest.mark.parametrize(
    ("chatkit", "says"),
    [
        pytest.param({}, "OPENAI_API_KEY", id="no-key"),
        pytest.param({"API_KEYS": "x"}, "CHATKIT has unknown keys: API_KEYS", id="unknown-setting"),
    ],
)
def test_a_mistake_in_the_settings_is_named(chatkit: Any, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with override_settings(CHATKIT=chatkit):
        outcome = run("chatkit_sync")

    assert outcome.code == 1
    assert says in outcome.error
    assert outcome.out == ""


@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["words", "json"])
def test_without_verbosity_only_json_is_said(upstream: Emulator, arguments: list[str]) -> None:
    upstream.add_thread(user="ada")

    outcome = run("chatkit_sync", "--full", "--verbosity", "0", *arguments, terminal=True)

    assert outcome.err == ""
    assert [json.loads(line)["threads_new"] for line in outcome.out.splitlines()] == (
        [1] if arguments else []
    )


def test_progress_is_shown_on_a_terminal_and_cleared(upstream: Emulator) -> None:
    thread = upstream.add_thread(user="ada")["id"]

    shown = [run("chatkit_sync", *what, terminal=True).err for what in (["--full"], ["--thread", thread])]

    for text in shown:
        assert " read: " in text
        assert text.endswith("\r")
        assert "\x1b" not in text


def test_the_summary_says_for_how_long_it_waited(upstream: Emulator, request: pytest.FixtureRequest) -> None:
    settings = request.getfixturevalue("settings")
    settings.CHATKIT = {**settings.CHATKIT, "MAX_RETRIES": 1}
    upstream.add_thread(user="ada")
    upstream.fail("list_items", status=429, headers={"retry-after-ms": "60"})

    outcome = run("chatkit_sync", "--full")

    assert re.search(r" Took \S+ s, \S+ s of it waiting before asking upstream again\.$", outcome.out.strip())


def test_the_threads_that_the_mirror_holds_are_the_total(upstream: Emulator) -> None:
    for _ in range(3):
        upstream.add_thread(user="ada")
    first = run("chatkit_sync", "--full", terminal=True).err
    again = run("chatkit_sync", "--full", terminal=True).err

    assert "/3 threads" not in first
    assert re.search(r"\d/3 threads read: 0 items, 0/s; \d+ req/s; [\d.]+ s", again)


def test_the_runs_are_told_as_json(upstream: Emulator) -> None:
    for user in ("ada", "bob"):
        upstream.add_thread(user=user, items=[{}])

    told = run("chatkit_sync", "--user", "ada", "--user", "bob", "--json").json

    assert [each["id"] for each in told["runs"]] == list(
        SyncRun.objects.order_by("pk").values_list("pk", flat=True)
    )
    assert [(each["subject"], each["items_new"], each["errors"]) for each in told["runs"]] == [
        ("ada", 1, 0),
        ("bob", 1, 0),
    ]
    assert (told["kind"], told["paused"], told["items_new"], told["errors"]) == ("user", 0.0, 2, 0)
    assert told["started_at"] == told["runs"][0]["started_at"]
    assert told["ended_at"] == told["runs"][1]["ended_at"]


def test_where_nobody_is_due_no_run_is_told(upstream: Emulator) -> None:
    told = run("chatkit_sync", "--json").json

    assert (told["runs"], told["kind"], told["started_at"], told["ended_at"]) == ([], None, None, None)
    assert not SyncRun.objects.exists()


def test_no_progress_is_written_into_a_file(upstream: Emulator) -> None:
    upstream.add_thread(user="ada")

    assert run("chatkit_sync", "--full").err == ""
