import json
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.services.archive_format import LONGEST_LINE, line_digest
from django_chatkit.services.paging import Contradiction
from django_chatkit.services.spool import Spool
from django_chatkit.testing import Emulator

HEAD = b'{"id":"cthr_1"}\n'


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    partial = tmp_path / "partial"
    partial.mkdir()
    return Spool(folder=tmp_path, partial=partial, thread_id="cthr_1", compression="none", head=HEAD)


@pytest.fixture
def page(chatkit: ChatKit, emulator: Emulator) -> Any:
    """Return a page of the items with these ids, as a client that keeps texts gives it."""

    def page(*ids: str, has_more: bool = True) -> Any:
        data = [{"id": id} for id in ids]
        emulator.fail("list_items", status=200, body={"data": data, "has_more": has_more})
        return chatkit.with_options(keeps_texts=True).threads.list_items("cthr_1")

    return page


def kept(spool: Spool) -> list[str]:
    head, *items = spool.path.read_bytes().splitlines(keepends=True)
    assert head == HEAD
    assert spool.digest.sha256 == line_digest(b"".join(items))
    found = [json.loads(item)["id"] for item in items]
    assert (spool.digest.items, spool.digest.first, spool.digest.last) == (
        len(found),
        found[0] if found else None,
        found[-1] if found else None,
    )
    return found


def test_pages_follow_each_other(spool: Spool, page: Any) -> None:
    spool.hear(page("a", "b"), None)
    assert not spool.is_whole
    spool.hear(page("c", has_more=False), "b")

    assert spool.is_whole
    assert kept(spool) == ["a", "b", "c"]


def test_a_page_after_an_earlier_item_takes_the_place_of_what_follows(spool: Spool, page: Any) -> None:
    spool.hear(page("a", "b"), None)
    spool.hear(page("c", "d"), "b")
    spool.hear(page("x"), "a")

    assert kept(spool) == ["a", "x"]


def test_a_first_page_takes_the_place_of_all(spool: Spool, page: Any) -> None:
    spool.hear(page("a", "b", has_more=False), None)
    spool.hear(page("x"), None)

    assert kept(spool) == ["x"]
    assert not spool.is_whole


def test_a_page_after_an_item_that_was_not_read_makes_no_sense(spool: Spool, page: Any) -> None:
    spool.hear(page("a"), None)

    with pytest.raises(Contradiction):
        spool.hear(page("c"), "b")


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_what_is_finished_leaves_nothing_behind(spool: Spool, page: Any, compression: Any) -> None:
    spool.compression = compression
    spool.hear(page("a", has_more=False), None)

    spool.finish()
    spool.drop()

    assert (spool.folder / spool.file).is_file()
    assert list(spool.partial.iterdir()) == []


def test_what_is_dropped_leaves_nothing_behind(spool: Spool, page: Any) -> None:
    spool.hear(page("a"), None)
    spool.drop()
    spool.drop()

    assert list(spool.partial.iterdir()) == []


def test_a_line_that_nobody_would_read_is_a_fault(spool: Spool, page: Any) -> None:
    spool.head = b" " * LONGEST_LINE + HEAD
    spool.hear(page("a", "b"), None)
    spool.hear(page("c"), "a")
    assert str(spool.fault) == f"a line of {LONGEST_LINE + 16} bytes is longer than an archive's may be"

    spool.head = HEAD
    spool.hear(page("a"), None)
    assert spool.fault is None
