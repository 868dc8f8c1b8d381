"""An archive's totals held against its manifest, and its manifest against the files."""

from datetime import timedelta
from pathlib import Path

import pytest

from django_chatkit.services import archive_folder
from django_chatkit.services.archive_entries import AttachmentEntry, FailureEntry, ForgottenEntry
from django_chatkit.services.archive_index import indexed
from django_chatkit.services.archive_tally import Tally, tally

from .archives import STARTED_AT, Archive, made

A_DAY_BEFORE = STARTED_AT - timedelta(days=1)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "archive")
    for id in ("cthr_a", "cthr_b"):
        archive.add(*made(id, 2), read_at=STARTED_AT)
    preview = AttachmentEntry(attachment="cfile_1", thread="cthr_a", file="attachments/x", bytes=1, sha256="")
    archive.note(preview)
    archive.finish()
    return archive


def tallied(archive: Archive) -> Tally:
    with indexed(archive.folder) as index:
        return tally(archive.folder, archive_folder.read(archive.folder), index)


def told(archive: Archive) -> list[str]:
    return [str(each) for each in tallied(archive).failures]


def drop(archive: Archive, number: int) -> None:
    manifest = archive.folder / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    del lines[number]
    manifest.write_bytes(b"".join(lines))


def test_a_whole_archive_lacks_nothing(archive: Archive) -> None:
    assert tallied(archive) == Tally()


def test_a_failure_after_a_thread_was_read_takes_nothing_away(archive: Archive) -> None:
    archive.note(FailureEntry(thread="cthr_a", user="ada", error="NotFoundError", at=STARTED_AT))

    assert tallied(archive) == Tally()


def test_a_file_of_an_earlier_line_is_no_stray(archive: Archive) -> None:
    archive.put("threads/older.jsonl", b"")
    archive.say("cthr_a", file="./threads//older.jsonl")
    archive.add(*made("cthr_a", 2), read_at=STARTED_AT)

    assert tallied(archive) == Tally()


def test_lines_that_were_taken_out_are_missed(archive: Archive) -> None:
    file = archive.entries["cthr_b"].file
    drop(archive, 1)
    drop(archive, 1)

    assert told(archive) == [
        "archive archive: Lacking: archive.json says 2 threads, and manifest.jsonl 1",
        "archive archive: Lacking: archive.json says 4 items, and manifest.jsonl 2",
        "archive archive: Lacking: archive.json says 1 attachments, and manifest.jsonl 0",
        f"file {file}: Lacking: no line of manifest.jsonl names it",
    ]


def test_an_archive_that_was_never_finished_says_nothing_of_what_it_holds(archive: Archive) -> None:
    archive.finish(finished_at=None)
    drop(archive, 1)

    assert tallied(archive) == Tally()


def test_while_it_is_read_anew_an_archive_may_only_grow(archive: Archive) -> None:
    archive.finish(finished_at=A_DAY_BEFORE)
    archive.add(*made("cthr_b", 1), read_at=STARTED_AT)
    archive.add(*made("cthr_c", 1, user="eve"), read_at=STARTED_AT)
    assert tallied(archive) == Tally()

    for _ in range(4):
        drop(archive, -1)

    assert told(archive)[:2] == [
        "archive archive: Lacking: archive.json says 2 threads, and manifest.jsonl 1",
        "archive archive: Lacking: archive.json says 1 attachments, and manifest.jsonl 0",
    ]


def test_of_many_files_without_a_line_the_first_are_named(archive: Archive) -> None:
    for number in range(23):
        archive.put(f"threads/aa/{number:02}\n.jsonl", b"")

    found = tallied(archive)

    assert found.failures == []
    assert found.notes[0].startswith("threads/aa/00\ufffd.jsonl: no line of the manifest names it; ")
    assert found.notes[20:] == ["And 3 more files that no line of the manifest names."]


def test_a_folder_that_leads_elsewhere_is_not_walked(archive: Archive, tmp_path: Path) -> None:
    (archive.folder / "threads").rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "private").touch()
    (archive.folder / "threads").symlink_to(tmp_path / "elsewhere")

    assert tallied(archive) == Tally()


def forget(archive: Archive, thread: str) -> None:
    archive.note(ForgottenEntry(forgotten=thread, at=STARTED_AT))


def counted_anew(archive: Archive) -> None:
    with archive_folder.reopened(archive.folder) as folder:
        folder.note(requests=0, finished_at=folder.header.finished_at)


def test_a_forgetting_that_was_cut_short_is_not_missed(archive: Archive) -> None:
    forget(archive, "cthr_a")
    assert tallied(archive).failures == []

    counted_anew(archive)

    assert tallied(archive).failures == []


@pytest.mark.parametrize("is_counted", [True, False])
def test_what_is_lost_beside_the_forgotten_is_missed(archive: Archive, is_counted: bool) -> None:
    forget(archive, "cthr_a")
    if is_counted:
        counted_anew(archive)
    drop(archive, 1)

    assert any(" threads, and manifest.jsonl 0" in line for line in told(archive))


def test_a_forgotten_thread_that_is_told_of_no_more_is_missed(archive: Archive) -> None:
    forget(archive, "cthr_a")
    counted_anew(archive)
    drop(archive, -1)

    assert "archive archive: Lacking: archive.json says 1 forgotten, and manifest.jsonl 0" in told(archive)
