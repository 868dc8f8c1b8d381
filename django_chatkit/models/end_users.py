"""End users: upstream's ``user`` strings, and when each must be looked at again."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .fields import IdField


class EndUserQuerySet(models.QuerySet["EndUser"]):
    """Read end users by what the sync asks about them."""

    def live(self, *, now: datetime) -> Self:
        """Keep those with a session that may still accept messages."""
        return self.filter(live_until__gt=now)

    def due(self, *, now: datetime) -> Self:
        """Keep those whose threads may have changed since the last look."""
        return self.filter(due_at__lte=now)

    def unleased(self, *, now: datetime) -> Self:
        """Keep those whom nobody is syncing."""
        return self.filter(Q(leased_until=None) | Q(leased_until__lte=now))

    def held(self) -> Self:
        """Keep those of whom nothing may be erased or pruned."""
        return self.filter(hold__isnull=False)

    def not_held(self) -> Self:
        """Leave out those of whom nothing may be erased or pruned."""
        return self.filter(hold__isnull=True)


class EndUser(models.Model):
    """The scope that owns threads upstream, named by a free string of our choice."""

    id = IdField(_("id"), primary_key=True, max_length=512)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="chatkit_end_users",
    )
    # The key of the account that was the owner, where it is deleted and its chats are kept.
    former_owner = models.CharField(_("former owner"), max_length=255, blank=True, default="")
    live_until = models.DateTimeField(_("live until"), null=True, blank=True)
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    looked_at = models.DateTimeField(_("last looked at"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    last_error = models.TextField(_("last error"), blank=True, default="")

    objects = EndUserQuerySet.as_manager()

    class Meta:
        """Name the table's rules."""

        verbose_name = _("end user")
        verbose_name_plural = _("end users")
        permissions = [
            ("export_enduser", "Can export all of an end user"),
            ("erase_enduser", "Can erase end user"),
            ("hold_enduser", "Can hold end user"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="chatkit_enduser_due"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(id=""), name="chatkit_enduser_id_not_empty"),
        ]

    def __str__(self) -> str:
        return self.id
