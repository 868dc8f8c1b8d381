import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser, Erasure
from django_chatkit.services.archive_entries import FailureEntry
from django_chatkit.testing import Emulator
from tests.client.test_redaction import without_word
from tests.keys import dump as stored
from tests.services.archives import STARTED_AT, Archive, made, rows

from .conftest import run

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Give an archive of two threads of three items each, and one of none."""
    archive = Archive(tmp_path / "archive", "gzip")
    for id, items in (("cthr_a", 3), ("cthr_b", 3), ("cthr_c", 0)):
        archive.add(*made(id, items), read_at=STARTED_AT)
    archive.finish()
    return archive


def here(database: str = "default") -> tuple[int, int]:
    return (
        ChatThread.objects.using(database).count(),
        ChatThreadItem.objects.using(database).count(),
    )


def test_an_archive_is_imported_and_told(archive: Archive, database: str) -> None:
    outcome = run("chatkit_import", str(archive.folder), "--database", database)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(
        "3 threads looked at: 3 new, 0 changed, 0 known already; "
        "items: 6 new, 0 changed, 0 gone, 0 unchanged; 0 failures. Took "
    )
    assert here(database) == (3, 6)


def test_once_more_finds_all_known_and_says_so_in_json(archive: Archive) -> None:
    run("chatkit_import", str(archive.folder))

    outcome = run("chatkit_import", str(archive.folder), "--json")

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.json == {
        "dry_run": False,
        "erased": [],
        "failures": [],
        "items_changed": 0,
        "items_gone": 0,
        "items_new": 0,
        "items_unchanged": 0,
        "ok": True,
        "owners": 0,
        "threads": 3,
        "threads_changed": 0,
        "threads_new": 0,
        "threads_unchanged": 3,
    }


def test_threads_of_who_was_erased_since_are_named_and_left_out(archive: Archive) -> None:
    users = {str(entry.user) for entry in archive.entries.values()}
    for user in users:
        Erasure.objects.create(
            end_user=user, asked_at=STARTED_AT, finished_at=timezone.now() + timedelta(days=9)
        )

    outcome = run("chatkit_import", str(archive.folder))

    assert outcome.code == 0
    assert sorted(outcome.err.splitlines()) == [
        f"thread {id}: left out, for its end user was erased since it was archived"
        for id in sorted(archive.entries)
    ]
    assert "0 known already, 3 of erased end users; items: 0 new" in outcome.out
    assert here() == (0, 0)
    assert run("chatkit_import", str(archive.folder), verbosity=0).err == ""


def test_a_dry_run_says_what_would_be_done_and_does_nothing(archive: Archive) -> None:
    outcome = run("chatkit_import", str(archive.folder), "--dry-run")

    assert outcome.out.startswith("Would have: 3 threads looked at: 3 new")
    assert here() == (0, 0)


@pytest.mark.parametrize("flags", [[], ["--dry-run"], ["--json"]], ids=str)
def test_a_damaged_file_is_named_and_the_rest_goes_in(archive: Archive, flags: list[str]) -> None:
    archive.change("cthr_b", lambda content: content.replace(b"word 1", b"a secret"))

    outcome = run("chatkit_import", str(archive.folder), *flags)

    file = archive.entries["cthr_b"].file
    assert outcome.code == 1
    assert outcome.error == "1 thing is not done."
    lines = outcome.err.splitlines()
    assert lines[0] == (
        f"thread cthr_b: Damaged: {file}: the SHA-256 of its items is not the one that the manifest tells"
    )
    assert lines[1].startswith("Nothing was taken of a file that is damaged: take it from another copy")
    assert here() == ((0, 0) if "--dry-run" in flags else (2, 3))
    assert "secret" not in outcome.err + outcome.out
    if "--json" in flags:
        assert outcome.json["ok"] is False
        assert [each["id"] for each in outcome.json["failures"]] == ["cthr_b"]


def test_a_reading_of_tomorrow_is_refused_with_a_remedy(archive: Archive) -> None:
    archive.say("cthr_b", read_at=timezone.now() + timedelta(days=1))

    outcome = run("chatkit_import", str(archive.folder))

    assert outcome.code == 1
    assert outcome.err.splitlines()[0].startswith("thread cthr_b: Untimely: ")
    assert outcome.err.splitlines()[1].startswith("Set the clock of this machine")


def test_a_dump_of_the_sdk_is_imported(tmp_path: Path) -> None:
    file = tmp_path / "dump.jsonl"
    thread, items = made("cthr_a", 3)
    file.write_text("\n".join(map(json.dumps, [thread, *reversed(items)])))

    outcome = run("chatkit_import", str(file))

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("1 thread looked at: 1 new")
    assert here() == (1, 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b'{"id": ', "line 1: it is not JSON. Nothing was taken of it.", id="torn"),
        pytest.param(b"\xff\n", "line 1: it is not UTF-8. Nothing was taken of it.", id="bytes"),
        pytest.param(b"\x1f\x8b\x08", "it is packed by gzip: unpack it first. Nothing", id="gzip"),
        pytest.param(b"\n", "it holds no thread and no item. Nothing was taken of it.", id="empty"),
    ],
)
def test_a_dump_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "dump.jsonl"
    file.write_bytes(content)

    outcome = run("chatkit_import", str(file), "--json")

    assert outcome.code == 1
    assert outcome.error.startswith(f"{file}: {says}")
    assert outcome.json == {"ok": False, "error": outcome.error}
    assert here() == (0, 0)


def no_header(archive: Archive) -> None:
    (archive.folder / "archive.json").unlink()


def another_header(archive: Archive) -> None:
    (archive.folder / "archive.json").write_text('{"format": "tar"}')


def a_newer_version(archive: Archive) -> None:
    header = json.loads((archive.folder / "archive.json").read_text())
    (archive.folder / "archive.json").write_text(json.dumps({**header, "version": 2}))


def a_line_of_the_manifest(archive: Archive) -> None:
    with (archive.folder / "manifest.jsonl").open("a") as manifest:
        manifest.write("{}\n")


def the_manifest(archive: Archive) -> None:
    (archive.folder / "manifest.jsonl").unlink()
    (archive.folder / "manifest.jsonl").mkdir()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (no_header, "is no archive: there is no archive.json in it."),
        (another_header, "archive.json does not say that this is an archive of ChatKit's. Nothing was taken"),
        (a_newer_version, "archive.json is not of version 1, the one that this release knows. Nothing"),
        (a_line_of_the_manifest, "manifest.jsonl, line 4, can't be read. Nothing was taken of it."),
        (the_manifest, "can't be read: Is a directory."),
    ],
)
def test_a_folder_that_is_no_good_archive_is_named(archive: Archive, spoil: Any, says: str) -> None:
    spoil(archive)

    outcome = run("chatkit_import", str(archive.folder))

    assert outcome.code == 1
    assert outcome.error.startswith(str(archive.folder))
    assert says in outcome.error
    assert here() == (0, 0)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    outcome = run("chatkit_import", str(tmp_path / "nothing"))

    assert outcome.code == 1
    assert outcome.error == f"{tmp_path / 'nothing'} can't be read: No such file or directory."


def test_what_the_archive_lacks_is_said_and_is_no_failure(archive: Archive) -> None:
    archive.note(FailureEntry(thread="cthr_d", user=None, error="InternalServerError", at=STARTED_AT))
    archive.finish(upstream="https://example.org/v1/", finished_at=None)

    outcome = run("chatkit_import", str(archive.folder))

    assert outcome.code == 0
    assert outcome.err.splitlines() == [
        "The archive was not finished: there may be more upstream than it holds.",
        "The archive lacks 1 thread that could not be read from upstream; its manifest tells which.",
        (
            "The archive is of https://example.org/v1/, and this site's upstream is https://api.openai.com/v1: a sync takes for "
            "gone what that one does not have."
        ),
    ]
    assert here() == (3, 6)


def test_silence_where_none_is_asked_for(archive: Archive) -> None:
    archive.finish(finished_at=None)

    outcome = run("chatkit_import", str(archive.folder), verbosity=0)

    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_progress_is_shown_on_a_terminal(archive: Archive) -> None:
    outcome = run("chatkit_import", str(archive.folder), terminal=True)

    assert "1/3 threads taken: 3 items, " in outcome.err or "0/3 threads taken: 3 items, " in outcome.err
    assert "req/s" not in outcome.err
    assert outcome.err.endswith("\r")


@pytest.fixture
def visitors(request: pytest.FixtureRequest) -> Iterator[None]:
    settings = request.getfixturevalue("settings")
    settings.CHATKIT = {**settings.CHATKIT, "USER_ID": lambda request: "ada"}
    return iter([None])


def test_accounts_come_back_and_are_counted(tmp_path: Path) -> None:
    account = get_user_model()._default_manager.create(username="ada")
    archive = Archive(tmp_path)
    archive.add(*made("cthr_a", 1, user=str(account.pk)), read_at=STARTED_AT)

    outcome = run("chatkit_import", str(archive.finish()))

    assert "1 end user given back to their accounts; 0 failures." in outcome.out
    assert EndUser.objects.get().owner == account


@pytest.mark.usefixtures("visitors")
def test_where_the_site_names_end_users_otherwise_no_account_is_guessed(tmp_path: Path) -> None:
    account = get_user_model()._default_manager.create(username="ada")
    archive = Archive(tmp_path)
    archive.add(*made("cthr_a", 1, user=str(account.pk)), read_at=STARTED_AT)

    outcome = run("chatkit_import", str(archive.finish()))

    assert outcome.code == 0
    assert EndUser.objects.get().owner is None


def test_what_chatkit_archive_wrote_comes_back_whole(
    upstream: Emulator, tmp_path: Path, database: str
) -> None:
    for number in range(3):
        begin = 1_760_000_000 + number
        items = [
            {"text": f"{number} \u2028 \x00 ä {place}", "created_at": begin + place}
            for place in range(3 * number)
        ]
        upstream.add_thread(user=f"user {number}", title="Ä", items=items, created_at=begin)
    folder = str(tmp_path / "archive")
    assert run("chatkit_archive", folder, "--database", database).code == 0
    by_archive = rows(database)
    EndUser.objects.using(database).all().delete()
    upstream.forget_requests()

    outcome = run("chatkit_import", folder, "--database", database)

    assert (outcome.code, upstream.count()) == (0, 0)
    assert run("chatkit_archive", folder, "--verify-offline", "--database", database).code == 0
    assert run("chatkit_sync", "--full", "--database", database).out.startswith(
        "3 threads read: 0 new, 0 changed, 0 gone;"
    )
    by_import = rows(database)
    assert by_import["EndUser"] == by_archive["EndUser"]
    assert by_import["ChatThreadItem"] == by_archive["ChatThreadItem"]
    for before, after in zip(by_archive["ChatThread"], by_import["ChatThread"], strict=True):
        differs = {name for name in before if before[name] != after[name]}
        # An archive is as old as the moment at which it began to read a thread, a mirror as each of its pages.
        assert differs <= {"as_of", "items_as_of", "synced_at", "archived_at"}


def without_words(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    redacted: dict[str, Any] = without_word(type, json.loads(json.dumps(payload).replace("word", "canary")))
    return redacted


@pytest.mark.parametrize("kind", ["archive", "dump"])
def test_what_is_to_be_redacted_is_not_taken(
    archive: Archive, tmp_path: Path, settings: Any, kind: str
) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "API_KEY": "", "REDACT": f"{__name__}.without_words"}
    file = tmp_path / "dump.jsonl"
    file.write_bytes(archive.content("cthr_a"))

    outcome = run("chatkit_import", str(archive.folder if kind == "archive" else file))

    assert (outcome.code, outcome.err) == (0, "")
    assert ChatThreadItem.objects.get(pk="cti_cthr_a_1").text == "… 1"
    assert "word 1" not in " ".join(stored("default"))


def test_a_hook_that_is_none_stops_the_import_before_anything_is_taken(
    archive: Archive, settings: Any
) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "REDACT": "nowhere.redact"}

    outcome = run("chatkit_import", str(archive.folder))

    assert outcome.code == 1
    assert outcome.error.startswith("CHATKIT['REDACT'] can't be imported")
    assert here() == (0, 0)
