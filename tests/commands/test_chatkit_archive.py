import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from django_chatkit.models import ChatThread
from django_chatkit.testing import Emulator
from tests import keys
from tests.client.test_redaction import WORD, without_word

from .conftest import run

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "archive")


@pytest.fixture
def threads(upstream: Emulator) -> list[str]:
    return [
        upstream.add_thread(user=user, created_at=1_760_000_000 + place, items=[{"text": user}] * 2)["id"]
        for place, user in enumerate(("ada", "bob", "ada"))
    ]


@pytest.mark.usefixtures("threads")
def test_everything_is_archived(folder: str) -> None:
    outcome = run("chatkit_archive", folder)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(
        "3 threads archived, 6 items; 5 requests, 0 failures. "
        f"Complete: {folder} holds 3 threads of 2 end users with 6 items. Took "
    )
    assert not ChatThread.objects.unarchived().exists()


@pytest.mark.usefixtures("threads")
def test_nothing_is_said_where_nothing_is_asked_for(folder: str) -> None:
    assert run("chatkit_archive", folder, verbosity=0).out == ""


@pytest.mark.usefixtures("threads")
def test_the_outcome_is_one_json_object(folder: str) -> None:
    outcome = run("chatkit_archive", folder, "--json")

    assert outcome.json["ok"] is True
    assert outcome.json["finished"] is True
    assert outcome.json["totals"] == {
        "end_users": 2,
        "threads": 3,
        "items": 6,
        "requests": 5,
        "failures": 0,
        "attachments": 0,
        "forgotten": 0,
    }
    assert outcome.json["mirrored"]["items_new"] == 6


@pytest.mark.usefixtures("threads")
def test_a_budget_that_is_used_up_is_told_and_the_next_run_goes_on(folder: str) -> None:
    first = run("chatkit_archive", folder, "--max-requests", "4")
    second = run("chatkit_archive", folder, "--json")

    assert first.code == 1
    assert first.err == "The 4 requests of --max-requests are used up.\n"
    assert first.error == "The archive is not finished: run it again to go on."
    assert "2 threads archived, 4 items; 4 requests, 0 failures. Not finished: " in first.out
    assert (second.code, second.json["known"], second.json["threads"]) == (0, 2, 1)


@pytest.mark.usefixtures("threads")
def test_a_budget_too_small_for_anything_is_told_with_the_remedy(folder: str) -> None:
    assert "allow more" in run("chatkit_archive", folder, "--max-requests", "1").err


def test_what_could_not_be_read_is_named(upstream: Emulator, folder: str, threads: list[str]) -> None:
    upstream.fail("list_items", status=500, match=threads[1])

    outcome = run("chatkit_archive", folder)

    assert outcome.code == 1
    assert outcome.err.startswith(f"thread {threads[1]}: InternalServerError")
    assert outcome.error == "1 thing is not done; run it again later."


@pytest.mark.usefixtures("threads")
def test_a_rate_is_kept(folder: str) -> None:
    outcome = run("chatkit_archive", folder, "--rate", "500", "--json")

    assert outcome.json["ok"] is True


def test_a_terminal_is_told_how_far_it_has_come(folder: str, threads: list[str]) -> None:
    outcome = run("chatkit_archive", folder, terminal=True)

    assert "thread" in outcome.err
    assert "archived: " in outcome.err


@pytest.mark.usefixtures("threads")
def test_an_archive_that_is_whole_is_complete(folder: str) -> None:
    run("chatkit_archive", folder, "--compression", "gzip")

    for proof in ("--verify", "--verify-offline"):
        outcome = run("chatkit_archive", folder, proof)
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out == "complete: 3 threads, 6 items compared, no difference\n"


def test_what_differs_upstream_is_named(upstream: Emulator, folder: str, threads: list[str]) -> None:
    run("chatkit_archive", folder)
    upstream.remove_thread(threads[0])

    outcome = run("chatkit_archive", folder, "--verify", terminal=True)

    assert outcome.code == 1
    assert outcome.out.splitlines() == [
        f"thread {threads[0]}: present in the archive, and not listed upstream",
        "different: 2 threads, 4 items compared, 1 difference",
    ]
    assert f"Run chatkit_archive {folder} again" in outcome.err
    assert outcome.error == "The archive differs from upstream: 1 difference."


@pytest.mark.usefixtures("threads")
def test_what_was_proven_stays_so_when_upstream_has_closed(upstream: Emulator, folder: str) -> None:
    run("chatkit_archive", folder)
    upstream.fail("*", kind="unknown_address", times=100_000)

    outcome = run("chatkit_archive", folder)

    assert outcome.code == 1
    assert outcome.err.startswith("What the archive held when it was complete, at ")
    offline, quiet = (run("chatkit_archive", folder, "--verify-offline", verbosity=each) for each in (1, 0))
    assert (offline.code, quiet.code, quiet.err) == (0, 0, "")
    assert offline.err.startswith("All that upstream listed was read by ")
    imported = run("chatkit_import", folder)
    assert (imported.code, imported.err) == (0, "")


def without_its_last_line(folder: str) -> None:
    manifest = Path(folder) / "manifest.jsonl"
    manifest.write_bytes(b"".join(manifest.read_bytes().splitlines(keepends=True)[:-1]))


def with_other_totals(folder: str) -> None:
    file = Path(folder) / "archive.json"
    header = json.loads(file.read_text())
    header["totals"]["items"] = 999
    file.write_text(json.dumps(header))


@pytest.mark.usefixtures("threads")
def test_what_was_taken_out_of_the_manifest_is_missed_by_verification_and_import(folder: str) -> None:
    run("chatkit_archive", folder)
    (file,) = (Path(folder) / line["file"] for line in _manifest(folder)[-1:])
    without_its_last_line(folder)
    with_other_totals(folder)

    for arguments in (["chatkit_archive", folder, "--verify-offline"], ["chatkit_import", folder]):
        outcome = run(*arguments)
        assert outcome.code == 1
        said = outcome.err.splitlines()
        assert [each for each in said if "Lacking" in each and "end user" not in each] == [
            "archive archive: Lacking: archive.json says 3 threads, and manifest.jsonl 2",
            "archive archive: Lacking: archive.json says 999 items, and manifest.jsonl 4",
            f"file {file.relative_to(folder).as_posix()}: Lacking: no line of manifest.jsonl names it",
        ]
        assert "Lines are missing in manifest.jsonl, or are too many: " in outcome.err


def _manifest(folder: str) -> list[Any]:
    return [json.loads(line) for line in (Path(folder) / "manifest.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("threads")
def test_a_file_that_a_killed_run_left_is_noted_and_no_failure(folder: str) -> None:
    run("chatkit_archive", folder)
    (Path(folder) / "threads" / "left.jsonl").touch()

    for arguments in (["chatkit_archive", folder, "--verify-offline"], ["chatkit_import", folder]):
        outcome = run(*arguments)
        assert (outcome.code, outcome.err) == (
            0,
            "threads/left.jsonl: no line of the manifest names it; a run that was killed may have left it.\n",
        )


def test_differences_are_told_as_json(upstream: Emulator, folder: str, threads: list[str]) -> None:
    run("chatkit_archive", folder)
    upstream.remove_thread(threads[0])

    outcome = run("chatkit_archive", folder, "--verify", "--json")

    assert (outcome.code, outcome.json["ok"]) == (1, False)
    assert outcome.json["found"][0]["id"] == threads[0]


def test_a_broken_file_is_named(folder: str, threads: list[str]) -> None:
    run("chatkit_archive", folder)
    (file,) = Path(folder).glob(f"threads/*/{threads[0]}.*.jsonl")
    file.write_bytes(b"")

    outcome = run("chatkit_archive", folder, "--verify-offline")

    assert outcome.code == 1
    assert outcome.err.startswith(f"thread {threads[0]}: BrokenArchive: {file.name} holds a line")
    assert outcome.out == "incomplete: 3 threads, 6 items compared, no difference, 1 failure\n"


def test_what_the_mirror_has_otherwise_is_named(folder: str, threads: list[str]) -> None:
    run("chatkit_archive", folder)
    ChatThread.objects.filter(pk=threads[0]).delete()

    outcome = run("chatkit_archive", folder, "--verify-offline")

    assert outcome.error == "The archive differs from the mirror: 1 difference."
    assert f"thread {threads[0]}: missing in this mirror" in outcome.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--verify", "--attachments"], "--attachments has nothing to say"),
        (["--verify-offline", "--compression", "gzip"], "--compression has nothing to say"),
        (["--attachments"], "give --attachment-host"),
        (["--attachment-host", "files.example"], "goes with --attachments"),
        (["--verify-offline", "--rate", "1"], "makes no request"),
        (["--verify-offline", "--max-requests", "1"], "makes no request"),
    ],
    ids=" ".join,
)
def test_options_that_mean_nothing_together_are_refused(folder: str, options: Any, words: str) -> None:
    outcome = run("chatkit_archive", folder, *options)

    assert outcome.code == 1
    assert words in outcome.error


@pytest.mark.parametrize(
    "option",
    [
        "--max-requests=0",
        "--max-requests=x",
        "--max-requests=" + "9" * 30,
        "--rate=0",
        "--rate=x",
        "--rate=inf",
        "--rate=nan",
        "--attachment-size=-1",
    ],
)
def test_a_number_that_is_none_is_refused(folder: str, option: str) -> None:
    with pytest.raises(CommandError, match="must be a"):
        call_command("chatkit_archive", folder, option)


@pytest.mark.parametrize(
    "host",
    [
        "https://localhost:8443/",
        "localhost:8443/",
        "localhost/",
        "localhost:",
        "localhost:x",
        "localhost:1234567",
        "localhost:65536",
        "me@localhost",
        ":443",
        "a b",
        "",
    ],
)
def test_a_host_that_is_none_is_refused_at_once(upstream: Emulator, folder: str, host: str) -> None:
    with pytest.raises(CommandError, match="must be HOST or HOST:PORT, not ") as refused:
        call_command("chatkit_archive", folder, "--attachments", "--attachment-host", host)

    assert repr(host) in str(refused.value)
    assert not Path(folder).exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, upstream: Emulator) -> None:
    (tmp_path / "letter").write_text("dear")

    outcome = run("chatkit_archive", str(tmp_path))

    assert outcome.code == 1
    assert "holds something that is no archive" in outcome.error
    assert [each.name for each in tmp_path.iterdir()] == ["letter"]
    assert (tmp_path / "letter").read_text() == "dear"
    assert upstream.count() == 0


@pytest.mark.parametrize("command", ["chatkit_archive", "chatkit_import"])
def test_an_empty_name_is_no_folder(command: str) -> None:
    with pytest.raises(CommandError, match="must not be empty"):
        call_command(command, "")


def take_the_tables_away() -> None:
    """Rename the table of threads; the end of the test's transaction brings it back."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_chatkit_chatthread RENAME TO not_migrated_yet")


def test_without_tables_no_folder_is_made(upstream: Emulator, folder: str) -> None:
    take_the_tables_away()

    outcome = run("chatkit_archive", folder)

    assert outcome.code == 1
    assert outcome.error.endswith("Run: python manage.py migrate")
    assert not Path(folder).exists()
    assert upstream.count() == 0


def test_without_tables_even_an_empty_archive_is_not_imported(upstream: Emulator, folder: str) -> None:
    run("chatkit_archive", folder)
    assert run("chatkit_import", folder).code == 0
    take_the_tables_away()

    outcome = run("chatkit_import", folder)

    assert outcome.code == 1
    assert outcome.error.endswith("Run: python manage.py migrate")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path, upstream: Emulator) -> None:
    (tmp_path / "letter").write_text("dear")

    assert "can't be used: File exists" in run("chatkit_archive", str(tmp_path / "letter")).error


@pytest.mark.usefixtures("threads")
def test_another_compression_is_refused(folder: str) -> None:
    run("chatkit_archive", folder)

    assert "begun with --compression none" in run("chatkit_archive", folder, "--compression", "gzip").error


@pytest.mark.usefixtures("threads")
def test_a_disk_that_refuses_is_told_without_a_traceback(folder: str) -> None:
    run("chatkit_archive", folder)
    path = Path(folder) / "threads"
    for each in sorted(path.rglob("*"), reverse=True):
        each.rmdir() if each.is_dir() else each.unlink()
    path.rmdir()
    path.write_text("in the way")

    outcome = run("chatkit_archive", folder)

    assert outcome.code == 1
    assert "can't be used: " in outcome.error
    assert outcome.error.endswith("What was done is kept; mend that and run it again.")


@pytest.mark.usefixtures("threads")
def test_a_broken_manifest_is_named(folder: str) -> None:
    run("chatkit_archive", folder)
    manifest = Path(folder) / "manifest.jsonl"
    manifest.write_bytes(b"{}\n" + manifest.read_bytes())

    for arguments in ([], ["--verify"], ["--verify-offline"]):
        outcome = run("chatkit_archive", folder, *arguments)
        assert outcome.error.startswith(f"{folder}: manifest.jsonl, line 1, can't be read. Take it from")


@pytest.mark.usefixtures("threads")
def test_of_an_unfinished_archive_only_that_is_said_offline(upstream: Emulator, folder: str) -> None:
    run("chatkit_archive", folder, "--max-requests", "4")

    outcome = run("chatkit_archive", folder, "--verify-offline")

    says = f"archive archive: Unfinished: it is not finished: run chatkit_archive {folder} again\n"
    assert (outcome.err, outcome.error) == (says, "1 thing is not done.")
    assert outcome.out == "incomplete: 0 threads, 0 items compared, no difference, 1 failure\n"


ATTACHMENT = {"type": "image", "id": "cfile_1", "name": "a.png", "mime_type": "image/png"}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://localhost:9/a", "an address that is not public"),
        ("https://files.example/a", "not among those that were allowed"),
        ("http://localhost:9/a", "not one of https"),
    ],
)
def test_a_preview_at_a_private_or_unnamed_address_is_not_fetched(
    upstream: Emulator, folder: str, url: str, words: str
) -> None:
    item = {"text": "see", "attachments": [{**ATTACHMENT, "preview_url": url}]}
    upstream.add_thread(user="ada", items=[item])

    outcome = run("chatkit_archive", folder, "--attachments", "--attachment-host", "localhost:9")

    assert outcome.code == 0
    assert outcome.err.startswith("left out, attachment cfile_1: Refused: ")
    assert words in outcome.err
    line = json.loads((Path(folder) / "manifest.jsonl").read_text().splitlines()[-1])
    assert (line["attachment"], words in line["error"], "file" in line) == ("cfile_1", True, False)


NOT_REDACTED = "they are not redacted: REDACT is of the mirror"
NOT_SEALED = "they are not encrypted: ENCRYPTION_KEYS are of the database"


@pytest.mark.parametrize(
    ("chatkit", "says"),
    [
        ({"REDACT": without_word}, NOT_REDACTED),
        ({"ENCRYPTION_KEYS": [keys.FIRST]}, NOT_SEALED),
        (
            {"REDACT": without_word, "ENCRYPTION_KEYS": [keys.FIRST, keys.SECOND]},
            f"{NOT_REDACTED} and {NOT_SEALED}",
        ),
        ({"ENCRYPTION_KEYS": ["", keys.FIRST]}, None),
    ],
)
@pytest.mark.usefixtures("threads")
def test_what_does_not_reach_the_files_is_told_in_one_line(
    folder: str, settings: Any, chatkit: dict[str, Any], says: str | None
) -> None:
    settings.CHATKIT = {**settings.CHATKIT, **chatkit}
    expected = f"The archive's files hold upstream's text to the character; {says}.\n" if says else ""

    assert run("chatkit_archive", folder).err == expected
    assert run("chatkit_archive", folder, verbosity=0).err == ""


def test_neither_comparison_takes_what_was_redacted_for_a_difference(
    upstream: Emulator, folder: str, settings: Any
) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "REDACT": without_word}
    upstream.add_thread(user="ada", title=f"The {WORD}", items=[{"text": f"my {WORD} sings"}])
    run("chatkit_archive", folder)

    for flag in ("--verify", "--verify-offline"):
        outcome = run("chatkit_archive", folder, flag)

        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.startswith("complete: 1 thread, 1 item compared, no difference")
    assert ChatThread.objects.get().title == "The …"


@pytest.mark.usefixtures("threads")
def test_an_end_user_is_taken_out_and_told_of(folder: str) -> None:
    run("chatkit_archive", folder)

    outcome = run("chatkit_archive", folder, "--forget", "ada", "--yes")

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "Forgot 2 threads of 'ada': 2 files deleted.\n"
    again = run("chatkit_archive", folder, "--forget", "ada", "--yes", "--json")
    assert again.json == {"failures": [], "ok": True, "threads": 2, "files": 0}
    assert run("chatkit_archive", folder, "--verify").code == 0
    assert run("chatkit_archive", folder, "--verify-offline").code == 0


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("answer", "code", "files"),
    [
        pytest.param("yes\n", 0, 1, id="yes"),
        pytest.param("no\n", 1, 3, id="no"),
        pytest.param("", 1, 3, id="nobody-there"),
    ],
)
def test_who_is_taken_out_is_asked_about_first(
    folder: str, capsys: pytest.CaptureFixture[str], answer: str, code: int, files: int
) -> None:
    run("chatkit_archive", folder)
    before, sys.stdin = sys.stdin, io.StringIO(answer)
    try:
        outcome = run("chatkit_archive", folder, "--forget", "ada")
    finally:
        sys.stdin = before

    assert outcome.code == code
    assert capsys.readouterr().out.startswith(
        f"This takes the end user 'ada' out of {folder}: 2 threads, 2 files to delete."
    )
    assert len(list((Path(folder) / "threads").glob("*/*"))) == files
    assert outcome.error == ("" if code == 0 else "Cancelled. Nothing was deleted.")


@pytest.mark.usefixtures("threads")
def test_nobody_is_taken_out_who_is_held_unknown_or_not_asked_about(folder: str) -> None:
    run("chatkit_archive", folder)
    run("chatkit_user", "hold", "ada")

    held = run("chatkit_archive", folder, "--forget", "ada", "--yes")
    unknown = run("chatkit_archive", folder, "--forget", "adda", "--yes")
    unasked = run("chatkit_archive", folder, "--forget", "ada", "--json")

    assert [each.code for each in (held, unknown, unasked)] == [1, 1, 1]
    assert held.error == (
        "No file is deleted: end user 'ada' is held: nothing of theirs is deleted until the hold is lifted. "
        "To lift it: chatkit_user hold ada --lift"
    )
    assert unknown.error.startswith(f"{folder} holds no thread of an end user 'adda'. Check the spelling")
    assert unasked.error == "--json can't ask: say --yes."
    assert len(list((Path(folder) / "threads").glob("*/*"))) == 3


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--compression", "gzip"], "--compression has nothing to say"),
        (["--rate", "5"], "--forget makes no request"),
        (["--verify"], "not allowed with argument"),
    ],
)
def test_what_has_nothing_to_say_to_forgetting_is_refused(folder: str, option: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("chatkit_archive", folder, "--forget", "ada", *option)
