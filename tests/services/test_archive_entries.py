import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.services import archive_entries as entries
from django_chatkit.services.archive_format import BrokenArchive, ItemDigest

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
HEADER = entries.Header(upstream="https://api.openai.com/v1", compression="gzip", started_at=NOW)
THREAD = entries.ThreadEntry(
    thread="cthr_1",
    user="ada",
    file="threads/50/cthr_1.jsonl",
    items=2,
    first="cti_1",
    last="cti_2",
    sha256="00" * 32,
    thread_sha256="11" * 32,
    read_at=NOW,
)
FAILURE = entries.FailureEntry(thread=None, user=None, error="NotFoundError: no", at=NOW)
PREVIEW = entries.AttachmentEntry(
    attachment="cfile_1",
    thread="cthr_1",
    file="attachments/aa/cfile_1",
    bytes=3,
    sha256="22" * 32,
    content_type="image/png",
)
REFUSED = entries.AttachmentEntry(attachment="cfile_2", thread="cthr_1", error="Refused: too long")
SHRUNK = replace(THREAD, earlier=("threads/50/cthr_1.ab.jsonl",))
FORGOTTEN = entries.ForgottenEntry(forgotten="cthr_1", at=NOW)
BARRED = replace(REFUSED, final=True)
ALL: list[entries.Entry] = [THREAD, SHRUNK, FAILURE, PREVIEW, REFUSED, BARRED, FORGOTTEN]


def manifest(folder: Path, *parts: bytes) -> None:
    (folder / "manifest.jsonl").write_bytes(b"".join(parts))


def test_a_header_is_read_back_and_says_what_upstream_does_not_give(tmp_path: Path) -> None:
    finished = replace(HEADER, finished_at=NOW, totals=entries.Totals(threads=3, items=9))
    entries.write_header(tmp_path, finished)

    assert entries.read_header(tmp_path) == finished
    document = json.loads((tmp_path / "archive.json").read_text())
    assert (document["format"], document["version"]) == ("django-chatkit-archive", 1)
    assert document["finished_at"] == "2026-11-23T12:30:00Z"
    assert document["not_given"] == list(entries.NOT_GIVEN)
    assert list(tmp_path.iterdir()) == [tmp_path / "archive.json"]


def test_where_no_archive_is_there_is_no_header(tmp_path: Path) -> None:
    assert entries.read_header(tmp_path) is None


def _document(**changes: Any) -> str:
    said = {
        "format": "django-chatkit-archive",
        "version": 1,
        "upstream": "u",
        "compression": "none",
        "started_at": "2026-11-23T12:30:00Z",
        "finished_at": None,
        "totals": asdict(entries.Totals()),
    }
    return json.dumps({**said, **changes})


def test_a_header_may_say_more_than_this_release_knows(tmp_path: Path) -> None:
    (tmp_path / "archive.json").write_text(_document(more=1))

    assert entries.read_header(tmp_path) == replace(HEADER, upstream="u", compression="none")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "does not say"),
        (_document(format="zip"), "does not say"),
        (_document(version=2), "version 1"),
        (_document(compression="xz"), "can't be read"),
        (_document(compression=[]), "can't be read"),
        (_document(upstream=None), "can't be read"),
        (_document(started_at="2026-11-23T12:30:00"), "can't be read"),
        (_document(totals={}), "can't be read"),
        (_document(totals={**asdict(entries.Totals()), "items": -1}), "can't be read"),
        (_document(totals={**asdict(entries.Totals()), "items": True}), "can't be read"),
        (_document(totals={**asdict(entries.Totals()), "items": 10**30}), "can't be read"),
        (_document(totals=None), "can't be read"),
        (_document(started_at="0001-01-01T00:00:00+14:00"), "can't be read"),
    ],
    ids=lambda value: value[-60:],
)
def test_a_header_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "archive.json").write_text(text)

    with pytest.raises(BrokenArchive, match=words):
        entries.read_header(tmp_path)


def test_entries_are_read_back_in_their_order(tmp_path: Path) -> None:
    manifest(tmp_path, *map(entries.entry_line, ALL))

    assert list(entries.read_manifest(tmp_path)) == ALL


def test_an_attachment_says_only_what_is_known_of_it() -> None:
    assert json.loads(entries.entry_line(REFUSED)) == {
        "attachment": "cfile_2",
        "thread": "cthr_1",
        "error": "Refused: too long",
    }


@given(st.text(st.characters(codec=None, categories=None)))
def test_any_id_is_one_line(id: str) -> None:
    line = entries.entry_line(replace(THREAD, thread=id))

    assert line.count(b"\n") == 1
    assert json.loads(line)["thread"] == id


def test_without_a_manifest_there_are_no_entries(tmp_path: Path) -> None:
    entries.drop_torn_line(tmp_path)

    assert list(entries.read_manifest(tmp_path)) == []


@pytest.mark.parametrize(
    "whole", [b"", entries.entry_line(THREAD), entries.entry_line(THREAD) * 500], ids=len
)
@pytest.mark.parametrize("torn", [b"", b"{", entries.entry_line(FAILURE)[:-1], b"x" * 200_000], ids=len)
def test_a_torn_last_line_is_passed_over_and_dropped(tmp_path: Path, whole: bytes, torn: bytes) -> None:
    manifest(tmp_path, whole, torn)

    read = list(entries.read_manifest(tmp_path))
    entries.drop_torn_line(tmp_path)

    assert len(read) == whole.count(b"\n")
    assert (tmp_path / "manifest.jsonl").read_bytes() == whole


@pytest.mark.parametrize(
    "line",
    [
        b"{\n",
        b"[]\n",
        b"1\n",
        b'"error"\n',
        b"[" * 100_000 + b"\n",
        b'{"thread": "a"}\n',
        b'{"thread": 1, "user": null, "error": "e", "at": "2026-11-23T12:30:00Z"}\n',
        b'{"attachment": null, "thread": "a"}\n',
        b'{"attachment": "a", "thread": "a", "error": "e", "final": 1}\n',
        entries.entry_line(THREAD).replace(b"}", b',"earlier":"a"}'),
        entries.entry_line(THREAD).replace(b"}", b',"earlier":[1]}'),
        entries.entry_line(replace(THREAD, items=10**30)),
        entries.entry_line(replace(PREVIEW, bytes=10**12 + 1)),
        entries.entry_line(THREAD).replace(b'"2026-11-23T12:30:00Z"', b'"0001-01-01T00:00:00+14:00"'),
        entries.entry_line(THREAD).replace(b'"2026-11-23T12:30:00Z"', b'"9999-12-31T23:00:00-14:00"'),
    ],
    ids=lambda line: line[-60:].decode(),
)
def test_a_broken_line_before_the_last_is_named(tmp_path: Path, line: bytes) -> None:
    manifest(tmp_path, entries.entry_line(THREAD), line, entries.entry_line(THREAD))

    with pytest.raises(BrokenArchive, match=r"manifest\.jsonl, line 2, can't be read"):
        list(entries.read_manifest(tmp_path))


def test_an_entry_tells_of_the_items_that_were_added_up() -> None:
    digest = ItemDigest()
    digest.add("cti_1", b"{}\n")
    entry = replace(THREAD, items=1, first="cti_1", last="cti_1", sha256=digest.sha256)

    assert entry.tells_of(digest)
    digest.add("cti_2", b"{}\n")
    assert not entry.tells_of(digest)


def test_a_line_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    manifest(tmp_path, entries.entry_line(THREAD), b" " * (entries.LONGEST_ENTRY + 1))

    with pytest.raises(BrokenArchive, match=r"manifest\.jsonl, line 2, is longer than \d+ bytes"):
        list(entries.read_manifest(tmp_path))


def test_an_entry_of_endless_ids_does_not_fit() -> None:
    assert entries.fits(THREAD)
    assert not entries.fits(replace(THREAD, last="x" * entries.LONGEST_ENTRY))


def test_an_archive_from_before_anybody_was_taken_out_is_read(tmp_path: Path) -> None:
    totals = asdict(entries.Totals(threads=3))
    del totals["forgotten"]
    (tmp_path / "archive.json").write_text(_document(totals=totals))

    header = entries.read_header(tmp_path)

    assert header is not None
    assert header.totals == entries.Totals(threads=3)
