"""What the demo tells while it runs."""

import io

from django.core.management.base import OutputWrapper

from example_project.demo.report import Report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_step_is_a_line_with_what_was_seen_and_how_long_it_took() -> None:
    out, moments = io.StringIO(), iter([0.0, 1.0, 3.5, 10.0])
    report = Report(OutputWrapper(out), timer=lambda: next(moments))

    with report.step("mirror") as say:
        assert report.failed_at == "mirror"
        say("7 threads")
        say("3 items")

    assert out.getvalue() == "ok mirror         7 threads; 3 items (2.5 s)\n"
    assert (report.failed_at, report.steps, report.seconds()) == ("", 1, 10.0)


def test_a_terminal_shows_progress_and_a_file_does_not() -> None:
    screen, file = Terminal(), io.StringIO()

    Report(OutputWrapper(screen)).progress("mirror", "3 of 7")
    Report(OutputWrapper(file)).progress("mirror", "3 of 7")

    assert "mirror         3 of 7" in screen.getvalue()
    assert file.getvalue() == ""


def test_a_line_that_is_no_step_wipes_the_progress_away() -> None:
    screen = Terminal()

    Report(OutputWrapper(screen)).say("hello")

    assert screen.getvalue() == "\r\x1b[2Khello\n"
