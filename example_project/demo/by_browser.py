"""A visit with a real browser: headless chromium, driven by Playwright."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Error, Page, Response, sync_playwright

from .accounts import Account
from .processes import Failed
from .visits import Session, Talk

# The sandbox wants rights that a container has not. What is visited are two ports of this machine, and no other name
# is to be found.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
TIMEOUT = 20_000  # milliseconds


class BrowserVisitor:
    """Visit the site as a person does."""

    means = "headless chromium"

    def __init__(self, *, page: Page, site: str) -> None:
        self._page = page
        self._site = site
        self._problems: list[str] = []
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: self._problems.append(str(error)))

    def sign_in(self, account: Account) -> None:
        """Fill in the login page; the chat page comes next."""
        self._page.goto(f"{self._site}/login/")
        self._page.get_by_label("Username").fill(account.username)
        self._page.get_by_label("Password").fill(account.password)

    def open_chat(self) -> Session:
        """Press the button, and look over the page's shoulder as it gets its client secret."""
        with self._page.expect_response(_answers("/api/chatkit/sessions")) as answer:
            self._page.get_by_role("button", name="Sign in").click()
        return Session.read(_good(answer.value).json())

    def say(self, text: str) -> Talk:
        """Write a message, wait for the reply, and for the nudge that the page gives the site."""
        composer = self._page.get_by_role("textbox", name="Message")
        composer.fill(text)
        with self._page.expect_response(_answers("/sync")) as nudge:
            composer.press("Enter")
        reply = self._page.locator("openai-chatkit .assistant_message").last
        reply.filter(has_text=text).wait_for()
        if self._problems:
            raise Failed(f"The page's scripts failed: {'; '.join(self._problems)}")
        return Talk(thread_id=nudge.value.url.split("/")[-2], reply=reply.inner_text())


class NoBrowser(Exception):
    """Chromium is there and does not start."""


@contextmanager
def open_visitor(*, executable: str, site: str, home: Path) -> Iterator[BrowserVisitor]:
    """Start chromium with `home` as its home directory; raises `Failed` where the visit does not work out."""
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(
                executable_path=executable, args=[*FLAGS], env={**os.environ, "HOME": str(home)}
            )
        except Error as error:
            raise NoBrowser(_first_line(error)) from error
        try:
            yield BrowserVisitor(page=chromium.new_page(), site=site)
        except Error as error:
            raise Failed(f"The browser says: {_first_line(error)}") from error
        finally:
            chromium.close()


def _first_line(error: Error) -> str:
    # Playwright appends the browser's whole log.
    return error.message.splitlines()[0]


def _answers(end: str) -> Callable[[Response], bool]:
    return lambda response: response.url.endswith(end)


def _good(answer: Response) -> Response:
    if not answer.ok:
        raise Failed(f"{answer.request.method} {answer.url} answered {answer.status}.")
    return answer
