"""One upstream, reached in two ways: through the adapter, and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from django_chatkit.testing import Emulator, EmulatorAdapter
from django_chatkit.testing.server import serve
from django_chatkit.testing.world import populate

from .schema import complaints

HEADERS = {"Authorization": "Bearer sk-contract", "OpenAI-Beta": "chatkit_beta=v1"}


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Upstream:
    """Reach an emulator by plain requests; whatever it answers is held against our schema."""

    emulator: Emulator
    session: requests.Session
    base_url: str

    def call(self, method: str, path: str, *, shape: str, status: int = 200, **options: Any) -> Any:
        """Send a request and return the answer, having checked its status, its shape and its request id."""
        response = self.session.request(
            method, self.base_url + path, timeout=120, **{"headers": HEADERS, **options}
        )
        document = response.json()
        assert response.status_code == status, document
        assert complaints(shape, document) == []
        assert response.headers["x-request-id"].startswith("req_")
        assert response.headers["content-type"] == "application/json"
        return document

    def refuse(self, method: str, path: str, *, status: int, **options: Any) -> Any:
        """Send a request that is to be refused and return the error."""
        return self.call(method, path, shape="Error", status=status, **options)["error"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Emulator:
    return Emulator(clock=clock, seed="contract")


@pytest.fixture(params=["adapter", "server"])
def upstream(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Upstream]:
    with requests.Session() as session:
        session.trust_env = False
        if request.param == "adapter":
            session.mount("https://", EmulatorAdapter(emulator))
            yield Upstream(emulator, session, "https://upstream.example/v1")
        else:
            with serve(emulator) as server:
                yield Upstream(emulator, session, server.base_url)


@pytest.fixture
def world(upstream: Upstream) -> Upstream:
    populate(upstream.emulator)
    return upstream


Walk = Callable[..., list[str]]


@pytest.fixture
def walk() -> Walk:
    """Return a function that reads a list to its end and returns the ids in list order."""

    def walk(upstream: Upstream, path: str, shape: str, **params: Any) -> list[str]:
        ids: list[str] = []
        page = upstream.call("GET", path, shape=shape, params=params)
        while page["data"]:
            ids += [one["id"] for one in page["data"]]
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
            if not page["has_more"]:
                break
            page = upstream.call("GET", path, shape=shape, params={**params, "after": page["last_id"]})
        return ids

    return walk
