"""The examples of docs/rest.md do what the page says."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer
from rest_framework.authtoken.models import Token

from django_chatkit.testing import Emulator
from tests.rest.world import signed_in, sync_everything

pytestmark = pytest.mark.django_db(transaction=True)

DOCS = (Path(__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8")
PLACE = "https://example.org"
CSRF = "a" * 32


def examples(language: str) -> list[str]:
    """Return the blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)


@pytest.fixture
def ada(chatkit_emulator: Emulator, transactional_db: None) -> User:
    """Give an asker with a mirrored thread."""
    user = User.objects.create_user("ada")
    chatkit_emulator.add_thread(user=str(user.pk), title="Hello", items=[{"text": "Is anybody there?"}])
    sync_everything(chatkit_emulator)
    return user


@pytest.fixture
def token(ada: User) -> str:
    return str(Token.objects.create(user=ada).key)


def test_the_official_sdk_reads_the_mirror(
    live_server: LiveServer, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = examples("python")
    code = code.replace(PLACE, live_server.url)

    exec(code, {"TOKEN": token})  # noqa: S102 -- our own page

    assert "Is anybody there?" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on the PATH")
def test_curl_reads_the_mirror(live_server: LiveServer, token: str) -> None:
    (command,) = examples("sh")
    command = command.replace(PLACE, live_server.url)

    ran = subprocess.run(
        ["sh", "-c", command],
        env={"TOKEN": token, "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    )

    assert [each["title"] for each in json.loads(ran.stdout)["data"]] == ["Hello"]


@pytest.fixture
def adas_page(live_server: LiveServer, ada: User, page: Page) -> Page:
    """Open a page of the site that is signed in."""
    cookies = {"sessionid": signed_in(ada).cookies["sessionid"].value, "csrftoken": CSRF}
    page.context.add_cookies([{"name": n, "value": v, "url": live_server.url} for n, v in cookies.items()])
    page.goto(f"{live_server.url}/api/chatkit/threads")
    return page


@pytest.mark.slow
def test_a_page_reads_the_mirror(chatkit_emulator: Emulator, adas_page: Page) -> None:
    reading, _ = examples("js")
    (thread,) = chatkit_emulator.threads()
    for number in range(150):
        chatkit_emulator.add_item(thread["id"], text=f"Message {number}")
    sync_everything(chatkit_emulator)

    items = adas_page.evaluate(f"async (threadId) => {{ {reading} return items; }}", thread["id"])

    assert items == chatkit_emulator.items(thread["id"])


@pytest.mark.slow
def test_a_page_opens_a_session(chatkit_emulator: Emulator, adas_page: Page) -> None:
    _, opening = examples("js")

    secret = adas_page.evaluate(f"async (csrfToken) => {{ {opening} return client_secret; }}", CSRF)

    assert secret.startswith("ek_")
    assert len(chatkit_emulator.sessions) == 1
