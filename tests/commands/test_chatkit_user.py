"""One end user from the command line: shown, exported, erased, held."""

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from django_chatkit.management import files
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser, Erasure, Hold, PrunedThread, SyncRun
from django_chatkit.services import annotations, erasures, holds, sync
from django_chatkit.services.sync import Pace
from django_chatkit.services.transcript_rows import walk
from django_chatkit.services.transcripts import FORMATS, moment
from django_chatkit.testing import Emulator
from django_chatkit.wiring import connect

from .conftest import Outcome, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def mirror(upstream: Emulator, database: str) -> str:
    """Keep Ada with two threads, one of them noted, and a third that only upstream has; and Ben."""
    for user, id in (("ada", "cthr_1"), ("ada", "cthr_2"), ("ben", "cthr_ben")):
        upstream.add_thread(user=user, id=id, items=[{"text": "Hello"}, {"text": "Again"}])
    pace = Pace(interval=timedelta(seconds=15), grace=timedelta(), workers=0)
    sync.reconcile(client=connect(), clock=timezone.now, pace=pace, using=database)
    annotations.note(thread_id="cthr_1", text="Kind", author=None, now=timezone.now(), using=database)
    upstream.add_thread(user="ada", id="cthr_new")
    upstream.forget_requests()
    return database


def user(deed: str, *arguments: str, database: str, who: str = "ada", **options: Any) -> Outcome:
    return run("chatkit_user", deed, who, "--database", database, *arguments, **options)


def left(database: str) -> list[str]:
    return sorted(ChatThread.objects.using(database).values_list("pk", flat=True))


# Show


def test_show_tells_what_there_is_in_lines(mirror: str) -> None:
    outcome = user("show", database=mirror)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[:2] == [
        "End user 'ada', owned by nobody known.",
        "Sessions: 0, 0 of them live.",
    ]
    assert re.match(
        r"Threads: 2, 0 of them gone upstream; from 20\S+Z to 20\S+Z\.", outcome.out.splitlines()[2]
    )
    *rest, as_of = outcome.out.splitlines()[3:]
    assert rest == [
        "Items: 4.",
        "Staff's: 1 note, 0 reviews.",
        "Rows of sync runs about them: 0.",
        "Not held.",
    ]
    assert re.fullmatch(
        r"As of 20\S+Z: then began the last sync of all their threads that came through\.", as_of
    )


@pytest.mark.parametrize("deed", ["show", "export"])
def test_what_is_lacking_is_named_with_as_of_when_the_mirror_speaks(
    mirror: str, tmp_path: Path, deed: str
) -> None:
    file = ["--output", str(tmp_path / "ada.zip")] if deed == "export" else []
    now = timezone.now()
    threads = ChatThread.objects.using(mirror).of("ada")
    threads.filter(pk="cthr_1").update(synced_at=None)
    threads.filter(pk="cthr_2").update(words_dropped_at=now)
    SyncRun.objects.using(mirror).all().delete()
    EndUser.objects.using(mirror).filter(pk="ada").update(last_error="InternalServerError: no", looked_at=now)
    PrunedThread.objects.using(mirror).create(id="cthr_old", active_at=now)

    lines = user(deed, *file, database=mirror).out.splitlines()

    assert lines[-5:] == [
        "No sync of all their threads is known to have come through: run chatkit_sync --user ada first.",
        "The last look at them failed: InternalServerError: no",
        "Not copied whole, run chatkit_sync --user ada: cthr_1.",
        "Words dropped by retention: cthr_2.",
        (
            "Retention keeps 1 thread out of the mirror; whose they were is not kept: "
            "chatkit_user erase ada --dry-run lists what upstream has."
        ),
    ]


@pytest.mark.parametrize("deed", ["show", "export"])
def test_what_is_lacking_is_told_to_programs(mirror: str, tmp_path: Path, deed: str) -> None:
    file = ["--output", str(tmp_path / "ada.zip")] if deed == "export" else []
    ChatThread.objects.using(mirror).filter(pk="cthr_1").update(synced_at=None)

    told = user(deed, "--json", *file, database=mirror).json

    run_at = SyncRun.objects.using(mirror).get(kind="reconcile").started_at
    assert told["as_of"] == moment(run_at)
    assert (told["not_copied_whole"], told["words_dropped"]) == (["cthr_1"], [])
    assert (told["last_error"], told["left_out_of_whomever"]) == ("", 0)


def test_of_many_threads_that_lack_something_the_first_are_named(mirror: str) -> None:
    rows = ChatThread.objects.using(mirror)
    at = timezone.now()
    rows.bulk_create(ChatThread(id=f"cthr_x{n:02}", end_user_id="ada", created_at=at) for n in range(22))

    assert "cthr_x19, and 2 more." in user("show", database=mirror).out
    assert len(user("show", "--json", database=mirror).json["not_copied_whole"]) == 22


def test_show_takes_fifteen_queries(mirror: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(15, connection=connections[mirror]):
        user("show", database=mirror)


def test_show_tells_programs_the_same(mirror: str, upstream: Emulator) -> None:
    told = user("show", "--json", database=mirror).json

    assert (told["threads"], told["items"], told["notes"], told["held_since"]) == (2, 4, 1, None)
    assert upstream.count() == 0


def test_show_names_the_owner_and_who_it_was(mirror: str) -> None:
    owner = User(username="mia")
    owner.save(using=mirror)
    rows = EndUser.objects.using(mirror).filter(pk="ada")
    rows.update(owner=owner)
    assert "owned by mia." in user("show", database=mirror).out

    rows.update(owner=None, former_owner="17")

    assert "owned by account 17, deleted." in user("show", database=mirror).out


@pytest.mark.parametrize(
    ("arguments", "was_asked"),
    [
        pytest.param(["show"], False, id="show"),
        pytest.param(["export"], False, id="export"),
        pytest.param(["erase", "--yes"], True, id="erase"),
        pytest.param(["erase", "--dry-run"], True, id="erase-dry"),
        pytest.param(["erase", "--here", "--yes"], False, id="erase-here"),
    ],
)
def test_who_is_unknown_is_a_mistake_and_is_named_and_whether_upstream_was_asked(
    mirror: str, upstream: Emulator, arguments: list[str], was_asked: bool, tmp_path: Path
) -> None:
    if arguments == ["export"]:
        arguments = [*arguments, "--output", str(tmp_path / "nobody.zip")]

    outcome = user(*arguments, database=mirror, who="nobody")

    assert outcome.code == 1
    failure, remedy = outcome.err.splitlines()
    says = (
        "unknown here, and without threads upstream" if was_asked else "unknown here; upstream was not asked"
    )
    assert failure == f"end user nobody: {says}"
    assert ("chatkit_user erase USER --dry-run asks upstream" in remedy) is not was_asked
    assert bool(upstream.count()) is was_asked
    assert not EndUser.objects.using(mirror).filter(pk="nobody").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["show", "--lift"], "--lift goes with hold, not with show.", id="lift"),
        pytest.param(["hold", "--dry-run"], "--dry-run goes with erase, not with hold.", id="dry-run"),
        pytest.param(["show", "--here"], "--here goes with erase, not with show.", id="here"),
        pytest.param(["show", "--yes"], "--noinput goes with erase, not with show.", id="yes"),
        pytest.param(["erase", "--output", "x"], "--output goes with export, not with erase.", id="output"),
        pytest.param(["erase", "--json"], "--json can't ask: say --yes", id="json"),
        pytest.param(["hold", "--lift", "--reason", "x"], "--reason goes with a new hold", id="reason"),
        pytest.param(["eat"], "invalid choice: 'eat'", id="deed"),
    ],
)
def test_what_does_not_go_together_is_refused(mirror: str, arguments: list[str], says: str) -> None:
    outcome = user(*arguments, database=mirror)

    assert outcome.code == 1
    assert says in outcome.error


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["hold", "--reason", "a lawsuit", "ada"], id="value"),
        pytest.param(["--json", "hold", "--reason", "a lawsuit", "ada"], id="before-the-deed"),
        pytest.param(["hold", "ada", "--reason", "a lawsuit"], id="behind"),
    ],
)
def test_options_stand_before_and_behind_the_end_user(mirror: str, arguments: list[str]) -> None:
    held = run("chatkit_user", *arguments, "--database", mirror)
    lifted = run("chatkit_user", "hold", "--lift", "ada", "--database", mirror)

    assert (held.code, held.error, lifted.code) == (0, "", 0)
    assert lifted.out == "Lifted the hold on 'ada'.\n"


def test_who_else_is_named_is_refused(mirror: str) -> None:
    assert "unrecognized arguments: ben" in user("hold", "ben", database=mirror).error


def test_what_can_be_no_id_is_refused(mirror: str) -> None:
    assert "USER must not hold a control character" in user("show", database=mirror, who="a\nb").error


# Export


def test_export_writes_an_archive_that_only_its_owner_may_read(mirror: str, tmp_path: Path) -> None:
    file = tmp_path / "ada.zip"

    outcome = user("export", "--output", str(file), database=mirror)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"Wrote {file}: 2 threads, {file.stat().st_size} bytes.")
    assert file.stat().st_mode & 0o777 == 0o600
    threads = json.loads(ZipFile(file).read("threads.json"))["threads"]
    assert [each["id"] for each in threads] == ["cthr_1", "cthr_2"]
    assert [path.name for path in tmp_path.iterdir()] == ["ada.zip"]


def test_of_all_that_leaves_the_site_the_export_alone_has_staffs_words(mirror: str, tmp_path: Path) -> None:
    file, folder = tmp_path / "ada.zip", tmp_path / "archive"
    assert user("export", "--output", str(file), database=mirror).code == 0
    assert run("chatkit_archive", str(folder), "--database", mirror).code == 0

    exported = {name: ZipFile(file).read(name).decode() for name in ZipFile(file).namelist()}
    archived = "".join(each.read_text() for each in folder.rglob("*") if each.is_file())
    threads = ChatThread.objects.using(mirror).of("ada")
    of_threads = ["".join(each.write(walk(threads))) for each in FORMATS.values()]

    noted = [name.partition("/")[0] for name, text in exported.items() if "Kind" in text]
    assert noted == ["transcripts", "person.json"]
    assert all("Hello" in each and "Kind" not in each for each in (archived, *of_threads))


def test_export_has_a_name_of_its_own_where_none_is_given(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    told = user("export", "--json", database=mirror).json

    assert re.fullmatch(r"chatkit-ada-\d{4}-\d\d-\d\d\.zip", told["file"])
    assert (told["ok"], told["threads"]) == (True, 2)
    assert (tmp_path / told["file"]).stat().st_size == told["bytes"]


def test_export_overwrites_nothing(mirror: str, tmp_path: Path) -> None:
    file = tmp_path / "ada.zip"
    file.write_text("precious")

    outcome = user("export", "--output", str(file), database=mirror)

    assert (outcome.code, outcome.error) == (
        1,
        f"{file} is there already. Give another --output, or remove it.",
    )
    assert file.read_text() == "precious"


def test_export_names_a_folder_that_is_not_there(mirror: str, tmp_path: Path) -> None:
    outcome = user("export", "--output", str(tmp_path / "no" / "ada.zip"), database=mirror)

    assert outcome.error.endswith("can't be written: No such file or directory.")


def half(error: BaseException | None = None) -> Iterator[bytes]:
    """Yield a piece, and then what is wrong."""
    yield b"half"
    if error is not None:
        raise error


def test_export_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"):
        files.write(tmp_path / "ada.zip", half(OSError("disk full")))

    assert list(tmp_path.iterdir()) == []


def test_a_killed_export_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    def look() -> Iterator[bytes]:
        yield b"half"
        (part,) = tmp_path.iterdir()  # all that a process leaves that is killed now
        assert part.name.endswith(".part")
        assert part.stat().st_mode & 0o777 == 0o600

    assert files.write(tmp_path / "ada.zip", look()) == 4
    assert [each.name for each in tmp_path.iterdir()] == ["ada.zip"]


def no_links(part: str, path: Path) -> None:
    """Refuse as a file system without hard links does."""
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("link", [os.link, no_links])
def test_a_name_that_is_taken_meanwhile_stays_whose_it_is(tmp_path: Path, link: Any) -> None:
    def take() -> Iterator[bytes]:
        yield b"half"
        (tmp_path / "ada.zip").write_text("precious")

    with pytest.raises(FileExistsError):
        files.write(tmp_path / "ada.zip", take(), link=link)

    assert [each.read_text() for each in tmp_path.iterdir()] == ["precious"]


def test_an_export_needs_no_hard_links(tmp_path: Path) -> None:
    file = tmp_path / "ada.zip"

    assert files.write(file, half(), link=no_links) == 4

    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"half", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_export_shows_how_far_it_is_on_a_terminal_and_is_silent_where_asked(
    mirror: str, tmp_path: Path
) -> None:
    shown = user("export", "--output", str(tmp_path / "1.zip"), database=mirror, terminal=True)
    silent = user("export", "--output", str(tmp_path / "2.zip"), database=mirror, verbosity=0)

    assert "2 threads read" in shown.err
    assert (silent.out, silent.err) == ("", "")


# Erase


def test_a_dry_run_says_exactly_what_would_go_and_does_nothing(mirror: str, upstream: Emulator) -> None:
    outcome = user("erase", "--dry-run", database=mirror)

    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "thread cthr_1: upstream and here, 2 items here",
        "thread cthr_2: upstream and here, 2 items here",
        "thread cthr_new: upstream only, 0 items here",
        (
            "Would go: 3 threads (3 upstream, 2 here) with 4 items here, 0 sessions, 1 note, 0 reviews, "
            "0 sync runs. Nothing was done."
        ),
    ]
    assert upstream.count() == upstream.count("list_threads") == 1
    assert left(mirror) == ["cthr_1", "cthr_2", "cthr_ben"]
    assert not Erasure.objects.using(mirror).exists()


def test_what_only_we_have_is_in_the_dry_run_too(mirror: str, upstream: Emulator) -> None:
    upstream.remove_thread("cthr_2")

    told = user("erase", "--dry-run", "--json", database=mirror).json

    assert (told["ok"], told["dry_run"]) == (True, True)
    assert told["would_go"] == [
        {"id": "cthr_1", "is_upstream": True, "is_here": True, "items": 2},
        {"id": "cthr_new", "is_upstream": True, "is_here": False, "items": 0},
        {"id": "cthr_2", "is_upstream": False, "is_here": True, "items": 2},
    ]
    assert "cthr_2: here only" in user("erase", "--dry-run", database=mirror).out


def test_what_cannot_be_erased_is_in_the_dry_run_too(mirror: str, upstream: Emulator) -> None:
    upstream.add_thread(user="ada", id="cthr_" + "x" * 300)

    outcome = user("erase", "--dry-run", database=mirror)
    told = user("erase", "--dry-run", "--json", database=mirror).json

    assert re.fullmatch("thread cthr_x+: Unmirrorable: .*: would stay", outcome.out.splitlines()[3])
    assert [each["noun"] for each in told["would_stay"]] == ["thread"]


def test_erase_erases_and_tells_how_much(mirror: str, upstream: Emulator) -> None:
    outcome = user("erase", "--yes", database=mirror)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "Done: 3 threads with 4 items erased; 0 sessions cancelled, 0 deleted; 1 note, 0 reviews, "
        "0 sync runs deleted; 0 failures.\n"
    )
    assert left(mirror) == ["cthr_ben"]
    assert [each["id"] for each in upstream.threads()] == ["cthr_ben"]
    row = Erasure.objects.using(mirror).get()
    assert (row.end_user, row.threads, row.items, row.notes) == ("ada", 3, 4, 1)


@pytest.mark.parametrize(
    ("answer", "code", "is_erased"),
    [
        pytest.param("yes\n", 0, True, id="yes"),
        pytest.param("no\n", 1, False, id="no"),
        pytest.param("y\n", 1, False, id="half-hearted"),
        pytest.param("", 1, False, id="nobody-there"),
    ],
)
def test_erase_asks_as_djangos_commands_do(
    mirror: str, capsys: pytest.CaptureFixture[str], answer: str, code: int, is_erased: bool
) -> None:
    before, sys.stdin = sys.stdin, io.StringIO(answer)
    try:
        outcome = user("erase", database=mirror)
    finally:
        sys.stdin = before

    assert outcome.code == code
    assert "Type 'yes' to continue, or 'no' to cancel" in capsys.readouterr().out
    assert (left(mirror) == ["cthr_ben"]) is is_erased
    assert Erasure.objects.using(mirror).exists() is is_erased
    if not is_erased:
        assert outcome.error == "Cancelled. Nothing was erased."


def test_what_upstream_refuses_is_named_kept_and_erased_by_a_rerun(mirror: str, upstream: Emulator) -> None:
    upstream.fail("delete_thread", status=500, match="cthr_2")

    first = user("erase", "--yes", database=mirror)

    assert first.code == 1
    assert first.out.startswith("Not done yet: 2 threads")
    assert first.err.startswith("thread cthr_2: InternalServerError")
    assert left(mirror) == ["cthr_2", "cthr_ben"]
    assert "not done yet (InternalServerError" in user("show", database=mirror).out

    second = user("erase", "--yes", "--json", database=mirror)

    assert (second.code, second.json["threads"], second.json["finished"]) == (0, 1, 1)
    told = user("show", "--json", database=mirror).json
    assert (told["known"], told["threads"]) == (False, 0)
    assert [each["threads"] for each in told["erasures"]] == [3]
    assert "done 20" in user("show", database=mirror).out


def test_what_was_asked_for_elsewhere_is_gone_on_with(mirror: str, upstream: Emulator) -> None:
    nothing = run("chatkit_user", "erase", "--pending", "--database", mirror)
    assert (nothing.code, nothing.out) == (0, "No erasure waits.\n")
    for whose in ("ada", "ben"):
        erasures.ask(user=whose, as_="staff", now=timezone.now(), using=mirror)
    holds.hold(user="ben", now=timezone.now(), using=mirror)

    done = run("chatkit_user", "erase", "--pending", "--database", mirror)

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Done: 3 threads with 4 items erased")
    assert left(mirror) == ["cthr_ben"]  # who is held is left alone
    held = run("chatkit_user", "erase", "--pending", "--database", mirror)
    assert (held.code, held.out.splitlines()) == (
        0,
        ["Nothing was tried.", "Held, and left alone until the hold is lifted: ben."],
    )


def test_what_upstream_refuses_of_all_is_tried_again_at_its_time(mirror: str, upstream: Emulator) -> None:
    erasures.ask(user="ada", as_="staff", now=timezone.now(), using=mirror)
    upstream.fail("delete_thread", status=500, match="cthr_2")

    first = run("chatkit_user", "erase", "--pending", "--database", mirror)
    again = run("chatkit_user", "erase", "--pending", "--database", mirror)

    assert (first.code, again.code) == (1, 1)
    assert first.err.startswith("thread cthr_2: InternalServerError")
    assert again.out == "Nothing was tried.\n"
    retry_at = Erasure.objects.using(mirror).get().retry_at
    (line,) = again.err.splitlines()
    assert line.startswith("erasure of ada: failed 1 time in a row, the last with InternalServerError: ")
    assert line.endswith(f"; tried again from {moment(retry_at)} on; chatkit_user erase ada tries it now")
    assert again.error == "1 thing is not done; run it again later."
    assert left(mirror) == ["cthr_2", "cthr_ben"]


def test_what_waits_for_its_time_is_not_done_though_another_erasure_is(
    mirror: str, upstream: Emulator
) -> None:
    upstream.fail("delete_thread", status=500, match="cthr_2")
    assert user("erase", "--yes", database=mirror).code == 1
    erasures.ask(user="ben", as_="staff", now=timezone.now(), using=mirror)

    outcome = run("chatkit_user", "erase", "--pending", "--json", "--database", mirror)

    assert outcome.code == 1
    told = outcome.json
    assert (told["ok"], told["finished"], told["threads"]) == (False, 1, 1)
    assert [(each["noun"], each["id"]) for each in told["failures"]] == [("erasure of", "ada")]
    assert user("erase", "--yes", database=mirror).code == 0
    assert run("chatkit_user", "erase", "--pending", "--database", mirror).out == "No erasure waits.\n"


def test_what_another_process_is_at_waits_too(mirror: str) -> None:
    erasures.ask(user="ada", as_="staff", now=timezone.now(), using=mirror)
    Erasure.objects.using(mirror).update(leased_until=timezone.now() + timedelta(seconds=20))

    outcome = run("chatkit_user", "erase", "--pending", "--database", mirror)

    assert (outcome.code, outcome.out) == (0, "Nothing was tried.\n")


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        pytest.param(["erase", "ada", "--pending"], "--pending stands alone, without a USER.", id="user"),
        pytest.param(
            ["erase", "--pending", "--dry-run"], "--pending stands alone, without --dry-run.", id="dry"
        ),
        pytest.param(["show", "--pending"], "--pending goes with erase, not with show.", id="show"),
    ],
)
def test_pending_stands_alone(upstream: Emulator, arguments: list[str], mistake: str) -> None:
    assert run("chatkit_user", *arguments).error == mistake


@pytest.mark.parametrize("deed", ["show", "export", "erase", "hold"])
def test_a_deed_needs_an_end_user(upstream: Emulator, deed: str) -> None:
    assert "USER" in run("chatkit_user", deed).error


NO_LIST: dict[str, Any] = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": True}


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param({"status": 500}, "InternalServerError: ", id="down"),
        pytest.param({"status": 200, "body": NO_LIST}, "Contradiction: upstream said", id="no-list"),
    ],
)
def test_an_erasure_is_noted_though_upstream_is_down(
    mirror: str, upstream: Emulator, fault: dict[str, Any], says: str
) -> None:
    upstream.fail("list_threads", **fault)

    outcome = user("erase", "--yes", database=mirror)

    assert (outcome.code, upstream.count("list_threads")) == (1, 1)
    assert outcome.err.startswith(f"end user ada: {says}")
    row = Erasure.objects.using(mirror).get()
    assert (row.finished_at, row.failures) == (None, 1)
    assert user("erase", "--yes", database=mirror).code == 0


def test_who_may_be_known_upstream_is_noted_while_that_is_down(mirror: str, upstream: Emulator) -> None:
    upstream.fail("list_threads", status=500, times=None)

    assert user("erase", "--yes", database=mirror, who="stranger").code == 1
    assert Erasure.objects.using(mirror).get().end_user == "stranger"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param({"status": 500}, "(Error code: 500", id="down"),
        pytest.param(
            {"status": 200, "body": NO_LIST}, "Upstream's list of threads can't be used", id="no-list"
        ),
    ],
)
@pytest.mark.parametrize(("answer", "is_noted"), [("yes\n", True), ("no\n", False)])
def test_where_upstream_cannot_tell_what_would_go_that_is_said_and_asked(
    mirror: str,
    upstream: Emulator,
    capsys: pytest.CaptureFixture[str],
    fault: dict[str, Any],
    says: str,
    answer: str,
    is_noted: bool,
) -> None:
    upstream.fail("list_threads", times=2, **fault)
    before, sys.stdin = sys.stdin, io.StringIO(answer)
    try:
        outcome = user("erase", database=mirror)
    finally:
        sys.stdin = before

    asked = capsys.readouterr().out
    assert says in asked
    assert "nobody can say what would go of the end user 'ada'" in asked
    assert outcome.code == 1
    assert Erasure.objects.using(mirror).exists() is is_noted


@pytest.mark.parametrize("who", ["ada", "(unknown)"])
def test_a_dry_run_names_a_list_that_makes_no_sense(mirror: str, upstream: Emulator, who: str) -> None:
    upstream.fail("list_threads", status=200, body=NO_LIST)

    outcome = user("erase", "--dry-run", database=mirror, who=who)

    assert outcome.error.startswith("Upstream's list of threads can't be used: upstream ")


# Erase, here only


def test_where_upstream_has_closed_somebody_is_erased_here_alone(mirror: str, upstream: Emulator) -> None:
    upstream.fail("*", kind="unknown_address", times=None)
    assert user("erase", "--yes", database=mirror).code == 1
    upstream.forget_requests()

    outcome = user("erase", "--here", "--yes", database=mirror)

    assert (outcome.code, outcome.err, upstream.count()) == (0, "", 0)
    assert outcome.out.startswith(
        "Done here only, upstream was not asked: 2 threads with 4 items erased; 0 sessions cancelled"
    )
    assert left(mirror) == ["cthr_ben"]
    assert not EndUser.objects.using(mirror).filter(pk="ada").exists()
    assert "done here only, not confirmed upstream, 20" in user("show", database=mirror).out
    (told,) = user("show", "--json", database=mirror).json["erasures"]
    assert (told["here_only"], told["threads"], bool(told["finished_at"])) == (True, 2, True)


def test_what_was_erased_here_only_can_be_erased_upstream_later(mirror: str, upstream: Emulator) -> None:
    assert user("erase", "--here", "--yes", "--json", database=mirror).json["here_only"] is True

    later = user("erase", "--yes", database=mirror)

    assert (later.code, later.out.split(":")[0]) == (0, "Done")
    assert [each["id"] for each in upstream.threads()] == ["cthr_ben"]
    rows = Erasure.objects.using(mirror).order_by("pk")
    assert [(each.here_only, each.threads) for each in rows] == [(True, 2), (False, 3)]


def test_to_erase_here_only_takes_no_key_and_no_request(
    mirror: str, upstream: Emulator, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "API_KEY": ""}
    told = user("erase", "--here", "--dry-run", database=mirror).out.splitlines()
    assert told[0] == "thread cthr_1: here only, 2 items here"
    assert told[-1].startswith("Would go: 2 threads (2 here) with 4 items here")
    assert user("erase", "--here", "--dry-run", "--json", database=mirror).json["here_only"] is True

    before, sys.stdin = sys.stdin, io.StringIO("yes\n")
    try:
        outcome = user("erase", "--here", database=mirror)
    finally:
        sys.stdin = before

    assert "here only, without asking upstream: 2 threads (2 here)" in capsys.readouterr().out
    assert (outcome.code, upstream.count()) == (0, 0)


def test_all_that_wait_can_be_erased_here_only(mirror: str, upstream: Emulator) -> None:
    upstream.fail("list_threads", status=500, times=None)
    for whose in ("ada", "ben"):
        assert user("erase", "--yes", database=mirror, who=whose).code == 1

    done = run("chatkit_user", "erase", "--pending", "--here", "--database", mirror)

    assert done.code == 0
    assert left(mirror) == []
    assert set(Erasure.objects.using(mirror).values_list("here_only", flat=True)) == {True}


def test_progress_is_shown_on_a_terminal(mirror: str) -> None:
    outcome = user("erase", "--yes", database=mirror, terminal=True)

    assert "Not done yet: " in outcome.err
    assert outcome.err.endswith("\r")


@pytest.mark.parametrize("arguments", [["--yes"], ["--dry-run"]], ids=" ".join)
def test_who_was_erased_before_is_no_mistake(mirror: str, arguments: list[str]) -> None:
    assert user("erase", "--yes", database=mirror).code == 0

    outcome = user("erase", *arguments, database=mirror)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Nothing is left to erase.\n")
    assert "done 20" in outcome.out
    assert Erasure.objects.using(mirror).count() == 1


def test_who_was_erased_here_is_over_until_upstream_is_asked(mirror: str, upstream: Emulator) -> None:
    assert user("erase", "--here", "--yes", database=mirror).code == 0
    assert user("erase", "--here", "--yes", database=mirror).out.startswith("Nothing is left to erase.")
    assert Erasure.objects.using(mirror).count() == 1

    assert user("erase", "--yes", database=mirror).out.startswith("Done: ")

    assert user("erase", "--yes", database=mirror).out.startswith("Nothing is left to erase.")
    assert {each["id"] for each in upstream.threads()} == {"cthr_ben"}


def test_what_stands_in_an_archive_is_told_before_and_after(mirror: str) -> None:
    ChatThread.objects.using(mirror).filter(pk="cthr_1").update(archived_at=timezone.now())
    line = (
        "In an archive stands 1 thread of them: chatkit_archive DIR --forget USER takes out what is there.\n"
    )

    assert line in user("show", database=mirror).out
    assert line in user("erase", "--dry-run", database=mirror).out
    assert user("erase", "--yes", database=mirror).out.endswith(line)


# Hold


def test_who_is_held_is_erased_only_when_the_hold_is_lifted(mirror: str, upstream: Emulator) -> None:
    held = user("hold", "--reason", "a lawsuit", database=mirror)

    assert held.out.startswith("Held since 20")
    assert Hold.objects.using(mirror).get().reason == "a lawsuit"
    refused = user("erase", "--yes", database=mirror)
    assert (refused.code, upstream.count()) == (1, 0)
    assert refused.error == (
        "Nothing was erased: end user 'ada' is held: nothing of theirs is deleted until the hold is lifted. "
        "To lift it: chatkit_user hold --lift ada"
    )
    assert user("erase", "--dry-run", database=mirror).out.startswith("Nothing would go: Held since")
    assert user("erase", "--dry-run", "--json", database=mirror).json["would_go"] == []
    assert "a lawsuit" not in user("show", database=mirror).out
    assert left(mirror) == ["cthr_1", "cthr_2", "cthr_ben"]

    assert user("hold", "--lift", database=mirror).out == "Lifted the hold on 'ada'.\n"
    assert user("hold", "--lift", database=mirror).out == "'ada' was not held.\n"
    assert user("erase", "--yes", database=mirror).code == 0


def test_somebody_is_held_ahead_of_the_first_sync_and_that_is_said(mirror: str) -> None:
    first, again = (user("hold", database=mirror, who="zoe") for _ in range(2))

    assert (first.code, again.code) == (0, 0)
    assert first.out.startswith("Held since 20")
    assert "Nothing of 'zoe' was here yet." in first.out
    assert "was here yet" not in again.out
    assert Hold.objects.using(mirror).get().end_user_id == "zoe"
    assert user("hold", "--lift", database=mirror, who="zoe").out == "Lifted the hold on 'zoe'.\n"
    assert user("hold", "--json", database=mirror, who="ada").json["was_known"] is True
    assert user("hold", "--json", database=mirror, who="nobody").json["was_known"] is False


def test_a_hold_is_told_to_programs(mirror: str) -> None:
    told = user("hold", "--json", database=mirror).json
    again = user("hold", "--json", "--reason", "another", database=mirror).json

    assert told["held"] is True
    assert again == told
    assert "It was held already" in user("hold", "--reason", "another", database=mirror).out
    assert user("hold", "--lift", "--json", database=mirror).json["was_held"] is True


def test_a_hold_that_comes_between_the_question_and_the_answer_wins(
    mirror: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class HeldMeanwhile(io.StringIO):
        def readline(self, *_: Any) -> str:  # type: ignore[override]
            user("hold", database=mirror)
            return "yes\n"

    before, sys.stdin = sys.stdin, HeldMeanwhile()
    try:
        outcome = user("erase", database=mirror)
    finally:
        sys.stdin = before

    assert outcome.error.startswith("Nothing was erased: end user 'ada' is held")
    assert left(mirror) == ["cthr_1", "cthr_2", "cthr_ben"]


def test_an_erasure_that_waits_is_known_though_nothing_is_there(upstream: Emulator, database: str) -> None:
    erasures.ask(user="gone", as_="grace", now=timezone.now(), using=database)

    assert "Erasure asked for" in user("show", database=database, who="gone").out
    assert user("erase", "--yes", database=database, who="gone").code == 0
    assert ChatThreadItem.objects.using(database).count() == 0
