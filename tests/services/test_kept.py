"""A thread of a file is judged whole, in pages that are always the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.services import kept
from django_chatkit.services.archive_format import LONGEST_LINE
from django_chatkit.services.kept import Damaged


class Endless:
    """A file whose only line has no end."""

    def readline(self, size: int, /) -> bytes:
        return bytes(size)


def test_a_line_that_is_too_long_is_not_read_to_its_end() -> None:
    with pytest.raises(Damaged, match=f"a line is longer than {LONGEST_LINE} bytes"):
        next(kept.lines_of(Endless()))


@given(
    sizes=st.lists(
        st.sampled_from([10, 1_000, 300_000, kept.PAGE_BYTES, kept.PAGE_BYTES + 1]), min_size=0, max_size=12
    ),
    repeat=st.sampled_from([1, 1, 1, 130]),
)
def test_pages_are_cut_alike_whenever_and_lose_nothing(sizes: list[int], repeat: int) -> None:
    lines = [bytes(size) for size in sizes] * repeat

    pages = list(kept.cut(iter(lines)))

    assert pages == list(kept.cut(lines))
    assert [each for page in pages for each in page] == lines
    assert all(pages) or pages == [[]]
    assert all(len(page) <= kept.PAGE_ITEMS for page in pages)
    assert all(sum(map(len, page[:-1])) < kept.PAGE_BYTES for page in pages)


def items(count: int, *, text: str = "word") -> list[bytes]:
    return [
        b'{"id": "cti_%d", "created_at": %d, "content": "%b"}\n' % (number, number + 1, text.encode())
        for number in range(count)
    ]


def test_an_item_that_comes_again_pages_later_is_seen() -> None:
    lines = items(2 * kept.PAGE_ITEMS + 1)

    with pytest.raises(Damaged, match="an item comes twice"):
        kept.examine([*lines, lines[0]], thread_id="cthr_a")


@pytest.mark.parametrize(
    ("lines", "is_held"),
    [
        pytest.param(items(3), True, id="short"),
        pytest.param(items(kept.PAGE_ITEMS + 1), False, id="two-pages"),
        pytest.param(items(1, text="x" * kept.PAGE_BYTES), False, id="one-long-item"),
        pytest.param([], True, id="none"),
    ],
)
def test_only_a_short_thread_stays_in_memory(lines: list[bytes], is_held: bool) -> None:
    found = kept.examine(lines, thread_id="cthr_a")

    assert (found.page is not None) == is_held
    assert found.held_bytes == (sum(map(len, lines)) if is_held else 0)
    assert found.items == len(lines)
