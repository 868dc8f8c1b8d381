"""A visit with a real browser, to a live site with an emulator behind it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import requests
from django.contrib.auth.models import User
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_chatkit.models import ChatSession
from django_chatkit.testing import Emulator
from django_chatkit.testing.faults import Fault
from django_chatkit.testing.server import EmulatorServer, serve
from example_project import csp
from example_project.demo import browsers
from example_project.demo.accounts import Account
from example_project.demo.processes import Failed
from example_project.demo.visits import Visitor
from tests.conftest import CHROMIUM

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH"),
]

ADA = Account(1, "ada", "english", "open sesame")

OpenBrowser = Callable[[], AbstractContextManager[Visitor]]


@pytest.fixture
def server(chatkit_emulator: Emulator, settings: Settings) -> Iterator[EmulatorServer]:
    with serve(chatkit_emulator) as server:
        script_url = f"{server.origin}/chatkit.js"
        settings.CHATKIT = {**settings.CHATKIT, "SCRIPT_URL": script_url}
        settings.SECURE_CSP = csp.policy(script_url, connect=[server.origin])
        yield server


@pytest.fixture
def open_browser(
    live_server: LiveServer, server: EmulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> OpenBrowser:
    # Playwright keeps an event loop running in this thread; Django would take the test's queries for a coroutine's.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    User.objects.create_user(ADA.username, password=ADA.password)
    site = live_server.url.replace("localhost", "127.0.0.1")  # the demo's browser finds no name at all
    return partial(browsers.visitor, site=site, emulator=server.origin, home=tmp_path)


def test_a_visit_gets_a_secret_and_a_reply(open_browser: OpenBrowser) -> None:
    with open_browser() as visitor:
        visitor.sign_in(ADA)
        session = visitor.open_chat()
        talk = visitor.say("Is anybody there?")

        assert visitor.means == "headless chromium"

    assert ChatSession.objects.get().pk == session.id
    assert talk.thread_id.startswith("cthr_")
    assert "Is anybody there?" in talk.reply


def test_an_upstream_that_opens_no_session_fails_the_visit(
    open_browser: OpenBrowser, chatkit_emulator: Emulator
) -> None:
    chatkit_emulator.faults.add(Fault(operation="create_session", status=400))

    with open_browser() as visitor:
        visitor.sign_in(ADA)
        with pytest.raises(Failed, match=r"^POST http://\S+/api/chatkit/sessions answered 50\d\.$"):
            visitor.open_chat()


def test_a_script_that_fails_on_the_page_fails_the_visit(
    open_browser: OpenBrowser, chatkit_emulator: Emulator, server: EmulatorServer
) -> None:
    script = requests.get(f"{server.origin}/chatkit.js", timeout=120).text
    broken = f"{script}\nsetTimeout(() => {{ throw new Error('a bug of upstream'); }});"
    headers = {"content-type": "text/javascript"}
    chatkit_emulator.fail("script", kind="not_json", body=broken, headers=headers)

    with open_browser() as visitor:
        visitor.sign_in(ADA)
        visitor.open_chat()
        with pytest.raises(Failed, match="scripts failed: a bug of upstream"):
            visitor.say("Hello?")


def test_a_site_that_is_not_there_fails_the_visit_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]  # free again, once the block is left

    with (
        pytest.raises(Failed, match=r"^The browser says: .*ERR_CONNECTION_REFUSED.*$"),
        browsers.visitor(site=f"http://127.0.0.1:{port}", emulator="", home=tmp_path) as visitor,
    ):
        visitor.sign_in(ADA)
