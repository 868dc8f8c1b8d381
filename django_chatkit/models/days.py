"""What happened on each day, in numbers that stay when the rows they were counted from are pruned."""

from datetime import date, datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class DailyCountQuerySet(models.QuerySet["DailyCount"]):
    """Read the days."""

    def between(self, first: date, last: date) -> Self:
        """Keep the days from one to another, both included."""
        return self.filter(day__gte=first, day__lte=last)

    def first_day(self) -> date | None:
        """Return the first day of which anything is known."""
        first: date | None = self.order_by("day").values_list("day", flat=True).first()
        return first

    def counted_at(self, *, whole: bool = False) -> datetime | None:
        """Return when days were last counted; with ``whole``, when all of them were."""
        counts = self.filter(metric=DailyCount.Metric.COUNTED)
        return (counts.filter(type=DailyCount.WHOLE) if whole else counts)._last_moment()

    def cleaned_at(self) -> datetime | None:
        """Return when a cleanup of everything last came through."""
        return self.filter(metric=DailyCount.Metric.CLEANED)._last_moment()

    def _last_moment(self) -> datetime | None:
        moments = self.order_by("-day", "-counted_at").values_list("counted_at", flat=True)
        last: datetime | None = moments.first()
        return last


class DailyCount(models.Model):
    """One number of one day in UTC. What is nowhere counted is zero. docs/decisions/0019"""

    class Metric(models.TextChoices):
        """Name what is counted; ``type`` says more where it is given here."""

        SESSIONS = "sessions", _("sessions opened")
        THREADS = "threads", _("threads created")
        # The type: as upstream's, without "chatkit."; what we don't know is "other".
        ITEMS = "items", _("items")
        END_USERS = "end-users", _("active end users")
        # The type: how many messages the end user wrote that day. The value: in how many threads.
        TURNS = "turns", _("turns")
        UNANSWERED = "unanswered", _("unanswered threads")
        TOOLS_FAILED = "tools-failed", _("failed tool calls")
        RUNS = "runs", _("sync runs")
        REQUESTS = "requests", _("requests")
        FAILURES = "failures", _("failures")
        # In seconds: the most that was seen when days were counted.
        LAG = "lag", _("sync lag")
        # How often days were counted on this day. The type: WHOLE where all were.
        COUNTED = "counted", _("counts")
        # How often a cleanup of everything came through on this day.
        CLEANED = "cleaned", _("cleanups")

    WHOLE = "whole"

    day = models.DateField(_("day"))
    metric = models.CharField(_("metric"), max_length=32, choices=Metric)
    type = models.CharField(_("type"), max_length=32, blank=True, default="")
    value = models.BigIntegerField(_("value"))
    counted_at = models.DateTimeField(_("counted at"))

    objects = DailyCountQuerySet.as_manager()

    class Meta:
        """Name the table's rules. Nobody edits the days, so there is nothing to permit."""

        verbose_name = _("daily count")
        verbose_name_plural = _("daily counts")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["day", "metric", "type"], name="chatkit_day_metric"),
            models.CheckConstraint(condition=Q(value__gte=0), name="chatkit_day_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.metric} {self.type}".strip()


class Overview(DailyCount):
    """Lend the admin's page of the days its name and its address."""

    class Meta:
        """Say what the admin's index calls it."""

        proxy = True
        default_permissions = ()
        verbose_name = _("overview")
        verbose_name_plural = _("overview")
