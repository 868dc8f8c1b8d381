"""The past of the demo: real dialogues, as upstream would show them."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from django_chatkit.testing import Emulator
from example_project.demo import accounts, corpus, history

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def told() -> history.History:
    dialogues = corpus.read(corpus.folder())
    return history.write(accounts.invent(dialogues), dialogues, now=NOW, chance=Random(1))


def test_the_dialogues_come_in_all_the_languages_of_the_package() -> None:
    languages = corpus.read(corpus.folder())

    assert len(languages) >= 28
    assert {"hebrew", "persian", "urdu", "chinese", "japanese", "korean"} <= set(languages)
    assert all(len(talk.lines) > 1 for talks in languages.values() for talk in talks)


def test_a_package_that_is_not_there_is_named_with_the_remedy() -> None:
    with pytest.raises(corpus.Missing, match=r'pip install -e "\.\[demo\]"'):
        corpus.folder("no_such_package_at_all")


def test_lone_lines_and_empty_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "latin").mkdir()
    (tmp_path / "latin" / "small_talk.yml").write_text(
        "conversations:\n- - Salve\n- - Quid agis?\n  - Valeo.\n"
    )
    (tmp_path / "latin" / "void.yml").write_text("categories:\n- none\n")

    assert corpus.read(tmp_path) == {"latin": [corpus.Dialogue("small talk", ("Quid agis?", "Valeo."))]}


def test_it_has_the_breadth_that_was_promised(told: history.History) -> None:
    threads = told.document["threads"]

    assert len({thread["user"] for thread in threads}) == told.end_users >= 40
    assert len(threads) == told.threads >= 300
    assert sum(len(thread["items"]) for thread in threads) == told.items
    assert told.types == 6


def test_there_is_a_thread_of_every_status_one_without_a_title_and_a_long_one(told: history.History) -> None:
    threads = told.document["threads"]

    assert {thread["status"]["type"] for thread in threads} == {"active", "locked", "closed"}
    assert any(thread["title"] is None for thread in threads)
    assert max(len(thread["items"]) for thread in threads) > 200


def test_it_is_past_and_in_order(told: history.History) -> None:
    threads = told.document["threads"]
    moments = [thread["created_at"] for thread in threads]

    assert moments == sorted(moments)
    for thread in threads:
        items = [item["created_at"] for item in thread["items"]]
        assert items == sorted(items)
        assert thread["created_at"] <= items[0] <= items[-1] < NOW.timestamp()


def test_the_emulator_takes_it_as_it_is(told: history.History) -> None:
    emulator = Emulator()
    emulator.load(json.loads(json.dumps(told.document)))

    threads = emulator.threads()
    types = Counter(item["type"] for thread in threads for item in emulator.items(thread["id"]))
    assert len(threads) == told.threads
    assert types.total() == told.items
    assert len(types) == 6
