"""The words of ``chatkit_archive``."""

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta

import pytest

from django_chatkit.management import archiving
from django_chatkit.management.pulse import Pulse
from django_chatkit.services.archive_entries import Totals
from django_chatkit.services.archive_reports import ArchiveReport
from django_chatkit.services.differences import VerifyReport
from django_chatkit.services.reports import Failure

BORN = datetime(2026, 1, 1, tzinfo=UTC)
FAILURE = Failure(noun="thread", id="cthr_1", error="NotFoundError")


def report(reached: float | None, *, newest: float | None = 1000) -> ArchiveReport:
    """Return the report of a run that began at 0 and has reached a day, on the way to the newest."""
    found = ArchiveReport(threads=3, items=50, requests=7)
    if newest is not None:
        found.newest = BORN + timedelta(days=newest)
    if reached is not None:
        found.reach(BORN)
        found.reach(BORN + timedelta(days=reached))
    return found


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (report(None), "3 threads archived: 50 items, 5/s; 1 req/s; 10 s"),
        (report(5), "3 threads archived: 50 items, 5/s; 1 req/s; 10 s"),
        (report(5, newest=None), "3 threads archived: 50 items, 5/s; 1 req/s; 10 s"),
        (report(0, newest=0), "3 threads archived: 50 items, 5/s; 1 req/s; 10 s"),
        (report(250), "25%, 30 s left; 3 threads archived: 50 items, 5/s; 1 req/s; 10 s"),
        (report(1000), "100%, 0.0 s left; 3 threads archived: 50 items, 5/s; 1 req/s; 10 s"),
        (report(1010), "100%, 0.0 s left; 3 threads archived: 50 items, 5/s; 1 req/s; 10 s"),
    ],
)
def test_how_far_it_has_come_and_what_is_left(found: ArchiveReport, words: str) -> None:
    moments = iter([0.0, *[10.0] * 9])

    assert archiving.progress(found, Pulse(clock=lambda: next(moments))) == words


def test_what_is_worth_knowing_beside_the_summary() -> None:
    found = ArchiveReport(left_out=[FAILURE], finished_at=BORN)

    assert list(archiving.notes(found)) == [
        "left out, thread cthr_1: NotFoundError",
        "What the archive held when it was complete, at 2026-01-01 00:00 UTC, it holds still.",
    ]
    assert list(archiving.notes(ArchiveReport(is_finished=True, finished_at=BORN))) == []


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("Files.Example", "files.example"),
        ("a.example:443", "a.example"),
        ("localhost:08443", "localhost:8443"),
    ],
)
def test_a_host_is_read_as_addresses_are_compared_with_it(given: str, host: str) -> None:
    parser = ArgumentParser()
    archiving.add_arguments(parser, compressions=("none",))

    assert parser.parse_args(["DIR", "--attachment-host", given]).attachment_host == [host]


def test_a_thread_of_no_moment_moves_nothing() -> None:
    found = report(250)
    found.reach(None)

    assert found.share == 0.25


def test_a_run_that_did_all_is_summed_up() -> None:
    found = ArchiveReport(threads=1, items=2, requests=3, is_finished=True)
    found.totals = Totals(threads=1, end_users=1, items=2)

    assert archiving.summary(found, folder="DIR", elapsed=timedelta(seconds=90)) == (
        "1 thread archived, 2 items; 3 requests, 0 failures. "
        "Complete: DIR holds 1 thread of 1 end user with 2 items. Took 1 min 30 s."
    )


def test_a_run_with_something_to_tell_tells_it() -> None:
    found = ArchiveReport(
        threads=2, known=5, gone=1, shrunk=1, attachments=3, requests=9, paused=4.0, failures=[FAILURE]
    )

    assert archiving.summary(found, folder="DIR", elapsed=timedelta(seconds=9)) == (
        "2 threads archived (5 were there), 0 items, 3 previews; 1 thread deleted upstream meanwhile; "
        "1 thread with fewer items than before, earlier files kept; 9 requests, 1 failure. Not finished: DIR holds 0 threads of 0 end users with 0 items. "
        "Took 9.0 s, 4.0 s of it because upstream asked to wait."
    )


@pytest.mark.parametrize(
    ("threads", "known", "more"),
    [(0, 0, True), (1, 0, False), (0, 1, False)],
    ids=["nothing", "some", "resumed"],
)
def test_a_budget_that_sufficed_for_nothing_is_told_with_the_remedy(
    threads: int, known: int, more: bool
) -> None:
    words = archiving.spent(ArchiveReport(threads=threads, known=known), 5)

    assert words.startswith("The 5 requests of --max-requests are used up.")
    assert ("allow more" in words) is more


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (VerifyReport(threads=2, items=3), "complete: 2 threads, 3 items compared, no difference"),
        (VerifyReport(differences=1), "different: 0 threads, 0 items compared, 1 difference"),
        (
            VerifyReport(differences=2, failures=[FAILURE]),
            "incomplete: 0 threads, 0 items compared, 2 differences, 1 failure",
        ),
    ],
)
def test_a_comparison_ends_with_its_verdict(found: VerifyReport, words: str) -> None:
    assert archiving.verdict(found) == words
