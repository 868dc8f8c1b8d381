"""An emulator whose clock stands still and whose waits are written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from django_chatkit.testing import Emulator, EmulatorAdapter

NOW = 1_800_000_000
BASE = "https://upstream.example/v1/chatkit"
HEADERS = {"Authorization": "Bearer sk-testing", "OpenAI-Beta": "chatkit_beta=v1"}


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def emulator(waits: list[float]) -> Emulator:
    return Emulator(clock=lambda: float(NOW), sleep=waits.append, seed="testing")


@pytest.fixture
def http(emulator: Emulator) -> Iterator[requests.Session]:
    """A session of requests whose every request the emulator answers."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(HEADERS)
        session.mount("https://", EmulatorAdapter(emulator))
        yield session


class Chat:
    """A browser's end of the chat endpoint."""

    def __init__(self, http: requests.Session, **session: Any) -> None:
        self.http = http
        body = {"user": "user_ada", "workflow": {"id": "wf_1"}, **session}
        self.session = http.post(f"{BASE}/sessions", json=body).json()

    def post(self, type: str, **params: Any) -> requests.Response:
        """Send one request with the client secret."""
        headers = {"Authorization": f"Bearer {self.session['client_secret']}"}
        return self.http.post(f"{BASE}/conversation", json={"type": type, "params": params}, headers=headers)

    def stream(self, type: str, **params: Any) -> list[dict[str, Any]]:
        """Send a request that streams and return its events."""
        response = self.post(type, **params)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        return [json.loads(block.removeprefix("data: ")) for block in response.text.split("\n\n") if block]

    def say(self, text: str, thread_id: str | None = None, **more: Any) -> list[dict[str, Any]]:
        """Say something, in a new thread or in one that there is."""
        message = {"content": [{"type": "input_text", "text": text}], "attachments": [], **more}
        if thread_id is None:
            return self.stream("threads.create", input=message)
        return self.stream("threads.add_user_message", thread_id=thread_id, input=message)


@pytest.fixture
def chat(http: requests.Session) -> Chat:
    return Chat(http)
