import gzip
import io
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_chatkit.services import archive_format as form

IDS = st.text(st.characters(codec=None, categories=None), min_size=1)
LOWER = set("abcdefghijklmnopqrstuvwxyz0123456789_-%ABCDEF")


@given(IDS)
@example("con")
@example("..")
@example("a/b\\c:d")
@example("\ud800\x00")
def test_a_name_is_one_that_every_file_system_takes(id: str) -> None:
    name = form.name_of(id)

    assert 0 < len(name) <= 200
    assert set(name) <= LOWER
    assert name not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@given(IDS, IDS)
@example("cthr_a", "cthr_A")
@example("%41", "A")
@example("con", "%63on")
def test_two_ids_have_two_names_even_where_case_is_ignored(one: str, other: str) -> None:
    assert (form.name_of(one).lower() == form.name_of(other).lower()) is (one == other)


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("cthr_0a1b", "cthr_0a1b"),
        ("Cthr/1.x", "%43thr%2F1%2Ex"),
        ("nul", "%6Eul"),
        ("a" * 201, form.digest_of("a" * 201)),
    ],
)
def test_a_name_is_the_id_percent_encoded_or_its_digest(id: str, name: str) -> None:
    assert form.name_of(id) == name


def test_a_file_stands_in_a_folder_named_by_its_digest() -> None:
    assert form.digest_of("cthr_1")[:2] == "50"
    assert form.thread_file("cthr_1", "none", generation="ab") == "threads/50/cthr_1.ab.jsonl"
    assert form.thread_file("cthr_1", "gzip", generation="ab") == "threads/50/cthr_1.ab.jsonl.gz"
    assert form.attachment_file("cthr_1") == "attachments/50/cthr_1"


def test_another_content_is_another_generation() -> None:
    thread, items, other = (form.digest_of(each) for each in "abc")
    found = {
        form.generation_of(thread, items),
        form.generation_of(other, items),
        form.generation_of(thread, other),
    }
    assert len(found) == 3
    assert form.generation_of(thread, items) == form.digest_of(thread + items)[:16]


@pytest.mark.parametrize(
    ("file", "is_its"),
    [
        ("threads/50/cthr_1.ab.jsonl", True),
        ("threads/50/cthr_1.jsonl", True),
        ("threads/50/cthr_11.ab.jsonl", False),
        ("threads/51/cthr_1.ab.jsonl", False),
        ("threads/50/cthr_1./../../../archive.json", False),
        ("archive.json", False),
    ],
)
def test_a_file_of_a_thread_is_told_from_others(file: str, is_its: bool) -> None:
    assert form.is_thread_file(file, "cthr_1") == is_its


@pytest.mark.parametrize(
    "file", ["", "/etc/passwd", "../x", "threads/../../x", "a\\b", "c:x", "a\0b"], ids=repr
)
def test_a_manifest_leads_nowhere_out_of_the_archive(tmp_path: Path, file: str) -> None:
    with pytest.raises(form.BrokenArchive, match="not in the archive"):
        form.within(tmp_path, file)


def test_a_file_of_the_archive_is_found_within_it(tmp_path: Path) -> None:
    assert form.within(tmp_path, "threads/50/cthr_1.jsonl") == tmp_path / "threads" / "50" / "cthr_1.jsonl"


def test_a_line_is_the_text_as_it_was_sent() -> None:
    text = '{"b": 1.50, "a":"\\u00e9 é \\/ \u2028", "b": 2E5}'

    assert form.line_of(text) == text.encode() + b"\n"


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_pretty_printed_json_is_one_line_that_says_the_same(document: object) -> None:
    text = json.dumps(document, indent=2).replace("\n", "\r\n")
    line = form.line_of(text)

    assert line.count(b"\n") == 1
    assert b"\r" not in line
    assert len(line) == len(text.encode()) + 1
    assert json.loads(line) == document


def test_a_digest_adds_up_lines_in_order() -> None:
    digest, other = form.ItemDigest(), form.ItemDigest()
    for id in ("cti_1", "cti_2"):
        digest.add(id, f"{id}\n".encode())
    for id in ("cti_2", "cti_1"):
        other.add(id, f"{id}\n".encode())

    assert (digest.items, digest.first, digest.last) == (2, "cti_1", "cti_2")
    assert digest.sha256 == form.line_digest(b"cti_1\ncti_2\n")
    assert digest.sha256 != other.sha256


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_lines_are_read_back_and_end_at_line_feeds_only(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    lines = ["{}\n", '{"a": "\u2028\x85"}\n']
    path.write_bytes(_packed("".join(lines).encode(), suffix))

    with form.open_lines(path) as read:
        assert [line.decode() for line in read] == lines


def _packed(data: bytes, suffix: str) -> bytes:
    return gzip.compress(data) if suffix.endswith(".gz") else data


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".jsonl", b'{"a": 1}\n{"b"'),
        (".jsonl.gz", b"no gzip"),
        (".jsonl.gz", gzip.compress(b"{}\n" * 1000)[:-9]),
        (".jsonl.gz", gzip.compress(b"{}\n" * 1000)[:20] + b"\xff" * 20),
    ],
    ids=["torn", "no gzip", "cut", "bits"],
)
def test_a_broken_file_is_named(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)

    with pytest.raises(form.BrokenArchive, match=rf"a{suffix}"), form.open_lines(path) as lines:
        list(lines)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(form.BrokenArchive, match=r"a\.jsonl can't be read: FileNotFoundError"):
        form.open_lines(tmp_path / "a.jsonl").__enter__()


@pytest.mark.parametrize(
    "line", [b"[]\n", b"{\n", b"\xff\n", b"[" * 100_000 + b"\n"], ids=["list", "torn", "bytes", "deep"]
)
def test_a_line_that_is_no_object_is_named_and_not_quoted(line: bytes) -> None:
    with pytest.raises(form.BrokenArchive, match=r"^a\.jsonl holds a line that is no JSON object$"):
        form.object_of(line, Path("a.jsonl"))


def test_an_object_is_what_its_line_says() -> None:
    assert form.object_of(b'{"id": "\xc3\xa9"}\n', Path("a.jsonl")) == {"id": "é"}


def test_the_same_lines_give_the_same_gzip() -> None:
    one, other = io.BytesIO(), io.BytesIO()
    form.compress(io.BytesIO(b"{}\n"), one)
    form.compress(io.BytesIO(b"{}\n"), other)

    assert one.getvalue() == other.getvalue()
    assert gzip.decompress(one.getvalue()) == b"{}\n"


def test_what_is_put_in_place_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "part").write_text("new")
    place = tmp_path / "folder" / "file"
    place.parent.mkdir()
    place.write_text("old")

    form.put_in_place(tmp_path / "part", place)

    assert place.read_text() == "new"
    assert not (tmp_path / "part").exists()


class Endless:
    """A file whose only line has no end; it tells how much of it was asked for."""

    asked = 0

    def readline(self, size: int, /) -> bytes:
        self.asked += size
        return bytes(size)


def test_a_line_that_is_too_long_is_not_read_to_its_end() -> None:
    file = Endless()

    with pytest.raises(form.BrokenArchive, match="a line is longer than 10 bytes"):
        next(form.lines_of(file, longest=10))
    assert file.asked == 11


def test_a_packed_line_that_is_too_long_takes_no_more_memory_than_one_may(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))

    tracemalloc.start()
    try:
        with pytest.raises(form.BrokenArchive, match="a line is longer"), form.open_lines(path) as lines:
            next(lines)
        assert tracemalloc.get_traced_memory()[1] < 3 * form.LONGEST_LINE
    finally:
        tracemalloc.stop()
