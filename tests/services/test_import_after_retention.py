"""What retention dropped or left out, and what was erased, an import does not bring back."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser, ErasedThread, PrunedThread
from django_chatkit.services import cleanup, erasing, erasures, sync
from tests.keys import dump

from .archives import Archive, Importer, archive_of, rows
from .conftest import Clock, World

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
WORD = "canary"
HERE = {"days": DAY, "upstream": False}


@pytest.fixture
def importer(database: str, clock: Clock) -> Importer:
    return Importer(database, clock)


@pytest.fixture
def said(world: World, run: Any) -> str:
    """Mirror a thread of several words."""
    id = world.thread(f"my {WORD} sings", f"a {WORD}", title=f"The {WORD}")
    run(sync.reconcile, items=True)
    return id


@pytest.fixture
def clean(chatkit: ChatKit, clock: Clock, database: str) -> Any:
    def clean(**retention: Any) -> Any:
        clock.move(days=2)
        return cleanup.run(client=chatkit, clock=clock, retention=retention, using=database)

    return clean


def archived(world: World, clock: Clock, folder: Path) -> Archive:
    clock.move(seconds=1)
    found = archive_of(world, folder, read_at=clock.now)
    clock.move(seconds=1)
    return found


def counts(report: Any) -> tuple[int, ...]:
    return (
        report.threads_new,
        report.threads_changed,
        report.threads_unchanged,
        report.items_new,
        report.items_changed,
    )


def assert_no_words(world: World) -> None:
    assert WORD not in " ".join(dump(world.database, index=False))


@pytest.mark.parametrize("after", [True, False], ids=["read-after", "read-before"])
def test_dropped_words_do_not_come_back(
    world: World, importer: Importer, clock: Clock, clean: Any, said: str, tmp_path: Path, after: bool
) -> None:
    early = archived(world, clock, tmp_path / "early")
    clean(content=DAY)
    archive = archived(world, clock, tmp_path / "late") if after else early
    before = rows(world.database)["ChatThreadItem"]

    foreseen = importer.archive(archive.folder, dry_run=True)
    report = importer.archive(archive.folder)

    assert report.ok
    assert counts(foreseen) == counts(report) == (0, 0, 1, 0, 0)
    assert rows(world.database)["ChatThreadItem"] == before
    assert world.row(said).title == ""
    assert_no_words(world)


def test_what_was_said_since_comes_into_a_thread_whose_words_were_dropped(
    world: World, importer: Importer, clock: Clock, clean: Any, said: str, tmp_path: Path
) -> None:
    clean(content=DAY)
    world.emulator.add_item(said, text="said since")
    archive = archived(world, clock, tmp_path / "archive")

    foreseen = importer.archive(archive.folder, dry_run=True)
    report = importer.archive(archive.folder)

    assert counts(foreseen) == counts(report) == (0, 1, 0, 1, 0)
    assert world.words(said) == ["", "", "said since"]
    assert_no_words(world)


@pytest.mark.parametrize("after", [True, False], ids=["read-after", "read-before"])
@pytest.mark.parametrize("is_half", [True, False], ids=["half-deleted", "deleted"])
def test_a_thread_that_was_left_out_here_does_not_come_back(
    world: World,
    importer: Importer,
    clock: Clock,
    clean: Any,
    said: str,
    tmp_path: Path,
    after: bool,
    is_half: bool,
) -> None:
    early = archived(world, clock, tmp_path / "early")
    row = ChatThread.objects.using(world.database).get(pk=said)
    clean(threads=HERE)
    assert PrunedThread.objects.using(world.database).filter(pk=said).exists()
    if is_half:  # as a cleanup leaves it that is killed before its last transaction
        row.title, row.payload, row.gone_at, row.tie = "", {}, clock.now, 5
        row.save(using=world.database)
    archive = archived(world, clock, tmp_path / "late") if after else early

    foreseen = importer.archive(archive.folder, dry_run=True)
    report = importer.archive(archive.folder)

    assert report.ok
    assert counts(foreseen) == counts(report) == (0, 0, 1, 0, 0)
    assert not ChatThread.objects.using(world.database).present().exists()
    assert not ChatThreadItem.objects.using(world.database).exists()
    assert_no_words(world)


@pytest.mark.parametrize("accounts", [True, False])
def test_a_thread_that_was_erased_does_not_come_back_nor_its_end_user(
    world: World,
    importer: Importer,
    chatkit: ChatKit,
    clock: Clock,
    said: str,
    tmp_path: Path,
    accounts: bool,
) -> None:
    archive = archived(world, clock, tmp_path / "archive")
    erasures.ask(user="ada", as_="grace", now=clock.now, using=world.database)
    erasing.carry_on(client=chatkit, clock=clock, user="ada", at_once=True, workers=0, using=world.database)
    assert ErasedThread.objects.using(world.database).confirmed().filter(pk=said).exists()
    archive.say(said, read_at=clock.now)  # even one that pretends to be newer

    foreseen = importer.archive(archive.folder, dry_run=True)
    report = importer.archive(archive.folder, users_are_accounts=accounts)

    assert report.ok
    assert counts(foreseen) == counts(report) == (0, 0, 1, 0, 0)
    assert not EndUser.objects.using(world.database).exists()
    assert not ChatThread.objects.using(world.database).exists()
    assert not ChatThreadItem.objects.using(world.database).exists()
    assert_no_words(world)


def test_a_thread_that_nobody_knew_of_when_its_end_user_was_erased_does_not_come_back(
    world: World, importer: Importer, chatkit: ChatKit, clock: Clock, said: str, tmp_path: Path
) -> None:
    unknown, other = world.thread(f"a {WORD}"), world.thread("Hello", user="bob")
    archive = archived(world, clock, tmp_path / "archive")
    world.emulator.remove_thread(unknown)
    erasures.ask(user="ada", as_="grace", now=clock.now, using=world.database)
    clock.move(seconds=1)
    erasing.carry_on(client=chatkit, clock=clock, user="ada", at_once=True, workers=0, using=world.database)

    foreseen = importer.archive(archive.folder, dry_run=True)
    report = importer.archive(archive.folder)

    assert (report.ok, report.threads, report.threads_new) == (True, 3, 1)
    assert foreseen.erased == report.erased == sorted([said, unknown])
    assert "erased=2" in report.counts()
    assert list(ChatThread.objects.using(world.database).values_list("pk", flat=True)) == [other]
    assert list(EndUser.objects.using(world.database).values_list("pk", flat=True)) == ["bob"]
    assert_no_words(world)

    clock.move(seconds=1)
    archive.say(unknown, read_at=clock.now)  # somebody who came back
    assert importer.archive(archive.folder).threads_new == 1


def test_a_thread_that_retention_deleted_on_both_sides_goes_again_with_the_next_cleanup(
    world: World, importer: Importer, clock: Clock, clean: Any, said: str, tmp_path: Path
) -> None:
    archive = archived(world, clock, tmp_path / "archive")
    clean(threads=DAY)
    assert not ChatThread.objects.using(world.database).exists()

    importer.archive(archive.folder)
    assert ChatThread.objects.using(world.database).filter(pk=said).exists()
    clean(threads=DAY)

    assert not ChatThread.objects.using(world.database).exists()
    assert_no_words(world)
