"""Ids compare by character and payloads come back as they went in, on every database."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_chatkit.models import ChatSession, EndUser
from django_chatkit.models.fields import PayloadField, as_stored, dumps, is_storable, loads, storable
from tests.nested import nested, with_little_left

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, tzinfo=UTC)
# Lone surrogates are what JSON's \\u escapes can say and no encoder can write.
any_text = st.text(st.characters(exclude_categories=()), max_size=20)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=10,
)


def kept(payload: Any, database: str) -> Any:
    """Write a payload, read it back, and leave no trace."""
    with transaction.atomic(using=database):
        sessions = ChatSession.objects.using(database)
        EndUser.objects.using(database).create(id="ada")
        sessions.create(id="cksess_1", end_user_id="ada", expires_at=NOW, created_at=NOW, payload=payload)
        found = sessions.get().payload
        stored = sessions.values_list(as_stored("payload"), flat=True).get()
        transaction.set_rollback(True, using=database)
    assert json.loads(stored) == found
    return found


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(payload=st.dictionaries(any_text, json_values, max_size=4))
def test_a_payload_comes_back_as_upstream_sent_it(database: str, payload: dict[str, Any]) -> None:
    found = kept(payload, database)

    assert found == payload
    assert json.dumps(found) == json.dumps(payload)


@given(any_text)
def test_stored_json_is_text_that_every_database_takes(text: str) -> None:
    written = dumps({"text": text})

    assert is_storable(written)
    assert json.loads(written) == {"text": text}


@given(any_text)
def test_text_is_storable_once_made_so_and_left_alone_if_it_was(text: str) -> None:
    assert is_storable(storable(text))
    assert (storable(text) == text) == is_storable(text)


@pytest.mark.parametrize("frames", [100, 300, 900])
def test_a_payload_is_written_and_read_however_little_is_left_of_the_stack(frames: int) -> None:
    payload = {"deep": nested(950)}
    text = '{"deep":' + "[" * 950 + "]" * 950 + "}"

    assert with_little_left(frames, lambda: dumps(payload)) == text
    assert dumps(with_little_left(frames, lambda: loads(text))) == text


def test_what_no_stack_is_deep_enough_for_is_an_error() -> None:
    with pytest.raises(RecursionError):
        loads("[" * 1_000_000)


def test_readable_text_is_stored_readable() -> None:
    assert dumps({"text": "héllo 世界 😀"}) == '{"text":"héllo 世界 😀"}'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_json_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=re.escape("not JSON compliant")):
        dumps({"value": value})


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param(["cti_abc", "cti_ABC", "cti_Abc"], id="case"),
        pytest.param(["ada", "ada ", " ada"], id="spaces"),
        pytest.param(["resume", "résumé"], id="accents"),
        pytest.param(["straße", "strasse"], id="expansions"),
        pytest.param(["e\u0301", "\u00e9"], id="normal forms"),
        pytest.param(["😀", "😁"], id="beyond the basic plane"),
    ],
)
def test_ids_that_differ_in_one_character_are_different_ids(database: str, ids: list[str]) -> None:
    end_users = EndUser.objects.using(database)
    for id in ids:
        end_users.create(id=id)

    assert end_users.count() == len(ids)
    for id in ids:
        assert end_users.get(pk=id).id == id


def test_references_compare_by_character_too(database: str) -> None:
    for id in ("ada", "ADA"):
        EndUser.objects.using(database).create(id=id)
        ChatSession.objects.using(database).create(
            id=f"cksess_{id}", end_user_id=id, expires_at=NOW, created_at=NOW
        )

    joined = ChatSession.objects.using(database).filter(end_user__id="ADA")
    assert [each.id for each in joined] == ["cksess_ADA"]
    assert [each.id for each in ChatSession.objects.using(database).of("ada")] == ["cksess_ada"]


def test_a_payload_survives_a_serializer(database: str) -> None:
    payload = {"text": "NUL \x00 and \ud800", "n": 1.0, "order": {"b": 1, "a": 2}}
    end_user = EndUser(id="ada")
    session = ChatSession(id="cksess_1", end_user=end_user, expires_at=NOW, created_at=NOW, payload=payload)

    written = serializers.serialize("json", [end_user, session])
    for each in serializers.deserialize("json", written, using=database):
        each.save(using=database)

    assert json.dumps(ChatSession.objects.using(database).get().payload) == json.dumps(payload)


def test_text_that_is_no_json_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="Enter valid JSON"):
        PayloadField().to_python("{")


def test_a_payload_column_may_be_empty() -> None:
    field = PayloadField(null=True)

    assert field.get_prep_value(None) is None
    assert field.from_db_value(None, None, None) is None  # type: ignore[arg-type]
    assert field.to_python({"a": 1}) == {"a": 1}


def test_mysql_gets_its_own_binary_collation() -> None:
    class MySQL(DatabaseWrapper):
        vendor = "mysql"
        mysql_is_mariadb = False

    parameters = EndUser._meta.pk.db_parameters(MySQL({**connections["default"].settings_dict}))

    assert parameters["collation"] == "utf8mb4_0900_bin"


# Characters that collations like to take for one another, or for nothing.
look_alikes = st.text("aAáÁ\u0301\u200b ßsSｓ\u00a0\t", min_size=1, max_size=3)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(ids=st.lists(look_alikes, min_size=2, max_size=6, unique=True))
def test_no_id_is_taken_for_another(database: str, ids: list[str]) -> None:
    end_users = EndUser.objects.using(database)

    with transaction.atomic(using=database):
        end_users.bulk_create(EndUser(id=id) for id in ids)
        found = [end_users.get(pk=id).pk for id in ids]
        transaction.set_rollback(True, using=database)

    assert found == ids
