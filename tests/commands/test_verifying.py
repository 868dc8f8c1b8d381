import json
from typing import Any

import pytest
from django.utils import timezone

from django_chatkit.models import ChatThread
from django_chatkit.services.differences import KEPT
from django_chatkit.testing import Emulator

from .conftest import run

pytestmark = pytest.mark.django_db

REMEDY = "Run chatkit_sync --full: it brings"


@pytest.fixture
def synced(upstream: Emulator) -> Emulator:
    """Give three threads of two items on both sides."""
    for user in ("ada", "ada", "bob"):
        upstream.add_thread(user=user, items=[{}, {}], id=f"cthr_{len(upstream.threads())}")
    assert run("chatkit_sync", "--full").code == 0
    upstream.forget_requests()
    return upstream


@pytest.mark.parametrize(
    ("scope", "line"),
    [
        pytest.param(["--full"], "complete: 3 threads, 6 items compared, no difference", id="full"),
        pytest.param(
            ["--user", "ada", "--user", "bob"],
            "complete: 3 threads, 6 items compared, no difference",
            id="end-users",
        ),
        pytest.param(
            ["--thread", "cthr_1"], "complete: 1 thread, 2 items compared, no difference", id="thread"
        ),
        pytest.param(
            ["--sample", "9", "--seed", "7"],
            "sample, --seed 7: 3 threads, 6 items compared, no difference",
            id="sample",
        ),
    ],
)
def test_what_does_not_differ_is_said_in_a_line(synced: Emulator, scope: list[str], line: str) -> None:
    outcome = run("chatkit_sync", "--verify", *scope)

    assert (outcome.code, outcome.out, outcome.err) == (0, f"{line}\n", "")


def test_the_seed_of_a_sample_is_told_and_may_be_given(synced: Emulator) -> None:
    first = run("chatkit_sync", "--verify", "--json").json
    asked = [each.path for each in synced.requests]
    synced.forget_requests()

    second = run("chatkit_sync", "--verify", "--json", "--seed", str(first["sample"]["seed"])).json

    assert first == second
    assert first["sample"]["size"] == 50
    assert sorted(each.path for each in synced.requests) == sorted(asked)


@pytest.mark.parametrize("scope", [["--full"], ["--sample", "9"], ["--user", "ada"], ["--thread", "cthr_0"]])
def test_each_difference_is_a_line_and_the_remedy_is_named(synced: Emulator, scope: list[str]) -> None:
    synced.change_thread("cthr_0", title="Cats", novelty=1)

    outcome = run("chatkit_sync", "--verify", *scope)

    assert outcome.code == 1
    *differences, last = outcome.out.splitlines()
    assert "thread cthr_0: differs in novelty, title" in differences
    assert f"compared, {len(differences)} difference" in last
    assert outcome.err.startswith(REMEDY)
    assert outcome.error.startswith("The mirror differs from upstream: ")


def test_what_is_missing_what_is_gone_and_what_differs_are_told_apart_with_their_ids(
    synced: Emulator,
) -> None:
    synced.add_thread(user="eve", id="cthr_new")
    synced.remove_thread("cthr_0")
    synced.change_thread("cthr_1", title="Cats")
    synced.add_item("cthr_1")
    ChatThread.objects.filter(pk="cthr_2").update(gone_at=timezone.now())

    outcome = run("chatkit_sync", "--verify", "--full")

    assert outcome.code == 1
    *differences, last = outcome.out.splitlines()
    assert sorted(differences) == [
        "thread cthr_0: present here, and not listed upstream",
        "thread cthr_1: differs in title",
        "thread cthr_1: the mirror is behind: 1 newer upstream",
        "thread cthr_2: marked gone here, and upstream has it",
        "thread cthr_new: missing here",
    ]
    assert last.startswith("different: ")
    assert last.endswith(" compared, 5 differences (3 missing here, 1 gone upstream, 1 different)")
    assert run("chatkit_sync", "--verify", "--full", "--json").json["kinds"] == {
        "missing": 1,
        "gone here": 1,
        "not upstream": 1,
        "payload": 1,
        "behind": 1,
    }


def test_json_is_one_object_with_the_first_thousand(synced: Emulator) -> None:
    ChatThread.objects.all().delete()
    for number in range(KEPT):
        synced.add_thread(user="eve", id=f"cthr_eve{number}")

    outcome = run("chatkit_sync", "--verify", "--full", "--json")

    assert outcome.code == 1
    report = outcome.json
    assert (report["ok"], report["differences"], report["left_out"]) == (False, KEPT + 3, 3)
    assert report["found"][0] == {
        "noun": "thread",
        "id": "cthr_0",
        "thread_id": "cthr_0",
        "what": "missing",
        "keys": [],
        "count": 1,
    }
    assert report["sample"] is None


def test_failures_are_named_and_what_was_not_compared_is_not_complete(synced: Emulator) -> None:
    synced.fail("list_items", match="cthr_1", times=None)
    synced.add_item("cthr_2")

    outcome = run("chatkit_sync", "--verify", "--full")

    assert outcome.code == 1
    assert outcome.out.splitlines() == [
        "thread cthr_2: the mirror is behind: 1 newer upstream",
        "incomplete: 3 threads, 5 items compared, 1 difference (1 missing here), 1 failure",
    ]
    remedy, failure = outcome.err.splitlines()
    assert remedy.startswith(REMEDY)
    assert failure.startswith("thread cthr_1: InternalServerError: ")
    assert outcome.error == "1 thing is not done; run it again later."


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--user", "nobody"], "end user nobody: unknown here", id="unknown-end-user"),
        pytest.param(["--thread", "cthr_none"], "thread cthr_none: NotFoundError", id="unknown-thread"),
    ],
)
def test_what_neither_side_knows_is_named(synced: Emulator, arguments: list[str], says: str) -> None:
    outcome = run("chatkit_sync", "--verify", *arguments)

    assert outcome.code == 1
    assert outcome.err.startswith(says)


def test_a_refused_key_is_put_into_words(synced: Emulator) -> None:
    synced.fail(status=401, times=None)

    outcome = run("chatkit_sync", "--verify", "--json")

    assert outcome.code == 1
    assert outcome.json == {"ok": False, "error": outcome.error}
    assert outcome.error.startswith("Upstream refused the API key")


@pytest.mark.parametrize("json_too", [False, True])
def test_without_verbosity_only_what_is_wrong_is_said(synced: Emulator, json_too: bool) -> None:
    arguments = ["chatkit_sync", "--verify", "--full", "--verbosity", "0", *(["--json"] if json_too else [])]

    equal = run(*arguments, terminal=True)
    synced.add_item("cthr_1")
    different = run(*arguments, terminal=True)

    assert (equal.code, equal.err) == (0, "")
    assert (different.code, different.err.startswith(REMEDY)) == (1, True)
    said = [[json.loads(line)["ok"] for line in each.out.splitlines()] for each in (equal, different)]
    assert said == ([[True], [False]] if json_too else [[], []])


def test_progress_is_shown_on_a_terminal_and_gives_way_to_differences(synced: Emulator) -> None:
    synced.add_item("cthr_1")

    outcome = run("chatkit_sync", "--verify", "--full", terminal=True)

    assert "/3 threads compared: " in outcome.err
    assert "\r" not in outcome.out
    assert run("chatkit_sync", "--verify", "--full").err.splitlines()[0].startswith(REMEDY)


@pytest.mark.usefixtures("synced", "read_only")
def test_a_database_that_cannot_be_written_can_be_compared() -> None:
    assert run("chatkit_sync", "--verify", "--full").code == 0
    assert run("chatkit_sync", "--verify").code == 0


def test_the_database_can_be_chosen(upstream: Emulator, database: str) -> None:
    upstream.add_thread(user="ada", items=[{}])

    assert run("chatkit_sync", "--verify", "--database", database).code == 1
    assert run("chatkit_sync", "--full", "--database", database).code == 0
    assert run("chatkit_sync", "--verify", "--database", database).code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--sample", "5"], "--sample goes with --verify: a sync copies all", id="no-verify"),
        pytest.param(["--seed", "5"], "--seed goes with --verify", id="seed-without-verify"),
        pytest.param(["--verify", "--full", "--sample", "5"], "not allowed with", id="sample-of-all"),
        pytest.param(["--verify", "--user", "a", "--sample", "5"], "not allowed with", id="sample-of-user"),
        pytest.param(["--verify", "--full", "--seed", "5"], "--seed picks a sample: leave it", id="seed"),
        pytest.param(
            ["--verify", "--user", "ada", "--thread", "c"], "not allowed with", id="user-and-thread"
        ),
        pytest.param(["--verify", "--sample", "0"], "must be at least 1", id="nothing"),
        pytest.param(
            ["--verify", "--sample", "-1"], "must be a whole number, not '-1'", id="less-than-nothing"
        ),
        pytest.param(["--verify", "--sample", "many"], "must be a whole number, not 'many'", id="a-word"),
        pytest.param(["--verify", "--seed", "\u0665"], "must be a whole number", id="other-digits"),
        pytest.param(["--verify", "--full", "--deep"], "and not with --verify", id="deep-verify"),
        pytest.param(["--deep"], "--deep goes with --full, --user or --thread", id="deep-alone"),
        pytest.param(["--verify", "--thread", ".."], "--thread must not be '..'", id="a-path"),
    ],
)
def test_options_that_mean_nothing_together_are_refused_in_words(
    upstream: Emulator, arguments: list[str], says: str
) -> None:
    outcome: Any = run("chatkit_sync", *arguments)

    assert outcome.code == 1
    assert says in outcome.error
    assert upstream.count() == 0
