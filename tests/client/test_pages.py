from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.client import APIResponseValidationError, ChatKit, RepeatedCursorError

from .conftest import Make
from .scripted import KEY, Script, Step, page


def test_to_iterate_is_to_walk_through_all_pages(make: Make) -> None:
    script = Script(page("ab", has_more=True), page("cd", has_more=True), page("e"))

    threads = make(script).threads.list(limit=2, order="asc", user="u")

    assert [thread.id for thread in threads] == list("abcde")
    assert script.sent == [
        "GET /chatkit/threads?limit=2&order=asc&user=u",
        "GET /chatkit/threads?limit=2&order=asc&user=u&after=b",
        "GET /chatkit/threads?limit=2&order=asc&user=u&after=d",
    ]


def test_a_page_has_the_words_of_the_envelope(make: Make) -> None:
    found = make(page("ab", has_more=True)).threads.list()

    assert (found.first_id, found.last_id, found.has_more, found.object) == ("a", "b", True, "list")
    assert [thread.id for thread in found.data] == ["a", "b"]
    assert (found._request_id, found.data[0]._request_id) == ("req_1", "req_1")
    assert repr(found) == "Page(2 objects, has_more=True)"


def test_before_is_kept_while_after_moves(make: Make) -> None:
    script = Script(page("ab", has_more=True), page(""))

    list(make(script).threads.list_items("t", before="z"))

    assert script.sent[1] == "GET /chatkit/threads/t/items?before=z&after=b"


def test_an_extra_cursor_moves_too(make: Make) -> None:
    script = Script(page("ab", has_more=True), page(""))

    list(make(script).threads.list(extra_query={"after": "0", "x": True}))

    assert script.sent == ["GET /chatkit/threads?after=0&x=true", "GET /chatkit/threads?after=b&x=true"]


@pytest.mark.parametrize(
    ("step", "goes_on"),
    [
        pytest.param(page("a", has_more=False), False, id="upstream-says-no"),
        pytest.param(page("", has_more=True), False, id="empty"),
        pytest.param(page("a", has_more=True, last_id=None), False, id="no-last-id"),
        pytest.param(page("a", has_more=True), True, id="upstream-says-yes"),
        pytest.param(page("a", has_more=None), True, id="upstream-does-not-say"),  # type: ignore[arg-type]
        pytest.param(page("a", has_more=True, last_id=7), True, id="a-last-id-that-is-none"),
    ],
)
def test_when_a_page_is_followed_by_another(make: Make, step: Step, goes_on: bool) -> None:
    assert make(step).threads.list().has_next_page() is goes_on


def test_a_missing_last_id_is_read_off_the_objects(make: Make) -> None:
    found = make(Step({"data": [{"id": "a"}, {"id": "b"}]})).threads.list()

    assert (found.first_id, found.last_id, found.has_more) == ("a", "b", None)


def test_objects_without_ids_end_the_list(make: Make) -> None:
    assert [one.id for one in make(Step({"data": [{"id": 4}, {}], "has_more": True})).threads.list()] == [
        4,
        None,
    ]


def test_to_ask_for_a_page_that_is_not_there_is_an_error(make: Make) -> None:
    with pytest.raises(RuntimeError, match="has_next_page"):
        make(page("a")).threads.list().get_next_page()


def test_pages_can_be_walked_one_by_one(make: Make) -> None:
    pages = make(page("ab", has_more=True), page("c")).threads.list()

    assert [len(one.data) for one in pages.iter_pages()] == [2, 1]


class TestACursorThatDoesNotMove:
    def test_is_an_error_before_the_page_comes_twice(self, make: Make) -> None:
        threads = iter(make(page("ab", has_more=True)).threads.list())

        assert [next(threads).id, next(threads).id] == ["a", "b"]
        with pytest.raises(RepeatedCursorError, match="'b' has been a cursor before") as caught:
            next(threads)
        assert caught.value.request_id == "req_1"

    def test_is_an_error_where_the_first_page_leads_back(self, make: Make) -> None:
        script = Script(page("ab", has_more=True))

        with pytest.raises(RepeatedCursorError):
            list(make(script).threads.list(after="b"))

        assert len(script.sent) == 1

    def test_is_an_error_in_a_longer_circle(self, make: Make) -> None:
        circle = [page("a", has_more=True), page("b", has_more=True), page("c", has_more=True)]

        with pytest.raises(RepeatedCursorError):
            list(make(*circle, *circle).threads.list())

    def test_does_no_harm_on_the_last_page(self, make: Make) -> None:
        assert len(list(make(page("ab", has_more=True), page("ab")).threads.list())) == 4

    def test_lets_a_list_be_walked_twice(self, make: Make) -> None:
        first = make(page("a", has_more=True), page("b"), page("b")).threads.list()

        assert [thread.id for thread in first] == [thread.id for thread in first] == ["a", "b"]


@given(
    st.lists(
        st.tuples(st.text("abc", max_size=3), st.sampled_from([True, False, None])), min_size=1, max_size=9
    )
)
def test_every_walk_ends(pages: list[tuple[str, bool | None]]) -> None:
    script = Script(*(page(ids, has_more=more) for ids, more in pages))  # type: ignore[arg-type]
    seen: list[str] = []

    try:
        seen.extend(item.id for item in ChatKit(api_key=KEY, adapter=script).threads.list_items("t"))
    except RepeatedCursorError:
        seen.append("stopped")

    assert len(script.sent) <= 4  # there are three cursors to lead on with


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="no-data"),
        pytest.param({"data": None}, id="null"),
        pytest.param({"data": {}}, id="an-object"),
        pytest.param({"data": [{}, "x"]}, id="a-text-among-objects"),
        pytest.param({"data": [None]}, id="nothings"),
    ],
)
def test_data_that_is_no_list_of_objects_cannot_be_read(make: Make, body: object) -> None:
    with pytest.raises(APIResponseValidationError, match="`data`"):
        make(Step(body)).threads.list()
