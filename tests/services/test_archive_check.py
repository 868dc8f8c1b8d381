"""An archive held against upstream, and offline against its manifest and the mirror: each difference is named."""

import gzip
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.client import AuthenticationError, ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem
from django_chatkit.services import (
    archive,
    archive_check,
    archive_entries,
    archive_folder,
    archive_format,
    archive_offline,
)
from django_chatkit.services.archive_entries import ThreadEntry
from django_chatkit.services.archive_folder import Unusable
from django_chatkit.services.budget import Budget
from django_chatkit.services.differences import KEPT, VerifyReport

from .archives import Importer
from .conftest import Clock, World, no_sleep

Verify = Callable[..., VerifyReport]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def make(chatkit: ChatKit, clock: Clock, world: World, folder: Path) -> Any:
    def make(**arguments: Any) -> Any:
        clock.move(seconds=1)
        return archive.make(
            client=chatkit, clock=clock, path=folder, workers=2, using=world.database, **arguments
        )

    return make


@pytest.fixture
def verify(chatkit: ChatKit, clock: Clock, world: World, folder: Path) -> Verify:
    def verify(**arguments: Any) -> VerifyReport:
        settings: dict[str, Any] = {"client": chatkit, "workers": 2, **arguments}
        return archive_check.compare(clock=clock, path=folder, using=world.database, **settings)

    return verify


@pytest.fixture
def offline(clock: Clock, world: World, folder: Path) -> Verify:
    def offline(**arguments: Any) -> VerifyReport:
        return archive_offline.compare(clock=clock, path=folder, using=world.database, **arguments)

    return offline


def told(report: VerifyReport) -> list[str]:
    return sorted(str(each) for each in report.found)


def failed(report: VerifyReport) -> list[str]:
    return [str(each) for each in report.failures]


def file_of(folder: Path, thread: str) -> Path:
    (entry,) = [
        each
        for each in archive_entries.read_manifest(folder)
        if isinstance(each, ThreadEntry) and each.thread == thread
    ]
    return folder / entry.file


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_an_archive_that_is_whole_has_no_difference(
    make: Any, verify: Verify, offline: Verify, world: World, compression: str
) -> None:
    world.thread("Hello", "Good day")
    world.thread(*map(str, range(250)), user="bob")
    world.thread()
    make(compression=compression)

    online, here = verify(), offline()

    assert (online.ok, online.threads, online.items) == (True, 3, 252)
    assert online.requests == 1 + 1 + 3 + 1
    assert (here.ok, here.threads, here.items, here.requests) == (True, 3, 252, 0)


def test_a_thread_changed_and_one_deleted_upstream_are_both_named(
    make: Any, verify: Verify, world: World
) -> None:
    changed, deleted = world.thread("Hello", "Good day"), world.thread("Bye")
    world.thread("As it was")
    make()
    first, _ = world.emulator.items(changed)
    world.emulator.change_item(first["id"], content=[{"type": "input_text", "text": "Hi"}])
    world.emulator.remove_thread(deleted)
    heard: list[str] = []

    report = verify(on_difference=lambda difference: heard.append(str(difference)))

    assert sorted(heard) == told(report)
    assert told(report) == sorted(
        [
            f"item {first['id']} of thread {changed}: differs in content",
            f"thread {deleted}: present in the archive, and not listed upstream",
        ]
    )
    assert failed(report) == []


def test_a_thread_that_a_later_reading_found_gone_is_noted_and_no_difference(
    make: Any, verify: Verify, offline: Verify, world: World
) -> None:
    id = world.thread("Hello")
    kept = world.thread("As it was")
    make()
    world.emulator.remove_thread(id)
    gone = f"thread {id}: present in the archive, and not listed upstream"
    assert (told(verify()), verify().notes) == ([gone], [])
    world.emulator.fail("list_items", status=500, match=kept)
    assert not make().is_finished
    assert told(verify()) == [gone]

    assert make().is_finished

    report = verify()
    assert report.ok
    assert report.notes == [f"thread {id}: gone upstream since 2026-11-23 or before; the archive keeps it"]
    assert report.as_dict()["notes"] == report.notes
    assert offline().ok


def test_a_report_keeps_no_more_than_a_thousand_notes() -> None:
    report = VerifyReport()
    for number in range(KEPT + 1):
        report.note(str(number))

    assert len(report.notes) == KEPT


def test_each_way_to_differ_has_its_words(make: Any, verify: Verify, world: World) -> None:
    longer, shorter, renamed = world.thread("a"), world.thread("b", "c", "d"), world.thread("e")
    make()
    world.emulator.add_item(longer, text="more")
    world.emulator.add_item(longer, text="and more")
    middle = world.emulator.items(shorter)[1]["id"]
    world.emulator.remove_item(middle)
    world.emulator.change_thread(renamed, title="Other", status="locked")
    new = world.thread("new")

    report = verify()

    assert told(report) == sorted(
        [
            f"thread {longer}: the archive is behind: 2 newer upstream",
            f"item {middle} of thread {shorter}: present in the archive, and not listed upstream",
            f"thread {renamed}: differs in status, title",
            f"thread {new}: missing in the archive",
        ]
    )


def test_an_item_in_another_place_is_named(make: Any, verify: Verify, world: World) -> None:
    id = world.thread("a", "b", "c")
    make()
    first, *_ = items = world.emulator.items(id)
    world.emulator.remove_item(first["id"])
    world.emulator.add_item(id, id=first["id"], text="a", created_at=items[-1]["created_at"])

    assert f"item {first['id']} of thread {id}: in another place in the archive" in told(verify())


def test_a_thread_that_can_not_be_read_is_a_failure(make: Any, verify: Verify, world: World) -> None:
    id = world.thread("Hello")
    make()
    world.emulator.fail("list_items", status=500)

    report = verify()

    assert [each.id for each in report.failures] == [id]
    assert not report.differences


def test_without_a_whole_list_nobody_is_called_missing(make: Any, verify: Verify, world: World) -> None:
    world.thread("Hello")
    make()
    world.emulator.fail("list_threads", status=500)

    report = verify()

    assert [each.noun for each in report.failures] == ["listing"]
    assert (report.threads, report.differences) == (0, 0)


def test_a_thread_that_the_list_left_out_is_asked_for(make: Any, verify: Verify, world: World) -> None:
    id = world.thread("Hello")
    make()
    empty = {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    world.emulator.fail("list_threads", status=200, body=empty, times=None)

    assert verify().ok

    world.emulator.fail("retrieve_thread", status=500)
    assert [each.id for each in verify().failures] == [id]


def test_a_thread_deleted_during_the_comparison_is_named(make: Any, verify: Verify, world: World) -> None:
    id = world.thread("Hello")
    make()
    body = {"error": {"message": f"Thread with id '{id}' not found.", "type": "invalid_request_error"}}
    world.emulator.fail("list_items", status=404, body=body)

    assert told(verify()) == [f"thread {id}: present in the archive, and not listed upstream"]


@pytest.mark.parametrize("operation", ["list_items", "retrieve_thread"])
def test_an_address_that_answers_404_to_everything_proves_nothing_deleted(
    make: Any, verify: Verify, world: World, operation: str
) -> None:
    id = world.thread("Hello")
    make()
    if operation == "retrieve_thread":
        empty = {"object": "list", "data": [], "has_more": False}
        world.emulator.fail("list_threads", status=200, body=empty)
    world.emulator.fail(operation, kind="unknown_address")

    report = verify()

    assert [each.id for each in report.failures] == [id]
    assert report.differences == 0


@pytest.mark.parametrize(
    "items", [[{"id": "a"}, {"id": "a"}], [{"type": "x"}]], ids=["twice", "without an id"]
)
def test_a_page_that_makes_no_sense_at_the_second_look_is_a_failure(
    make: Any, verify: Verify, world: World, items: Any
) -> None:
    id = world.thread("Hello")
    make()
    world.emulator.add_item(id, text="more")
    page = {"object": "list", "data": items, "has_more": False}
    world.emulator.fail("list_items", status=200, body=page, after=1)

    assert [str(each).partition(": ")[2][:13] for each in verify().failures] == ["Contradiction"]


def test_a_difference_that_is_gone_at_the_second_look_is_none(
    make: Any, verify: Verify, world: World
) -> None:
    world.thread("Hello")
    make()
    page = {"object": "list", "data": [{"id": "a"}], "has_more": False}
    world.emulator.fail("list_items", status=200, body=page)

    assert verify().ok


def test_a_thread_without_an_id_is_a_failure(make: Any, verify: Verify, world: World) -> None:
    make()
    page = {"object": "list", "data": [{"object": "chatkit.thread"}], "has_more": False}
    world.emulator.fail("list_threads", status=200, body=page)

    assert failed(verify()) == ["thread without an id: upstream sent an object without id"]


def test_a_check_keeps_to_its_budget(make: Any, verify: Verify, world: World) -> None:
    world.thread("Hello")
    make()

    report = verify(budget=Budget(limit=1, sleep=no_sleep))

    assert failed(report) == ["listing of all threads: the requests that were allowed are used up"]
    assert report.requests == 1


def test_another_text_that_says_the_same_is_named(
    make: Any, verify: Verify, world: World, folder: Path
) -> None:
    head, item = world.thread("a"), world.thread("é")
    make()
    _respell(folder, head, 0)
    _respell(folder, item, 1)

    assert told(verify()) == sorted(map(_another_text, (head, item)))


def test_another_text_is_named_whatever_is_told_of_others_meanwhile(
    make: Any, verify: Verify, world: World, folder: Path
) -> None:
    items = [world.thread(*["é"] * 250)]
    heads = [world.thread("a") for _ in range(8)]
    make()
    for id in heads:
        _respell(folder, id, 0)
    for id in items:
        _respell(folder, id, 1)

    # Without workers threads are compared side by side in one order, step by step.
    assert told(verify(workers=0)) == sorted(map(_another_text, [*items, *heads]))


def _respell(folder: Path, thread: str, number: int) -> None:
    """Say a line of a thread's file in another way, and sign it."""
    path = file_of(folder, thread)
    lines = path.read_text().splitlines()
    lines[number] = json.dumps(json.loads(lines[number]))
    path.write_text("".join(f"{line}\n" for line in lines))
    _sign(folder, thread)


def _another_text(thread: str) -> str:
    return f"thread {thread}: says the same in the archive in another text: other spaces, escapes or numbers"


def _sign(folder: Path, thread: str) -> None:
    """Write an entry for a thread's file as it is now."""
    (entry,) = [
        each
        for each in archive_entries.read_manifest(folder)
        if isinstance(each, ThreadEntry) and each.thread == thread
    ]
    digest = archive_format.ItemDigest()
    with archive_format.open_lines(folder / entry.file) as lines:
        head = next(lines)
        for line in lines:
            digest.add(json.loads(line)["id"], line)
    signed = replace(
        entry,
        items=digest.items,
        first=digest.first,
        last=digest.last,
        sha256=digest.sha256,
        thread_sha256=archive_format.line_digest(head),
    )
    with (folder / "manifest.jsonl").open("ab") as manifest:
        manifest.write(archive_entries.entry_line(signed))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _reword(path: Path) -> None:
    path.write_text(path.read_text().replace("Hello", "Hullo"))


def _reword_the_head(path: Path) -> None:
    path.write_text(path.read_text().replace("active", "locked"))


def _nameless(path: Path) -> None:
    head = path.read_text().splitlines()[0]
    path.write_text(head + "\n{}\n")


def _another(path: Path) -> None:
    path.write_text(path.read_text().replace("cthr_", "cthr_x"))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _lead_out(path: Path) -> None:
    outside = path.parents[3] / "outside.jsonl"
    path.replace(outside)
    path.symlink_to(outside)


def _endless(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(archive_format.LONGEST_LINE + 1_000)  # the rest is a hole of zeros


def _more(path: Path) -> None:
    # No word is said of what follows the item after the last one: nobody reads it.
    path.write_bytes(path.read_bytes() + b'{"id": "cti_more"}\nno JSON at all')


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_cut, "ends within a line"),
        (_empty, "no JSON object"),
        (_reword, "not what the manifest says"),
        (_reword_the_head, "not what the manifest says"),
        (_nameless, "an item without an id"),
        (_another, "the file of another thread"),
        (Path.unlink, "there is no such file"),
        (_pipe, "there is no such file"),
        (_lead_out, "leads out of the archive"),
        (_endless, f"a line is longer than {archive_format.LONGEST_LINE} bytes"),
        (_more, "not what the manifest says"),
    ],
)
def test_a_file_that_was_tampered_with_is_named_by_both(
    make: Any,
    verify: Verify,
    offline: Verify,
    world: World,
    folder: Path,
    damage: Callable[[Path], object],
    words: str,
) -> None:
    id = world.thread("Hello")
    world.thread("As it was")
    make()
    damage(file_of(folder, id))

    for report in (verify(), offline()):
        (failure,) = report.failures
        assert (failure.noun, failure.id) == ("thread", id)
        assert words in failure.error
        assert report.differences == 0


@pytest.mark.parametrize(
    ("says", "words"),
    [
        pytest.param({"user": "eve"}, "the manifest says another end user", id="another end user"),
        pytest.param({"read_at": "2031-01-01T00:00:00Z"}, "Untimely: ", id="read in years"),
        pytest.param({"read_at": "1969-12-31T23:59:59Z"}, "Untimely: ", id="read before there was a time"),
    ],
)
def test_a_manifest_that_claims_what_can_not_be_is_told_as_an_import_tells_it(
    make: Any,
    offline: Verify,
    clock: Clock,
    world: World,
    folder: Path,
    says: dict[str, str],
    words: str,
) -> None:
    id = world.thread("Hello", user="ada")
    make()
    line = json.loads((folder / "manifest.jsonl").read_text())
    (folder / "manifest.jsonl").write_text(json.dumps({**line, **says}) + "\n")

    verified = offline()
    imported = Importer(world.database, clock).archive(folder)

    (one,), (other,) = verified.failures, imported.failures
    assert (one.noun, one.id, other.id) == ("thread", id, id)
    assert words in one.error
    assert words in other.error


def test_a_packed_file_that_was_tampered_with_is_named(
    make: Any, offline: Verify, world: World, folder: Path
) -> None:
    id = world.thread("Hello")
    make(compression="gzip")
    path = file_of(folder, id)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"Hello", b"Hullo")))

    assert "not what the manifest says" in failed(offline())[0]


def test_what_the_mirror_has_otherwise_is_named(make: Any, offline: Verify, world: World) -> None:
    renamed, missing, gone, longer, empty = (world.thread(*texts) for texts in ("a", "b", "c", "d", ""))
    make()
    threads = ChatThread.objects.using(world.database)
    items = ChatThreadItem.objects.using(world.database)
    threads.filter(pk=renamed).update(payload={**world.row(renamed).payload, "title": "Other"})
    threads.filter(pk=missing).delete()
    threads.filter(pk=gone).update(gone_at=world.row(renamed).created_at)
    (item,) = items.filter(thread=longer)
    item.pk, item.position = "cti_more", 5
    item.save(using=world.database)
    item.pk, item.thread_id = "cti_new", empty
    item.save(using=world.database)
    new = ChatThread(id="cthr_new", end_user_id="ada", created_at=item.created_at)
    new.save(using=world.database)
    heard: list[str] = []

    report = offline(on_difference=lambda difference: heard.append(str(difference)))

    assert sorted(heard) == told(report)
    assert told(report) == sorted(
        [
            f"thread {renamed}: differs in title",
            f"thread {missing}: missing in this mirror",
            f"item cti_more of thread {longer}: present in this mirror, and not in the archive",
            f"item cti_new of thread {empty}: present in this mirror, and not in the archive",
            "thread cthr_new: missing in the archive",
        ]
    )


def test_a_long_thread_is_compared_page_by_page(make: Any, offline: Verify, world: World) -> None:
    id = world.thread(*map(str, range(250)))
    make()
    rows = ChatThreadItem.objects.using(world.database).of(id)
    middle = rows.get(position=120)
    rows.filter(pk=middle.pk).update(payload={**middle.payload, "x": 1})
    last = rows.get(position=249)
    rows.filter(pk=last.pk).delete()

    assert told(offline()) == sorted(
        [
            f"item {middle.pk} of thread {id}: differs in x",
            f"thread {id}: this mirror is behind: 1 newer in the archive",
        ]
    )


def test_of_what_was_never_finished_only_that_is_told_offline(
    make: Any, offline: Verify, world: World, folder: Path
) -> None:
    world.thread("Hello")
    world.thread("Good day")
    world.emulator.fail("list_items", status=500, times=None)
    make()

    report = offline()

    (says,) = failed(report)
    assert says.startswith(
        f"archive archive: Unfinished: it is not finished: run chatkit_archive {folder} again; "
    )
    assert says.endswith("so far 2 of its threads could not be read")
    assert (report.threads, report.differences) == (0, 0)


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        pytest.param("*", {"kind": "unknown_address"}, id="upstream has closed"),
        pytest.param("*", {"status": 401}, id="the key is refused"),
        pytest.param("list_items", {"status": 500}, id="no thread can be read"),
    ],
)
def test_a_run_that_reads_nothing_takes_nothing_from_what_was_proven(
    make: Any,
    verify: Verify,
    offline: Verify,
    world: World,
    folder: Path,
    operation: str,
    fault: dict[str, Any],
) -> None:
    world.thread("Hello", "Good day")
    world.thread("As it was", user="bob")
    finished_at = make().finished_at
    world.emulator.fail(operation, times=None, **fault)

    for _ in range(2):
        with suppress(AuthenticationError):
            assert not make().is_finished
        header, report = archive_folder.read(folder), offline()
        assert (header.finished_at, header.is_through) == (finished_at, False)
        assert (header.totals.threads, header.totals.items) == (2, 3)
        assert (report.ok, report.threads, report.items) == (True, 2, 3)
        (note,) = report.notes
        assert note.startswith("All that upstream listed was read by 2026-11-23 12:00 UTC. The reading anew")

    world.emulator.faults.clear()
    assert verify().ok
    assert make().is_finished
    assert offline().notes == []


def test_where_no_archive_is_there_is_nothing_to_compare(verify: Verify, offline: Verify) -> None:
    for compare in (verify, offline):
        with pytest.raises(Unusable, match="holds no archive"):
            compare()


def test_an_archive_of_another_upstream_is_refused(make: Any, verify: Verify, folder: Path) -> None:
    make()
    header = (folder / "archive.json").read_text()
    (folder / "archive.json").write_text(header.replace("emulator.invalid", "elsewhere.invalid"))

    with pytest.raises(Unusable, match=r"an archive of http://elsewhere\.invalid/v1, not of"):
        verify()
    with pytest.raises(Unusable, match=r"an archive of http://elsewhere\.invalid/v1, not of"):
        make()
