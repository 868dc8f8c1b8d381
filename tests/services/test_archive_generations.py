"""A thread that is read anew: what its file held before is lost neither in a kill nor when upstream has less."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.services import archive, archive_entries, archive_offline, archived
from django_chatkit.services.archive_entries import ThreadEntry
from django_chatkit.services.archive_reports import ArchiveReport

from .archives import Importer
from .conftest import Clock, World

Make = Callable[..., ArchiveReport]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def make(chatkit: ChatKit, clock: Clock, world: World, folder: Path) -> Make:
    def make(**arguments: Any) -> ArchiveReport:
        clock.move(seconds=1)
        return archive.make(
            clock=clock,
            using=world.database,
            **{"client": chatkit, "path": folder, "workers": 2, **arguments},
        )

    return make


def entry_of(folder: Path) -> ThreadEntry:
    """Return the last line of the only thread."""
    *_, last = (each for each in archive_entries.read_manifest(folder) if isinstance(each, ThreadEntry))
    return last


def ids_in(folder: Path, file: str) -> list[str]:
    return [json.loads(line)["id"] for line in (folder / file).read_bytes().splitlines()]


def files(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in (folder / "threads").rglob("*.jsonl*")}


def offline(folder: Path, world: World) -> list[str]:
    return [
        str(each)
        for each in archive_offline.compare(clock=Clock(), path=folder, using=world.database).failures
    ]


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_file_of_which_nothing_is_missing_now_gives_way(
    make: Make, world: World, folder: Path, compression: str
) -> None:
    id = world.thread("Hello")
    make(compression=compression)
    before = entry_of(folder)
    world.emulator.add_item(id, text="Once more")

    report = make()

    after = entry_of(folder)
    assert (before.items, after.items, after.earlier, report.shrunk) == (1, 2, (), 0)
    assert files(folder) == {after.file} != {before.file}
    assert report.ok


def test_a_thread_that_says_otherwise_gives_way_too(make: Make, world: World, folder: Path) -> None:
    id = world.thread("Hello")
    make()
    world.emulator.change_thread(id, title="Other")

    assert make().shrunk == 0
    assert files(folder) == {entry_of(folder).file}
    assert entry_of(folder).earlier == ()


def test_a_kill_between_a_file_and_its_line_leaves_what_was_there(
    make: Make, world: World, folder: Path, clock: Clock, tmp_path: Path
) -> None:
    id = world.thread("Hello", "Good day")
    make()
    shutil.copytree(folder, tmp_path / "before")
    world.emulator.add_item(id, text="Once more")
    make()
    shutil.copytree(folder / "threads", tmp_path / "before" / "threads", dirs_exist_ok=True)
    before = tmp_path / "before"  # as a kill leaves it: both files, the line of the first

    assert len(files(before)) == 2
    (found,) = archived.threads(before, fail=lambda id, error: pytest.fail(str(error)))
    assert found.examined.items == 2
    assert Importer(world.database, clock).archive(before).ok

    make(path=before)
    assert entry_of(before).items == 3
    assert files(before) == {entry_of(before).file}


def test_what_upstream_has_no_more_stays_in_the_file_that_held_it(
    make: Make, world: World, folder: Path
) -> None:
    id = world.thread(*"abcd")
    make()
    first = entry_of(folder)
    items = world.emulator.items(id)
    world.emulator.cut_items(id, after=items[0]["id"])

    cut = make()

    second = entry_of(folder)
    assert (cut.ok, cut.shrunk, cut.as_dict()["shrunk"]) == (True, 1, 1)
    assert (second.items, second.earlier) == (1, (first.file,))
    assert ids_in(folder, first.file) == [id, *(each["id"] for each in items)]
    assert offline(folder, world) == []

    world.emulator.remove_item(items[0]["id"])
    assert make().shrunk == 1
    assert entry_of(folder).earlier == (first.file, second.file)
    assert make().shrunk == 0
    assert entry_of(folder).earlier == (first.file, second.file)
    assert offline(folder, world) == []


def test_an_earlier_file_is_held_against_its_line(make: Make, world: World, folder: Path) -> None:
    id = world.thread("Hello")
    make()
    first = entry_of(folder)
    world.emulator.remove_item(str(first.last))
    make()
    (folder / first.file).write_bytes((folder / first.file).read_bytes().replace(b"Hello", b"Hullo"))

    name = Path(first.file).name
    assert offline(folder, world) == [
        f"earlier file of thread {id}: BrokenArchive: {name} is not what the manifest says"
    ]


def test_what_comes_back_is_earlier_no_more(make: Make, world: World, folder: Path) -> None:
    id = world.thread("Hello")
    make()
    first = entry_of(folder)
    page = {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    world.emulator.fail("list_items", status=200, body=page)
    make()
    empty = entry_of(folder)

    make()

    assert (empty.items, empty.earlier) == (0, (first.file,))
    assert entry_of(folder) == replace(first, read_at=entry_of(folder).read_at)
    assert files(folder) == {first.file}
    assert id in ids_in(folder, first.file)


def test_a_failure_in_between_makes_nothing_be_forgotten(make: Make, world: World, folder: Path) -> None:
    id = world.thread("Hello")
    make()
    first = entry_of(folder)
    world.emulator.fail("list_items", status=500, match=id)
    assert make().unread == 1
    world.emulator.remove_item(str(first.last))

    assert make().shrunk == 1
    assert entry_of(folder).earlier == (first.file,)


def test_a_file_that_can_not_be_compared_is_named_and_stays(make: Make, world: World, folder: Path) -> None:
    id = world.thread("Hello", "Good day")
    make()
    first = entry_of(folder)
    path = folder / first.file
    path.write_bytes(path.read_bytes()[:-5])
    world.emulator.remove_item(str(first.last))

    report = make()

    assert [str(each) for each in report.failures] == [
        f"earlier file of thread {id}: BrokenArchive: {path.name}: it ends within a line"
    ]
    assert report.is_finished
    assert path.exists()
    assert entry_of(folder).earlier == ()
    assert offline(folder, world) == []


def test_a_manifest_that_names_another_file_has_it_deleted_by_nobody(
    make: Make, world: World, folder: Path
) -> None:
    id = world.thread("Hello")
    make()
    with (folder / "manifest.jsonl").open("ab") as manifest:
        manifest.write(archive_entries.entry_line(replace(entry_of(folder), file="archive.json")))
    world.emulator.add_item(id, text="Once more")

    assert make().is_finished
    assert (folder / "archive.json").exists()
