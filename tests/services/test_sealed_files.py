"""With keys of encryption all that moves whole threads works as without: in files they are in clear, in rows never."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from pytest_django import Settings

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.models.sealing import keyring
from django_chatkit.services import (
    archive,
    archive_offline,
    cleanup,
    erasing,
    erasures,
    person_archive,
    rotation,
    sync,
)
from tests.keys import FIRST, SECOND, dump, use

from .archives import Importer, archive_of
from .conftest import Clock, World

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
WORD = "canary"


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> None:
    use(settings, FIRST)


@pytest.fixture
def said(world: World) -> str:
    """Have something said upstream."""
    return world.thread(f"my {WORD} sings", "good", title=f"The {WORD}")


@pytest.fixture
def clean(chatkit: ChatKit, clock: Clock, database: str) -> Any:
    def clean(**retention: Any) -> Any:
        return cleanup.run(client=chatkit, clock=clock, retention=retention, using=database)

    return clean


def assert_sealed(database: str) -> None:
    assert WORD not in " ".join(dump(database))


def test_an_archive_is_made_in_clear_beside_a_sealed_mirror_and_held_against_it(
    world: World, chatkit: ChatKit, clock: Clock, said: str, tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "archive"

    report = archive.make(client=chatkit, clock=clock, path=folder, workers=2, using=world.database)

    (file,) = (folder / "threads").rglob("*.jsonl")
    assert report.is_finished
    assert file.read_text().count(WORD) == 2
    assert_sealed(world.database)
    world.assert_exact()
    assert archive_offline.compare(clock=clock, path=folder, using=world.database).differences == 0
    use(settings, SECOND, FIRST)
    assert archive_offline.compare(clock=clock, path=folder, using=world.database).differences == 0


def test_an_import_seals_what_it_takes_and_knows_it_again(
    world: World, clock: Clock, said: str, tmp_path: Path, settings: Settings
) -> None:
    importer = Importer(world.database, clock)
    folder = archive_of(world, tmp_path / "archive", read_at=clock.now).folder

    first = importer.archive(folder)
    use(settings, SECOND, FIRST)
    second = importer.archive(folder)

    assert (first.ok, first.threads_new, first.items_new) == (True, 1, 2)
    assert (second.ok, second.threads_unchanged) == (True, 1)
    assert_sealed(world.database)
    world.assert_exact()
    assert world.row(said).title == f"The {WORD}"


@pytest.mark.usefixtures("said")
def test_an_export_of_one_person_says_what_was_said(run: Any, clock: Clock, database: str) -> None:
    run(sync.reconcile)

    pieces = person_archive.write(user="ada", now=clock.now, using=database)
    file = ZipFile(io.BytesIO(b"".join(pieces)))

    told = {name: file.read(name).decode() for name in file.namelist()}
    assert json.loads(told["threads.json"])
    assert f"my {WORD} sings" in told["threads.json"]
    assert [f"The {WORD}" in told[name] for name in told if name.startswith("transcripts/")] == [True]
    assert "***" not in "".join(told.values())
    assert "chatkit-fernet" not in "".join(told.values())


def test_words_that_retention_drops_are_gone_from_sealed_rows(
    run: Any, world: World, clock: Clock, clean: Any, said: str
) -> None:
    run(sync.reconcile)
    clock.move(days=2)

    report = clean(content=DAY)

    row = world.row(said)
    items = list(ChatThreadItem.objects.using(world.database).of(said).in_order())
    assert report.items_emptied == 2
    assert (row.title, row.payload["title"]) == ("", None)
    assert [(item.text, item.payload["content"]) for item in items] == [("", []), ("", [])]
    assert world.words(said) == ["", ""]
    assert_sealed(world.database)


@pytest.mark.parametrize("deep", [True, False])
def test_dropped_words_stay_dropped_whatever_comes(
    run: Any, world: World, clock: Clock, clean: Any, said: str, settings: Settings, deep: bool
) -> None:
    run(sync.reconcile)
    clock.move(days=2)
    clean(content=DAY)
    use(settings, SECOND, FIRST)
    rotation.rotate(keyring=keyring(), using=world.database)

    report = run(sync.reconcile, items=True, **({"deep": True} if deep else {}))

    assert report.ok
    assert not report.has_news
    assert world.row(said).title == ""
    assert world.words(said) == ["", ""]
    assert set(ChatThread.objects.using(world.database).values_list("title", flat=True)) == {""}
    assert clean(content=DAY).items_emptied == 0


@pytest.mark.usefixtures("said")
def test_an_erasure_takes_sealed_rows_along(run: Any, chatkit: ChatKit, clock: Clock, database: str) -> None:
    run(sync.reconcile)
    clock.move(seconds=5)
    erasures.ask(user="ada", as_="grace", now=clock.now, using=database)

    report = erasing.carry_on(
        client=chatkit, clock=clock, user="ada", at_once=True, workers=0, using=database
    )

    assert (report.ok, report.threads, report.items) == (True, 1, 2)
    assert not EndUser.objects.using(database).exists()
    assert not ChatThreadItem.objects.using(database).exists()
