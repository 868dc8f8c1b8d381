"""A thread of an archive is given away only where its file is what the manifest says."""

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from django_chatkit.services import archive_format, archived
from django_chatkit.services.archive_entries import AttachmentEntry, FailureEntry
from django_chatkit.services.archive_format import BrokenArchive, Compression

from .archives import STARTED_AT, Archive, line, made

BAD, GOOD = "cthr_bad", "cthr_good"
SECRET = "what nobody may read"


def told(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return which threads are sound, and what is wrong with the others."""
    wrong: dict[str, str] = {}
    sound = [
        each.id for each in archived.threads(folder, fail=lambda id, error: wrong.update({id: str(error)}))
    ]
    return sound, wrong


@pytest.fixture(params=["none", "gzip"])
def compression(request: pytest.FixtureRequest) -> Compression:
    found: Compression = request.param
    return found


@pytest.fixture
def archive(tmp_path: Path, compression: Compression) -> Archive:
    """Give an archive of two threads, one of which a test spoils."""
    archive = Archive(tmp_path / "archive", compression)
    archive.folder.mkdir()
    for id in (BAD, GOOD):
        thread, items = made(id, 3)
        items[1]["content"][0]["text"] = SECRET
        archive.add(thread, items, read_at=STARTED_AT)
    archive.finish()
    return archive


def without_line(number: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        del lines[number]
        return b"".join(lines)

    return change


def in_another_order(content: bytes) -> bytes:
    first, *items = content.splitlines(keepends=True)
    return b"".join([first, items[0], items[2], items[1]])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda content: b"", "the thread's own line is not", id="empty"),
        pytest.param(without_line(0), "the thread's own line is not", id="no-thread"),
        pytest.param(without_line(2), "it holds 2 items, and the manifest says 3", id="no-second-item"),
        pytest.param(without_line(3), "it holds 2 items, and the manifest says 3", id="no-last-item"),
        pytest.param(lambda content: content[:-1], "the SHA-256 of its items is not", id="no-line-end"),
        pytest.param(lambda content: content[:-9], "line 4 can't be used: it is not JSON", id="torn"),
        pytest.param(lambda content: content + b"{}\n", "upstream sent an object without id", id="no-id"),
        pytest.param(
            lambda content: content + line({"id": "cti_more"}),
            "it holds more than the 3 items",
            id="one-item-more",
        ),
        pytest.param(
            lambda content: content + content.splitlines(keepends=True)[-1],
            "an item comes twice",
            id="one-item-twice",
        ),
        pytest.param(
            lambda content: content + line({"id": "cti_x", "thread_id": GOOD}),
            "line 5 is an item of another thread",
            id="anothers-item",
        ),
        pytest.param(in_another_order, "its first or last item is not", id="another-order"),
        pytest.param(
            lambda content: content.replace(b"nobody may", b"somebody may"),
            "the SHA-256 of its items is not the one that the manifest tells",
            id="another-word",
        ),
        pytest.param(
            lambda content: content.replace(b'"title": null', b'"title": "x"'),
            "the thread's own line is not the one that the manifest tells of",
            id="another-title",
        ),
        pytest.param(
            lambda content: content.replace(b'"word 2"', b"NaN"),
            "line 4 can't be used: it contains NaN, which is not JSON",
            id="no-number",
        ),
        pytest.param(
            lambda content: content + b"\xff\n", "line 5 can't be used: it is not UTF-8", id="bytes"
        ),
        pytest.param(
            lambda content: content + b"[]\n", "line 5 can't be used: it is not a JSON", id="a-list"
        ),
    ],
)
def test_a_file_that_was_changed_is_named_with_what_is_wrong(
    archive: Archive, change: Callable[[bytes], bytes], says: str
) -> None:
    archive.change(BAD, change)

    sound, wrong = told(archive.folder)

    assert sound == [GOOD]
    assert list(wrong) == [BAD]
    assert wrong[BAD].startswith(f"{archive.entries[BAD].file}: ") or "without id" in says
    assert says in wrong[BAD]
    assert SECRET not in wrong[BAD]


@pytest.mark.parametrize(
    ("says_otherwise", "says"),
    [
        pytest.param({"items": 2}, "it holds more than the 2 items", id="items"),
        pytest.param({"items": 4}, "it holds 3 items, and the manifest says 4", id="too-few"),
        pytest.param({"first": None}, "its first or last item", id="first"),
        pytest.param({"last": "cti_x"}, "its first or last item", id="last"),
        pytest.param({"sha256": "0" * 64}, "the SHA-256 of its items", id="digest"),
        pytest.param({"thread_sha256": "0" * 64}, "the thread's own line", id="digest-of-the-thread"),
        pytest.param({"user": "eve"}, "says another end user", id="user"),
        pytest.param({"file": "threads/no/such.jsonl"}, "there is no such file", id="no-file"),
        pytest.param({"file": "threads"}, "there is no such file", id="a-folder"),
        pytest.param({"file": "x" * 5_000}, "there is no such file", id="a-name-too-long"),
        pytest.param({"file": "\ud800"}, "there is no such file", id="no-name"),
        pytest.param({"file": ""}, "names a file that is not in the archive", id="no-path"),
        pytest.param({"file": "../secret.jsonl"}, "names a file that is not in the archive", id="above"),
        pytest.param(
            {"file": "threads/../../secret.jsonl"}, "names a file that is not in the archive", id="and-above"
        ),
        pytest.param({"file": "/etc/passwd"}, "names a file that is not in the archive", id="absolute"),
        pytest.param({"file": "link.jsonl"}, "it leads out of the archive", id="a-link-out"),
        pytest.param({"file": "folder/secret.jsonl"}, "it leads out of the archive", id="a-folder-out"),
        pytest.param({"file": "circle.jsonl"}, "there is no such file", id="links-in-a-circle"),
        pytest.param({"file": "fifo.jsonl"}, "there is no such file", id="a-fifo"),
        pytest.param({"file": "plain.jsonl.gz"}, "it can't be read: BadGzipFile", id="no-gzip"),
        pytest.param({"file": "torn.jsonl.gz"}, "it can't be read: EOFError", id="half-a-gzip"),
        pytest.param({"file": "spoilt.jsonl.gz"}, "it can't be read: ", id="a-spoilt-gzip"),
    ],
)
def test_a_manifest_that_says_otherwise_is_believed_in_nothing(
    archive: Archive, says_otherwise: dict[str, str], says: str
) -> None:
    folder, content = archive.folder, archive.content(BAD)
    outside = folder.parent / "secret.jsonl"
    outside.write_bytes(content)
    (folder / "link.jsonl").symlink_to(outside)
    (folder / "folder").symlink_to(folder.parent)
    (folder / "circle.jsonl").symlink_to(folder / "circle.jsonl")
    os.mkfifo(folder / "fifo.jsonl")
    packed = gzip.compress(content, mtime=0)
    (folder / "plain.jsonl.gz").write_bytes(content)
    (folder / "torn.jsonl.gz").write_bytes(packed[:-20])
    (folder / "spoilt.jsonl.gz").write_bytes(packed[:40] + b"\xff" * 20 + packed[60:])

    archive.say(BAD, **says_otherwise)
    sound, wrong = told(folder)

    assert sound == [GOOD]
    assert says in wrong[BAD]
    assert SECRET not in wrong[BAD]


def test_a_file_of_another_thread_is_not_taken_for_this_one(archive: Archive) -> None:
    thread, items = made("cthr_other", 0)
    other = archive.add(thread, items, read_at=STARTED_AT)
    archive.note(replace(other, thread=BAD))

    sound, wrong = told(archive.folder)

    assert sound == [GOOD, "cthr_other"]
    assert wrong[BAD].endswith("it holds another thread than the manifest says")


def test_an_item_without_a_usable_id_is_named(archive: Archive) -> None:
    thread, items = made(BAD, 1)
    archive.add(thread, [{**items[0], "id": "x" * 256}], read_at=STARTED_AT)

    sound, wrong = told(archive.folder)

    assert sound == [GOOD]
    assert "can't be a key" in wrong[BAD]


def test_the_last_line_of_a_thread_that_names_a_file_counts(archive: Archive) -> None:
    good = archive.entries[BAD]
    archive.say(BAD, sha256="0" * 64)
    archive.note(good)
    failure = FailureEntry(thread=BAD, user="ada", error="NotFoundError: closed", at=STARTED_AT)
    archive.note(failure)
    archive.note(replace(failure, thread=None))
    archive.note(replace(failure, thread="cthr_missed"))
    archive.note(AttachmentEntry(attachment="cfile_1", thread=BAD, error="gone"))
    with (archive.folder / archive_format.MANIFEST).open("ab") as manifest:
        manifest.write(b'{"thread": "cthr_torn')

    assert told(archive.folder) == ([GOOD, BAD], {})
    assert archived.lacking(archive.folder) == 2


def test_a_manifest_that_cannot_be_read_gives_no_thread(archive: Archive) -> None:
    with (archive.folder / archive_format.MANIFEST).open("ab") as manifest:
        manifest.write(b"[]\n")

    with pytest.raises(BrokenArchive, match=r"manifest.jsonl, line 3"):
        told(archive.folder)


def test_an_archive_without_a_manifest_is_empty(tmp_path: Path) -> None:
    assert told(tmp_path) == ([], {})


def test_what_is_given_is_what_upstream_sent_less_secrets(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    thread, items = made(GOOD, 2)
    items[1] |= {"client_secret": "ek_of_somebody", "more": {"client_secret": "ek_too", "kept": 1.50}}
    archive.add({**thread, "client_secret": "ek_of_a_thread"}, items, read_at=STARTED_AT)

    (found,) = archived.threads(tmp_path, fail=lambda id, error: pytest.fail(str(error)))

    ((page, is_last),) = found.pages()
    assert found.payload == thread
    assert is_last
    assert json.loads(list(page.values())[1].payload)["more"] == {"kept": 1.5}
    assert "ek_" not in str(page)
