"""Where rows are encrypted REST answers to the letter as it did, and without the key it answers nothing of them."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem
from django_chatkit.models.sealing import keyring
from django_chatkit.services import rotation
from tests.keys import FIRST, SECOND, dump, use

from .world import signed_in, thread_of

ADDRESSES = [
    "/api/chatkit/threads",
    "/api/chatkit/threads?order=asc&after=cthr_1",
    "/api/chatkit/threads/cthr_1",
    "/api/chatkit/threads/cthr_1/items",
    "/api/chatkit/sessions",
    "/api/chatkit/sessions/cksess_1",
]


@pytest.mark.django_db
def test_each_answer_is_the_same_byte_for_byte(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    user = User.objects.create_user("ada")
    asker, now = signed_in(user), timezone.now()
    for number in (1, 2):
        thread = thread_of(user, f"cthr_{number}", title="A canary")
        ChatThread.objects.filter(pk=thread.pk).update(payload={**thread.payload, "title": "A canary \ud83d"})
    said = {"id": "cti_1", "content": "canary", "number": 1.0}
    row: dict[str, Any] = {"id": "cti_1", "thread_id": "cthr_1", "position": 0, "created_at": now}
    ChatThreadItem.objects.create(payload=said, text="canary", **row)
    ChatSession.objects.create(
        id="cksess_1", end_user_id=str(user.pk), expires_at=now, created_at=now, payload={"mood": "canary"}
    )
    plain = [asker.get(address).content for address in ADDRESSES]
    use(settings, FIRST)
    rotation.rotate(keyring=keyring())

    assert [asker.get(address).content for address in ADDRESSES] == plain
    assert all(b"canary" in each for each in plain)
    assert "canary" not in " ".join(dump("default", index=False))

    use(settings, SECOND)
    for address in ADDRESSES:
        answer = asker.get(address)
        assert (answer.status_code, b"chatkit-fernet" in answer.content) == (503, False)
    assert caplog.text.count("CHATKIT['ENCRYPTION_KEYS'] does not hold: add that key") == len(ADDRESSES)
