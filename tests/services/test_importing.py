"""Threads come back from files as a sync would have left them, and never over newer knowledge."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.services import archive_format, kept, mirror, sync
from django_chatkit.services import archived as archived_threads
from django_chatkit.services.archive_format import Compression
from django_chatkit.services.reports import ImportReport

from .archives import Archive, Importer, archive_of, made, rows
from .conftest import Clock, World

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
_CHANGED = "it was changed while it was read"
NOTHING: dict[str, Any] = {"EndUser": [], "ChatThread": [], "ChatThreadItem": []}


@pytest.fixture
def importer(database: str, clock: Clock) -> Importer:
    return Importer(database, clock)


@pytest.fixture
def archived(world: World, clock: Clock, tmp_path: Path) -> Callable[..., Archive]:
    """Archive all that upstream has, as read now, in a folder of its own, and let a second pass."""
    made = iter(range(100))

    def write(compression: Compression = "none") -> Archive:
        archive = archive_of(
            world, tmp_path / f"archive {next(made)}", read_at=clock.now, compression=compression
        )
        clock.move(seconds=1)
        return archive

    return write


def some_threads(world: World) -> None:
    """Add threads upstream: of no item, of some, of several pages, and some of one second."""
    world.thread(id="cthr_empty", user="bob", created_at=1_700_000_000)
    world.thread(*(f"word {number}" for number in range(260)), id="cthr_long", created_at=1_700_000_001)
    for name in "cab":
        world.thread(
            "Wie geht's?", "Gut \u2028 \x00 \ud800.", id=f"cthr_{name}", created_at=1_700_000_002, title="Ä"
        )


def known(world: World) -> dict[str, Any]:
    """Return every row of the mirror but for the marks of what an archive holds: an archive is one, old or not."""
    found = rows(world.database)
    for row in found["ChatThread"]:
        del row["archived_at"]
    return found


def counted(report: ImportReport) -> dict[str, int]:
    """Return what a report counts other than zero."""
    told = report.as_dict()
    return {name: told[name] for name in told if isinstance(told[name], int) and told[name]} | {
        "failures": len(report.failures)
    }


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_an_empty_mirror_is_filled(
    world: World, archived: Any, importer: Importer, compression: Compression
) -> None:
    some_threads(world)
    archive = archived(compression)

    report = importer.archive(archive.folder)

    world.assert_exact()
    assert counted(report) == {
        "threads": 5,
        "threads_new": 5,
        "items_new": 266,
        "failures": 0,
        "ok": True,
    }
    assert list(EndUser.objects.using(world.database).values_list("pk", flat=True)) == ["ada", "bob"]


def test_rows_are_those_that_a_sync_leaves(
    world: World, archived: Any, importer: Importer, run: Any, clock: Clock
) -> None:
    some_threads(world)
    read_at = clock.now + SECOND  # `run` moves the clock, and everything is read within this moment
    run(sync.reconcile, items=True)
    by_sync = rows(world.database)
    EndUser.objects.using(world.database).all().delete()
    clock.now = read_at
    archive = archived()

    importer.archive(archive.folder)

    by_import = rows(world.database)
    for row in by_import["ChatThread"]:
        assert row.pop("archived_at") == read_at
    for row in by_sync["ChatThread"]:
        assert row.pop("archived_at") is None
    for row in [*by_sync["ChatThread"], *by_import["ChatThread"]]:
        # Each of a sync's pages is asked for an instant after the one before, a file is read at one moment.
        for name in ("synced_at", "items_as_of"):
            assert timedelta() <= row.pop(name) - read_at < SECOND
    assert by_import == by_sync


def test_a_second_import_changes_no_row(world: World, archived: Any, importer: Importer) -> None:
    some_threads(world)
    folder = archived().folder
    importer.archive(folder)
    before = rows(world.database)

    with CaptureQueriesContext(connections[world.database]) as queries:
        report = importer.archive(folder)

    assert rows(world.database) == before
    assert counted(report) == {"threads": 5, "threads_unchanged": 5, "failures": 0, "ok": True}
    assert all(query["sql"].startswith("SELECT") for query in queries)


def test_a_later_sync_asks_once_for_each_thread_and_writes_nothing(
    world: World, archived: Any, importer: Importer, run: Any, clock: Clock
) -> None:
    some_threads(world)
    clock.move(seconds=1)
    importer.archive(archived().folder)
    before = rows(world.database)

    report = run(sync.reconcile, items=True)

    assert report.ok
    assert report.requests == 5 + 1  # each thread's newest items, and the list
    assert not report.has_news
    assert rows(world.database) == before


def test_a_later_sync_goes_on_with_what_came_since(
    world: World, archived: Any, importer: Importer, run: Any
) -> None:
    some_threads(world)
    folder = archived().folder
    world.emulator.add_item("cthr_long", text="later")
    world.emulator.change_thread("cthr_b", title="renamed")
    world.emulator.remove_thread("cthr_a")
    importer.archive(folder)

    report = run(sync.reconcile, items=True)

    world.assert_exact()
    assert (report.items_new, report.threads_changed, report.threads_gone) == (1, 1, 1)


def cut_and_go_on(world: World) -> None:
    third = world.emulator.items("cthr_long")[2]["id"]
    world.emulator.cut_items("cthr_long", after=third)
    for number in range(270):
        world.emulator.add_item("cthr_long", text=f"anew {number}")


def rename(world: World) -> None:
    world.emulator.change_thread("cthr_b", title="renamed", status="closed")


def change_an_item(world: World) -> None:
    world.emulator.change_item(world.emulator.items("cthr_long")[100]["id"], content=[])


def say_more(world: World) -> None:
    for id in ("cthr_long", "cthr_empty", "cthr_c"):
        world.emulator.add_item(id, text="more")


def begin_another(world: World) -> None:
    world.thread("Hello", id="cthr_other", user="eve", created_at=1_700_000_002)


CHANGES = pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=change.__name__.replace("_", "-"))
        for change in (cut_and_go_on, rename, change_an_item, say_more, begin_another)
    ],
)


@CHANGES
def test_what_an_archive_heard_later_is_taken(
    world: World,
    archived: Any,
    importer: Importer,
    run: Any,
    clock: Clock,
    change: Callable[[World], None],
) -> None:
    some_threads(world)
    run(sync.reconcile, items=True)
    clock.move(seconds=10)
    change(world)
    folder = archived().folder

    foreseen = importer.archive(folder, dry_run=True)
    report = importer.archive(folder)

    world.assert_exact()
    assert {**foreseen.as_dict(), "dry_run": False} == report.as_dict()
    assert report.threads_new + report.threads_changed > 0
    assert importer.archive(folder).threads_unchanged == report.threads


@CHANGES
def test_what_the_mirror_heard_later_stays(
    world: World, archived: Any, importer: Importer, run: Any, change: Callable[[World], None]
) -> None:
    some_threads(world)
    folder = archived().folder
    change(world)
    run(sync.reconcile, items=True)
    before = known(world)

    report = importer.archive(folder)

    world.assert_exact()
    assert known(world) == before
    assert report.ok
    assert report.threads_unchanged == 5


def test_a_thread_that_is_known_to_be_gone_stays_gone(
    world: World, archived: Any, importer: Importer, run: Any
) -> None:
    some_threads(world)
    run(sync.reconcile, items=True)
    folder = archived().folder
    world.emulator.remove_thread("cthr_long")
    run(sync.reconcile, items=True)
    before = known(world)

    foreseen = importer.archive(folder, dry_run=True)
    report = importer.archive(folder)

    assert known(world) == before
    assert {**foreseen.as_dict(), "dry_run": False} == report.as_dict()
    assert world.row("cthr_long").gone_at is not None


def test_a_thread_that_was_thought_gone_and_was_read_later_comes_back(
    world: World, archived: Any, importer: Importer, run: Any, clock: Clock
) -> None:
    some_threads(world)
    run(sync.reconcile, items=True)
    clock.move(seconds=1)
    mirror.mark_gone(["cthr_long"], now=clock.now, as_of=clock.now, using=world.database)
    clock.move(seconds=1)
    folder = archived().folder

    foreseen = importer.archive(folder, dry_run=True)
    report = importer.archive(folder)

    world.assert_exact()
    assert {**foreseen.as_dict(), "dry_run": False} == report.as_dict()
    assert (report.threads_changed, report.items_changed) == (1, 260)


def test_a_thread_that_is_gone_as_of_no_known_moment_comes_back(
    world: World, archived: Any, importer: Importer, clock: Clock
) -> None:
    some_threads(world)
    folder = archived().folder
    importer.archive(folder)
    threads = ChatThread.objects.using(world.database)
    threads.filter(pk="cthr_c").update(as_of=None, items_as_of=None, gone_at=clock.now)
    ChatThreadItem.objects.using(world.database).of("cthr_c").delete()

    foreseen = importer.archive(folder, dry_run=True)
    report = importer.archive(folder)

    world.assert_exact()
    assert {**foreseen.as_dict(), "dry_run": False} == report.as_dict()


def broken_off(world: World, id: str, *, items: int, at: datetime) -> None:
    """Leave a first copy as a run leaves it that is killed after some items."""
    held = ChatThreadItem.objects.using(world.database).of(id)
    held.filter(position__gte=items).delete()
    ChatThread.objects.using(world.database).filter(pk=id).update(synced_at=None, items_as_of=at)


@pytest.mark.parametrize("heard", [-SECOND, timedelta(), SECOND], ids=["before", "then", "after"])
@pytest.mark.parametrize("items", [1, 250, 260])
def test_a_first_copy_that_was_broken_off_is_completed(
    world: World, archived: Any, importer: Importer, clock: Clock, heard: timedelta, items: int
) -> None:
    some_threads(world)
    read_at = clock.now
    folder = archived().folder
    importer.archive(folder)
    whole = rows(world.database)
    broken_off(world, "cthr_long", items=items, at=read_at + heard)

    foreseen = importer.archive(folder, dry_run=True)
    report = importer.archive(folder)

    world.assert_exact()
    assert report.items_new == 260 - items
    assert {**foreseen.as_dict(), "dry_run": False} == {**report.as_dict()}
    thread = world.row("cthr_long")
    assert (thread.synced_at, thread.leased_until) == (read_at, None)
    if heard < timedelta():
        assert rows(world.database) == whole


def test_a_broken_off_copy_that_the_archive_has_no_end_of_is_left_to_a_sync(
    world: World, archived: Any, importer: Importer, run: Any, clock: Clock
) -> None:
    some_threads(world)
    folder = archived().folder
    cut_and_go_on(world)
    run(sync.reconcile, items=True)
    broken_off(world, "cthr_long", items=150, at=clock.now)
    before = known(world)

    report = importer.archive(folder)

    assert known(world) == before
    assert report.threads_unchanged == 5
    run(sync.reconcile, items=True)
    world.assert_exact()


def test_what_is_gone_from_a_broken_off_copy_stays_gone(
    world: World, archived: Any, importer: Importer, clock: Clock
) -> None:
    some_threads(world)
    folder = archived().folder
    importer.archive(folder)
    broken_off(world, "cthr_long", items=20, at=clock.now)
    held = ChatThreadItem.objects.using(world.database).of("cthr_long")
    held.filter(position__in=[3, 18, 19]).update(gone_at=clock.now)

    report = importer.archive(folder)

    assert report.items_new == 240
    gone = held.exclude(gone_at=None).in_order()
    assert list(gone.values_list("position", flat=True)) == [3, 18, 19]
    assert held.present().count() == 257


def test_threads_of_one_second_keep_upstreams_order(world: World, archived: Any, importer: Importer) -> None:
    names = [f"cthr_{number * 7919 % 250:03}" for number in range(250)]  # more than a batch, in no order
    for name in names:
        world.thread(id=name, created_at=1_700_000_000)

    importer.archive(archived().folder)

    assert list(world.mirror()) == names


def test_a_dry_run_writes_nothing(world: World, archived: Any, importer: Importer) -> None:
    some_threads(world)
    archive = archived()
    archive.change("cthr_a", lambda content: content[:-1])

    with CaptureQueriesContext(connections[world.database]) as queries:
        report = importer.archive(archive.folder, dry_run=True, users_are_accounts=True)

    assert rows(world.database) == NOTHING
    assert counted(report) == {
        "dry_run": True,
        "threads": 5,
        "threads_new": 4,
        "items_new": 264,
        "failures": 1,
    }
    assert all(query["sql"].startswith("SELECT") for query in queries)


def test_a_damaged_file_is_named_nothing_of_it_is_taken_and_the_rest_is(
    world: World, archived: Any, importer: Importer
) -> None:
    some_threads(world)
    archive = archived("gzip")
    archive.change("cthr_long", lambda content: content.replace(b"word 177", b"word 178"))

    report = importer.archive(archive.folder)

    (failure,) = report.failures
    assert (failure.noun, failure.id) == ("thread", "cthr_long")
    what = "the SHA-256 of its items is not the one that the manifest tells"
    assert failure.error == f"Damaged: {archive.entries['cthr_long'].file}: {what}"
    assert list(world.mirror()) == ["cthr_empty", "cthr_c", "cthr_a", "cthr_b"]
    assert not ChatThread.objects.using(world.database).filter(pk="cthr_long").exists()
    assert not ChatThreadItem.objects.using(world.database).of("cthr_long").exists()


def test_a_damaged_file_that_was_mended_completes_the_mirror(
    world: World, archived: Any, importer: Importer
) -> None:
    some_threads(world)
    archive = archived()
    good = archive.content("cthr_a")
    archive.change("cthr_a", lambda content: content + b"x\n")
    assert not importer.archive(archive.folder).ok
    archive.change("cthr_a", lambda content: good)

    assert importer.archive(archive.folder).ok

    world.assert_exact()


@pytest.mark.parametrize(
    ("change", "pages", "says"),
    [
        pytest.param(lambda content: content.replace(b"word 749", b"word 9941"), 2, _CHANGED, id="a-word"),
        pytest.param(
            lambda content: b"".join(content.splitlines(keepends=True)[: 1 + 2 * kept.PAGE_ITEMS]),
            2,
            _CHANGED,
            id="cut-after-a-page",
        ),
        pytest.param(lambda content: content + b"x\n", 3, _CHANGED, id="a-line-more"),
        pytest.param(lambda content: b"", 0, _CHANGED, id="emptied"),
        pytest.param(None, 0, "it can't be read: FileNotFoundError", id="deleted"),
    ],
)
def test_a_file_that_is_changed_between_the_two_readings_gives_nothing_that_is_not_sound(
    tmp_path: Path,
    importer: Importer,
    clock: Clock,
    change: Callable[[bytes], bytes] | None,
    pages: int,
    says: str,
) -> None:
    archive = Archive(tmp_path)
    archive.add(*made("cthr_long", 3 * kept.PAGE_ITEMS), read_at=clock.now)
    folder = archive.finish()

    def changed_once_it_is_judged(fail: Any) -> Iterator[kept.KeptThread]:
        for thread in archived_threads.threads(folder, fail=fail):
            if change is None:
                (folder / archive.entries["cthr_long"].file).unlink()
            else:
                archive.change("cthr_long", change)
            yield thread

    report = importer.source(changed_once_it_is_judged)

    items_here = ChatThreadItem.objects.using(importer.database).of("cthr_long")
    assert [failure.error for failure in report.failures] == [f"Damaged: {says}"]
    assert items_here.count() == pages * kept.PAGE_ITEMS
    row = ChatThread.objects.using(importer.database).get(pk="cthr_long")
    assert (row.synced_at is not None) == (pages == 3)
    assert row.leased_until is None


@pytest.mark.parametrize(
    "read_at",
    [
        datetime(2026, 11, 24, 12, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
    ],
)
def test_a_file_that_was_read_at_no_moment_that_can_be_is_refused(
    world: World, archived: Any, importer: Importer, clock: Clock, read_at: datetime
) -> None:
    some_threads(world)
    archive = archived()
    archive.say("cthr_a", read_at=read_at)
    archive.say("cthr_b", read_at=clock.now + timedelta(minutes=1))  # clocks differ

    report = importer.archive(archive.folder)

    assert [(each.id, each.error) for each in report.failures] == [
        (
            "cthr_a",
            f"Untimely: {archive.entries['cthr_a'].file} is said to have been read at a moment yet to come, or before 1970",
        )
    ]
    assert sorted(world.mirror()) == ["cthr_b", "cthr_c", "cthr_empty", "cthr_long"]


def test_an_item_that_stands_in_another_thread_here_stays_there(
    world: World, archived: Any, importer: Importer, clock: Clock
) -> None:
    some_threads(world)
    folder = archived().folder
    importer.archive(folder)
    moved = ChatThreadItem.objects.using(world.database).of("cthr_long").filter(position=1)
    ChatThreadItem.objects.using(world.database).of("cthr_a").delete()
    ChatThread.objects.using(world.database).filter(pk="cthr_a").update(synced_at=None, items_as_of=None)
    moved.update(id=world.emulator.items("cthr_a")[0]["id"])

    report = importer.archive(folder)

    assert [(each.id, each.error) for each in report.failures] == [
        ("cthr_a", "Contradiction: an item of the thread stands in another thread")
    ]
    assert world.row("cthr_a").leased_until is None


@pytest.mark.slow  # it writes 17 MB several times
@pytest.mark.django_db(transaction=True)  # the connection does not outlive it
def test_a_thread_that_the_database_refuses_keeps_no_other_away(
    world: World, archived: Any, importer: Importer
) -> None:
    some_threads(world)
    archive = archived()
    thread, items = made(
        "cthr_huge", 1, title="x" * 16_500_000
    )  # with its payload longer than a packet of MariaDB's
    archive.add(thread, items, read_at=archive.entries["cthr_a"].read_at)

    report = importer.archive(archive.folder)

    refused = [failure.id for failure in report.failures]
    assert refused == (["cthr_huge"] if connections[world.database].vendor == "mysql" else [])
    assert sorted(each for each in world.mirror() if each != "cthr_huge") == sorted(world.upstream())


def test_a_thread_that_somebody_else_copies_is_waited_for(
    world: World, archived: Any, importer: Importer, clock: Clock
) -> None:
    some_threads(world)
    folder = archived().folder
    importer.archive(folder)
    broken_off(world, "cthr_long", items=100, at=clock.now - timedelta(days=1))
    leased = ChatThread.objects.using(world.database).filter(pk="cthr_long")
    leased.update(leased_until=clock.now + timedelta(seconds=30))

    def time_passes() -> None:
        assert leased.get().synced_at is None
        clock.move(seconds=16)

    importer.while_waiting = time_passes
    report = importer.archive(folder)

    world.assert_exact()
    assert importer.slept == [1.0, 1.0]
    assert (report.threads_changed, report.threads_unchanged) == (1, 4)


def test_a_sync_that_comes_between_wins(
    world: World, archived: Any, importer: Importer, run: Any, clock: Clock
) -> None:
    some_threads(world)
    folder = archived().folder
    world.emulator.add_item("cthr_long", text="later")
    asked: list[str] = []

    def sync_meanwhile(report: ImportReport) -> None:
        if (
            report.items_new == 250 and not asked
        ):  # in the middle of the long thread, as if its lease had run out
            asked.append("")
            ChatThread.objects.using(world.database).update(leased_until=None)
            run(sync.reconcile, items=True)

    report = importer.archive(folder, on_progress=sync_meanwhile)

    world.assert_exact()
    assert asked
    assert report.ok
    assert importer.slept == [1.0]


def test_accounts_come_back_where_end_users_are_named_by_them(
    world: World, archived: Any, importer: Importer
) -> None:
    account = get_user_model()._default_manager.db_manager(world.database).create(username="ada")
    for user in (str(account.pk), f"0{account.pk}", "999999", "9" * 60, "ada"):
        world.thread("Hello", user=user)
    folder = archived().folder

    report = importer.archive(folder, users_are_accounts=True)

    owned = EndUser.objects.using(world.database).exclude(owner=None)
    assert list(owned.values_list("pk", "owner")) == [(str(account.pk), account.pk)]
    assert report.owners == 1
    assert importer.archive(folder, users_are_accounts=True).owners == 0


def test_a_thread_without_an_end_user_stands_where_a_sync_puts_it(
    tmp_path: Path, importer: Importer, clock: Clock
) -> None:
    archive = Archive(tmp_path)
    thread, items = made("cthr_nobodys", 1)
    archive.add({**thread, "user": None}, items, read_at=clock.now)

    importer.archive(archive.finish(), users_are_accounts=True)

    assert list(EndUser.objects.using(importer.database).values_list("pk", flat=True)) == ["(unknown)"]


def test_items_without_a_time_are_as_old_as_the_reading(
    tmp_path: Path, importer: Importer, clock: Clock
) -> None:
    archive = Archive(tmp_path)
    thread, items = made("cthr_timeless", 2 * kept.PAGE_ITEMS + 1)
    timeless = [{name: value for name, value in item.items() if name != "created_at"} for item in items]
    archive.add(thread, timeless, read_at=clock.now)

    importer.archive(archive.finish())

    created = ChatThreadItem.objects.using(importer.database).values_list("created_at", flat=True)
    assert set(created) == {clock.now}


def test_an_import_is_logged_without_a_word_of_an_item(
    world: World, archived: Any, importer: Importer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "django_chatkit")
    world.thread("a secret", title="another secret")
    world.thread("a secret", id="cthr_broken")
    archive = archived()
    archive.change("cthr_broken", lambda content: content + b'"a secret"\n')

    importer.archive(archive.folder)

    assert "threads=2 threads_new=1" in caplog.text
    assert "cthr_broken" in caplog.text
    assert "secret" not in caplog.text


def test_however_deep_an_object_is_nested_it_is_taken_or_named(
    tmp_path: Path, importer: Importer, clock: Clock
) -> None:
    archive = Archive(tmp_path)
    for depth in range(600, 1_000, 7):
        deep = b"[" * depth + b"]" * depth
        for id, where in ((f"cthr_{depth}", 0), (f"cthr_item_{depth}", 1), (f"cthr_secret_{depth}", 1)):
            thread, items = made(id, 1)
            objects: list[dict[str, Any]] = [thread, *items]
            objects[where] |= {"deep": "HERE"} | ({"client_secret": "x"} if "secret" in id else {})
            archive.add(objects[0], objects[1:], read_at=clock.now)
            archive.change(id, lambda content, deep=deep: content.replace(b'"HERE"', deep))  # type: ignore[misc]
            head, *lines = archive.content(id).splitlines(keepends=True)
            archive.say(
                id,
                thread_sha256=archive_format.line_digest(head),
                sha256=sha256(b"".join(lines)).hexdigest(),
            )

    report = importer.archive(archive.finish())

    here = set(ChatThread.objects.using(importer.database).values_list("pk", flat=True))
    assert here | {each.id for each in report.failures} == set(archive.entries)
    assert {each.error.partition(":")[0] for each in report.failures} <= {"Damaged", "RecursionError"}
    assert report.failures
    assert "cthr_600" in here


def test_what_nobody_foresaw_stops_the_import_and_leaves_no_lease(
    world: World, archived: Any, importer: Importer
) -> None:
    some_threads(world)
    folder = archived().folder

    def fall_over(report: ImportReport) -> None:
        if report.items_new:
            raise LookupError("nobody foresaw this")

    with pytest.raises(LookupError):
        importer.archive(folder, on_progress=fall_over)

    assert not ChatThread.objects.using(world.database).exclude(leased_until=None).exists()
    assert importer.archive(folder).ok
    world.assert_exact()
