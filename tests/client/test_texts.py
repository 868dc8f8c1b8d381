import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.client import ChatKit, texts
from django_chatkit.client.wire import without_secrets

from .conftest import Make
from .scripted import SECRET, Script, Step

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ROWS = st.lists(st.dictionaries(st.text(), JSON, max_size=5), max_size=5)
ODD = '{ "id" : "a",\t"n": 1.50, "e": 2E5, "s": "\\u00e9 é \\/" }'


@given(ROWS, st.dictionaries(st.text(), JSON), st.sampled_from([None, 0, 3]), st.booleans())
def test_the_text_of_each_object_says_the_same_save_for_secrets(
    rows: list[object], more: dict[str, object], indent: int | None, ascii_only: bool
) -> None:
    page = {**more, "data": rows, "has_more": False}

    found = texts.rows(json.dumps(page, indent=indent, ensure_ascii=ascii_only))

    assert [json.loads(text) for text in found] == [without_secrets(row) for row in rows]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (f'{{"data":[{ODD}]}}', [ODD]),
        (f' {{ "x" : [1] , "data" : [ {ODD} , {{}} ] , "y" : 1 }} ', [ODD, "{}"]),
        ('{"data": []}', []),
        ("{}", []),
        ('{"data": [{"a": 1}], "data": [{"b": 2}]}', ['{"b": 2}']),
    ],
)
def test_not_a_character_is_changed(page: str, found: list[str]) -> None:
    assert texts.rows(page) == found


def test_a_secret_is_taken_out_and_the_words_about_one_are_not() -> None:
    words = '{"text":  "what is a client_secret?"}'
    secret = json.dumps({"id": "a", "deep": [{"client_secret": SECRET}]})

    assert texts.rows(f'{{"data": [{words}, {secret}]}}') == [words, '{"id":"a","deep":[{}]}']


def chatkit(make: Make, body: str) -> ChatKit:
    return make(Script(Step(body.encode())))


def test_a_client_that_keeps_texts_gives_them_with_each_page(make: Make) -> None:
    client = chatkit(make, f'{{"data": [{ODD}], "has_more": false}}').with_options(keeps_texts=True)

    page = client.with_options(timeout=1).threads.list_items("cthr_1")

    assert page.texts == (ODD,)
    assert [item.payload for item in page.data] == [json.loads(ODD)]


def test_other_clients_keep_none(make: Make) -> None:
    client = chatkit(make, f'{{"data": [{ODD}], "has_more": false}}')

    assert client.threads.list_items("cthr_1").texts is None
    assert client.with_options(keeps_texts=True).with_options(keeps_texts=False).threads.list().texts is None


def test_what_is_no_page_has_no_texts(make: Make) -> None:
    client = chatkit(make, ODD).with_options(keeps_texts=True)

    assert client.threads.retrieve("cthr_1").id == "a"
