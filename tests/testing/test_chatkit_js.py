"""The emulator's stand-in for the web component, alone on a page, while a reply is under way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import Error, Locator, Page, Route, expect

from django_chatkit.testing import Emulator
from django_chatkit.testing.server import serve
from django_chatkit.testing.switches import Switches
from tests.testing.conftest import HEADERS

pytestmark = pytest.mark.slow

HTML = """<!doctype html><title>A page</title><openai-chatkit></openai-chatkit><script src="/chatkit.js"></script>"""
SET_OPTIONS = """(secret) => document.querySelector("openai-chatkit").setOptions({
    api: { getClientSecret: async () => secret },
    onClientToolCall: () => new Promise((resolve) => { window.answerTool = resolve; }),
})"""


@dataclass(frozen=True, slots=True)
class Chat:
    """The component on its page, and the gate at which the emulator holds back the rest of a reply."""

    page: Page
    emulator: Emulator
    gate: threading.Event

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message")

    @property
    def send(self) -> Locator:
        return self.page.get_by_role("button", name="Send")

    def said(self, kind: str) -> Locator:
        return self.page.locator(f"openai-chatkit .{kind}")

    def write(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")


@pytest.fixture
def chat(page: Page) -> Iterator[Chat]:
    """Open a chat whose replies stop before their last pieces until the gate is opened."""
    gate = threading.Event()
    passed: list[float] = []

    def hold(seconds: float) -> None:
        passed.append(seconds)
        # By then the thread has its title, and the assistant's message its first words.
        if len(passed) > 8:
            gate.wait(timeout=120)

    emulator = Emulator(sleep=hold, switches=Switches(stream_pace=0.01))
    with serve(emulator) as server:
        body = {"user": "user_ada", "workflow": {"id": "wf_1"}}
        address = f"{server.base_url}/chatkit/sessions"
        secret = requests.post(address, headers=HEADERS, json=body, timeout=120).json()["client_secret"]
        page.route(f"{server.origin}/", lambda route: route.fulfill(content_type="text/html", body=HTML))
        page.goto(f"{server.origin}/")
        page.evaluate(SET_OPTIONS, secret)
        page.get_by_role("heading", name="What can I help with?").wait_for()
        yield Chat(page, emulator, gate)
        gate.set()
        page.goto("about:blank")


def test_what_is_written_during_a_reply_waits_for_its_end(chat: Chat) -> None:
    chat.write("First")
    expect(chat.said("assistant_message")).to_contain_text("You said")
    expect(chat.page.get_by_role("heading", name="First")).to_be_visible()

    chat.write("Second")

    expect(chat.send).to_be_disabled()
    expect(chat.composer).to_have_value("Second")
    expect(chat.page.get_by_role("status")).to_have_text("Wait a moment, then send.")

    chat.gate.set()
    expect(chat.send).to_be_enabled()
    chat.composer.press("Enter")

    expect(chat.said("user_message")).to_have_text(["First", "Second"])
    expect(chat.said("assistant_message")).to_have_count(2)
    expect(chat.composer).to_have_value("")


def test_a_message_of_the_page_is_refused_during_a_reply(chat: Chat) -> None:
    chat.write("First")
    expect(chat.said("assistant_message")).to_contain_text("You said")

    with pytest.raises(Error, match="A reply or a conversation is still on its way"):
        chat.page.evaluate("""document.querySelector("openai-chatkit").sendUserMessage({ text: "Second" })""")


def test_a_reply_does_not_follow_to_another_conversation(chat: Chat) -> None:
    chat.write("First")
    expect(chat.said("assistant_message")).to_contain_text("You said")

    chat.page.get_by_role("button", name="New chat").click()
    expect(chat.page.get_by_role("heading", name="What can I help with?")).to_be_visible()
    chat.gate.set()
    expect(chat.send).to_be_enabled()

    expect(chat.said("assistant_message")).to_have_count(0)
    expect(chat.page.get_by_role("heading", name="New chat")).to_be_visible()

    chat.write("Second")

    expect(chat.said("user_message")).to_have_text(["Second"])
    expect(chat.said("assistant_message")).to_have_count(1)
    assert len(chat.emulator.threads()) == 2


def test_what_is_written_while_a_conversation_is_loading_waits_for_it(chat: Chat) -> None:
    chat.gate.set()
    thread = chat.emulator.add_thread(user="user_ada", items=[{"text": "Hello"}])
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    chat.page.route("**/conversation", hold, times=1)
    with chat.page.expect_request("**/conversation"):
        chat.page.evaluate(
            """(id) => { document.querySelector("openai-chatkit").setThreadId(id); }""", thread["id"]
        )

    chat.write("Second")

    expect(chat.send).to_be_disabled()
    expect(chat.composer).to_have_value("Second")

    held[0].continue_()
    expect(chat.send).to_be_enabled()
    chat.composer.press("Enter")

    expect(chat.said("user_message")).to_have_text(["Hello", "Second"])


def test_a_reply_that_waits_for_a_tool_is_not_over(chat: Chat) -> None:
    chat.gate.set()
    chat.write("How is the weather?")
    chat.page.wait_for_function("window.answerTool !== undefined")
    expect(chat.send).to_be_disabled()

    chat.page.evaluate("window.answerTool('sunny')")

    expect(chat.said("assistant_message")).to_have_text('The tool answered: "sunny"')
    expect(chat.send).to_be_enabled()


def test_a_failed_action_does_not_open_a_locked_thread(chat: Chat) -> None:
    thread = chat.emulator.add_thread(user="user_ada", items=[{"text": "Hello"}], status="locked")
    chat.page.evaluate("""(id) => document.querySelector("openai-chatkit").setThreadId(id)""", thread["id"])
    expect(chat.composer).to_be_disabled()

    chat.page.evaluate("""document.querySelector("openai-chatkit").sendCustomAction({ type: "confirm" })""")

    expect(chat.page.get_by_role("alert")).to_be_visible()
    expect(chat.send).to_be_disabled()
