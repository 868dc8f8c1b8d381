"""Threads as upstream has them, and as of when we know."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .end_users import EndUser
from .fields import IdField, PayloadField
from .words import TitleField


class ChatThreadQuerySet(models.QuerySet["ChatThread"]):
    """Read the mirror's threads."""

    def of(self, end_user: str) -> Self:
        """Keep the threads of one end user."""
        return self.filter(end_user=end_user)

    def present(self) -> Self:
        """Keep those that upstream still has, as far as we know."""
        return self.filter(gone_at=None)

    def unarchived(self) -> Self:
        """Keep those that upstream has, and no archive as they are now."""
        return self.present().filter(Q(archived_at=None) | Q(last_activity_at__gt=F("archived_at")))

    def newest_first(self) -> Self:
        """Order as upstream lists them by default."""
        return self.order_by("-created_at", "-tie", "-id")

    def oldest_first(self) -> Self:
        """Order as upstream lists them with ``order=asc``."""
        return self.order_by("created_at", "tie", "id")

    def not_held(self) -> Self:
        """Leave out those of end users of whom nothing may be erased or pruned."""
        return self.exclude(end_user__in=EndUser.objects.held().values("pk"))


class ChatThread(models.Model):
    """A thread of upstream's, mirrored."""

    id = IdField(_("id"), primary_key=True, max_length=255)
    end_user = models.ForeignKey(
        EndUser, verbose_name=_("end user"), on_delete=models.CASCADE, related_name="threads"
    )
    title = TitleField(_("title"), blank=True, default="")
    status = models.TextField(_("status"), blank=True, default="active")
    payload = PayloadField(_("payload"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"))
    # The place among threads of the same second, oldest first: upstream's times have no finer grain.
    tie = models.IntegerField(_("place within its second"), default=0)
    gone_at = models.DateTimeField(_("gone at"), null=True, blank=True)
    # When the items were last written whole; empty while the first copy is under way.
    synced_at = models.DateTimeField(_("synced at"), null=True, blank=True)
    # The moment at which the newest knowledge written here (the thread's own, its items') was requested.
    as_of = models.DateTimeField(_("thread as of"), null=True, blank=True)
    items_as_of = models.DateTimeField(_("items as of"), null=True, blank=True)
    # Until when one process alone copies the items; a dead one's lease ends by itself.
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    # The lowest position of an item that was read within its second: more of that second may come before or after it.
    young_from = models.BigIntegerField(_("young from"), null=True, blank=True)
    last_activity_at = models.DateTimeField(_("last activity"), null=True, blank=True)
    # When the archive that holds the thread began to read it.
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)
    # When retention last dropped what was said: the title is empty since, and so is every item that was written before.
    words_dropped_at = models.DateTimeField(_("words dropped at"), null=True, blank=True)
    # Of the session that it was begun in, kept when that leaves the ledger. Until then the ledger knows.
    workflow_id = IdField(_("workflow"), max_length=255, blank=True, default="", db_default="")

    objects = ChatThreadQuerySet.as_manager()

    class Meta:
        """Name the table's rules."""

        verbose_name = _("thread")
        verbose_name_plural = _("threads")
        # What staff may do beside to view (metadata) and to delete. docs/decisions/0015
        permissions = [
            ("view_transcript", "Can view what was said in threads"),
            ("sync_chatthread", "Can sync thread"),
            ("export_chatthread", "Can export thread"),
        ]
        indexes = [
            models.Index(fields=["end_user", "created_at", "tie"], name="chatkit_thread_of_user"),
            models.Index(fields=["created_at", "tie", "id"], name="chatkit_thread_listing"),
            models.Index(fields=["last_activity_at"], name="chatkit_thread_activity"),
            models.Index(fields=["end_user", "last_activity_at"], name="chatkit_thread_last"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(id=""), name="chatkit_thread_id_not_empty"),
        ]

    def __str__(self) -> str:
        return self.title or self.id
