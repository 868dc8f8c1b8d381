"""A client on a script, whose waits are written down instead of slept through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_chatkit.client import ChatKit

from .scripted import KEY, Script, Step

ENVIRONMENT = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
Make = Callable[..., ChatKit]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what the machine of the tests may have set."""
    for name in (
        *ENVIRONMENT,
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client would have slept."""
    return []


@pytest.fixture
def make(waits: list[float]) -> Iterator[Make]:
    """Make a client; without a script it goes over the network."""
    made: list[ChatKit] = []

    def make(*steps: Step | Exception | Script, **options: Any) -> ChatKit:
        if steps:
            script = steps[0] if isinstance(steps[0], Script) else Script(*steps)  # type: ignore[arg-type]
            options.setdefault("adapter", script)
        world = {"sleep": waits.append, "chance": lambda: 0.0}
        client = ChatKit(**{"api_key": KEY, "base_url": "https://upstream.test/v1", **world, **options})
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()
