"""The archive and the mirror, made in one walk, on every database."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.client import AuthenticationError, ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem
from django_chatkit.services import archive, archive_entries, archive_folder, archive_offline, sync
from django_chatkit.services.archive_entries import LONGEST_ENTRY, AttachmentEntry, FailureEntry, ThreadEntry
from django_chatkit.services.archive_format import LONGEST_LINE
from django_chatkit.services.archive_reports import ArchiveReport
from django_chatkit.services.budget import Budget
from django_chatkit.services.previews import Fetcher

from .conftest import Clock, World, no_sleep
from .tls import CERTIFICATE, Server, serving

Make = Callable[..., ArchiveReport]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def make(chatkit: ChatKit, clock: Clock, world: World, folder: Path) -> Make:
    """Run the archive, a second after whatever was before."""

    def make(**arguments: Any) -> ArchiveReport:
        clock.move(seconds=1)
        settings: dict[str, Any] = {"client": chatkit, "workers": 2, "path": folder, **arguments}
        return archive.make(clock=clock, using=world.database, **settings)

    return make


def budget(limit: int) -> Budget:
    return Budget(limit=limit, sleep=no_sleep)


def entries(folder: Path) -> dict[str, Any]:
    """Return the last entry of each thread."""
    found = {}
    for entry in archive_entries.read_manifest(folder):
        assert isinstance(entry, ThreadEntry | FailureEntry)
        found[entry.thread or ""] = entry
    return found


def lines(folder: Path, thread: str) -> list[Any]:
    """Return the objects of a thread's file."""
    path = folder / entries(folder)[thread].file
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.splitlines()]


def assert_whole(folder: Path, world: World) -> None:
    """Compare the archive with upstream, thread by thread, and the mirror too."""
    held = {id: lines(folder, id) for id, each in entries(folder).items() if isinstance(each, ThreadEntry)}
    assert held == {id: [thread, *items] for id, (thread, items) in world.upstream().items()}
    world.assert_exact()


def test_everything_is_archived_and_mirrored(make: Make, world: World, folder: Path) -> None:
    short = world.thread("Hello", "Good day")
    world.thread(*map(str, range(250)), user="bob")
    empty = world.thread(user="bob")

    report = make()

    assert (report.ok, report.is_finished, report.threads, report.items) == (True, True, 3, 252)
    assert_whole(folder, world)
    entry = entries(folder)[short]
    first, last = (item["id"] for item in world.emulator.items(short))
    assert (entry.user, entry.items, entry.first, entry.last) == ("ada", 2, first, last)
    assert (entries(folder)[empty].items, entries(folder)[empty].first) == (0, None)
    header = archive_folder.read(folder)
    assert header.finished_at is not None
    assert (header.upstream, header.compression) == ("http://emulator.invalid/v1", "none")
    totals = header.totals
    assert (totals.end_users, totals.threads, totals.items, totals.failures) == (2, 3, 252, 0)
    assert totals.requests == world.emulator.count() == report.requests
    assert not ChatThread.objects.using(world.database).unarchived().exists()


def test_what_is_packed_holds_the_same(make: Make, world: World, folder: Path) -> None:
    plain = world.thread("Hello")

    assert make(compression="gzip").is_finished

    assert re.search(rf"/{plain}\.[0-9a-f]{{16}}\.jsonl\.gz$", entries(folder)[plain].file)
    assert_whole(folder, world)


def test_lines_are_as_upstream_sent_them(make: Make, world: World, folder: Path, chatkit: ChatKit) -> None:
    id = world.thread("é \u2028 \x00 \ud800", title="Title")

    make()

    texts = chatkit.with_options(keeps_texts=True).threads
    sent = [*(texts.list().texts or ()), *(texts.list_items(id).texts or ())]
    path = folder / entries(folder)[id].file
    assert path.read_bytes() == "".join(f"{text}\n" for text in sent).encode()


def test_a_run_within_a_budget_stops_and_the_next_goes_on(make: Make, world: World, folder: Path) -> None:
    for number in range(230):
        world.thread(str(number), created_at=1_760_000_000 + number // 3)
    reports: list[ArchiveReport] = []
    while not reports or not reports[-1].is_finished:
        reports.append(make(budget=budget(60)))

    assert all(report.is_spent and report.requests == 60 for report in reports[:-1])
    assert sum(report.threads for report in reports) == 230
    assert len(reports) == 4  # two or three requests of each run are for the list
    assert archive_folder.read(folder).totals.requests == world.emulator.count()
    assert_whole(folder, world)


def test_a_run_without_a_request_left_does_nothing(make: Make, world: World, folder: Path) -> None:
    world.thread("Hello")

    report = make(budget=budget(0))

    assert (report.is_spent, report.is_finished, report.threads, report.ok) == (True, False, 0, True)


def test_what_is_in_the_archive_is_not_read_again(make: Make, world: World, folder: Path) -> None:
    first = world.thread("Hello")
    world.emulator.fail("list_items", status=500, match=first)
    second = world.thread("Good day")
    before = make()

    world.emulator.forget_requests()
    after = make()

    assert (before.unread, before.is_finished, before.ok) == (1, False, False)
    assert entries(folder)[first].items == 1
    assert (after.threads, after.known, after.is_finished) == (1, 1, True)
    assert not [each for each in world.emulator.requests if second in each.path]
    assert_whole(folder, world)


def test_what_could_not_be_read_stands_in_the_manifest(make: Make, world: World, folder: Path) -> None:
    id = world.thread("a secret word")
    world.emulator.fail("list_items", status=500, times=None)

    report = make()

    entry = entries(folder)[id]
    assert isinstance(entry, FailureEntry)
    assert entry.error.startswith("InternalServerError: ")
    assert report.totals.failures == 1
    assert archive_folder.read(folder).finished_at is None
    assert not ChatThread.objects.using(world.database).exclude(archived_at=None).exists()


def test_what_an_earlier_run_could_not_read_is_not_forgotten_behind_the_cursor(
    make: Make, world: World, folder: Path
) -> None:
    failing = world.thread("Hello", created_at=1_760_000_000)
    for number in range(120):
        world.thread(str(number), created_at=1_760_000_001 + number)
    world.emulator.fail("list_items", status=500, match=failing)
    first = make(budget=budget(110), workers=0)

    second, third = make(), make()

    assert (first.unread, first.is_spent) == (1, True)
    assert (second.unread, second.ok, second.is_finished) == (0, True, False)
    assert (third.threads, third.is_finished) == (1, True)
    assert_whole(folder, world)


def test_what_could_not_be_read_and_is_gone_by_then_keeps_no_archive_open(
    make: Make, clock: Clock, world: World, folder: Path
) -> None:
    failing = world.thread("Hello")
    world.thread("Good day")
    world.emulator.fail("list_items", status=500, match=failing)
    make()
    world.emulator.remove_thread(failing)

    assert make().is_finished
    assert archive_offline.compare(clock=clock, path=folder, using=world.database).failures == []


def test_a_finished_archive_is_read_anew(make: Make, world: World, folder: Path) -> None:
    id = world.thread("Hello")
    make()
    world.emulator.add_item(id, text="Once more")

    report = make()

    assert (report.threads, report.known, report.is_finished) == (1, 0, True)
    assert (report.totals.threads, report.totals.items) == (1, 2)
    assert_whole(folder, world)


def test_a_thread_deleted_while_the_archive_is_made_is_told(make: Make, world: World, folder: Path) -> None:
    id = world.thread("Hello")
    world.thread("Good day")
    gone = {"error": {"message": f"Thread with id '{id}' not found.", "type": "invalid_request_error"}}
    world.emulator.fail("list_items", status=404, body=gone, match=id, times=None)

    report = make()

    assert (report.gone, report.threads, report.ok, report.is_finished) == (1, 1, True, True)
    assert id not in entries(folder)


def test_an_address_that_answers_404_to_everything_proves_nothing_gone(make: Make, world: World) -> None:
    world.thread("Hello")
    world.emulator.fail("list_items", kind="unknown_address", times=None)

    report = make()

    assert (report.gone, report.unread, report.is_finished) == (0, 1, False)


def test_a_list_that_breaks_off_is_named_and_gone_on_with(make: Make, world: World, folder: Path) -> None:
    for number in range(120):
        world.thread(str(number))
    world.emulator.fail("list_threads", status=500, after=2)

    report = make()

    assert [each.noun for each in report.failures] == ["listing"]
    assert (report.threads, report.is_finished) == (100, False)
    assert make().is_finished
    assert_whole(folder, world)


def test_a_cursor_that_vanished_leads_to_one_before_it(make: Make, world: World, folder: Path) -> None:
    ids = [world.thread(str(number), created_at=1_760_000_000 + number) for number in range(130)]
    world.emulator.fail("list_threads", status=500, after=2)
    make()
    for id in (ids[99], ids[98]):
        world.emulator.remove_thread(id)

    report = make()

    assert report.is_finished
    assert report.known == 98
    missing = {ids[98], ids[99]}
    assert set(entries(folder)) - missing == set(world.upstream())


def test_a_thread_cut_while_it_is_read_is_archived_as_it_then_is(
    make: Make, world: World, folder: Path
) -> None:
    id = world.thread(*map(str, range(250)))
    items = world.emulator.items(id)
    calls = 0

    def cut() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:  # the newest thread, the list, and two pages of items came before
            world.emulator.cut_items(id, after=items[150]["id"])
            world.emulator.add_item(id, text="anew")

    class Cutting(Budget):
        def take(self) -> None:
            super().take()
            cut()

    report = make(budget=Cutting(sleep=no_sleep), workers=0)

    assert report.is_finished
    assert entries(folder)[id].items == 152
    assert_whole(folder, world)


def test_what_the_mirror_can_not_hold_is_archived_all_the_same(
    make: Make, world: World, folder: Path
) -> None:
    id = world.thread(*map(str, range(150)), id="cthr_" + "x" * 300)

    report = make()

    assert [each.noun for each in report.failures] == ["mirror of thread"]
    assert report.is_finished
    assert not report.ok
    assert lines(folder, id)[1:] == world.emulator.items(id)
    assert not ChatThread.objects.using(world.database).exists()


@pytest.mark.django_db(transaction=True)  # MariaDB may refuse such an item, and breaks off its transaction
def test_what_makes_too_long_a_line_is_refused_and_named(make: Make, world: World, folder: Path) -> None:
    long, sound = world.thread("Hello"), world.thread("Good day")
    page = {"object": "list", "data": [{"id": "cti_long", "x": "x" * LONGEST_LINE}], "has_more": False}
    world.emulator.fail("list_items", status=200, match=long, body=page, times=None)

    report = make()

    assert (report.unread, report.threads, report.is_finished) == (1, 1, False)
    assert entries(folder)[long].error.startswith("TooLong: a line of ")
    assert len(lines(folder, sound)) == 2


@pytest.mark.parametrize("where", ["thread", "item", "user"])
def test_ids_without_an_end_make_no_manifest_that_nobody_reads(
    make: Make, world: World, folder: Path, where: str
) -> None:
    endless = "x" * LONGEST_ENTRY
    thread = {"id": endless if where == "thread" else "cthr_1", "user": endless if where == "user" else "ada"}
    item = {"id": endless if where == "item" else "cti_1"}
    for operation, after, body in (("list_threads", 1, thread), ("list_items", 0, item)):
        page = {"object": "list", "data": [body], "has_more": False}
        world.emulator.fail(operation, status=200, after=after, body=page, times=None)

    report = make(workers=0)

    assert (report.unread, report.is_finished) == (1, False)
    assert report.failures[-1].error.startswith(("TooLong: its ids", "InvalidRequest"))
    (entry,) = entries(folder).values()
    assert len(archive_entries.entry_line(entry)) < LONGEST_ENTRY


def test_an_attachment_without_an_end_to_its_id_is_named(
    make: Make, world: World, folder: Path, server: Server
) -> None:
    id = world.thread("Hello")
    attachment = {"id": "x" * LONGEST_ENTRY, "preview_url": f"https://localhost:{server.server_port}/200/a"}
    world.emulator.add_item(id, text="see", attachments=[attachment])

    report = make(fetcher=fetcher(server))

    assert [each.noun for each in report.failures][-1] == "attachment"
    assert report.is_finished
    assert previews(folder) == []


def test_what_no_request_can_name_is_a_failure(make: Make, world: World, folder: Path) -> None:
    world.thread("Hello", id="cthr_\x00")

    report = make()

    assert (report.unread, report.is_finished) == (1, False)
    assert entries(folder)["cthr_\x00"].error.startswith("ValueError: ")


def test_an_item_that_stands_in_another_thread_here_is_archived_all_the_same(
    make: Make, world: World, folder: Path
) -> None:
    first, second = world.thread("Hello"), world.thread("Good day")
    make()
    (item,) = world.emulator.items(first)
    row = ChatThreadItem.objects.using(world.database).get(pk=item["id"])
    ChatThreadItem.objects.using(world.database).filter(pk=row.pk).update(thread=second, position=9)

    report = make()

    assert "mirror of thread" in {each.noun for each in report.failures}
    assert report.is_finished
    assert lines(folder, first)[1:] == [item]


def test_a_thread_that_is_listed_twice_is_read_once(make: Make, world: World, folder: Path) -> None:
    id = world.thread("Hello")
    (thread,) = world.emulator.threads()
    page = {"object": "list", "data": [thread, thread], "has_more": False}
    world.emulator.fail("list_threads", status=200, after=1, body=page)

    report = make()

    assert (report.threads, report.is_finished, world.emulator.count("list_items")) == (1, True, 1)
    assert_whole(folder, world)
    assert set(entries(folder)) == {id}


def test_a_thread_without_an_id_is_named(make: Make, world: World, folder: Path) -> None:
    world.emulator.fail(
        "list_threads",
        kind="status",
        status=200,
        after=1,
        body={
            "object": "list",
            "has_more": False,
            "data": [{"object": "chatkit.thread", "user": "ada"}, {"id": "", "user": 7}],
        },
    )

    report = make()

    assert report.unread == 2
    assert entries(folder)[""].error == "Unmirrorable: upstream sent an object without id"


def test_a_refused_key_stops_the_run_and_keeps_what_was_read(make: Make, world: World, folder: Path) -> None:
    for number in range(3):
        world.thread(str(number))
    world.emulator.fail("list_items", status=401, after=2, times=None)

    with pytest.raises(AuthenticationError):
        make(workers=0)

    world.emulator.faults.clear()
    report = make()
    assert (report.known, report.threads, report.is_finished) == (2, 1, True)
    assert_whole(folder, world)


def test_it_tells_how_far_it_has_come(make: Make, world: World) -> None:
    for number in range(5):
        world.thread(str(number), created_at=1_760_000_000 + 100 * number)
    shares: list[float | None] = []

    make(on_progress=lambda report: shares.append(report.share), workers=0)

    assert shares[0] is None
    assert shares[-1] is not None
    told = [share for share in shares if share is not None]
    assert told == sorted(told)
    assert set(told) <= {0.0, 0.25, 0.5, 0.75, 1.0}


def test_a_thread_that_was_killed_before_it_was_told_of_is_told_of_by_the_next_run(
    make: Make, world: World
) -> None:
    first = world.thread("Hello")
    second = world.thread("Good day")
    world.emulator.fail("list_items", status=500, match=second)
    make()
    ChatThread.objects.using(world.database).filter(pk=first).update(archived_at=None)

    make()

    assert not ChatThread.objects.using(world.database).unarchived().exists()


def test_a_thread_with_news_is_unarchived(make: Make, world: World, clock: Clock, run: Any) -> None:
    id = world.thread("Hello")
    make()
    clock.move(minutes=5)
    world.emulator.add_item(id, text="Once more")
    run(sync.reconcile)

    assert list(ChatThread.objects.using(world.database).unarchived()) == [world.row(id)]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def fetcher(server: Server, **options: Any) -> Fetcher:
    return Fetcher(
        hosts=frozenset({f"localhost:{server.server_port}"}),
        longest=10_000,
        resolve=lambda host, port: ["127.0.0.1"],
        is_public=lambda address: True,
        ca_certs=str(CERTIFICATE),
        **options,
    )


def attached(world: World, server: Server, *paths: str) -> str:
    """Add a thread with an item that has attachments, and return its id."""
    id = world.thread("Hello")
    attachments = [
        {
            "type": "image",
            "id": f"cfile_{place}",
            "name": "a.png",
            "mime_type": "image/png",
            "preview_url": f"https://localhost:{server.server_port}{path}",
        }
        for place, path in enumerate(paths)
    ]
    world.emulator.add_item(id, text="see", attachments=attachments)
    world.emulator.add_item(id, text="see again", attachments=attachments)
    return id


def previews(folder: Path) -> list[AttachmentEntry]:
    read = archive_entries.read_manifest(folder)
    return [entry for entry in read if isinstance(entry, AttachmentEntry)]


def test_previews_are_kept_and_fetched_once(make: Make, world: World, folder: Path, server: Server) -> None:
    id = attached(world, server, "/200/a", "/404/b")

    first = make(fetcher=fetcher(server))
    second = make(fetcher=fetcher(server))

    kept, lost, lost_again = previews(folder)
    assert (kept.attachment, kept.thread, kept.bytes, kept.content_type) == ("cfile_0", id, 4000, "image/png")
    assert kept.file is not None
    assert len((folder / kept.file).read_bytes()) == 4000
    assert (lost.attachment, lost.file, lost.error) == ("cfile_1", None, "Refused: status 404")
    assert lost_again == lost
    assert [path for path, _ in server.seen] == ["/200/a", "/404/b", "/404/b"]
    assert (first.attachments, second.attachments, first.is_finished) == (1, 0, True)
    assert [each.noun for each in first.failures] == ["attachment"]
    assert (first.totals.attachments, first.totals.failures) == (1, 1)
    assert not (folder / "partial").exists()


def test_previews_are_made_up_for_of_threads_that_a_run_without_them_read(
    make: Make, world: World, folder: Path, server: Server
) -> None:
    ids = [attached(world, server, f"/200/{number}") for number in range(3)]
    world.emulator.fail("list_items", status=500, match=ids[2])
    assert not make().is_finished
    world.emulator.forget_requests()

    report = make(fetcher=fetcher(server))

    assert (report.known, report.attachments, report.is_finished, report.ok) == (2, 3, True, True)
    assert {each.thread for each in previews(folder)} == set(ids)
    assert world.emulator.count("list_items") == 1
    assert sorted(path for path, _ in server.seen) == ["/200/0", "/200/1", "/200/2"]
    assert archive_offline.compare(clock=Clock(), path=folder, using=world.database).ok


def test_previews_are_made_up_for_behind_the_cursor(
    make: Make, world: World, folder: Path, server: Server
) -> None:
    first = attached(world, server, "/200/a")
    for number in range(120):
        world.thread(str(number))
    world.emulator.fail("list_threads", status=500, after=2)
    make()
    assert json.loads((folder / "cursor.json").read_text())["after"]

    report = make(fetcher=fetcher(server))

    assert (report.is_finished, report.attachments) == (True, 1)
    assert [each.thread for each in previews(folder)] == [first]


def test_a_preview_that_could_not_be_had_is_tried_again_by_the_next_run(
    make: Make, world: World, folder: Path, server: Server
) -> None:
    attached(world, server, "/200/a")
    world.emulator.fail("list_items", status=500, match=world.thread("Hello"))
    nowhere = replace(fetcher(server), resolve=lambda host, port: [])
    first = make(fetcher=nowhere)
    world.emulator.fail("list_threads", status=500)
    second = make(fetcher=nowhere)

    third = make(fetcher=fetcher(server))

    assert [each.attachments for each in (first, second, third)] == [0, 0, 1]
    for report in (first, second):
        assert "attachment cfile_0: Refused: its host has no address" in map(str, report.failures)
    assert (third.ok, third.is_finished, third.totals.failures) == (True, True, 0)


def test_a_preview_that_was_refused_for_good_is_named_once(
    make: Make, world: World, folder: Path, server: Server
) -> None:
    attached(world, server, "/200/a", "/long/b")
    strict = replace(fetcher(server), hosts=frozenset())

    reports = [make(fetcher=each) for each in (strict, strict, fetcher(server), fetcher(server))]

    assert [len(report.left_out) for report in reports] == [2, 0, 0, 0]
    assert all(report.ok and report.is_finished for report in reports)
    assert [report.attachments for report in reports] == [0, 0, 1, 0]
    assert [report.totals.failures for report in reports] == [0, 0, 0, 0]
    assert [each.final for each in previews(folder)] == [True, True, None]


def test_making_up_keeps_to_the_budget(make: Make, world: World, folder: Path, server: Server) -> None:
    for number in range(6):
        attached(world, server, f"/200/{number}")
    world.emulator.fail("list_items", status=500, match=world.thread("Hello"))
    make()
    spent = budget(4)

    report = make(workers=0, budget=spent, fetcher=fetcher(server, on_request=spent.take))

    assert (report.is_spent, report.is_finished, report.attachments) == (True, False, 1)
    after = make(fetcher=fetcher(server))
    assert (after.is_finished, after.ok, after.attachments) == (True, True, 5)


def test_a_file_that_is_lost_before_its_previews_are_made_up_for_is_named(
    make: Make, world: World, folder: Path, server: Server
) -> None:
    id = attached(world, server, "/200/a")
    world.emulator.fail("list_items", status=500, match=world.thread("Hello"))
    make()
    (folder / entries(folder)[id].file).unlink()

    report = make(fetcher=fetcher(server))

    assert [(each.noun, each.id) for each in report.failures] == [("thread", id)]


def test_a_preview_that_was_tampered_with_is_named(
    make: Make, clock: Clock, world: World, folder: Path, server: Server
) -> None:
    attached(world, server, "/200/a", "/200/b", "/404/c", "/200/sound")
    make(fetcher=fetcher(server))
    changed, missing, _, _ = previews(folder)
    (folder / str(changed.file)).write_bytes(b"x" * 4000)
    (folder / str(missing.file)).unlink()

    report = archive_offline.compare(clock=clock, path=folder, using=world.database)

    assert [str(each) for each in report.failures] == [
        f"attachment cfile_0: BrokenArchive: {Path(str(changed.file)).name} is not what the manifest says",
        f"attachment cfile_1: BrokenArchive: {Path(str(missing.file)).name}: there is no such file",
    ]


def test_previews_count_as_requests(make: Make, world: World, folder: Path, server: Server) -> None:
    attached(world, server, "/200/a")
    spent = budget(3)

    report = make(budget=spent, fetcher=fetcher(server, on_request=spent.take))

    assert (report.is_spent, report.is_finished, report.threads, server.seen) == (True, False, 1, [])
    after = make(fetcher=fetcher(server))
    assert (after.is_finished, after.attachments) == (True, 1)


def test_a_thread_file_whose_line_was_lost_in_a_kill_is_read_again(
    make: Make, world: World, folder: Path
) -> None:
    for number in range(3):
        world.thread(str(number))
    make()
    header = json.loads((folder / "archive.json").read_text())
    header["finished_at"] = None
    manifest = folder / "manifest.jsonl"
    whole = manifest.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        manifest.write_bytes(whole[:length])
        (folder / "archive.json").write_text(json.dumps(header))
        assert make().is_finished
        assert_whole(folder, world)
