"""Days as people write them: 2026-11-03, from midnight to midnight in the current time zone."""

from datetime import date, datetime, time

from django.utils import timezone
from django.utils.dateparse import parse_date


def day_of(text: str) -> date | None:
    """Return the day that a text says, None where it says none."""
    try:
        day = parse_date(text.strip())
    except ValueError:  # the 31st of February
        return None
    return None if day in (None, date.min, date.max) else day


def begin_of(day: date) -> datetime:
    """Return when a day begins here."""
    return timezone.make_aware(datetime.combine(day, time.min))
