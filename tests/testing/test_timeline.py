"""Order and pages at size; what cursors mean is tested by contract/test_pages."""

from __future__ import annotations

import pytest

from django_chatkit.testing.timeline import Timeline


def test_an_id_finds_its_place_between_others() -> None:
    timeline = Timeline()
    for id, at in [("b", 2), ("d", 4), ("a", 1), ("c", 3)]:
        timeline.add(id, at=at)

    assert list(timeline) == ["a", "b", "c", "d"]
    assert len(timeline) == 4
    assert "a" in timeline
    assert "z" not in timeline


def test_what_is_removed_is_gone() -> None:
    timeline = Timeline()
    timeline.add("a", at=1)

    timeline.remove("a")

    assert list(timeline) == []
    with pytest.raises(KeyError):
        timeline.remove("a")


def test_to_arrange_twice_the_same_way_changes_nothing() -> None:
    timeline = Timeline()
    for id in ("b", "a"):
        timeline.add(id, at=1)

    for _ in range(2):
        timeline.arrange("id")

    assert list(timeline) == ["a", "b"]


def test_pages_are_cut_out_of_a_long_list_by_place() -> None:
    timeline = Timeline()
    for number in range(100_000):
        timeline.append(str(number), at=number // 10)

    for start in range(0, 100_000, 9_999):
        page = timeline.page(after=str(start), before=None, limit=3, descending=False)
        assert page.ids == [str(number) for number in range(start + 1, min(start + 4, 100_000))]
