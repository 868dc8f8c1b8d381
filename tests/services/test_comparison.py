"""The comparison itself, of plain lists: whatever keeps things in order may be compared with upstream."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.models.fields import dumps
from django_chatkit.services.comparison import REMEMBERED, Comparison, Held, Run, rising
from django_chatkit.services.differences import Difference


@dataclass
class Lines:
    """A side that is a list: what an archive on a disk would be. A place is a line's number."""

    payloads: list[dict[str, Any]]
    gone: frozenset[str] = frozenset()
    noun: Literal["item"] = "item"
    thread_id: str = "cthr_1"
    user: None = None
    most_read: int = 0
    found: list[Difference] = field(default_factory=list)

    def after(self, place: int | None, *, limit: int) -> list[Held]:
        self.most_read = max(self.most_read, limit)
        return [each for each in self._held(place) if each.is_ahead][:limit]

    def find(self, ids: Collection[str], place: int | None) -> list[Held]:
        return [each for each in self._held(place) if each.id in ids]

    def between(self, place: int | None, last: int | None, *, without: Collection[str], limit: int) -> Run:
        ids = [
            each.id
            for each in self._held(place)
            if each.is_ahead and (last is None or each.place <= last) and each.id not in without
        ]
        return Run(ids, len(ids)) if len(ids) <= limit else Run(ids[:1], len(ids))

    def _held(self, place: int | None) -> list[Held]:
        return [
            Held(
                id=each["id"],
                place=number,
                is_gone=each["id"] in self.gone,
                is_ahead=each["id"] not in self.gone and (place is None or number > place),
                stored=dumps(each),
            )
            for number, each in enumerate(self.payloads)
        ]

    def told(self, upstream: Sequence[dict[str, Any]], *, page: int) -> list[str]:
        """Compare with upstream in pages, and return what is told."""
        found: list[Difference] = []
        comparison = Comparison(side=self, tell=found.append)
        pages = [upstream[start : start + page] for start in range(0, len(upstream), page)] or [[]]
        for number, payloads in enumerate(pages):
            look = comparison.look({each["id"]: each for each in payloads}, is_last=number == len(pages) - 1)
            comparison.accept(look)
        comparison.end()
        self.found = found
        return [str(each).partition(": ")[2] + " " + each.id for each in found]


def things(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": f"cti_{number}", "text": f"said {number}"} for number in numbers]


LISTS = st.integers(0, 30)
PAGES = st.integers(1, 8)


@given(LISTS, PAGES)
def test_what_is_equal_is_equal(length: int, page: int) -> None:
    side = Lines(things(*range(length)))

    assert side.told(things(*range(length)), page=page) == []
    assert side.most_read <= page + 1


@given(st.data(), st.integers(1, 30), PAGES)
def test_what_we_lack_is_told(data: st.DataObject, length: int, page: int) -> None:
    number = data.draw(st.integers(0, length - 1))
    ours = [each for each in range(length) if each != number]

    told = Lines(things(*ours)).told(things(*range(length)), page=page)

    behind = "the mirror is behind: 1 newer upstream cthr_1"
    assert told == [behind if number == length - 1 else f"missing here cti_{number}"]


@given(st.data(), st.integers(1, 30), PAGES)
def test_what_upstream_lacks_is_told(data: st.DataObject, length: int, page: int) -> None:
    number = data.draw(st.integers(0, length - 1))
    theirs = [each for each in range(length) if each != number]

    told = Lines(things(*range(length))).told(things(*theirs), page=page)

    assert told == [f"present here, and not listed upstream cti_{number}"]


@given(st.data(), st.integers(1, 30), PAGES)
def test_what_is_gone_here_is_told(data: st.DataObject, length: int, page: int) -> None:
    number = data.draw(st.integers(0, length - 1))

    told = Lines(things(*range(length)), gone=frozenset([f"cti_{number}"])).told(
        things(*range(length)), page=page
    )

    assert told == [f"marked gone here, and upstream has it cti_{number}"]


@given(st.data(), st.integers(2, 30), PAGES)
def test_what_stands_in_another_place_is_told(data: st.DataObject, length: int, page: int) -> None:
    number, to = data.draw(st.lists(st.integers(0, length - 1), min_size=2, max_size=2, unique=True))
    ours = [each for each in range(length) if each != number]
    ours.insert(to, number)

    told = Lines(things(*ours)).told(things(*range(length)), page=page)

    either = {number} if abs(number - to) > 1 else {number, to}  # of two that changed places, one is
    assert told in [[f"in another place here cti_{each}"] for each in either]


@given(st.lists(st.integers(0, 12), unique=True), st.lists(st.integers(0, 12), unique=True), PAGES)
def test_two_lists_are_told_apart_whatever_they_hold(ours: list[int], theirs: list[int], page: int) -> None:
    side = Lines(things(*ours))

    told = side.told(things(*theirs), page=page)

    assert bool(told) is (ours != theirs)
    ids = {each.id: each.what for each in side.found}
    surplus = {f"cti_{each}" for each in set(ours) - set(theirs)}
    assert {id for id, what in ids.items() if what == "not upstream"} == surplus
    lacking = sum(each.count for each in side.found if each.what in ("missing", "behind"))
    assert lacking == len(set(theirs) - set(ours))


def test_thousands_in_a_row_are_one_difference() -> None:
    told = Lines(things(*range(3 * REMEMBERED))).told(things(0), page=100)

    assert told == [f"present here, and not listed upstream, nor the {3 * REMEMBERED - 2} after it cti_1"]


def test_what_upstream_lacks_is_told_before_it_is_too_much_to_remember() -> None:
    most = REMEMBERED * 3 // 4
    ours = [0, *range(100, 100 + most), 1, *range(5000, 5000 + most), 2]

    told = Lines(things(*ours)).told(things(0, 1, 2), page=1)

    assert len(told) == 2 * most


def test_what_is_far_astray_is_told_twice_and_no_more_is_remembered() -> None:
    ours = [*range(5), *range(1000, 1000 + REMEMBERED + 1), *range(5, 10)]

    told = Lines(things(*ours)).told(things(*range(10), *range(1000, 1000 + REMEMBERED)), page=10)

    assert len(told) < 3 * REMEMBERED


@pytest.mark.parametrize(
    ("theirs", "ours", "chain"),
    [
        ("", "", ""),
        ("abc", "abc", "abc"),
        ("abcd", "bcda", "bcd"),
        ("abcd", "dabc", "abc"),
        ("axbyc", "abc", "abc"),
        ("abcdef", "defabc", "abc"),
    ],
)
def test_the_most_that_stand_in_the_same_order_are_taken(theirs: str, ours: str, chain: str) -> None:
    assert len(rising(theirs, ours)) == len(chain)
    assert [each for each in ours if each in rising(theirs, ours)] == rising(theirs, ours)
