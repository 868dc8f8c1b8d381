"""Askers by their ways in, and rows put into the mirror and the ledger by hand."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser
from django_chatkit.services import sync
from django_chatkit.testing import Emulator, EmulatorAdapter

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def bearer(user: User, **kwargs: Any) -> Client:
    """Return a browser-less asker: a token, no cookie."""
    token, _ = Token.objects.get_or_create(user=user)
    return Client(headers={"Authorization": f"Bearer {token.key}"}, **kwargs)


def signed_in(user: User, **kwargs: Any) -> Client:
    """Return a browser that is signed in."""
    browser = Client(**kwargs)
    browser.force_login(user)
    return browser


def allow(user: User, *codenames: str) -> User:
    """Give permissions of the app to an account, and return it as a request will find it."""
    found = Permission.objects.filter(content_type__app_label="django_chatkit", codename__in=codenames)
    assert len(found) == len(codenames)
    user.user_permissions.add(*found)
    return User.objects.get(pk=user.pk)


def thread_of(user: User | str, id: str, **fields: Any) -> ChatThread:
    """Put a thread into the mirror."""
    name = user if isinstance(user, str) else str(user.pk)
    end_user, _ = EndUser.objects.get_or_create(id=name)
    payload = {"id": id, "object": "chatkit.thread", "created_at": int(NOW.timestamp()), "title": None}
    payload |= {"status": {"type": "active"}, "user": name}
    return ChatThread.objects.create(
        **{"id": id, "end_user": end_user, "payload": payload, "created_at": NOW, **fields}
    )


def items_of(thread: ChatThread, *ids: str, **fields: Any) -> list[ChatThreadItem]:
    """Put items into a thread of the mirror, in this order."""
    return [
        ChatThreadItem.objects.create(
            **{
                "id": id,
                "thread": thread,
                "position": position,
                "payload": {"id": id, "object": "chatkit.thread_item", "thread_id": thread.id},
                "created_at": NOW,
                **fields,
            }
        )
        for position, id in enumerate(ids)
    ]


def session_of(user: User | str, id: str, **fields: Any) -> ChatSession:
    """Put a session into the ledger."""
    name = user if isinstance(user, str) else str(user.pk)
    end_user, _ = EndUser.objects.get_or_create(id=name)
    defaults: Mapping[str, Any] = {
        "id": id,
        "end_user": end_user,
        "workflow_id": "wf_tests",
        "expires_at": NOW + timedelta(minutes=10),
        "payload": {"id": id, "object": "chatkit.session", "status": "active", "user": name},
        "created_at": NOW,
    }
    return ChatSession.objects.create(**{**defaults, **fields})


def sync_everything(emulator: Emulator, *, using: str = "default") -> None:
    """Bring the mirror to what the emulator has, by the services themselves."""
    pace = sync.Pace(interval=timedelta(seconds=15), grace=timedelta(), workers=0)
    with ChatKit(api_key="sk-sync", adapter=EmulatorAdapter(emulator)) as client:
        report = sync.reconcile(client=client, clock=timezone.now, pace=pace, using=using)
    assert report.ok, report.failures
