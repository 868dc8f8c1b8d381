"""Threads that were deleted here alone, by retention: what keeps a sync from bringing them back."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .fields import IdField


class PrunedThread(models.Model):
    """The id of a thread that upstream may still have, and nothing that was said in it. docs/decisions/0024"""

    id = IdField(_("id"), primary_key=True, max_length=255)
    # The thread's last activity that we knew of: with something newer in it, it is mirrored again.
    active_at = models.DateTimeField(_("last activity"))

    class Meta:
        """Name the table's rules. Nobody edits these rows, so there is nothing to permit."""

        verbose_name = _("pruned thread")
        verbose_name_plural = _("pruned threads")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(id=""), name="chatkit_pruned_id_not_empty"),
        ]

    def __str__(self) -> str:
        return self.id
