"""What upstream promises, asked of the emulator in both ways of reaching it."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from django_chatkit.testing.documents import ITEM_TYPES

from .conftest import Clock, Upstream, Walk

SMALLEST = {"user": "user_ada", "workflow": {"id": "wf_1"}}
WHOLE = {
    "user": "user_ada",
    "workflow": {
        "id": "wf_1",
        "version": "3",
        "state_variables": {"plan": "pro", "seats": 3, "trial": False, "share": 0.5},
        "tracing": {"enabled": False},
    },
    "expires_after": {"anchor": "created_at", "seconds": 60},
    "rate_limits": {"max_requests_per_1_minute": 7},
    "chatkit_configuration": {
        "automatic_thread_titling": {"enabled": False},
        "file_upload": {"enabled": True, "max_file_size": 16, "max_files": 2},
        "history": {"enabled": True, "recent_threads": 5},
    },
}


def test_a_session_is_resolved_from_as_little_as_a_user_and_a_workflow(
    upstream: Upstream, clock: Clock
) -> None:
    session = upstream.call("POST", "/chatkit/sessions", shape="Session", json=SMALLEST)

    assert session["status"] == "active"
    assert session["expires_at"] == int(clock.now) + 600
    assert session["max_requests_per_1_minute"] == session["rate_limits"]["max_requests_per_1_minute"] == 10
    assert session["workflow"] == {
        "id": "wf_1",
        "version": None,
        "state_variables": None,
        "tracing": {"enabled": True},
    }
    assert session["chatkit_configuration"] == {
        "automatic_thread_titling": {"enabled": True},
        "file_upload": {"enabled": False, "max_file_size": 512, "max_files": 10},
        "history": {"enabled": True, "recent_threads": None},
    }


def test_a_session_says_back_everything_that_was_asked_for(upstream: Upstream, clock: Clock) -> None:
    session = upstream.call("POST", "/chatkit/sessions", shape="Session", json=WHOLE)

    assert session["expires_at"] == int(clock.now) + 60
    assert session["max_requests_per_1_minute"] == 7
    assert session["workflow"] == WHOLE["workflow"]
    assert session["chatkit_configuration"] == WHOLE["chatkit_configuration"]


def test_ids_and_secrets_have_the_form_of_upstream(upstream: Upstream, clock: Clock) -> None:
    session = upstream.call("POST", "/chatkit/sessions", shape="Session", json=SMALLEST)

    second = f"{int(clock.now):08x}"
    assert re.fullmatch(rf"cksess_{second}[0-9a-f]{{40}}", session["id"])
    found = re.fullmatch(rf"ek_{second}[0-9a-f]{{40}}_00([A-Za-z0-9+/=]+)", session["client_secret"])
    assert found is not None
    assert json.loads(base64.b64decode(found[1])) == {"expires_at": session["expires_at"]}


def test_a_cancelled_session_is_told_without_its_secret(upstream: Upstream) -> None:
    session = upstream.call("POST", "/chatkit/sessions", shape="Session", json=SMALLEST)

    cancelled = upstream.call("POST", f"/chatkit/sessions/{session['id']}/cancel", shape="Session")

    assert cancelled == {**session, "status": "cancelled", "client_secret": ""}


def test_a_thread_is_told_as_it_stands_in_the_list(world: Upstream) -> None:
    listed = world.call("GET", "/chatkit/threads", shape="ThreadList")["data"][0]

    assert world.call("GET", f"/chatkit/threads/{listed['id']}", shape="Thread") == listed


def test_the_world_has_every_status_and_every_item_type(world: Upstream, walk: Walk) -> None:
    threads = walk(world, "/chatkit/threads", "ThreadList", limit=100)
    items = [item for id in threads for item in world.emulator.items(id)]

    assert {item["type"] for item in items} == set(ITEM_TYPES)
    statuses = {thread["status"]["type"] for thread in world.emulator.threads()}
    assert statuses == {"active", "locked", "closed"}
    for id in threads:
        assert walk(world, f"/chatkit/threads/{id}/items", "ItemList", order="asc") == [
            item["id"] for item in world.emulator.items(id)
        ]


def test_a_list_has_twenty_entries_and_the_newest_first_unless_asked_otherwise(world: Upstream) -> None:
    long = next(thread for thread in world.emulator.threads() if thread["title"] == "A long talk")

    page = world.call("GET", f"/chatkit/threads/{long['id']}/items", shape="ItemList")

    newest = [item["id"] for item in reversed(world.emulator.items(long["id"]))]
    assert [item["id"] for item in page["data"]] == newest[:20]
    assert page["has_more"] is True


def test_a_list_of_threads_keeps_to_one_user(world: Upstream, walk: Walk) -> None:
    found = walk(world, "/chatkit/threads", "ThreadList", user="user_ada", limit=2, order="asc")

    assert found == [thread["id"] for thread in world.emulator.threads(user="user_ada")]
    assert len(found) > 2


def test_a_user_without_threads_has_an_empty_list(world: Upstream) -> None:
    page = world.call("GET", "/chatkit/threads", shape="ThreadList", params={"user": "nobody"})

    assert page == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_before_alone_is_the_page_that_ends_just_before_it(world: Upstream) -> None:
    ids = [thread["id"] for thread in reversed(world.emulator.threads())]

    page = world.call("GET", "/chatkit/threads", shape="ThreadList", params={"before": ids[5], "limit": 2})

    assert [thread["id"] for thread in page["data"]] == ids[3:5]
    assert page["has_more"] is True


def test_a_deleted_thread_is_gone_with_its_items(world: Upstream) -> None:
    thread = world.emulator.threads()[0]

    answer = world.call("DELETE", f"/chatkit/threads/{thread['id']}", shape="ThreadDeleted")

    assert answer == {"id": thread["id"], "object": "chatkit.thread.deleted", "deleted": True}
    for path in (f"/chatkit/threads/{thread['id']}", f"/chatkit/threads/{thread['id']}/items"):
        assert thread["id"] in world.refuse("GET", path, status=404)["message"]
    world.refuse("DELETE", f"/chatkit/threads/{thread['id']}", status=404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("POST", "/chatkit/sessions/cksess_none/cancel", id="session"),
        pytest.param("GET", "/chatkit/threads/cthr_none", id="thread"),
        pytest.param("DELETE", "/chatkit/threads/cthr_none", id="thread-to-delete"),
        pytest.param("GET", "/chatkit/threads/cthr_none/items", id="thread-of-items"),
        pytest.param("GET", "/chatkit/threads/a%2Fb", id="id-with-a-slash"),
        pytest.param("GET", "/chatkit/threads/", id="no-id"),
        pytest.param("GET", "/chatkit/nonsense", id="path"),
        pytest.param("GET", "/chatkit/sessions/cksess_none", id="there-is-no-such-call"),
    ],
)
def test_what_is_not_there_is_a_404(upstream: Upstream, method: str, path: str) -> None:
    assert upstream.refuse(method, path, status=404)["type"] == "invalid_request_error"


def test_a_method_that_a_path_lacks_is_a_405(upstream: Upstream) -> None:
    upstream.refuse("PUT", "/chatkit/threads", status=405)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer "}, id="empty"),
        pytest.param({"Authorization": "Basic c2s6"}, id="another-scheme"),
    ],
)
def test_without_a_key_there_is_a_401(upstream: Upstream, headers: dict[str, str]) -> None:
    assert (
        upstream.refuse("GET", "/chatkit/threads", status=401, headers=headers)["code"] == "invalid_api_key"
    )


def changed(**fields: Any) -> dict[str, Any]:
    return {**SMALLEST, **fields}


def configured(**groups: Any) -> dict[str, Any]:
    return changed(chatkit_configuration=groups)


def working(**fields: Any) -> dict[str, Any]:
    return changed(workflow={"id": "wf_1", **fields})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"workflow": {"id": "wf_1"}}, "user", id="no-user"),
        pytest.param(changed(user=""), "user", id="empty-user"),
        pytest.param(changed(user=7), "user", id="user-a-number"),
        pytest.param(changed(user=None), "user", id="user-null"),
        pytest.param({"user": "user_ada"}, "workflow", id="no-workflow"),
        pytest.param(changed(workflow={}), "workflow.id", id="no-workflow-id"),
        pytest.param(changed(workflow="wf_1"), "workflow", id="workflow-a-string"),
        pytest.param(working(version=1), "workflow.version", id="version-a-number"),
        pytest.param(working(tracing={"enabled": "yes"}), "workflow.tracing.enabled", id="flag-a-string"),
        pytest.param(working(state_variables=[]), "workflow.state_variables", id="variables-a-list"),
        pytest.param(
            working(state_variables={f"v{n}": n for n in range(65)}),
            "workflow.state_variables",
            id="65-variables",
        ),
        pytest.param(
            working(state_variables={"v" * 65: 1}), "workflow.state_variables", id="variable-with-a-long-name"
        ),
        pytest.param(working(state_variables={"v": None}), "workflow.state_variables.v", id="variable-null"),
        pytest.param(
            working(state_variables={"v": {}}), "workflow.state_variables.v", id="variable-an-object"
        ),
        pytest.param(
            working(state_variables={"v": "x" * 10_485_761}),
            "workflow.state_variables.v",
            id="variable-too-long",
        ),
        pytest.param(changed(expires_after=60), "expires_after", id="seconds-alone"),
        pytest.param(changed(expires_after={"seconds": 60}), "expires_after.anchor", id="no-anchor"),
        pytest.param(
            changed(expires_after={"anchor": "now", "seconds": 60}),
            "expires_after.anchor",
            id="another-anchor",
        ),
        pytest.param(
            changed(expires_after={"anchor": "created_at"}), "expires_after.seconds", id="an-anchor-alone"
        ),
        pytest.param(
            changed(expires_after={"anchor": "created_at", "seconds": 601}),
            "expires_after.seconds",
            id="601-seconds",
        ),
        pytest.param(
            changed(expires_after={"anchor": "created_at", "seconds": 0}),
            "expires_after.seconds",
            id="0-seconds",
        ),
        pytest.param(
            changed(expires_after={"anchor": "created_at", "seconds": 1.5}),
            "expires_after.seconds",
            id="1.5-seconds",
        ),
        pytest.param(
            changed(expires_after={"anchor": "created_at", "seconds": True}),
            "expires_after.seconds",
            id="true-seconds",
        ),
        pytest.param(
            changed(rate_limits={"max_requests_per_1_minute": 0}),
            "rate_limits.max_requests_per_1_minute",
            id="rate-0",
        ),
        pytest.param(changed(rate_limits={"per_minute": 20}), "rate_limits.per_minute", id="documented-rate"),
        pytest.param(changed(scope={}), "scope", id="unknown-parameter"),
        pytest.param(
            configured(file_upload={"max_file_size": 513}),
            "chatkit_configuration.file_upload.max_file_size",
            id="513-megabytes",
        ),
        pytest.param(
            configured(file_upload={"max_files": 0}),
            "chatkit_configuration.file_upload.max_files",
            id="0-files",
        ),
        pytest.param(
            configured(history={"recent_threads": 0}),
            "chatkit_configuration.history.recent_threads",
            id="0-threads",
        ),
        pytest.param([], None, id="a-list"),
    ],
)
def test_a_session_that_the_specification_forbids_is_a_400_that_names_the_field(
    upstream: Upstream, body: Any, param: str | None
) -> None:
    error = upstream.refuse("POST", "/chatkit/sessions", status=400, json=body)

    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert (param or "body") in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"\xff", id="not-utf-8"),
        pytest.param(b'{"user": NaN}', id="not-a-number"),
        pytest.param(b'{"user": 1e999}', id="beyond-a-float"),
        pytest.param(b"9" * 5000, id="a-number-of-5000-digits"),
        pytest.param(b"[" * 100_000, id="too-deep"),
    ],
)
def test_a_body_that_is_not_json_is_a_400(upstream: Upstream, body: bytes) -> None:
    assert "JSON" in upstream.refuse("POST", "/chatkit/sessions", status=400, data=body)["message"]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        pytest.param({"limit": "101"}, "limit", id="limit-101"),
        pytest.param({"limit": "-1"}, "limit", id="limit-below-0"),
        pytest.param({"limit": "many"}, "limit", id="limit-a-word"),
        pytest.param({"limit": "1.5"}, "limit", id="limit-1.5"),
        pytest.param({"limit": "9" * 5000}, "limit", id="limit-of-5000-digits"),
        pytest.param({"limit": ""}, "limit", id="limit-empty"),
        pytest.param({"order": "sideways"}, "order", id="order"),
        pytest.param({"user": ""}, "user", id="user-empty"),
        pytest.param({"user": "x" * 513}, "user", id="user-of-513-characters"),
    ],
)
def test_a_list_that_the_specification_forbids_is_a_400(upstream: Upstream, params: Any, param: str) -> None:
    assert upstream.refuse("GET", "/chatkit/threads", status=400, params=params)["param"] == param


def test_a_number_too_big_for_a_float_is_still_a_state_variable(upstream: Upstream) -> None:
    body = working(state_variables={"v": 10**400, "w": "\ud800 \x00 😀"})

    session = upstream.call("POST", "/chatkit/sessions", shape="Session", json=body)

    assert session["workflow"]["state_variables"] == body["workflow"]["state_variables"]
