"""Reports say what was done and what was not."""

import json

from django_chatkit.services.reports import Failure, SyncReport


def test_a_report_without_failures_is_ok() -> None:
    report = SyncReport(threads=2)

    assert report.ok
    assert json.loads(json.dumps(report.as_dict()))["threads"] == 2


def test_a_failure_reads_as_one_line_that_names_the_thing() -> None:
    failure = Failure.of("thread", "cthr_1", ValueError("two\nlines " + "x" * 600))
    report = SyncReport(failures=[failure])

    assert not report.ok
    assert report.as_dict()["failures"][0]["id"] == "cthr_1"
    assert str(failure).startswith("thread cthr_1: ValueError: two lines")
    assert len(failure.error) == 500


def test_nothing_in_a_failure_ends_the_line_or_moves_the_cursor() -> None:
    failure = Failure.of("end user", "ada\nWARNING forged", ValueError("\x1b[2J\x00\u2028gone"))

    assert str(failure) == "end user ada\ufffdWARNING forged: ValueError: \ufffd[2J\ufffd gone"
