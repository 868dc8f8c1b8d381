"""A site with a chat page, its upstream over HTTP, and what a browser complains of."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_chatkit.testing import Emulator
from django_chatkit.testing.server import serve
from example_project import csp

PASSWORD = "open sesame"

# Runs before any script of the page and tells the test what the page's policy refused.
WATCH = """document.addEventListener("securitypolicyviolation", (event) =>
    window.tellViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`))"""


@dataclass(frozen=True, slots=True)
class Site:
    """The live site, the emulator behind it, and the page in front of it."""

    url: str
    page: Page
    emulator: Emulator

    def sign_in(self, username: str) -> None:
        """Sign in through the login page, which leads to the chat."""
        User.objects.create_user(username, password=PASSWORD, is_staff=True, is_superuser=username == "staff")
        self.page.goto(f"{self.url}/login/")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()

    def sign_out(self) -> None:
        """Sign out."""
        self.page.get_by_role("button", name="Sign out").click()

    def say(self, text: str) -> None:
        """Send a message, as soon as one can be sent, and wait for the reply."""
        expect(self.page.get_by_role("button", name="Send")).to_be_enabled()
        composer = self.page.get_by_role("textbox", name="Message")
        composer.fill(text)
        composer.press("Enter")
        self.page.locator("openai-chatkit .assistant_message", has_text=text).wait_for()


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def site(
    page: Page,
    live_server: LiveServer,
    chatkit_emulator: Emulator,
    settings: Settings,
) -> Iterator[Site]:
    """Serve the site and its upstream; whatever the page's policy had to refuse fails the test."""
    violations: list[str] = []

    def tell(violation: str) -> None:
        violations.append(violation)

    page.expose_function("tellViolation", tell)
    page.add_init_script(WATCH)
    with serve(chatkit_emulator) as server:
        script_url = f"{server.origin}/chatkit.js"
        settings.CHATKIT = {**settings.CHATKIT, "SCRIPT_URL": script_url}
        settings.SECURE_CSP = csp.policy(script_url, connect=[server.origin])
        yield Site(live_server.url, page, chatkit_emulator)
        # A page that is gone holds no connection to a server that ends.
        page.goto("about:blank")
    assert violations == []
