from __future__ import annotations

import openai
import pytest

from .conftest import Make
from .scripted import Script, Step, page


def test_retrieve_returns_a_thread(make: Make) -> None:
    script = Script(Step({"id": "a b", "status": {"type": "locked"}}))

    thread = make(script).threads.retrieve("a b", extra_query={"x": 1}, extra_body={"y": 2})

    assert (thread.id, thread.status.type, thread.title, thread._request_id) == (
        "a b",
        "locked",
        None,
        "req_1",
    )
    assert (script.sent, script.said) == (["GET /chatkit/threads/a%20b?x=1"], {"y": 2})


def test_delete_returns_what_upstream_confirms(make: Make) -> None:
    script = Script(Step({"id": "x", "object": "chatkit.thread.deleted", "deleted": True}))

    deleted = make(script).threads.delete("x")

    assert (deleted.deleted, deleted._request_id, script.sent) == (
        True,
        "req_1",
        ["DELETE /chatkit/threads/x"],
    )
    assert script.requests[0].body is None


def test_list_asks_for_a_window(make: Make) -> None:
    script = Script(page(""))
    client = make(script)

    client.threads.list(after="a", before="b", limit=0, order="desc", user="ü&")
    client.threads.list(after=openai.omit, before=None, limit=openai.NOT_GIVEN)  # type: ignore[arg-type]
    client.threads.list_items("x", after="a", before="b", limit=100, order="asc")

    assert script.sent == [
        "GET /chatkit/threads?after=a&before=b&limit=0&order=desc&user=%C3%BC%26",
        "GET /chatkit/threads",
        "GET /chatkit/threads/x/items?after=a&before=b&limit=100&order=asc",
    ]


@pytest.mark.parametrize(
    ("window", "kind", "message"),
    [
        pytest.param({"limit": -1}, ValueError, "0..100, not -1", id="limit-below"),
        pytest.param({"limit": 101}, ValueError, "0..100, not 101", id="limit-above"),
        pytest.param({"limit": True}, TypeError, "limit", id="limit-true"),
        pytest.param({"limit": "5"}, TypeError, "limit", id="limit-as-text"),
        pytest.param({"order": "newest"}, ValueError, "'asc' or 'desc', not 'newest'", id="order"),
        pytest.param({"after": ""}, ValueError, "after must not be empty", id="an-empty-cursor"),
        pytest.param({"before": 7}, TypeError, "before must be a str", id="a-cursor-that-is-a-number"),
        pytest.param({"user": ""}, ValueError, "user must not be empty", id="nobody"),
        pytest.param({"user": "u" * 513}, ValueError, "at most 512 characters, not 513", id="a-long-user"),
        pytest.param({"user": "\ud800"}, ValueError, "surrogate", id="half-a-character"),
    ],
)
def test_a_window_out_of_bounds_is_refused_before_any_request(
    make: Make, window: dict[str, object], kind: type[Exception], message: str
) -> None:
    script = Script(page(""))

    with pytest.raises(kind, match=message):
        make(script).threads.list(**window)  # type: ignore[arg-type]

    assert script.sent == []


@pytest.mark.parametrize("verb", ["retrieve", "delete", "list_items"])
@pytest.mark.parametrize("thread_id", ["", ".", "..", "a\0b"])
def test_an_id_that_leads_elsewhere_is_refused(make: Make, verb: str, thread_id: str) -> None:
    with pytest.raises(ValueError, match="thread_id"):
        getattr(make(Step({})).threads, verb)(thread_id)
