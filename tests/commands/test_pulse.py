from collections.abc import Callable

import pytest

from django_chatkit.management.pulse import Pulse
from django_chatkit.services.reports import SyncReport

Line = Callable[..., str]


@pytest.fixture
def at() -> list[float]:
    """Give the seconds on the clock; a test sets the one entry."""
    return [100.0]


def test_counts_pace_and_time_are_told(at: list[float]) -> None:
    pulse = Pulse(clock=lambda: at[0])
    at[0] += 4

    line = pulse.line(SyncReport(threads=12, items_new=1_200, items_unchanged=800, requests=48))

    assert line == "12 threads read: 2,000 items, 500/s; 12 req/s; 4.0 s"


def test_the_pace_is_that_of_the_last_seconds(at: list[float]) -> None:
    pulse = Pulse(clock=lambda: at[0])
    for second in range(1, 31):
        at[0] = 100.0 + second
        line = pulse.line(SyncReport(items_new=1_000 * min(second, 20), requests=second))

    assert "read: 20,000 items, 0/s; 1 req/s; 30 s" in line


def test_before_a_tenth_of_a_second_nothing_is_divided_by_nothing(at: list[float]) -> None:
    assert "3 items, 30/s" in Pulse(clock=lambda: at[0]).line(SyncReport(items_new=3))


@pytest.mark.parametrize(
    ("known", "says"),
    [(400, "12/400 threads"), (12, "12/12 threads"), (11, "12 threads"), (0, "12 threads")],
)
def test_a_total_is_told_only_where_one_is_known(known: int, says: str) -> None:
    assert Pulse(known=known).line(SyncReport(threads=12)).startswith(f"{says} read: ")


def test_a_pause_is_told_first(at: list[float]) -> None:
    pulse = Pulse(clock=lambda: at[0], paused_for=lambda: 12.3)

    assert pulse.line(SyncReport(threads=1)) == "upstream asked to wait, 13 s left; 1 thread read: 0 items"


def test_the_line_of_a_long_run_fits_a_terminal(at: list[float]) -> None:
    pulse = Pulse(known=120_000, clock=lambda: at[0])
    at[0] += 3_000
    report = SyncReport(threads=112_000, items_new=8_183_412, requests=91_000)

    assert len(pulse.line(report)) < 80
