"""Erasures: who asked for whom, when, and how much went. No row here holds a word of what was said."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .fields import IdField, OptionalIdField
from .holds import Hold


class ErasureQuerySet(models.QuerySet["Erasure"]):
    """Read the erasures."""

    def of(self, end_user: str) -> Self:
        """Keep those of one end user."""
        return self.filter(end_user=end_user)

    def pending(self) -> Self:
        """Keep those that are not done."""
        return self.filter(finished_at=None)

    def to_try(self, *, now: datetime) -> Self:
        """Keep those that are not done and whose last try did not fail, or failed long enough ago."""
        return self.pending().filter(Q(retry_at=None) | Q(retry_at__lte=now))

    def to_try_later(self, *, now: datetime) -> Self:
        """Keep those that are not done and whose last try failed not long enough ago."""
        return self.pending().filter(retry_at__gt=now)

    def held(self) -> Self:
        """Keep those that wait for a hold to be lifted."""
        return self.filter(end_user__in=Hold.objects.using(self.db).values("end_user"))

    def not_held(self) -> Self:
        """Keep those that wait for no hold to be lifted."""
        return self.exclude(end_user__in=Hold.objects.using(self.db).values("end_user"))

    def unleased(self, *, now: datetime) -> Self:
        """Keep those that nobody works on."""
        return self.filter(Q(leased_until=None) | Q(leased_until__lte=now))


class Erasure(models.Model):
    """One erasure of an end user, from its being asked for. It stays when all else of them is gone."""

    class State(models.TextChoices):
        """How an erasure stands."""

        WAITING = "waiting", _("waiting")
        FAILING = "failing", _("not done yet")
        DONE = "done", _("done")
        HERE = "here", _("done here only")

    # No foreign key: the end user's row goes, and the same id may come back.
    end_user = IdField(_("end user"), max_length=512)
    # The end user's id until it is done: at most one erasure of each is under way. (Not every database has conditions
    # on unique columns.)
    pending_for = OptionalIdField(_("under way for"), max_length=512, null=True, unique=True, editable=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("asked by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    # Who that was, in words: an account may be deleted, and a command has none.
    asked_as = models.CharField(_("asked by (name)"), max_length=150, blank=True, default="")
    asked_at = models.DateTimeField(_("asked at"))
    finished_at = models.DateTimeField(_("done at"), null=True, blank=True)
    # Done without a question to upstream: what it has is neither deleted nor confirmed to be gone.
    here_only = models.BooleanField(_("here only"), default=False, db_default=False)
    sessions = models.PositiveIntegerField(_("sessions"), default=0)
    threads = models.PositiveIntegerField(_("threads"), default=0)
    items = models.PositiveIntegerField(_("items"), default=0)
    notes = models.PositiveIntegerField(_("notes"), default=0)
    reviews = models.PositiveIntegerField(_("reviews"), default=0)
    runs = models.PositiveIntegerField(_("sync runs"), default=0)
    # Until when one process alone works on it; a dead one's lease ends by itself.
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    retry_at = models.DateTimeField(_("try again at"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    last_error = models.TextField(_("last error"), blank=True, default="")

    objects = ErasureQuerySet.as_manager()

    class Meta:
        """Name the table's rules."""

        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["finished_at"], name="chatkit_erasure_finished"),
            models.Index(fields=["end_user"], name="chatkit_erasure_of"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(end_user=""), name="chatkit_erasure_id_not_empty"),
        ]

    def __str__(self) -> str:
        return self.end_user

    @property
    def state(self) -> "Erasure.State":
        """Return how it stands."""
        if self.finished_at is not None:
            return self.State.HERE if self.here_only else self.State.DONE
        return self.State.FAILING if self.failures else self.State.WAITING

    @property
    def is_confirmed(self) -> bool:
        """Tell whether it is done on both sides."""
        return self.state == self.State.DONE


class ErasedThreadQuerySet(models.QuerySet["ErasedThread"]):
    """Read what became of threads that are or were to be erased."""

    def confirmed(self) -> Self:
        """Keep those that upstream said it no longer has."""
        return self.filter(gone_at__isnull=False)

    def kept_out(self) -> Self:
        """Keep those that the mirror takes in no more: they are gone upstream, or erased here."""
        return self.filter(Q(gone_at__isnull=False) | Q(erased_at__isnull=False))

    def left(self) -> Self:
        """Keep those that are not erased here, or not confirmed to be gone upstream."""
        return self.filter(Q(gone_at=None) | Q(erased_at=None))


class ErasedThread(models.Model):
    """What became of one thread of an erasure: its id, and two moments."""

    id = IdField(_("id"), primary_key=True, max_length=255)
    erasure = models.ForeignKey(
        Erasure, verbose_name=_("erasure"), on_delete=models.CASCADE, related_name="erased_threads"
    )
    # When upstream said, by a 404 that names the thread, that it no longer has it; or since when the mirror had known.
    gone_at = models.DateTimeField(_("gone upstream at"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased here at"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True, default="")

    objects = ErasedThreadQuerySet.as_manager()

    class Meta:
        """Name the table's rules."""

        verbose_name = _("erased thread")
        verbose_name_plural = _("erased threads")
        default_permissions = ()

    def __str__(self) -> str:
        return self.id
