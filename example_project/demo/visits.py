"""What a visit to the chat page is, however it is made: signing in, opening the chat, talking."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any, Protocol, TypeVar

from .accounts import Account
from .processes import Failed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """What the page got when it asked for a client secret."""

    id: str
    expires_at: int
    secret: str = field(repr=False)

    @classmethod
    def read(cls, answer: dict[str, Any]) -> "Session":
        """Read the answer of ``POST chatkit/sessions``."""
        return cls(id=answer["id"], expires_at=answer["expires_at"], secret=answer["client_secret"])


@dataclass(frozen=True, slots=True)
class Talk:
    """What came of a message."""

    thread_id: str
    reply: str


class Visitor(Protocol):
    """Someone at the chat page."""

    means: str

    def sign_in(self, account: Account) -> None:
        """Sign in through the login page."""

    def open_chat(self) -> Session:
        """Open the chat page, which asks the site for a client secret."""

    def say(self, text: str) -> Talk:
        """Send a message, wait for the reply, and nudge the site."""


def wait_until(find: Callable[[], T | None], *, what: str, within: float) -> T:
    """Return the first thing that `find` finds; raises `Failed` when it found nothing within so many seconds."""
    deadline = monotonic() + within
    while not (found := find()):
        if monotonic() > deadline:
            raise Failed(f"{what}: not within {within:.0f} s")
        sleep(0.1)
    return found
