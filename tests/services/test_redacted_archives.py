"""An archive holds what upstream sent; the mirror beside it what the host's function leaves, and what retention does."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, PrunedThread
from django_chatkit.services import archive, archive_check, archive_offline, cleanup
from django_chatkit.services.differences import VerifyReport
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter
from tests.client.test_redaction import WORD, without_word
from tests.keys import dump

from .archives import rows
from .conftest import Clock, World, no_sleep

Redact = Callable[[str, Any], Any]
Offline = Callable[..., VerifyReport]


def client(emulator: Emulator, redact: Redact) -> ChatKit:
    return ChatKit(
        api_key="sk-test",
        base_url="http://emulator.invalid/v1",
        adapter=EmulatorAdapter(emulator),
        max_retries=0,
        sleep=no_sleep,
        redact=redact,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def make(emulator: Emulator, clock: Clock, world: World, folder: Path) -> Any:
    def make(redact: Redact = without_word) -> Any:
        chatkit = client(emulator, redact)
        return archive.make(client=chatkit, clock=clock, path=folder, workers=2, using=world.database)

    return make


@pytest.fixture
def offline(clock: Clock, world: World, folder: Path) -> Offline:
    def offline(redact: Redact | None = without_word) -> VerifyReport:
        return archive_offline.compare(clock=clock, path=folder, using=world.database, redact=redact)

    return offline


def text_of(folder: Path) -> str:
    return " ".join(path.read_text() for path in (folder / "threads").rglob("*.jsonl"))


def told(report: VerifyReport) -> list[str]:
    return sorted(str(each) for each in report.found)


def test_the_files_hold_upstreams_text_and_the_mirror_what_is_left(
    make: Any, world: World, folder: Path
) -> None:
    id = world.thread(f"my {WORD} sings", title=f"The {WORD}")

    report = make()

    assert report.ok
    assert report.is_finished
    assert text_of(folder).count(WORD) == 2
    assert WORD not in " ".join(dump(world.database))
    assert (world.row(id).title, world.words(id)) == ("The …", ["my … sings"])


def test_a_redacted_mirror_is_no_difference_from_the_archive(
    make: Any, offline: Offline, world: World
) -> None:
    id = world.thread(f"my {WORD} sings", "good", title=f"The {WORD}")
    make()

    report = offline()

    assert (report.ok, report.differences, report.threads, report.items) == (True, 0, 1, 2)
    assert f"thread {id}: differs in title" in " ".join(told(offline(None)))
    assert offline(None).differences == 2


def test_what_the_mirror_has_otherwise_is_named_beside_what_is_redacted(
    make: Any, offline: Offline, world: World
) -> None:
    id = world.thread(f"my {WORD} sings", title=f"The {WORD}")
    make()
    other = {**world.row(id).payload, "title": "Other"}
    ChatThread.objects.using(world.database).filter(pk=id).update(payload=other)

    assert told(offline()) == [f"thread {id}: differs in title"]


def fails(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    if WORD in str(payload):
        raise ValueError(f"I can't take {payload}")
    return payload


def test_what_the_function_fails_at_is_archived_and_is_a_failure_of_the_mirror(
    make: Any, offline: Offline, world: World, folder: Path
) -> None:
    bad = world.thread("good", title=f"The {WORD}", user="bob")
    good = world.thread("good", f"my {WORD} sings")

    report = make(fails)

    assert report.is_finished
    assert {(each.noun, each.id) for each in report.failures} == {
        ("mirror of thread", bad),
        ("mirror of thread", good),
    }
    assert WORD not in str(report.failures)
    assert text_of(folder).count(WORD) == 2
    assert [ChatThread.objects.using(world.database).filter(pk=id).exists() for id in (bad, good)] == [
        False,
        True,
    ]


@pytest.mark.parametrize("fail_at_thread", [True, False])
def test_what_the_function_fails_at_offline_is_a_failure_without_its_words(
    make: Any, offline: Offline, world: World, fail_at_thread: bool
) -> None:
    id = world.thread("good", title=f"The {WORD}") if fail_at_thread else world.thread(f"my {WORD}")
    item = world.emulator.items(id)[0]["id"]
    make()

    report = offline(fails)

    why = "Unmirrorable: it is not stored: the function of REDACT failed: ValueError"
    named = ("thread", id) if fail_at_thread else ("item", item)
    assert [(each.noun, each.id, each.error) for each in report.failures] == [(*named, why)]
    assert (report.ok, report.differences) == (False, 0)


def test_an_archive_is_held_against_what_upstream_sends_not_against_what_is_left(
    make: Any, world: World, folder: Path, emulator: Emulator, clock: Clock
) -> None:
    id = world.thread(f"my {WORD} sings", "good", title=f"The {WORD}")
    make()
    chatkit = client(emulator, without_word)
    before = rows(world.database)

    same = archive_check.compare(client=chatkit, clock=clock, path=folder, using=world.database)
    first = world.emulator.items(id)[0]["id"]
    world.emulator.change_item(first, content=[{"type": "input_text", "text": "my … sings"}])
    other = archive_check.compare(client=chatkit, clock=clock, path=folder, using=world.database)

    assert (same.ok, same.differences) == (True, 0)
    assert told(other) == [f"item {first} of thread {id}: differs in content"]
    assert rows(world.database) == before


def test_what_retention_did_is_no_difference_from_the_archive(
    make: Any, offline: Offline, world: World, clock: Clock, emulator: Emulator
) -> None:
    id = world.thread(f"my {WORD} sings", "good", title=f"The {WORD}")
    make()
    clock.move(days=2)
    for kind, left in (("content", False), ("threads", True)):
        term = {"days": timedelta(days=1), "upstream": False} if kind == "threads" else timedelta(days=1)
        cleanup.run(
            client=client(emulator, without_word), clock=clock, retention={kind: term}, using=world.database
        )

        assert PrunedThread.objects.using(world.database).filter(pk=id).exists() is left
        assert (offline().ok, told(offline())) == (True, [])
