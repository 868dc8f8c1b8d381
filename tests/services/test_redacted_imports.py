"""What the host's function takes out is nowhere in a mirror that is filled from files, and what it fails at is no half of one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.client.redaction import THREAD
from django_chatkit.models import ChatThread, ChatThreadItem
from django_chatkit.services import archived, dumps, kept
from tests.client.test_redaction import WORD, without_word
from tests.keys import dump

from .archives import Archive, Importer, line, made
from .conftest import Clock

pytestmark = pytest.mark.django_db

LONG = 2 * kept.PAGE_ITEMS + 1
Redact = Callable[[str, Any], Any]


@pytest.fixture
def importer(database: str, clock: Clock) -> Importer:
    return Importer(database, clock)


@pytest.fixture
def threads() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Give a thread of one page and one of several, each with the word in its title and in its last item."""
    found = [made(id, count, title=f"The {WORD}") for id, count in (("cthr_long", LONG), ("cthr_short", 2))]
    for _, items in found:
        items[-1]["content"][0]["text"] = f"my {WORD} sings"
    return found


@pytest.fixture
def archive(tmp_path: Path, threads: Any, clock: Clock) -> Archive:
    archive = Archive(tmp_path / "archive", "gzip")
    for thread, items in threads:
        archive.add(thread, items, read_at=clock.now)
    archive.finish()
    return archive


@pytest.fixture(params=["archive", "dump"])
def source(request: pytest.FixtureRequest, archive: Archive, tmp_path: Path, threads: Any) -> Any:
    """Give a source of the threads for a function, of each kind."""
    if request.param == "archive":
        return lambda redact: lambda fail: archived.threads(archive.folder, fail=fail, redact=redact)
    file = tmp_path / "dump.jsonl"
    file.write_bytes(b"".join(line(each) for thread, items in threads for each in (thread, *items)))
    return lambda redact: lambda fail: dumps.threads(file, fail=fail, redact=redact)


def here(importer: Importer, id: str) -> tuple[bool, int]:
    """Tell whether the mirror has a thread, and how many of its items."""
    threads = ChatThread.objects.using(importer.database).filter(pk=id)
    return threads.exists(), ChatThreadItem.objects.using(importer.database).of(id).count()


def test_nothing_that_was_taken_out_is_stored(importer: Importer, source: Any) -> None:
    report = importer.source(source(without_word))

    assert (report.ok, report.threads_new, report.items_new) == (True, 2, LONG + 2)
    assert WORD not in " ".join(dump(importer.database))
    for id in ("cthr_long", "cthr_short"):
        row = ChatThread.objects.using(importer.database).get(pk=id)
        last = ChatThreadItem.objects.using(importer.database).of(id).in_order().last()
        assert (row.title, row.payload["title"]) == ("The …", "The …")
        assert last is not None
        assert (last.text, last.payload["content"][0]["text"]) == ("my … sings", "my … sings")


def test_a_second_import_changes_nothing(importer: Importer, source: Any) -> None:
    importer.source(source(without_word))

    report = importer.source(source(without_word))

    assert (report.ok, report.threads_unchanged) == (True, 2)


def test_without_a_function_all_is_taken_as_it_is(importer: Importer, source: Any) -> None:
    report = importer.source(source(None))

    assert report.ok
    row = ChatThread.objects.using(importer.database).get(pk="cthr_short")
    assert row.title == f"The {WORD}"


def fails_at_threads(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    if type == THREAD and payload["id"] == "cthr_long":
        raise LookupError(f"I can't take {payload}")
    return payload


def fails_at_the_last_item(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    if payload["id"] == f"cti_cthr_long_{LONG - 1}":
        raise LookupError(f"I can't take {payload}")
    return payload


def makes_another_of_the_last_item(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {**payload, "id": WORD} if payload["id"] == f"cti_cthr_long_{LONG - 1}" else payload


@pytest.mark.parametrize(
    ("redact", "id", "why"),
    [
        (fails_at_threads, "cthr_long", "failed: LookupError"),
        (fails_at_the_last_item, f"cti_cthr_long_{LONG - 1}", "failed: LookupError"),
        (makes_another_of_the_last_item, f"cti_cthr_long_{LONG - 1}", "changed id"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_the_function_fails_at_costs_the_whole_thread_and_no_other(
    importer: Importer, source: Any, redact: Redact, id: str, why: str, dry_run: bool
) -> None:
    report = importer.source(source(redact), dry_run=dry_run)

    assert [(each.id, each.error) for each in report.failures] == [
        ("cthr_long", f"Unmirrorable: '{id}' is not stored: the function of REDACT {why}")
    ]
    assert here(importer, "cthr_long") == (False, 0)
    assert here(importer, "cthr_short") == ((False, 0) if dry_run else (True, 2))


def test_the_function_is_given_nothing_of_a_file_that_is_damaged(
    importer: Importer, archive: Archive
) -> None:
    given: list[str] = []
    archive.change("cthr_long", lambda content: content.replace(b"word 177", b"word 178"))

    def redact(type: str, payload: dict[str, Any]) -> dict[str, Any]:
        given.append(payload["id"])
        return payload

    report = importer.source(lambda fail: archived.threads(archive.folder, fail=fail, redact=redact))

    assert [each.id for each in report.failures] == ["cthr_long"]
    assert set(given) == {"cthr_short", "cti_cthr_short_0", "cti_cthr_short_1"}


def test_a_file_that_is_changed_while_it_is_redacted_gives_nothing(
    importer: Importer, archive: Archive
) -> None:
    def change_it(type: str, payload: dict[str, Any]) -> dict[str, Any]:
        if payload["id"] == "cthr_long":
            archive.change("cthr_long", lambda content: content + b"x\n")
        return payload

    report = importer.source(lambda fail: archived.threads(archive.folder, fail=fail, redact=change_it))

    assert [(each.id, each.error) for each in report.failures] == [
        ("cthr_long", "Damaged: it was changed while it was read")
    ]
    assert here(importer, "cthr_long") == (False, 0)


def test_however_deep_the_function_nests_it_is_taken_or_named(tmp_path: Path) -> None:
    file = tmp_path / "dump.jsonl"
    thread, items = made("cthr_deep", 1)
    file.write_bytes(b"".join(map(line, [thread, *items])))
    wrong: list[Exception] = []
    taken = 0
    for depth in range(500, 1_000):

        def nested(type: str, payload: dict[str, Any], depth: int = depth) -> dict[str, Any]:
            deep: list[Any] = []
            for _ in range(depth):
                deep = [deep]
            return payload if type == THREAD else {**payload, "deep": deep}

        taken += len(list(dumps.threads(file, fail=lambda id, error: wrong.append(error), redact=nested)))

    assert taken + len(wrong) == 500
    assert taken
    assert {type(each).__name__ for each in wrong} <= {"Damaged", "Unmirrorable"}
