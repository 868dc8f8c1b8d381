"""The main job, once, step by step: each step tells what it saw, and the first that fails ends it."""

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django_chatkit.models import ChatSession, ChatThreadItem

from .by_http import Site
from .processes import Failed
from .stage import Stage
from .visits import Session, Talk, Visitor, wait_until

TALKER = "ada"
STAFF = "staff"
SHORT = 2  # seconds that the session lives which is to expire
SOON = 60  # seconds within which the background work must have been done
LEDGER = "/api/chatkit/sessions"


class Journey:
    """Do the main job on a set stage; the background work has `soon` seconds for each of its parts.

    `clock` gives Unix seconds.
    """

    def __init__(
        self, stage: Stage, visitor: Visitor, *, soon: float = SOON, clock: Callable[[], float] = time.time
    ) -> None:
        self._soon = soon
        self._clock = clock
        self._stage = stage
        self._report = stage.report
        self._visitor = visitor
        self._talker, self._staff = Site(stage.site), Site(stage.site)

    def run(self) -> None:
        """Take every step; raises `Failed` at the first that went wrong."""
        self._sign_in()
        self._open_chat()
        text = f"Hello from the demo {uuid4().hex[:8]}"
        talk = self._talk(text)
        self._bring_home(talk, text)
        self._read_in_admin(talk, text)
        self._expire()
        self._tidy()
        self._stage.troupe.check()

    def _sign_in(self) -> None:
        with self._report.step("sign in") as say:
            self._visitor.sign_in(self._stage.accounts[TALKER])
            self._talker.sign_in(self._stage.accounts[TALKER])
            self._staff.sign_in(self._stage.accounts[STAFF])
            say(f"{TALKER} by {self._visitor.means}")

    def _open_chat(self) -> Session:
        with self._report.step("secret") as say:
            session = self._visitor.open_chat()
            seconds = session.expires_at - self._clock()
            say(f"session {session.id}, a secret of {len(session.secret)} characters for {seconds:.0f} s")
        return session

    def _talk(self, text: str) -> Talk:
        with self._report.step("talk") as say:
            talk = self._visitor.say(text)
            say(f"thread {talk.thread_id}; sent {text!a}; reply {talk.reply[:60]!a}")
        return talk

    def _bring_home(self, talk: Talk, text: str) -> None:
        with self._report.step("home") as say:
            path = f"/api/chatkit/threads/{talk.thread_id}/items?order=asc"

            def find() -> list[dict[str, Any]] | None:
                page = self._talker.find(path)
                return page["data"] if page and len(page["data"]) > 1 else None

            items = wait_until(find, what=f"items of {talk.thread_id} over REST", within=self._soon)
            rows = self._stage.database.count(ChatThreadItem, thread_id=talk.thread_id)
            if text not in json.dumps(items) or rows < len(items):
                raise Failed(f"REST has {len(items)} items, the database {rows}; the message may be missing.")
            types = ", ".join(item["type"].removeprefix("chatkit.") for item in items)
            say(f"{len(items)} items over REST ({types}), {rows} rows in the database")

    def _read_in_admin(self, talk: Talk, text: str) -> None:
        with self._report.step("admin") as say:
            path = f"/admin/django_chatkit/chatthread/{talk.thread_id}/change/"
            page = self._staff.get(path)
            if text not in page:
                raise Failed(f"{path} does not show {text!a}.")
            say(f"{STAFF} reads the conversation at {path}")

    def _expire(self) -> None:
        with self._report.step("expiry") as say:
            session = self._talker.open_session(expires_after={"anchor": "created_at", "seconds": SHORT})

            def settled() -> str | None:
                (status,) = self._stage.database.select("status", ChatSession, id=session.id)
                return None if status == "active" else str(status)

            status = wait_until(settled, what=f"Celery beat cancels {session.id}", within=SHORT + self._soon)
            late = self._clock() - session.expires_at
            say(f"session {session.id} of {SHORT} s is {status} in the ledger, {late:.1f} s after its end")

    def _tidy(self) -> None:
        with self._report.step("cleanup") as say:
            told = self._stage.manage("chatkit_cleanup", "--json")
            ledger = self._staff.read(f"{LEDGER}?limit=100")["data"]
            now = self._clock()
            overdue = [row["id"] for row in ledger if row["status"] == "active" and row["expires_at"] <= now]
            if overdue:
                raise Failed(f"Sessions that are over and still active in the ledger: {', '.join(overdue)}.")
            say(f"chatkit_cleanup: {_last_line(told)}; {len(ledger)} sessions in the ledger, none overdue")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing"])[-1]
