"""What SQLite's index of words still holds in its file once nothing says it any more."""

import pytest
from django.db import connections

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThreadItem
from django_chatkit.services import cleanup, sync, words
from django_chatkit.services.retention import Retention
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator

from .conftest import Clock, World
from .test_dropping import QUARTER

pytestmark = pytest.mark.django_db

SAID = [f"xylophonic{letter * 8}" for letter in "abcdefghij"]


def index(database: str) -> bytes:
    """Return the bytes of the index, as they lie in the file."""
    with connections[database].cursor() as cursor:
        cursor.execute(f"SELECT block FROM {words.INDEX}_data")  # noqa: S608 - our own name
        return b"".join(bytes(row[0]) for row in cursor.fetchall())


@pytest.mark.parametrize(
    "retention",
    [QUARTER, {"threads": QUARTER["content"]}, {"threads": {"days": QUARTER["content"], "upstream": False}}],
)
def test_no_block_holds_a_word_that_is_dropped(
    chatkit: ChatKit, clock: Clock, emulator: Emulator, pace: Pace, retention: Retention
) -> None:
    def reconcile() -> None:
        clock.move(seconds=1)
        sync.reconcile(client=chatkit, clock=clock, pace=pace)

    world = World(emulator, "default")
    for number, said in enumerate(SAID):
        world.thread(said, user=f"u{number}")
        reconcile()
    clock.move(days=100)
    young = world.thread("kept words")
    reconcile()
    assert b"xylophonic" in index("default")

    cleanup.run(client=chatkit, clock=clock, retention=retention)

    assert b"xylophonic" not in index("default")
    assert b"kept" in index("default")
    assert world.words(young) == ["kept words"]
    with connections["default"].cursor() as cursor:
        cursor.execute(f"INSERT INTO {words.INDEX} ({words.INDEX}) VALUES ('integrity-check')")  # noqa: S608


def test_other_databases_have_nothing_to_merge(database: str) -> None:
    assert (words.forget(using=database) > 0) is (connections[database].vendor == "sqlite")


def test_without_the_index_there_is_nothing_to_merge() -> None:
    connection = connections["default"]
    with connection.cursor() as cursor:
        for statement in (
            "DROP TRIGGER {}_new",
            "DROP TRIGGER {}_old",
            "DROP TRIGGER {}_other",
            "DROP TABLE {}",
        ):
            cursor.execute(statement.format(words.INDEX))

    assert words.forget(using="default") == 0
    assert not ChatThreadItem.objects.exists()
