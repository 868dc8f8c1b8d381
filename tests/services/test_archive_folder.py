from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from django_chatkit.services import archive_folder
from django_chatkit.services.archive_entries import FailureEntry, ThreadEntry, entry_line, read_manifest
from django_chatkit.services.archive_folder import Folder, Unusable

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
THREAD = ThreadEntry(
    thread="cthr_1",
    user="ada",
    file="",
    items=0,
    first=None,
    last=None,
    sha256="",
    thread_sha256="",
    read_at=NOW,
)
LATER = NOW + timedelta(hours=1)
ENTRY = FailureEntry(thread="cthr_1", user="ada", error="NotFoundError", at=NOW)


def opened(path: Path, *, now: datetime = NOW) -> AbstractContextManager[Folder]:
    return archive_folder.opened(path, upstream="https://upstream.test/v1", compression=None, now=now)


def test_a_new_archive_is_for_its_owner_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "deep" / "archive") as folder:
        assert folder.path.stat().st_mode & 0o777 == 0o700
        assert (folder.header.compression, folder.header.started_at) == ("none", NOW)
        assert folder.partial.is_dir()
    assert not folder.partial.exists()


def test_an_entry_is_written_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        folder.append(ENTRY)
        assert list(read_manifest(tmp_path)) == [ENTRY]
        assert list(folder.index.failed()) == [ENTRY]


def test_what_a_killed_run_left_is_tidied(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        folder.append(ENTRY)
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "half.jsonl").write_text("{")
    with (tmp_path / "manifest.jsonl").open("ab") as manifest:
        manifest.write(entry_line(ENTRY)[:20])

    with opened(tmp_path, now=LATER) as folder:
        assert list(folder.partial.iterdir()) == []
        folder.append(ENTRY)

    assert list(read_manifest(tmp_path)) == [ENTRY, ENTRY]
    assert folder.header.started_at == NOW


def test_what_a_killed_run_left_before_its_header_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "archive.json.part").write_text("{")
    (tmp_path / ".lock").touch()

    with opened(tmp_path) as folder:
        assert folder.header.finished_at is None


def test_one_process_alone_writes(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(Unusable, match="Another process"), opened(tmp_path):
        pass


def test_what_was_put_into_partial_by_somebody_else_stays_out_of_the_way(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        (folder.partial / "more").touch()
    with opened(tmp_path) as folder:
        assert list(folder.partial.iterdir()) == []


def test_a_cursor_is_of_its_archive(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        assert folder.cursor() is None
        folder.move_cursor("cthr_1")
        assert folder.cursor() == "cthr_1"
    with opened(tmp_path, now=LATER) as folder:
        assert folder.cursor() == "cthr_1"
        folder.note(requests=3, finished_at=LATER)
    with opened(tmp_path, now=LATER) as folder:
        assert folder.header.started_at == LATER
        assert folder.cursor() is None


def test_a_run_that_is_through_leaves_no_cursor(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        folder.move_cursor("cthr_1")
        folder.note(requests=3, is_through=True)
        assert folder.cursor() is None


def test_a_file_goes_once_the_line_that_supersedes_it_is_safe(tmp_path: Path) -> None:
    new, old = (f"threads/50/cthr_1.{each}.jsonl" for each in "ba")
    with opened(tmp_path) as folder:
        for file in (new, old):
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        folder.append(replace(THREAD, file=new), supersedes=old)
        assert (tmp_path / old).exists()
        folder.settle()
        assert not (tmp_path / old).exists()
        assert (tmp_path / new).exists()


def test_a_file_that_came_back_stays(tmp_path: Path) -> None:
    new, old = (f"threads/50/cthr_1.{each}.jsonl" for each in "ba")
    with opened(tmp_path) as folder:
        (tmp_path / old).parent.mkdir(parents=True)
        (tmp_path / old).touch()
        folder.append(replace(THREAD, file=new), supersedes=old)
        folder.append(replace(THREAD, file=old), supersedes=new)
        folder.note(requests=1)
    assert (tmp_path / old).exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", "{", "null"])
def test_a_cursor_that_can_not_be_read_is_none(tmp_path: Path, text: str) -> None:
    with opened(tmp_path) as folder:
        (tmp_path / "cursor.json").write_text(text)
        assert folder.cursor() is None


def test_requests_of_all_runs_are_added_up(tmp_path: Path) -> None:
    for _ in range(2):
        with opened(tmp_path) as folder:
            folder.note(requests=2)
            folder.note(requests=3)

    assert archive_folder.read(tmp_path).totals.requests == 6
