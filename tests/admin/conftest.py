"""The rows and the readers that the admin's tests share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser, SyncRun

BEGIN = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)

Reader = Callable[..., Client]


@pytest.fixture
def reader(db: None) -> Reader:
    """Log in a member of staff who has these permissions of ours, and no other."""

    def log_in(*codenames: str) -> Client:
        user = User.objects.create_user(f"reader{User.objects.count()}", is_staff=True)
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="django_chatkit", codename__in=codenames)
        )
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def staff(reader: Reader) -> Client:
    """Log in a member of staff who may view everything and act."""
    nouns = ("enduser", "chatsession", "chatthread", "chatthreaditem", "syncrun")
    usual = (f"{verb}_{noun}" for verb in ("view", "change", "delete") for noun in nouns)
    return reader(*usual, "view_transcript", "sync_chatthread", "export_chatthread")


@pytest.fixture
def end_user(db: None) -> EndUser:
    """Keep one end user with an owner."""
    owner = User.objects.create_user("mia.chen", email="mia@example.org")
    return EndUser.objects.create(id="user_42", owner=owner)


@pytest.fixture
def thread(end_user: EndUser) -> ChatThread:
    """Keep one thread."""
    return make_thread(end_user, "cthr_1", title="Where is my parcel?")


def make_thread(end_user: EndUser, id: str, **fields: Any) -> ChatThread:
    values: dict[str, Any] = {"created_at": BEGIN, "last_activity_at": BEGIN, "synced_at": BEGIN}
    return ChatThread.objects.create(id=id, end_user=end_user, **{**values, **fields})


def make_session(end_user: EndUser, id: str, **fields: Any) -> ChatSession:
    values: dict[str, Any] = {"created_at": BEGIN, "expires_at": BEGIN + timedelta(minutes=10)}
    return ChatSession.objects.create(id=id, end_user=end_user, **{**values, **fields})


def make_item(
    thread: ChatThread, position: int, type: str = "chatkit.user_message", *, id: str = "", **fields: Any
) -> ChatThreadItem:
    payload = fields.pop("payload", {"content": [{"type": "input_text", "text": f"Message {position}"}]})
    values: dict[str, Any] = {
        "created_at": BEGIN + timedelta(seconds=position),
        "text": f"Message {position}",
    }
    return ChatThreadItem.objects.create(
        id=id or f"cti_{position}",
        thread=thread,
        position=position,
        type=type,
        payload=payload,
        **{**values, **fields},
    )


def make_run(kind: str = "reconcile", subject: str = "", **fields: Any) -> SyncRun:
    """Keep a run that began at `BEGIN` and took two seconds."""
    end = BEGIN + timedelta(seconds=2)
    values: dict[str, Any] = {"started_at": BEGIN, "noted_at": end, "ended_at": end, **fields}
    return SyncRun.objects.create(kind=kind, subject=subject, **values)
