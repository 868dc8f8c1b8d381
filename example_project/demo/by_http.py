"""A visit by plain HTTP: the calls that a browser makes, where there is no browser."""

import json
from collections.abc import Iterator
from typing import Any

import requests

from .accounts import Account
from .processes import Failed
from .visits import Session, Talk

TIMEOUT = 20  # seconds
CSRF_COOKIE = "chatkit_example_csrf"


class Site:
    """Talk to the site with the cookies of one browser."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy stands between two ports of this machine

    def sign_in(self, account: Account) -> None:
        """Sign in through the login page, CSRF token included."""
        self.get("/login/")
        form = {
            "csrfmiddlewaretoken": self._http.cookies[CSRF_COOKIE],
            "username": account.username,
            "password": account.password,
        }
        answer = self._http.post(f"{self._origin}/login/", form, timeout=TIMEOUT, allow_redirects=False)
        if answer.status_code != 302:
            raise Failed(
                f"POST /login/ as {account.username} answered {answer.status_code}, not with a redirect."
            )

    def get(self, path: str) -> str:
        """Return the text of a page."""
        return self._good(self._http.get(f"{self._origin}{path}", timeout=TIMEOUT)).text

    def read(self, path: str) -> dict[str, Any]:
        """Return the JSON of a GET."""
        document: dict[str, Any] = json.loads(self.get(path))
        return document

    def find(self, path: str) -> dict[str, Any] | None:
        """Return the JSON of a GET, or None where there is nothing yet."""
        answer = self._http.get(f"{self._origin}{path}", timeout=TIMEOUT)
        return None if answer.status_code == 404 else self._good(answer).json()

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """Send JSON as the page's script does."""
        headers = {"X-CSRFToken": self._http.cookies[CSRF_COOKIE]}
        return self._http.post(f"{self._origin}{path}", json=body, headers=headers, timeout=TIMEOUT)

    def open_session(self, **options: Any) -> Session:
        """Ask for a client secret."""
        return Session.read(self._good(self.post("/api/chatkit/sessions", options)).json())

    def _good(self, answer: requests.Response) -> requests.Response:
        if answer.status_code != 200:
            path = answer.url.removeprefix(self._origin)
            raise Failed(f"{answer.request.method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer


class HttpVisitor:
    """Visit the site without a browser."""

    def __init__(self, *, site: str, emulator: str, because: str) -> None:
        self.means = f"plain HTTP, because {because}"
        self._site = Site(site)
        self._emulator = emulator
        self._secret = ""

    def sign_in(self, account: Account) -> None:
        """Sign in through the login page."""
        self._site.sign_in(account)

    def open_chat(self) -> Session:
        """Look at the chat page and do what its script does: ask for a client secret."""
        if "<openai-chatkit>" not in self._site.get("/"):
            raise Failed("The page / holds no <openai-chatkit>.")
        session = self._site.open_session()
        self._secret = session.secret
        return session

    def say(self, text: str) -> Talk:
        """Begin a thread with a message, read the reply from the stream, and nudge the site."""
        thread_id, reply = "", ""
        for event in self._converse(text):
            match event:
                case {"type": "thread.created", "thread": {"id": id}}:
                    thread_id = id
                case {"type": "thread.item.done", "item": {"type": "assistant_message", "content": content}}:
                    reply = "".join(part["text"] for part in content)
        if not thread_id or not reply:
            raise Failed(f"The stream brought thread {thread_id!r} and reply {reply!r}.")
        # The site may not know the thread yet; then it goes and looks.
        nudge = self._site.post(f"/api/chatkit/threads/{thread_id}/sync", {})
        if nudge.status_code not in {202, 404}:
            raise Failed(f"The nudge answered {nudge.status_code}: {nudge.text[:300]}")
        return Talk(thread_id, reply)

    def _converse(self, text: str) -> Iterator[dict[str, Any]]:
        message = {
            "content": [{"type": "input_text", "text": text}],
            "attachments": [],
            "inference_options": {},
        }
        with requests.Session() as http:
            http.trust_env = False
            answer = http.post(
                f"{self._emulator}/v1/chatkit/conversation",
                json={"type": "threads.create", "params": {"input": message}},
                headers={"Authorization": f"Bearer {self._secret}", "Accept": "text/event-stream"},
                stream=True,
                timeout=TIMEOUT,
            )
            if answer.status_code != 200:
                raise Failed(f"The chat endpoint answered {answer.status_code}: {answer.text[:300]}")
            for line in answer.iter_lines():
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
