"""What REST serves of a thread whose words were dropped: upstream's shapes, with nothing in them."""

from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import User

from django_chatkit.models import ChatThreadItem
from django_chatkit.models.sealing import keyring
from django_chatkit.services import dropping, rotation
from tests.keys import FIRST, use
from tests.rest.world import NOW, bearer, thread_of
from tests.services.test_emptied import COMMON, CONTRACT, ITEMS, SAID

pytestmark = pytest.mark.django_db


@pytest.fixture
def dropped(ada: User) -> None:
    """Hold a thread with an item of each type, and drop its words."""
    thread = thread_of(ada, "cthr_1", title=SAID)
    thread.payload |= {"title": SAID}
    thread.save()
    for position, (type_, own) in enumerate(ITEMS.items()):
        id = f"cti_{position}"
        ChatThreadItem.objects.create(
            id=id,
            thread=thread,
            type=type_,
            position=position,
            text=SAID,
            created_at=NOW,
            payload={**COMMON, "id": id, "type": type_, **own},
        )
    notes: list[int] = []
    assert (
        dropping.drop(
            {"cthr_1": None}, now=NOW + timedelta(days=90), size=2, using="default", note=notes.append
        )
        == 1
    )
    assert notes == [2, 2, 2]


@pytest.mark.usefixtures("dropped")
@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/chatkit/threads", "ThreadList"),
        ("/api/chatkit/threads/cthr_1", "Thread"),
        ("/api/chatkit/threads/cthr_1/items", "ItemList"),
    ],
)
def test_each_answer_has_upstreams_shape_and_no_word(ada: User, path: str, shape: str) -> None:
    answer = bearer(ada).get(path)

    jsonschema.validate(answer.json(), {"$ref": f"#/$defs/{shape}", "$defs": CONTRACT["$defs"]})
    assert SAID not in answer.content.decode()


@pytest.mark.usefixtures("dropped")
def test_every_item_is_still_listed(ada: User) -> None:
    items: list[Any] = bearer(ada).get("/api/chatkit/threads/cthr_1/items?order=asc").json()["data"]

    assert [item["type"] for item in items] == list(ITEMS)


@pytest.mark.parametrize("path", ["threads", "threads/cthr_1", "threads/cthr_1/items"])
@pytest.mark.parametrize("sealed", ["before", "after"])
def test_no_sign_of_what_was_sealed_stands_in_the_place_of_dropped_words(
    ada: User, request: pytest.FixtureRequest, settings: Any, path: str, sealed: str
) -> None:
    if sealed == "before":
        use(settings, FIRST)
    request.getfixturevalue("dropped")
    use(settings, FIRST)
    rotation.rotate(keyring=keyring())

    answer = bearer(ada).get(f"/api/chatkit/{path}").content.decode()

    assert "cthr_1" in answer
    assert SAID not in answer
    assert "***" not in answer
    assert "chatkit-fernet" not in answer
