"""Holds: while an end user is held, nothing of theirs is erased or pruned, by anyone."""

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .end_users import EndUser


class HoldQuerySet(models.QuerySet["Hold"]):
    """Read the holds."""

    def of(self, end_user: str) -> Self:
        """Keep the hold on one end user, where there is one."""
        return self.filter(end_user=end_user)


class Hold(models.Model):
    """A hold on one end user. There is no row without one; lifting deletes it."""

    # PROTECT is a part of the rule: the database itself keeps the end user's row while the hold is there.
    end_user = models.OneToOneField(
        EndUser,
        verbose_name=_("end user"),
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="hold",
    )
    reason = models.TextField(_("reason"), blank=True, default="")
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("held by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    # Who that was, in words: an account may be deleted, and a command has none.
    held_as = models.CharField(_("held by (name)"), max_length=150, blank=True, default="")
    held_at = models.DateTimeField(_("held since"))

    objects = HoldQuerySet.as_manager()

    class Meta:
        """Name the table's rules. Holding is a permission of end users."""

        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        default_permissions = ()

    def __str__(self) -> str:
        return self.end_user_id
