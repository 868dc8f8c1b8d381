import pytest
from django.core.management.base import OutputWrapper

from django_chatkit.management.progress import Progress

from .conftest import Terminal


def shown(*steps: tuple[float, str], **options: bool) -> str:
    stream = Terminal()
    times = iter([at for at, _ in steps])
    progress = Progress(OutputWrapper(stream), clock=lambda: next(times), **options)
    for _, text in steps:
        progress.show(text)
    progress.clear()
    return stream.getvalue()


def test_a_shorter_line_leaves_nothing_of_the_longer_one() -> None:
    assert shown((1, "100 threads"), (2, "done")) == "\r100 threads\rdone       \r    \r"


def test_lines_that_come_too_fast_are_left_out() -> None:
    assert shown((1, "one"), (1.05, "two"), (1.2, "three")) == "\rone\rthree\r     \r"


def test_a_line_stays_within_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "8")

    assert shown((1, "a long line of text")) == "\ra long \r       \r"


def test_nothing_is_shown_to_who_wants_nothing() -> None:
    assert shown((1, "one"), is_wanted=False) == ""


def test_a_line_that_stays_the_same_is_not_written_again() -> None:
    assert shown((1, "one"), (2, "one"), (3, "two")) == "\rone\rtwo\r   \r"


def test_a_text_is_made_only_where_it_is_shown() -> None:
    made: list[str] = []

    def text() -> str:
        made.append("one")
        return "one"

    times = iter([1.0, 1.05])
    stream = Terminal()
    for wanted in (False, True):
        progress = Progress(OutputWrapper(stream), is_wanted=wanted, clock=lambda: next(times))
        progress.show(text)
    progress.show(text)

    assert made == ["one"]
    assert stream.getvalue() == "\rone"
