from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from django_chatkit.services.archive_entries import (
    AttachmentEntry,
    Entry,
    FailureEntry,
    ThreadEntry,
    Totals,
    entry_line,
    read_entry,
)
from django_chatkit.services.archive_format import BrokenArchive
from django_chatkit.services.archive_index import indexed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
THREAD = ThreadEntry(
    thread="cthr_1",
    user="ada",
    file="f",
    items=2,
    first="a",
    last="b",
    sha256="s",
    thread_sha256="t",
    read_at=NOW,
)
OTHER = replace(THREAD, thread="cthr_2", user=None, items=5)
FAILURE = FailureEntry(thread="cthr_1", user="ada", error="NotFoundError", at=NOW)
KEPT = AttachmentEntry(attachment="cfile_1", thread="cthr_1", file="f", bytes=1, sha256="s", content_type="")
LOST = AttachmentEntry(attachment="cfile_2", thread="cthr_1", error="Refused")


def written(folder: Path, *entries: Entry) -> Path:
    (folder / "manifest.jsonl").write_bytes(b"".join(map(entry_line, entries)))
    return folder


def test_totals_count_what_the_last_entry_of_each_says(tmp_path: Path) -> None:
    again = replace(THREAD, items=3)
    with indexed(written(tmp_path, THREAD, OTHER, FAILURE, LOST, KEPT, again)) as index:
        assert index.totals(requests=7) == Totals(
            end_users=1, threads=2, items=8, requests=7, failures=1, attachments=1
        )


def test_the_largest_numbers_that_a_manifest_may_say_can_be_added_up(tmp_path: Path) -> None:
    largest = replace(THREAD, items=10**12)
    with indexed(written(tmp_path, *(replace(largest, thread=str(each)) for each in range(50)))) as index:
        assert index.totals(requests=0).items == 50 * 10**12


def test_what_was_refused_for_good_is_no_failure(tmp_path: Path) -> None:
    with indexed(written(tmp_path, KEPT, LOST, replace(LOST, final=True))) as index:
        assert index.totals(requests=0) == Totals(attachments=1)


def test_of_an_empty_archive_all_is_zero(tmp_path: Path) -> None:
    with indexed(tmp_path) as index:
        assert index.totals(requests=0) == Totals()


def test_what_was_read_since_a_moment_is_known(tmp_path: Path) -> None:
    with indexed(written(tmp_path, THREAD)) as index:
        assert index.is_read("cthr_1", since=NOW)
        assert not index.is_read("cthr_1", since=NOW + timedelta(seconds=1))
        assert not index.is_read("cthr_2", since=NOW)


def test_what_failed_after_it_was_read_is_to_be_read_again_and_keeps_its_file(tmp_path: Path) -> None:
    with indexed(written(tmp_path, THREAD, FAILURE)) as index:
        assert not index.is_read("cthr_1", since=NOW)
        assert index.see("cthr_1") == THREAD
        assert (list(index.threads()), list(index.failed())) == ([THREAD], [FAILURE])
        assert index.totals(requests=0) == Totals(end_users=1, threads=1, items=2, failures=1)


def test_what_was_never_read_is_in_no_archive(tmp_path: Path) -> None:
    with indexed(written(tmp_path, FAILURE)) as index:
        assert not index.is_read("cthr_1", since=NOW)
        assert index.see("cthr_1") is None
        assert (list(index.threads()), list(index.failed())) == ([], [FAILURE])
        assert index.totals(requests=0) == Totals(failures=1)


def test_what_was_read_after_a_failure_failed_no_more(tmp_path: Path) -> None:
    with indexed(written(tmp_path, FAILURE, THREAD)) as index:
        assert index.is_read("cthr_1", since=NOW)
        assert list(index.failed()) == []


def test_a_failure_takes_nothing_away_of_what_is_held(tmp_path: Path) -> None:
    with indexed(written(tmp_path, THREAD, FAILURE)) as index:
        assert index.held("cthr_1") == THREAD
        assert index.held("cthr_2") is None


def test_who_was_not_seen_is_told(tmp_path: Path) -> None:
    with indexed(written(tmp_path, THREAD, OTHER)) as index:
        assert index.see("cthr_1") == THREAD
        assert list(index.unseen()) == [OTHER]
        assert list(index.threads()) == [THREAD, OTHER]


def test_a_preview_is_kept_once_it_is_there(tmp_path: Path) -> None:
    with indexed(written(tmp_path, KEPT, LOST)) as index:
        assert index.is_kept("cthr_1", "cfile_1")
        assert not index.is_kept("cthr_1", "cfile_2")
        assert not index.is_kept("cthr_2", "cfile_1")


def test_a_preview_is_refused_for_good_where_its_last_entry_says_so(tmp_path: Path) -> None:
    barred = replace(LOST, final=True)
    with indexed(written(tmp_path, LOST, replace(barred, thread="cthr_2"))) as index:
        assert not index.is_refused("cthr_1", "cfile_2")
        assert index.is_refused("cthr_2", "cfile_2")


def test_what_was_read_between_two_moments_is_told(tmp_path: Path) -> None:
    later = replace(OTHER, read_at=NOW + timedelta(seconds=5))
    with indexed(written(tmp_path, THREAD, later)) as index:
        assert list(index.read_between(NOW, NOW + timedelta(seconds=5))) == [THREAD]
        assert list(index.read_between(NOW + timedelta(seconds=1), NOW + timedelta(seconds=6))) == [later]


def test_an_entry_is_read_where_its_line_begins(tmp_path: Path) -> None:
    written(tmp_path, THREAD, OTHER)

    assert read_entry(tmp_path, len(entry_line(THREAD))) == OTHER
    with pytest.raises(BrokenArchive):
        read_entry(tmp_path, 1)
