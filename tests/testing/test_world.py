"""The small world."""

from __future__ import annotations

from django_chatkit.testing import Emulator, documents
from django_chatkit.testing.world import populate


def made(seed: str) -> Emulator:
    emulator = Emulator(seed=seed)
    populate(emulator)
    return emulator


def test_one_seed_gives_the_same_world_and_another_seed_other_ids() -> None:
    assert made("a").dump() == made("a").dump()
    assert made("a").dump() != made("b").dump()


def test_the_world_has_something_of_everything() -> None:
    threads = made("a").dump()["threads"]
    items = [item for thread in threads for item in thread["items"]]

    assert len({thread["user"] for thread in threads}) >= 5
    assert {thread["status"]["type"] for thread in threads} == {"active", "locked", "closed"}
    assert {thread["title"] is None for thread in threads} == {True, False}
    assert {item["type"] for item in items} == set(documents.ITEM_TYPES)
    assert max(len(thread["items"]) for thread in threads) > 100
    assert min(len(thread["items"]) for thread in threads) == 0
    assert {item["status"] for item in items if "status" in item} == {"in_progress", "completed"}


def test_some_threads_share_their_second() -> None:
    seconds = [thread["created_at"] for thread in made("a").threads()]

    assert len(set(seconds)) < len(seconds)
