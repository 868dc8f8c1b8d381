"""Runs of the sync: when each worked, what it counted, and what stopped it."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .end_users import EndUser
from .fields import IdField
from .threads import ChatThread

# A run that works writes its counts every few seconds; one that was silent for so long without an end was killed.
SILENCE = timedelta(minutes=1)


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    """Read the runs."""

    def newest_first(self) -> Self:
        """Order by start, the latest first."""
        return self.order_by("-started_at", "-pk")

    def about(self, *, thread: str = "", end_user: str = "") -> Self:
        """Keep those that set out for one thread or for one end user, not those that met it among others."""
        is_asked = Q(kind="thread", subject=thread) | Q(kind="user", subject=end_user)
        return self.filter(is_asked, subject__in=[id for id in (thread, end_user) if id])

    def ended(self) -> Self:
        """Keep those that came through, whatever failed on the way."""
        return self.filter(ended_at__isnull=False, stopped=False)

    def stopped(self) -> Self:
        """Keep those that an error ended before they were through."""
        return self.filter(stopped=True)

    def running(self, *, now: datetime) -> Self:
        """Keep those that are at work."""
        return self.filter(ended_at=None, noted_at__gt=now - SILENCE)

    def broken_off(self, *, now: datetime) -> Self:
        """Keep those that were killed: without an end, and silent for too long."""
        return self.filter(ended_at=None, noted_at__lte=now - SILENCE)

    def failed(self) -> Self:
        """Keep those that could not do something."""
        return self.filter(errors__gt=0)

    def succeeded(self) -> Self:
        """Keep those that did all that they set out to do."""
        return self.ended().filter(errors=0)

    def not_held(self) -> Self:
        """Leave out those about end users of whom nothing may be erased or pruned, or about their threads."""
        held = EndUser.objects.held().values("pk")
        threads = ChatThread.objects.filter(end_user__in=held).values("pk")
        return self.exclude(kind="user", subject__in=held).exclude(kind="thread", subject__in=threads)


class SyncRun(models.Model):
    """One run of a sync that had something to do. Counts are those of `SyncReport`."""

    class Kind(models.TextChoices):
        """What a run set out to do."""

        DUE = "due", _("due end users")
        USER = "user", _("one end user")
        THREAD = "thread", _("one thread")
        RECONCILE = "reconcile", _("everything")

    class State(models.TextChoices):
        """How a run stands: at work, through, ended early by an error, or killed."""

        RUNNING = "running", _("running")
        ENDED = "ended", _("ended")
        STOPPED = "stopped", _("stopped")
        BROKEN_OFF = "broken-off", _("broken off")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    # The end user's or thread's id, where the run is about one.
    subject = IdField(_("about"), max_length=512, blank=True, default="")
    started_at = models.DateTimeField(_("started at"))
    # When the counts were last written: while a run works it does so every few seconds.
    noted_at = models.DateTimeField(_("last word"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    users = models.PositiveIntegerField(_("end users looked at"), default=0)
    threads = models.PositiveIntegerField(_("threads read"), default=0)
    threads_new = models.PositiveIntegerField(_("threads new"), default=0)
    threads_changed = models.PositiveIntegerField(_("threads changed"), default=0)
    threads_gone = models.PositiveIntegerField(_("threads gone"), default=0)
    items_new = models.PositiveIntegerField(_("items new"), default=0)
    items_changed = models.PositiveIntegerField(_("items changed"), default=0)
    items_gone = models.PositiveIntegerField(_("items gone"), default=0)
    items_unchanged = models.PositiveIntegerField(_("items unchanged"), default=0)
    requests = models.PositiveIntegerField(_("requests"), default=0)
    # Whether an error ended the run before it was through: a refused key, an interruption, a database that went away.
    stopped = models.BooleanField(_("stopped"), default=False)
    # Seconds that the run stood still because upstream asked for it.
    paused = models.FloatField(_("paused (seconds)"), default=0)
    errors = models.PositiveIntegerField(_("errors"), default=0)
    last_error = models.TextField(_("last error"), blank=True, default="")

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        """Name the table's rules."""

        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")
        indexes = [
            models.Index(fields=["-started_at"], name="chatkit_run_started"),
            models.Index(fields=["ended_at"], name="chatkit_run_ended"),
            models.Index(fields=["subject", "-started_at"], name="chatkit_run_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject}".strip()

    def state(self, *, now: datetime) -> "SyncRun.State":
        """Return how the run stands."""
        if self.ended_at is not None:
            return self.State.STOPPED if self.stopped else self.State.ENDED
        return self.State.RUNNING if self.noted_at > now - SILENCE else self.State.BROKEN_OFF

    @property
    def duration(self) -> timedelta:
        """Return how long the run worked, as far as it told."""
        return (self.ended_at or self.noted_at) - self.started_at
