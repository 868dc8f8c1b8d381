"""The documents that we answer with, in upstream's shapes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..models import ChatSession
from ..models.fields import dumps, loads


@dataclass(frozen=True, slots=True)
class Written:
    """Hold an answer that is JSON already."""

    text: str


def page(ids: Sequence[str], texts: Iterable[str], *, has_more: bool) -> Written:
    """Return upstream's list envelope around documents that are JSON already."""
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    tail = dumps({"first_id": first, "last_id": last, "has_more": has_more})
    return Written(f'{{"object":"list","data":[{",".join(texts)}],{tail[1:]}')


def session(payload: str, status: str) -> str:
    """Return a session of the ledger from its stored text: with the ledger's status and without a secret."""
    return dumps(_of_the_ledger(loads(payload), status))


def settled(session: ChatSession) -> dict[str, Any]:
    """Return a session as the ledger has it."""
    return _of_the_ledger(session.payload, session.status)


def cancelled(session: ChatSession) -> dict[str, Any]:
    """Return a session that was cancelled, in the shape of upstream's answer, which has a place for the secret."""
    return {**settled(session), "client_secret": ""}


def opened(session: ChatSession, client_secret: str) -> dict[str, Any]:
    """Return a new session with its secret: the only document that has one."""
    return {**session.payload, "client_secret": client_secret}


def deleted(id: str) -> dict[str, Any]:
    """Return what upstream says of a thread that is deleted."""
    return {"id": id, "object": "chatkit.thread.deleted", "deleted": True}


def nudged(id: str, *, queued: bool) -> dict[str, Any]:
    """Return what we say of a sync that was asked for; `queued` is False where one waits already."""
    return {"id": id, "object": "chatkit.thread.sync", "queued": queued}


def _of_the_ledger(payload: Mapping[str, Any], status: str) -> dict[str, Any]:
    document = {**payload, "status": status}
    document.pop("client_secret", None)
    return document
