from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.client import ChatKitThreadItem, ChatSession, Secret, WireObject
from django_chatkit.client.reading import decode
from django_chatkit.client.wire import without_secrets

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON)
SURROGATES = st.characters(categories=["Cs"]) | st.sampled_from(["\x00", "é", "🙂"])


def pickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - of our own making


def test_fields_read_as_attributes_at_every_depth() -> None:
    item = ChatKitThreadItem(
        {"id": "cti_1", "status": {"type": "active"}, "content": [{"text": "hi"}, 3, [{"a": 1}]]}
    )

    assert (item.id, item.status.type, item.content[0].text, item.content[1]) == ("cti_1", "active", "hi", 3)
    assert item.content[2][0].a == 1


def test_a_missing_field_is_none() -> None:
    assert WireObject({}).metadata is None


def test_an_unknown_type_is_data_like_any_other() -> None:
    assert ChatKitThreadItem({"type": "chatkit.hologram", "beam": {"width": 2}}).beam.width == 2


@pytest.mark.parametrize("name", ["__deepcopy__", "_private", "__len__"])
def test_a_name_with_an_underscore_is_not_there(name: str) -> None:
    assert not hasattr(WireObject({"_private": 1}), name)


def test_an_object_without_its_payload_does_not_turn_in_circles() -> None:
    with pytest.raises(AttributeError):
        _ = WireObject.__new__(WireObject).id


@given(OBJECTS)
def test_a_payload_goes_round_unchanged(payload: dict[str, Any]) -> None:
    thing = WireObject(decode(json.dumps(payload).encode()), "req_1")

    assert thing.payload == thing.to_dict() == thing.model_dump() == payload
    assert json.loads(thing.model_dump_json()) == payload
    assert copy.copy(thing) == copy.deepcopy(thing) == pickled(thing) == thing
    assert pickled(thing)._request_id == "req_1"


@given(st.text(SURROGATES))
def test_no_character_is_lost(text: str) -> None:
    # Two halves of a pair are one character to JSON; a half alone stays a half.
    assert decode(json.dumps({"text": text}).encode())["text"] == json.loads(json.dumps(text))


def test_a_copy_may_be_changed_freely() -> None:
    thing = WireObject({"content": [{"text": "hi"}]})

    thing.to_dict()["content"][0]["text"] = "changed"

    assert thing.content[0].text == "hi"


def test_only_wire_objects_are_equal_to_one() -> None:
    assert WireObject({"id": 1}) != {"id": 1}
    assert WireObject({"id": 1}) == WireObject({"id": 1})


def test_a_repr_shows_the_id_and_nothing_of_what_was_said() -> None:
    assert repr(ChatKitThreadItem({"id": "cti_1", "text": "private"})) == "ChatKitThreadItem(id='cti_1')"


def test_dir_names_the_fields() -> None:
    assert {"title", "payload"} <= set(dir(WireObject({"title": 1, "not a name": 2})))
    assert "not a name" not in dir(WireObject({"not a name": 2}))


def test_indented_json_is_json() -> None:
    assert WireObject({"id": 1}).model_dump_json(indent=2) == '{\n  "id": 1\n}'


class TestSecret:
    def test_it_hides_from_repr_and_tells_str(self) -> None:
        secret = Secret("ek_1")

        assert repr([secret]) == "[Secret('***')]"
        assert (str(secret), json.dumps(secret), f"{secret}") == ("ek_1", '"ek_1"', "ek_1")

    def test_it_is_not_pickled(self) -> None:
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(Secret("ek_1"))

    def test_its_copies_hide_as_well(self) -> None:
        assert repr((copy.copy(Secret("a")), copy.deepcopy(Secret("a")))) == "(Secret('***'), Secret('***'))"


class TestSession:
    session = ChatSession({"id": "cksess_1", "user": "u"}, "req_1", client_secret="ek_1")

    def test_its_secret_stands_beside_the_payload(self) -> None:
        assert self.session.client_secret == "ek_1"
        assert "ek_1" not in repr(self.session) + self.session.model_dump_json() + repr(
            vars(type(self.session))
        )

    def test_a_copy_keeps_the_secret(self) -> None:
        copies = copy.copy(self.session), copy.deepcopy(self.session)

        assert [(one.client_secret, one.id, one._request_id) for one in copies] == [
            ("ek_1", "cksess_1", "req_1")
        ] * 2

    def test_a_pickle_loses_it(self) -> None:
        revived = pickled(self.session)

        assert (revived.client_secret, revived.id, revived._request_id) == (None, "cksess_1", "req_1")

    def test_without_one_it_is_none(self) -> None:
        assert ChatSession({"id": "cksess_1"}).client_secret is None


def test_secrets_are_taken_out_at_every_depth() -> None:
    dirty = {"client_secret": 1, "id": "x", "a": {"client_secret": 2, "b": [{"client_secret": 3, "c": 4}]}}

    assert without_secrets(dirty) == {"id": "x", "a": {"b": [{"c": 4}]}}
