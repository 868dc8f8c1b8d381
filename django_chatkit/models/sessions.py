"""The ledger: the sessions that we opened. Upstream can't list them, so we are the only witness."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .end_users import EndUser
from .fields import IdField, PayloadField

# A session ends by itself, at the latest ten minutes after its opening. So long after that nothing that upstream answers to a
# cancel, or does not, matters.
LONG_AGO = timedelta(days=1)


class ChatSessionQuerySet(models.QuerySet["ChatSession"]):
    """Read the ledger."""

    def of(self, end_user: str) -> Self:
        """Keep the sessions of one end user."""
        return self.filter(end_user=end_user)

    def active(self) -> Self:
        """Keep those that nobody has settled."""
        return self.filter(status=ChatSession.Status.ACTIVE)

    def settled(self) -> Self:
        """Keep those that are over, by their term or by a cancel."""
        return self.exclude(status=ChatSession.Status.ACTIVE)

    def past(self, *, now: datetime) -> Self:
        """Keep those that nobody can use any more: settled, or expired so long ago that no cancel is missed."""
        return self.filter(~Q(status=ChatSession.Status.ACTIVE) | Q(expires_at__lt=now - LONG_AGO))

    def expired(self, *, now: datetime) -> Self:
        """Keep those whose term is over and that nobody has settled."""
        return self.active().filter(expires_at__lte=now)

    def live(self, *, now: datetime) -> Self:
        """Keep those that may still accept messages."""
        return self.active().filter(expires_at__gt=now)

    def unclaimed(self, *, now: datetime) -> Self:
        """Keep those that no process has taken for itself."""
        return self.filter(Q(claimed_until=None) | Q(claimed_until__lte=now))

    def claimed(self, *, now: datetime) -> Self:
        """Keep those that some process has taken for itself."""
        return self.filter(claimed_until__gt=now)

    def to_try(self, *, now: datetime) -> Self:
        """Keep those whose last try did not fail, or failed long enough ago."""
        return self.filter(Q(retry_at=None) | Q(retry_at__lte=now))

    def not_held(self) -> Self:
        """Leave out those of end users of whom nothing may be erased or pruned."""
        return self.exclude(end_user__in=EndUser.objects.held().values("pk"))


class ChatSession(models.Model):
    """A session that we opened. Its client secret is in no column."""

    class Status(models.TextChoices):
        """Name the states of a session, in upstream's words."""

        ACTIVE = "active", _("active")
        EXPIRED = "expired", _("expired")
        CANCELLED = "cancelled", _("cancelled")

    id = IdField(_("id"), primary_key=True, max_length=255)
    end_user = models.ForeignKey(
        EndUser, verbose_name=_("end user"), on_delete=models.CASCADE, related_name="sessions"
    )
    workflow_id = IdField(_("workflow"), max_length=255, blank=True, default="")
    status = models.CharField(_("status"), max_length=32, choices=Status, default=Status.ACTIVE)
    expires_at = models.DateTimeField(_("expires at"))
    payload = PayloadField(_("payload"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"))
    gone_at = models.DateTimeField(_("gone at"), null=True, blank=True)
    # Until when a process that cancels expired sessions has taken this one for itself.
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    retry_at = models.DateTimeField(_("try again at"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    last_error = models.TextField(_("last error"), blank=True, default="")

    objects = ChatSessionQuerySet.as_manager()

    class Meta:
        """Name the table's rules."""

        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes = [
            models.Index(fields=["status", "expires_at"], name="chatkit_session_expiry"),
            models.Index(fields=["created_at"], name="chatkit_session_created"),
            models.Index(fields=["end_user", "created_at"], name="chatkit_session_listing"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(id=""), name="chatkit_session_id_not_empty"),
        ]

    def __str__(self) -> str:
        return self.id
