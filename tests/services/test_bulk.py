"""Rows written in bulk, by each database's own form and by the portable one: the same on every database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.models.fields import dumps, storable
from django_chatkit.services import bulk
from django_chatkit.services.mirror import ItemRow
from tests.keys import FIRST, dump, use

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
ITEMS = bulk.Table(
    model=ChatThreadItem,
    columns=ItemRow._fields,
    updates=("position", "text", "settled", "payload", "gone_at"),
)
Upsert = Callable[..., None]

any_text = st.text(st.characters(exclude_categories=()), max_size=20)
moments = st.datetimes(
    min_value=datetime(1980, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from(
        [UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=9, minutes=30))]
    ),
)
rows = st.builds(
    ItemRow,
    id=any_text.map(storable).filter(bool),
    thread_id=st.just("cthr_1"),
    type=any_text.map(storable),
    position=st.integers(-(2**63), 2**63 - 1),
    text=any_text.map(storable),
    settled=st.booleans(),
    payload=st.dictionaries(
        any_text, any_text | st.none() | st.floats(allow_nan=False, allow_infinity=False)
    ).map(dumps),
    created_at=moments,
    gone_at=st.none() | moments,
)


@pytest.fixture(params=[bulk.upsert, bulk.upsert_portably])
def upsert(request: pytest.FixtureRequest, thread: str) -> Upsert:
    chosen: Upsert = request.param
    return chosen


@pytest.fixture
def thread(database: str) -> str:
    EndUser.objects.using(database).create(id="ada")
    return ChatThread.objects.using(database).create(id="cthr_1", end_user_id="ada", created_at=NOW).id


def row(id: str, **values: Any) -> ItemRow:
    """Return a row whose position is its id's number."""
    known = ItemRow(
        id=id,
        thread_id="cthr_1",
        type="chatkit.user_message",
        position=int(id.removeprefix("cti_")),
        text="word",
        settled=True,
        payload='{"id":"x"}',
        created_at=NOW,
    )
    return known._replace(**values)


def kept(database: str) -> list[ItemRow]:
    """Return all rows as they can be read back, in id order."""
    items = ChatThreadItem.objects.using(database).order_by("pk")
    return [
        ItemRow(**{name: getattr(item, name) for name in ItemRow._fields[:6]}, payload=dumps(item.payload),
                created_at=item.created_at, gone_at=item.gone_at)
        for item in items
    ]  # fmt: skip


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(written=st.lists(rows, max_size=5, unique_by=(lambda each: each.id, lambda each: each.position)))
def test_every_column_comes_back_as_it_was_written(
    upsert: Upsert, database: str, written: list[ItemRow]
) -> None:
    with transaction.atomic(using=database):
        upsert(ITEMS, written, using=database)
        upsert(ITEMS, written, using=database)
        found = kept(database)
        transaction.set_rollback(True, using=database)

    assert {each.id: each for each in found} == {each.id: each for each in written}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("plain", id="ascii"),
        pytest.param("héllo 世界", id="beyond ascii"),
        pytest.param("😀 𝔘", id="four bytes"),
        pytest.param(
            """it's "quoted" \\ %s %% {} $1 ? :a \\u0041""", id="what SQL, JSON and drivers mean something by"
        ),
        pytest.param("line\nbreak\r\n\ttab \u2028", id="white space"),
        pytest.param("x" * 300_000, id="long"),
        pytest.param("", id="empty"),
    ],
)
def test_text_comes_back_to_the_letter(upsert: Upsert, database: str, text: str) -> None:
    payload = dumps({"text": text, "nul": "\x00", "lone": "\ud800"})

    upsert(ITEMS, [row("cti_1", text=text, payload=payload)], using=database)

    assert kept(database) == [row("cti_1", text=text, payload=payload)]


def test_a_row_that_is_there_takes_the_columns_to_update_and_no_other(upsert: Upsert, database: str) -> None:
    upsert(ITEMS, [row("cti_1"), row("cti_2", gone_at=NOW)], using=database)

    upsert(
        ITEMS,
        [
            row("cti_3"),
            row("cti_2", type="other", text="anew", settled=False, created_at=NOW + timedelta(days=1)),
        ],
        using=database,
    )

    assert kept(database) == [row("cti_1"), row("cti_2", text="anew", settled=False), row("cti_3")]


def test_of_rows_with_one_id_the_last_counts(upsert: Upsert, database: str) -> None:
    upsert(ITEMS, [row("cti_1", text="first"), row("cti_2"), row("cti_1", text="last")], using=database)

    assert kept(database) == [row("cti_1", text="last"), row("cti_2")]


def test_ids_that_differ_in_case_are_two_rows(upsert: Upsert, database: str) -> None:
    upsert(ITEMS, [row("cti_1")._replace(id="cti_a"), row("cti_2")._replace(id="cti_A")], using=database)

    assert {each.id for each in kept(database)} == {"cti_a", "cti_A"}


def test_a_row_that_is_there_is_refused_where_no_column_may_change(upsert: Upsert, database: str) -> None:
    new = bulk.Table(model=ChatThreadItem, columns=ItemRow._fields, updates=())
    upsert(new, [row("cti_1"), row("cti_2")], using=database)

    with pytest.raises(IntegrityError), transaction.atomic(using=database):
        upsert(new, [row("cti_3"), row("cti_2", position=7, text="anew")], using=database)

    assert kept(database) == [row("cti_1"), row("cti_2")]


def test_no_rows_are_no_statement(upsert: Upsert, database: str) -> None:
    with CaptureQueriesContext(connections[database]) as queries:
        upsert(ITEMS, [], using=database)

    assert len(queries) == 0


def test_a_page_is_one_statement(database: str, thread: str) -> None:
    page = [row(f"cti_{number}") for number in range(100)]

    with CaptureQueriesContext(connections[database]) as queries:
        bulk.upsert(ITEMS, page, using=database)

    assert len(queries) == 1
    assert ChatThreadItem.objects.using(database).count() == 100


def test_a_statement_that_would_be_too_large_for_mysql_is_cut(upsert: Upsert, database: str) -> None:
    page = [row(f"cti_{number}", text="x" * 400_000) for number in range(1, 8)]

    with CaptureQueriesContext(connections[database]) as queries:
        upsert(ITEMS, page, using=database)

    assert kept(database) == page
    assert len(queries) == (2 if connections[database].vendor == "mysql" else 1)


def test_a_host_without_time_zones_keeps_its_own_moments(
    upsert: Upsert, database: str, settings: Any
) -> None:
    settings.USE_TZ = False
    noon = datetime(2026, 11, 23, 12, 0, 0, 1)  # noqa: DTZ001 - what such a host means by noon

    upsert(ITEMS, [row("cti_1", created_at=noon)], using=database)

    assert kept(database) == [row("cti_1", created_at=noon)]


def test_a_host_with_another_time_zone_keeps_the_moment(upsert: Upsert, database: str, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Chatham"

    upsert(ITEMS, [row("cti_1")], using=database)

    assert kept(database) == [row("cti_1")]


def test_rows_are_all_written_or_none(upsert: Upsert, database: str) -> None:
    page = [row("cti_1"), row("cti_2", created_at=None)]

    with pytest.raises(IntegrityError), transaction.atomic(using=database):
        upsert(ITEMS, page, using=database)

    assert kept(database) == []


def test_payloads_are_sealed_and_words_hidden_on_their_way(
    database: str, upsert: Upsert, settings: Any
) -> None:
    use(settings, FIRST)

    upsert(ITEMS, [row("cti_1", text="a canary", payload='{"content":"a canary"}')], using=database)
    upsert(ITEMS, [row("cti_1", text="a canary bird", payload='{"content":"a canary bird"}')], using=database)

    assert "canary" not in " ".join(dump(database))
    assert ChatThreadItem.objects.using(database).get().text == "a canary bird"


def test_rows_that_are_there_are_rewritten_as_they_are(database: str, thread: str, settings: Any) -> None:
    bulk.upsert(ITEMS, [row("cti_1"), row("cti_2")], using=database)
    use(settings, FIRST)
    table = bulk.Table(model=ChatThreadItem, columns=("id", "payload", "text"), updates=())

    bulk.rewrite(table, [("cti_2", '{"a":1}', "changed")], using=database)

    first, second = ChatThreadItem.objects.using(database).order_by("pk")
    assert first.text != "changed"
    assert (second.payload, second.text) == ({"a": 1}, "changed")
