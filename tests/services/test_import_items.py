"""Memory stays flat while a thread is imported: however long it is, a page or two of it are held at a time."""

import gc
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.models import ChatThreadItem
from django_chatkit.services import kept
from django_chatkit.services.item_pages import Item
from django_chatkit.services.mirror import ItemRow

from .archives import Archive, Importer, made
from .conftest import Clock

pytestmark = pytest.mark.django_db

PAGES = 8


def items_alive() -> int:
    return sum(isinstance(each, Item | ItemRow) for each in gc.get_objects())


@pytest.mark.parametrize("dry_run", [False, True], ids=["written", "foreseen"])
def test_a_long_thread_is_imported_page_by_page(
    tmp_path: Path, database: str, clock: Clock, dry_run: bool
) -> None:
    archive = Archive(tmp_path)
    archive.add(*made("cthr_long", PAGES * kept.PAGE_ITEMS), read_at=clock.now)
    folder, importer = archive.finish(), Importer(database, clock)
    if dry_run:  # what is there already is compared
        importer.archive(folder)
        archive.say("cthr_long", read_at=clock.now.replace(second=1))
        clock.move(seconds=1)
    before, alive = items_alive(), list[int]()

    def look(report: Any) -> None:
        alive.append(items_alive() - before)

    report = importer.archive(folder, on_progress=look, dry_run=dry_run)

    assert report.ok
    assert len(alive) > PAGES
    # A page as it was read, and its rows.
    assert 0 < max(alive) <= 2 * kept.PAGE_ITEMS
    assert ChatThreadItem.objects.using(database).count() == PAGES * kept.PAGE_ITEMS
