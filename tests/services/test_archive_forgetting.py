"""One person taken out of an archive: their files go, and nobody takes that for damage."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread
from django_chatkit.services import (
    archive,
    archive_check,
    archive_entries,
    archive_folder,
    archive_forgetting,
    archive_format,
    archive_offline,
    archived,
    holds,
)
from django_chatkit.services.archive_entries import AttachmentEntry, ForgottenEntry, ThreadEntry
from django_chatkit.services.archive_folder import Unusable

from .archives import Importer
from .conftest import Clock, World

WORD = "canary"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def make(chatkit: ChatKit, clock: Clock, world: World, folder: Path) -> Any:
    def make(**arguments: Any) -> Any:
        clock.move(seconds=1)
        settings: dict[str, Any] = {"client": chatkit, "path": folder, "workers": 2, **arguments}
        return archive.make(clock=clock, using=world.database, **settings)

    return make


@pytest.fixture
def forget(clock: Clock, folder: Path, world: World) -> Any:
    return lambda user="ada": archive_forgetting.forget(
        path=folder, user=user, now=clock.now, using=world.database
    )


def words(folder: Path) -> bytes:
    """Return all that the archive's files say."""
    contents = [each.read_bytes() for each in folder.rglob("*") if each.is_file()]
    return b"".join(gzip.decompress(each) if each[:2] == b"\x1f\x8b" else each for each in contents)


def preview(folder: Path, thread: str) -> Path:
    """Add a preview of a thread, and return where it is."""
    file = archive_format.attachment_file(f"{thread}/cfile_1")
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(WORD)
    entry = AttachmentEntry(
        attachment="cfile_1",
        thread=thread,
        file=file,
        bytes=len(WORD),
        sha256=archive_format.digest_of(WORD),
        content_type="text/plain",
    )
    note(folder, entry)
    return path


def note(folder: Path, entry: archive_entries.Entry) -> None:
    with (folder / "manifest.jsonl").open("ab") as manifest:
        manifest.write(archive_entries.entry_line(entry))


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_nothing_of_a_person_stays_and_nobody_takes_that_for_damage(
    make: Any,
    forget: Any,
    world: World,
    folder: Path,
    chatkit: ChatKit,
    clock: Clock,
    compression: str,
) -> None:
    mine, shrunk, other = world.thread(WORD), world.thread(WORD, WORD), world.thread("Hello", user="bob")
    make(compression=compression)
    world.emulator.remove_item(world.emulator.items(shrunk)[0]["id"])
    make()
    path = preview(folder, mine)

    report = forget()

    assert (report.ok, report.threads, report.files) == (True, 2, 4)
    assert not path.exists()
    assert WORD.encode() not in words(folder)
    header = archive_folder.read(folder)
    assert header.finished_at is not None
    assert (header.totals.threads, header.totals.end_users, header.totals.attachments) == (1, 1, 0)
    assert header.totals.failures == 0

    online = archive_check.compare(client=chatkit, clock=clock, path=folder, workers=2, using=world.database)
    here = archive_offline.compare(clock=clock, path=folder, using=world.database)
    assert (online.ok, online.differences, here.ok, here.differences) == (True, 0, True, 0)
    ChatThread.objects.using(world.database).all().delete()
    imported = Importer(world.database, clock).archive(folder)
    assert (imported.ok, imported.threads_new) == (True, 1)
    assert ChatThread.objects.using(world.database).get().pk == other
    assert archived.lacking(folder) == 0


def test_who_is_held_stays_in_the_archive_until_the_hold_is_lifted(
    make: Any, forget: Any, world: World, folder: Path, clock: Clock
) -> None:
    world.thread(WORD)
    make()
    before = words(folder)
    holds.hold(user="ada", now=clock.now, using=world.database)

    with pytest.raises(holds.Held, match="'ada' is held"):
        forget()
    assert words(folder) == before
    holds.lift(user="ada", using=world.database)

    assert forget().files == 1


def test_what_would_go_is_counted_and_nothing_is_written(
    make: Any, forget: Any, world: World, folder: Path
) -> None:
    preview_of = world.thread(WORD)
    world.thread(WORD, user="bob")
    make()
    preview(folder, preview_of)
    before = words(folder)

    found = archive_forgetting.survey(path=folder, user="ada")

    assert (found.threads, found.files) == (1, 2)
    assert words(folder) == before
    assert forget() == found


def test_who_was_forgotten_is_not_read_again(make: Any, forget: Any, world: World, folder: Path) -> None:
    world.thread(WORD)
    make()
    forget()

    report = make()

    assert (report.threads, report.known, report.is_finished) == (0, 1, True)
    assert WORD.encode() not in words(folder)


def test_a_kill_in_between_costs_nothing(
    make: Any, forget: Any, world: World, folder: Path, clock: Clock
) -> None:
    id = world.thread(WORD)
    make()
    note(folder, ForgottenEntry(forgotten=id, at=archive_folder.read(folder).started_at))

    assert archive_offline.compare(clock=clock, path=folder, using=world.database).ok
    report = forget()

    assert (report.threads, report.files) == (1, 1)
    assert WORD.encode() not in words(folder)
    assert (forget().threads, forget().files) == (1, 0)
    entries = list(archive_entries.read_manifest(folder))
    assert sum(isinstance(each, ForgottenEntry) for each in entries) == 1


def test_what_a_killed_run_left_untold_goes_too(make: Any, forget: Any, world: World, folder: Path) -> None:
    id = world.thread(WORD)
    make()
    (entry,) = archive_entries.read_manifest(folder)
    assert isinstance(entry, ThreadEntry)
    content = (folder / entry.file).read_bytes()
    (folder / "manifest.jsonl").unlink()
    other = folder / archive_format.thread_file("cthr_torn", "none", generation="ab")
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(b"no JSON")
    nameless = folder / archive_format.thread_file("cthr_nameless", "none", generation="ab")
    nameless.parent.mkdir(exist_ok=True)
    nameless.write_bytes(content.replace(f'"{id}"'.encode(), b"null"))

    assert forget("bob").threads == 0
    assert forget().files == 1
    assert not (folder / entry.file).exists()
    assert other.exists()


def test_where_no_archive_is_nobody_is_forgotten(forget: Any, folder: Path) -> None:
    with pytest.raises(Unusable, match="holds no archive"):
        forget()


def test_nobody_is_forgotten_while_somebody_else_writes(
    make: Any, forget: Any, world: World, folder: Path
) -> None:
    make()
    with archive_folder.reopened(folder), pytest.raises(Unusable, match="Another process"):
        forget()


def test_a_preview_that_a_killed_run_left_is_found_by_its_name(
    make: Any, forget: Any, world: World, folder: Path
) -> None:
    mine, other = world.thread(WORD), world.thread("Hello", user="bob")
    make()
    left = [folder / archive_format.attachment_file(f"{thread}/cfile_1") for thread in (mine, other)]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(WORD)

    assert forget().files == 2

    assert [path.exists() for path in left] == [False, True]
