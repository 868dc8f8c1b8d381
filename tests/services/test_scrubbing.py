"""What stood in clear before it was sealed stands nowhere once the tables were written anew."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.models.sealing import keyring
from django_chatkit.services import rotation
from django_chatkit.services.scrubbing import scrub
from tests.keys import FIRST, dump, use

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_nothing_of_what_was_said_stays_in_tables_and_indexes(database: str, settings: Any) -> None:
    EndUser.objects.using(database).create(id="ada")
    ChatThread.objects.using(database).create(id="cthr_1", end_user_id="ada", created_at=NOW)
    said = {"content": "a canary"}
    items = ChatThreadItem.objects.using(database)
    items.bulk_create(
        ChatThreadItem(
            id=f"cti_{n}", thread_id="cthr_1", position=n, text="a canary", payload=said, created_at=NOW
        )
        for n in range(30)
    )
    use(settings, FIRST)
    rotation.rotate(keyring=keyring(), using=database)

    assert scrub(using=database) is True

    assert "canary" not in " ".join(dump(database))
    assert {item.text for item in items.all()} == {"a canary"}


@pytest.mark.django_db(transaction=True)
def test_a_database_without_an_index_of_words_is_scrubbed_too() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE chatkit_item_words RENAME TO elsewhere")
        try:
            assert scrub(using="default") is True
        finally:
            cursor.execute("ALTER TABLE elsewhere RENAME TO chatkit_item_words")
