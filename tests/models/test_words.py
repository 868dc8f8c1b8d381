"""With keys, no column holds a word in clear, and every row reads as it was written."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser, ThreadNote
from django_chatkit.models.fields import as_kept, as_stored, dumps, unless_sealed
from django_chatkit.models.sealing import HIDDEN, PREFIX, Keyring, MissingKey
from django_chatkit.models.words import revealed, text_of, title_of
from tests.keys import FIRST, SECOND, dump, use

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SAID = {"id": "cti_1", "content": [{"type": "input_text", "text": "canary in a cage"}]}
THREAD = {"id": "cthr_1", "title": "A canary"}


def write(database: str) -> None:
    """Keep a row of each kind, as a host's own code may: by the ORM."""
    EndUser.objects.using(database).create(id="ada")
    ChatThread.objects.using(database).create(
        id="cthr_1", end_user_id="ada", title=THREAD["title"], payload=THREAD, created_at=NOW
    )
    ChatThreadItem.objects.using(database).bulk_create(
        [
            ChatThreadItem(
                id="cti_1",
                thread_id="cthr_1",
                position=0,
                text="canary in a cage",
                payload=SAID,
                created_at=NOW,
            ),
            ChatThreadItem(
                id="cti_2", thread_id="cthr_1", position=1, payload={"id": "cti_2"}, created_at=NOW
            ),
        ]
    )
    ChatSession.objects.using(database).create(
        id="cksess_1", end_user_id="ada", expires_at=NOW, created_at=NOW, payload={"state": "canary"}
    )
    ThreadNote.objects.using(database).create(thread_id="cthr_1", text="a canary, I think", created_at=NOW)


def test_no_word_stands_in_clear_and_each_row_reads_as_it_was_written(
    database: str, settings: Settings
) -> None:
    use(settings, FIRST)

    write(database)

    assert "canary" not in " ".join(dump(database))
    item, empty = ChatThreadItem.objects.using(database).order_by("position")
    thread = ChatThread.objects.using(database).get()
    assert (item.text, item.payload, empty.text) == ("canary in a cage", SAID, "")
    assert (thread.title, thread.payload, str(thread)) == ("A canary", THREAD, "A canary")
    assert ChatSession.objects.using(database).get().payload == {"state": "canary"}
    assert ThreadNote.objects.using(database).get().text == "a canary, I think"


def test_without_keys_the_columns_hold_what_they_held(database: str) -> None:
    write(database)

    items = ChatThreadItem.objects.using(database).order_by("position")
    assert list(items.values_list("text", as_kept("payload"))) == [
        ("canary in a cage", dumps(SAID)),
        ("", dumps({"id": "cti_2"})),
    ]
    assert ThreadNote.objects.using(database).values_list(as_kept("text"), flat=True).get() == (
        "a canary, I think"
    )


def test_a_column_says_itself_what_stands_in_it(database: str, settings: Settings) -> None:
    use(settings, FIRST)
    write(database)

    items = ChatThreadItem.objects.using(database).order_by("position")
    (text, kept, stored), (no_text, _, _) = items.values_list(
        "text", as_kept("payload"), as_stored("payload")
    )
    assert (text, no_text) == (HIDDEN, "")
    assert kept.startswith(Keyring([FIRST]).prefix)
    assert stored == dumps(SAID)


def test_an_update_is_sealed_and_a_save_keeps_what_was_said(database: str, settings: Settings) -> None:
    use(settings, FIRST)
    write(database)
    items = ChatThreadItem.objects.using(database)

    items.filter(pk="cti_2").update(payload=SAID, text="canary in a cage")
    item = items.get(pk="cti_2")
    item.position = 7
    item.save(using=database)
    thread = ChatThread.objects.using(database).get()
    ChatThread.objects.using(database).bulk_update([thread], ["title", "payload"])

    assert "canary" not in " ".join(dump(database))
    assert items.get(pk="cti_2").text == "canary in a cage"
    assert ChatThread.objects.using(database).get().title == "A canary"


def test_words_without_the_payload_are_read_with_one_more_query(
    database: str, settings: Settings, django_assert_num_queries: Any
) -> None:
    use(settings, FIRST)
    write(database)
    deferred = ChatThreadItem.objects.using(database).defer("payload").get(pk="cti_1")
    bare = ChatThreadItem.objects.using(database).only("pk").get(pk="cti_1")

    with django_assert_num_queries(1, connection=connections[database]):
        assert deferred.text == "canary in a cage"
        assert deferred.text == "canary in a cage"
    assert bare.text == "canary in a cage"
    deferred.refresh_from_db()
    assert deferred.text == "canary in a cage"


def test_a_row_that_was_not_sealed_yet_reads_as_before(database: str, settings: Settings) -> None:
    write(database)
    use(settings, FIRST)

    assert ChatThreadItem.objects.using(database).get(pk="cti_1").text == "canary in a cage"
    assert ChatThread.objects.using(database).get().payload == THREAD
    assert ThreadNote.objects.using(database).get().text == "a canary, I think"


@pytest.mark.parametrize("keys", [[], [SECOND]])
def test_a_row_without_its_key_is_an_error_that_says_what_to_do(
    database: str, settings: Settings, keys: list[str]
) -> None:
    use(settings, FIRST)
    write(database)
    use(settings, *keys)

    for rows in (ChatThreadItem, ChatThread, ChatSession, ThreadNote):
        with pytest.raises(MissingKey, match="add that key at the end of the list"):
            list(rows._default_manager.using(database).all())
    with pytest.raises(MissingKey):
        list(ChatThreadItem.objects.using(database).values_list(as_stored("payload")))
    assert list(ChatThreadItem.objects.using(database).values_list("text", flat=True)) == [HIDDEN, ""]

    use(settings, SECOND, FIRST)
    assert ChatThreadItem.objects.using(database).get(pk="cti_1").text == "canary in a cage"


def test_a_broken_key_writes_nothing(database: str, settings: Settings) -> None:
    use(settings, "broken")

    with pytest.raises(ImproperlyConfigured, match="is no key"):
        ThreadNote(thread_id="cthr_1", text="a canary", created_at=NOW).save(using=database)


@pytest.mark.parametrize("keys", [[], [FIRST]])
def test_words_that_look_hidden_or_sealed_are_words(
    database: str, settings: Settings, keys: list[str]
) -> None:
    use(settings, *keys)
    write(database)
    forged = f"{PREFIX}12345678:gAAAA"
    said = {"content": HIDDEN}
    items = ChatThreadItem.objects.using(database)

    items.filter(pk="cti_1").update(text=HIDDEN, payload=said)
    items.filter(pk="cti_2").update(text=forged, payload={"content": forged})
    ThreadNote.objects.using(database).update(text=forged)

    assert items.get(pk="cti_1").text == HIDDEN
    assert items.get(pk="cti_2").text == forged
    assert ThreadNote.objects.using(database).get().text == f" {forged}"


def test_a_hidden_word_that_no_payload_says_stays_hidden() -> None:
    assert ChatThreadItem(text=HIDDEN, payload={}).text == HIDDEN
    assert ChatThreadItem(text=HIDDEN, payload=["no", "object"]).text == HIDDEN
    assert ChatThreadItem.text.field.attname == "text"


@pytest.mark.parametrize(
    ("held", "stored", "words"),
    [
        pytest.param("Hello", "{}", "Hello", id="in clear"),
        pytest.param(HIDDEN, '{"content":"Hello"}', "Hello", id="hidden"),
        pytest.param(HIDDEN, '{"content":""}', HIDDEN, id="nothing said"),
        pytest.param(HIDDEN, "[]", HIDDEN, id="no object"),
        pytest.param(HIDDEN, "{", HIDDEN, id="no JSON"),
    ],
)
def test_hidden_words_are_revealed_from_the_payloads_text(held: str, stored: str, words: str) -> None:
    assert revealed(held, stored, text_of) == words


@given(st.dictionaries(st.just("title"), st.text() | st.integers() | st.none()))
def test_a_title_is_text_or_nothing(payload: dict[str, Any]) -> None:
    title = payload.get("title")

    assert title_of(payload) == (title.replace("\x00", "\ufffd") if isinstance(title, str) else "")


def test_a_payload_is_left_unread_only_where_none_is_sealed(settings: Settings) -> None:
    assert unless_sealed("payload") == ("payload",)
    use(settings, "", FIRST)
    assert unless_sealed("payload") == ()


def test_to_migrations_the_columns_are_what_they_were() -> None:
    for model, name in ((ChatThread, "title"), (ChatThreadItem, "text"), (ThreadNote, "text")):
        field: Any = model._meta.get_field(name)
        _, path, _, options = field.deconstruct()
        assert path == "django.db.models.TextField"
        assert "said_by" not in options


def test_a_null_is_null() -> None:
    for model, name in ((ThreadNote, "text"), (ChatThreadItem, "payload")):
        field: Any = model._meta.get_field(name)
        assert field.from_db_value(None, None, None) is None
        assert field.get_db_prep_save(None, connections["default"]) is None
    read: Any = as_stored("payload").output_field
    assert read.from_db_value(None, None, None) is None
