"""The chat endpoint, as a browser speaks to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from django_chatkit.testing import Emulator, assistant

from .conftest import BASE, NOW, Chat


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Return the types of events, repeated ones once."""
    types = [event["type"] for event in events]
    return [type for number, type in enumerate(types) if number == 0 or types[number - 1] != type]


def refused(response: requests.Response, status: int) -> Any:
    assert response.status_code == status
    return response.json()["error"]


def last(emulator: Emulator) -> dict[str, Any]:
    return emulator.items(emulator.threads()[-1]["id"])[-1]


def test_a_first_message_begins_a_thread_that_the_api_can_read(emulator: Emulator, chat: Chat) -> None:
    events = chat.say("Hello, is anybody there?")

    assert kinds(events) == [
        "thread.created",
        "thread.item.done",
        "thread.updated",
        "stream_options",
        "thread.item.added",
        "thread.item.updated",
        "thread.item.done",
    ]
    (thread,) = emulator.threads(user="user_ada")
    assert thread["title"] == "Hello, is anybody there?"
    question, answer = emulator.items(thread["id"])
    assert question["content"] == [{"type": "input_text", "text": "Hello, is anybody there?"}]
    assert "Hello, is anybody there?" in answer["content"][0]["text"]


def test_a_reply_arrives_in_pieces_that_make_the_whole(chat: Chat) -> None:
    events = chat.say("Say  something\nlong " + "x" * 50)

    added = next(event["item"] for event in events if event["type"] == "thread.item.added")
    updates = [event["update"] for event in events if event["type"] == "thread.item.updated"]
    deltas = [update["delta"] for update in updates if update["type"].endswith("text_delta")]
    assert added["content"] == []
    assert updates[0]["type"] == "assistant_message.content_part.added"
    assert updates[-1]["type"] == "assistant_message.content_part.done"
    assert len(deltas) > 5
    assert "".join(deltas) == updates[-1]["content"]["text"] == events[-1]["item"]["content"][0]["text"]


def test_a_second_message_goes_on_in_the_thread(emulator: Emulator, chat: Chat) -> None:
    chat.say("One")
    (thread,) = emulator.threads()

    events = chat.say("Two", thread["id"])

    assert kinds(events)[0] == "thread.item.done"
    assert "thread.updated" not in kinds(events)
    assert len(emulator.items(thread["id"])) == 4


def test_a_tool_call_waits_for_the_page_and_ends_in_a_reply(emulator: Emulator, chat: Chat) -> None:
    call = chat.say("What is the weather?")[-1]["item"]
    assert (call["type"], call["status"], call["name"]) == ("client_tool_call", "pending", "get_weather")
    assert call["arguments"] == {"query": "What is the weather?"}
    assert last(emulator)["status"] == "in_progress"

    events = chat.stream("threads.add_client_tool_output", thread_id=call["thread_id"], result={"sky": "☀"})

    assert events[0]["type"] == "thread.item.replaced"
    assert (events[0]["item"]["status"], events[0]["item"]["output"]) == ("completed", {"sky": "☀"})
    assert "☀" in last(emulator)["content"][0]["text"]
    stored = emulator.items(call["thread_id"])[1]
    assert (stored["status"], json.loads(stored["output"])) == ("completed", {"sky": "☀"})


def test_a_tool_may_answer_nothing_and_only_once(chat: Chat) -> None:
    call = chat.say("Please call tool")[-1]["item"]
    assert call["name"] == "look_up"
    chat.stream("threads.add_client_tool_output", thread_id=call["thread_id"], result=None)

    error = refused(chat.post("threads.add_client_tool_output", thread_id=call["thread_id"], result=1), 400)

    assert "waits" in error["message"]


def test_words_call_for_a_task_a_task_group_and_a_widget(emulator: Emulator, chat: Chat) -> None:
    events = chat.say("Think, make a plan and show widget")

    stored = emulator.items(emulator.threads()[0]["id"])
    assert [item["type"].removeprefix("chatkit.") for item in stored] == [
        "user_message",
        "task",
        "task_group",
        "widget",
        "assistant_message",
    ]
    assert {"type": "progress_update", "text": "Thinking it over"} in events
    shown = {event["item"]["type"]: event["item"] for event in events if event["type"] == "thread.item.done"}
    assert shown["task"]["task"]["type"] == "thought"
    assert len(shown["workflow"]["workflow"]["tasks"]) == 3
    assert shown["widget"]["widget"]["type"] == "Card"


def test_a_widgets_action_is_answered(emulator: Emulator, chat: Chat) -> None:
    chat.say("Show widget")
    (thread,) = emulator.threads()

    chat.stream(
        "threads.custom_action", thread_id=thread["id"], action={"type": "emulator.confirm", "payload": {}}
    )

    assert last(emulator)["content"][0]["text"] == "Done: emulator.confirm."


def test_a_retry_removes_what_stood_behind_and_answers_anew(emulator: Emulator, chat: Chat) -> None:
    chat.say("One")
    (thread,) = emulator.threads()
    question, answer = emulator.items(thread["id"])

    events = chat.stream("threads.retry_after_item", thread_id=thread["id"], item_id=question["id"])

    assert events[0] == {"type": "thread.item.removed", "item_id": answer["id"]}
    kept, anew = emulator.items(thread["id"])
    assert kept == question
    assert anew["id"] != answer["id"]


def test_a_retry_after_what_is_no_question_is_answered_all_the_same(emulator: Emulator, chat: Chat) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", items=[{"type": "chatkit.task", "id": "cti_1"}])

    chat.stream("threads.retry_after_item", thread_id="cthr_1", item_id="cti_1")

    assert len(emulator.items("cthr_1")) == 2
    refused(chat.post("threads.retry_after_item", thread_id="cthr_1", item_id="cti_none"), 404)


def test_quotes_tags_options_and_attachments_reach_the_api(
    emulator: Emulator, http: requests.Session
) -> None:
    chat = Chat(http, chatkit_configuration={"file_upload": {"enabled": True, "max_file_size": 1}})
    image = chat.post("attachments.create", name="a.png", size=10, mime_type="image/png").json()
    paper = chat.post("attachments.create", name="a.pdf", size=10, mime_type="application/pdf").json()

    events = chat.stream(
        "threads.create",
        input={
            "content": [{"type": "input_tag", "id": "t", "text": "@Ada", "data": {}}, {"text": "hello"}],
            "attachments": [image["id"], paper["id"]],
            "quoted_text": "as you said",
            "inference_options": {"model": "small", "tool_choice": {"id": "search"}},
        },
    )

    (item,) = [one for one in emulator.items(emulator.threads()[0]["id"]) if "attachments" in one]
    assert item["content"] == [
        {"type": "quoted_text", "text": "as you said"},
        {"type": "input_text", "text": "@Ada"},
        {"type": "input_text", "text": "hello"},
    ]
    assert [(one["type"], one["name"]) for one in item["attachments"]] == [
        ("image", "a.png"),
        ("file", "a.pdf"),
    ]
    assert item["inference_options"] == {"model": "small", "tool_choice": {"id": "search"}}
    assert events[1]["item"]["quoted_text"] == "as you said"
    emulator.remove_thread(item["thread_id"])
    refused(chat.post("attachments.delete", attachment_id=image["id"]), 404)


def test_uploads_keep_to_what_the_session_allows(http: requests.Session, chat: Chat) -> None:
    closed = refused(chat.post("attachments.create", name="a", size=1, mime_type="image/png"), 400)
    assert closed["code"] == "chatkit.file_upload_disabled"

    small = Chat(http, chatkit_configuration={"file_upload": {"enabled": True, "max_file_size": 1}})
    refused(small.post("attachments.create", name="a", size=1024 * 1024 + 1, mime_type="image/png"), 400)
    image = small.post("attachments.create", name="a", size=1024 * 1024, mime_type="image/png").json()
    stranger = Chat(http, user="user_bo")
    refused(stranger.post("attachments.delete", attachment_id=image["id"]), 404)
    assert small.post("attachments.delete", attachment_id=image["id"]).json() == {}


@pytest.mark.parametrize(
    "type",
    [
        "threads.get_by_id",
        "items.list",
        "threads.update",
        "threads.delete",
        "items.feedback",
        "threads.add_user_message",
        "threads.retry_after_item",
        "threads.custom_action",
        "threads.add_client_tool_output",
    ],
)
def test_nobody_reaches_the_thread_of_another(emulator: Emulator, chat: Chat, type: str) -> None:
    emulator.add_thread(user="user_bo", id="cthr_bo", items=[{"id": "cti_1"}])
    everything = {
        "title": "Mine",
        "item_ids": ["cti_1"],
        "kind": "positive",
        "item_id": "cti_1",
        "action": {"type": "x"},
        "result": {},
        "input": {"content": [{"text": "x"}]},
    }

    assert "cthr_bo" in refused(chat.post(type, thread_id="cthr_bo", **everything), 404)["message"]
    assert emulator.threads()[0]["title"] is None


def test_a_project_is_a_wall_where_upstream_has_one(emulator: Emulator, chat: Chat) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", project="proj_other")
    assert chat.post("threads.get_by_id", thread_id="cthr_1").status_code == 200
    assert len(chat.post("threads.list").json()["data"]) == 1

    emulator.switches.scope = "project"

    refused(chat.post("threads.get_by_id", thread_id="cthr_1"), 404)
    assert chat.post("threads.list").json()["data"] == []
    chat.say("Hello")
    assert len(chat.post("threads.list").json()["data"]) == 1


def test_threads_and_items_are_listed_in_pages(emulator: Emulator, chat: Chat) -> None:
    for number in range(3):
        emulator.add_thread(
            user="user_ada", id=f"cthr_{number}", items=[{"id": f"cti_{number}_{n}"} for n in range(3)]
        )
    emulator.add_thread(user="user_bo")

    first = chat.post("threads.list", limit=2).json()
    rest = chat.post("threads.list", limit=2, after=first["after"], order=None).json()
    items = chat.post("items.list", thread_id="cthr_0", limit=2, order="asc").json()

    assert [thread["id"] for thread in first["data"] + rest["data"]] == ["cthr_2", "cthr_1", "cthr_0"]
    assert (first["has_more"], rest) == (True, {"data": rest["data"], "has_more": False})
    assert [item["id"] for item in items["data"]] == ["cti_0_0", "cti_0_1"]
    assert items["after"] == "cti_0_1"
    refused(chat.post("threads.list", after="cthr_none"), 404)


def test_a_thread_is_told_with_its_first_items(emulator: Emulator, chat: Chat) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", title="Hello", items=[{"id": "cti_1"}, {"id": "cti_2"}])

    thread = chat.post("threads.get_by_id", thread_id="cthr_1").json()

    assert (thread["id"], thread["title"], thread["created_at"]) == (
        "cthr_1",
        "Hello",
        "2027-01-15T08:00:00Z",
    )
    assert [item["id"] for item in thread["items"]["data"]] == ["cti_1", "cti_2"]


def test_every_item_that_the_api_knows_can_be_shown(emulator: Emulator, chat: Chat) -> None:
    annotations = [
        {"type": "url", "source": {"type": "url", "url": "https://example.com"}},
        {"type": "file", "source": {"type": "file", "filename": "a.csv"}},
    ]
    content = [{"type": "output_text", "text": "x", "annotations": annotations}]
    emulator.add_thread(
        user="user_ada",
        id="cthr_1",
        items=[
            {"type": "chatkit.assistant_message", "content": content},
            {"type": "chatkit.widget", "widget": "{not json"},
            {"type": "chatkit.client_tool_call", "status": "in_progress"},
            {"type": "chatkit.task"},
            {"type": "chatkit.task_group"},
            {"type": "chatkit.hologram", "depth": 1},
        ],
    )

    items = chat.post("items.list", thread_id="cthr_1", order="asc").json()["data"]

    assert [item["type"] for item in items] == [
        "assistant_message",
        "widget",
        "client_tool_call",
        "task",
        "workflow",
        "hologram",
    ]
    titles = [one["source"]["title"] for one in items[0]["content"][0]["annotations"]]
    assert titles == ["https://example.com", "a.csv"]
    assert items[1]["widget"] == "{not json"
    assert (items[2]["status"], "output" in items[2]) == ("pending", False)


def test_a_thread_can_be_renamed_deleted_and_judged(emulator: Emulator, chat: Chat) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", items=[{"id": "cti_1"}])

    assert chat.post("threads.update", thread_id="cthr_1", title="New").json()["title"] == "New"
    judged = chat.post("items.feedback", thread_id="cthr_1", item_ids=["cti_1"], kind="positive")
    assert judged.json() == {}
    assert chat.post("threads.delete", thread_id="cthr_1").json() == {}
    assert emulator.threads() == []


@pytest.mark.parametrize("status", ["locked", "closed"])
def test_a_thread_that_is_shut_takes_no_message(emulator: Emulator, chat: Chat, status: str) -> None:
    emulator.add_thread(user="user_ada", id="cthr_1", status=status)
    emulator.add_thread(user="user_ada", id="cthr_2", status={"type": status, "reason": "Why not."})
    message = {"content": [{"text": "x"}]}

    plain = refused(chat.post("threads.add_user_message", thread_id="cthr_1", input=message), 400)
    reasoned = refused(chat.post("threads.add_user_message", thread_id="cthr_2", input=message), 400)

    assert status in plain["message"]
    assert "Why not." in reasoned["message"]


def test_history_reaches_as_far_as_the_session_says(emulator: Emulator, http: requests.Session) -> None:
    for _ in range(3):
        emulator.add_thread(user="user_ada")
    blind = Chat(http, chatkit_configuration={"history": {"enabled": False}})
    short = Chat(http, chatkit_configuration={"history": {"recent_threads": 2}})

    assert blind.post("threads.list").json() == {"data": [], "has_more": False}
    assert len(short.post("threads.list").json()["data"]) == 2


def test_titles_come_from_the_first_words_unless_unwanted(emulator: Emulator, http: requests.Session) -> None:
    untitled = Chat(http, chatkit_configuration={"automatic_thread_titling": {"enabled": False}})
    untitled.say("Hello")
    assert emulator.threads()[0]["title"] is None

    Chat(http, user="user_bo").say("   ")
    assert emulator.threads(user="user_bo")[0]["title"] is None
    assert assistant.title("  many   words ") == "many words"
    assert assistant.title("x" * 100) == "x" * 47 + "…"


def test_a_workflow_version_that_there_is_not_fails_in_the_chat(
    emulator: Emulator, http: requests.Session
) -> None:
    chat = Chat(http, workflow={"id": "wf_1", "version": "latest"})

    events = chat.say("Hello")

    assert events[-1] == {"type": "error", "code": "stream.error", "allow_retry": True}
    assert [item["type"] for item in emulator.items(emulator.threads()[0]["id"])] == ["chatkit.user_message"]


def test_a_secret_is_good_until_its_session_ends(emulator: Emulator, http: requests.Session) -> None:
    cancelled, expired = Chat(http), Chat(http)
    http.post(f"{BASE}/sessions/{cancelled.session['id']}/cancel")
    assert "cancelled" in refused(cancelled.post("threads.list"), 401)["message"]
    assert expired.post("threads.list").status_code == 200

    emulator.advance(expired.session["expires_at"] - NOW)

    assert "expired" in refused(expired.post("threads.list"), 401)["message"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-testing"}], ids=["none", "api-key"])
def test_only_a_client_secret_opens_the_chat(http: requests.Session, headers: dict[str, str]) -> None:
    del http.headers["Authorization"]

    refused(http.post(f"{BASE}/conversation", json={"type": "threads.list"}, headers=headers), 401)


def test_a_session_speaks_as_often_a_minute_as_it_may(emulator: Emulator, http: requests.Session) -> None:
    chat = Chat(http, rate_limits={"max_requests_per_1_minute": 2})
    message = {"input": {"content": [{"text": "x"}]}}
    chat.say("One")
    emulator.advance(30)
    chat.say("Two")

    limited = chat.post("threads.create", **message)

    assert refused(limited, 429) == emulator.switches.rate_limit_error
    assert limited.headers["retry-after"] == "1"
    assert chat.post("threads.list").status_code == 200
    emulator.switches.rate_limit_counts = "all"
    refused(chat.post("threads.list"), 429)
    emulator.advance(30)
    assert chat.post("threads.create", **message).status_code == 200
    assert chat.post("threads.create", **message).status_code == 429


@pytest.mark.parametrize(
    ("body", "named"),
    [
        pytest.param([], "body", id="a-list"),
        pytest.param({}, "type", id="no-type"),
        pytest.param({"type": "threads.frob"}, "threads.frob", id="unknown-type"),
        pytest.param({"type": "threads.list", "params": []}, "params", id="params-a-list"),
        pytest.param({"type": "threads.list", "params": {"limit": 101}}, "limit", id="limit-101"),
        pytest.param({"type": "threads.get_by_id"}, "params.thread_id", id="no-thread"),
        pytest.param(
            {"type": "threads.get_by_id", "params": {"thread_id": 1}}, "params.thread_id", id="thread-number"
        ),
        pytest.param(
            {"type": "threads.create", "params": {"input": {}}}, "params.input.content", id="no-content"
        ),
        pytest.param(
            {"type": "threads.create", "params": {"input": {"content": []}}},
            "params.input.content",
            id="empty-content",
        ),
        pytest.param(
            {"type": "threads.create", "params": {"input": {"content": [{}]}}},
            "text",
            id="content-without-text",
        ),
        pytest.param(
            {"type": "threads.create", "params": {"input": {"content": [{"text": "x"}], "attachments": [1]}}},
            "params.input.attachments",
            id="attachment-a-number",
        ),
    ],
)
def test_what_makes_no_sense_is_a_400(chat: Chat, body: Any, named: str) -> None:
    headers = {"Authorization": f"Bearer {chat.session['client_secret']}"}

    response = chat.http.post(f"{BASE}/conversation", json=body, headers=headers)

    assert named in refused(response, 400)["message"]


def test_fields_that_the_component_adds_are_no_offence(chat: Chat) -> None:
    assert chat.post("threads.list", novelty=1).status_code == 200


def test_no_secret_is_recorded(emulator: Emulator, chat: Chat) -> None:
    chat.say("Hello")

    assert chat.session["client_secret"] not in repr(emulator.requests)
    assert chat.session["client_secret"] not in repr(emulator.sessions)
