"""Our schema beside the specification that OpenAI publishes.

The specification is somebody else's data and not part of this repository: it lies beside it, in ../shared, where the
project's own machines have it. A stranger's clone goes without; with CI=true it must be there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from .schema import DOCUMENT, plain

SPECIFICATION = Path(__file__).parents[3] / "shared" / "contract" / "chatkit.openapi.json"
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@pytest.fixture(scope="module")
def published() -> Any:
    if not SPECIFICATION.exists() and not CI:
        pytest.skip("the published specification is not beside this clone (../shared)")
    return json.loads(SPECIFICATION.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SessionRequest", "CreateChatSessionBody"),
        ("Session", "ChatSessionResource"),
        ("Thread", "ThreadResource"),
        ("ThreadDeleted", "DeletedThreadResource"),
        ("ThreadList", "ThreadListResource"),
        ("Item", "ThreadItem"),
        ("ItemList", "ThreadItemListResource"),
    ],
)
def test_our_schema_says_of_a_body_what_the_published_one_says(
    published: Any, ours: str, theirs: str
) -> None:
    expected = plain(published["components"]["schemas"][theirs], published)

    assert plain(DOCUMENT["$defs"][ours], DOCUMENT) == expected


@pytest.mark.parametrize(
    ("ours", "path"),
    [("ThreadQuery", "/chatkit/threads"), ("PageQuery", "/chatkit/threads/{thread_id}/items")],
)
def test_our_schema_says_of_a_query_what_the_published_one_says(published: Any, ours: str, path: str) -> None:
    parameters = [one for one in published["paths"][path]["get"]["parameters"] if one["in"] == "query"]
    expected = {one["name"]: plain(one["schema"], published) for one in parameters}

    assert plain(DOCUMENT["$defs"][ours], DOCUMENT)["properties"] == expected


def test_there_is_no_published_call_that_the_emulator_lacks(published: Any) -> None:
    calls = {(method, path) for path, methods in published["paths"].items() for method in methods}

    assert calls == {
        ("post", "/chatkit/sessions"),
        ("post", "/chatkit/sessions/{session_id}/cancel"),
        ("get", "/chatkit/threads"),
        ("get", "/chatkit/threads/{thread_id}"),
        ("delete", "/chatkit/threads/{thread_id}"),
        ("get", "/chatkit/threads/{thread_id}/items"),
    }
