"""The items of threads, in the order that upstream gave them."""

from typing import Self

from django.db import connections, models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .end_users import EndUser
from .fields import IdField, PayloadField
from .threads import ChatThread
from .words import SaidField


class ChatThreadItemQuerySet(models.QuerySet["ChatThreadItem"]):
    """Read the mirror's items."""

    def of(self, thread: str) -> Self:
        """Keep the items of one thread."""
        return self.filter(thread=thread)

    def along(self, thread: str) -> Self:
        """Keep the items of one thread, to be read `in_order` from any position on.

        MariaDB reads a thread from its first item on, wherever the positions that are asked for begin, as long as it is
        told the thread as equal: a tenth of a second in a thread of 100,000. Told as a range, it goes to the position
        at once. With SQLite it is the other way about.
        """
        if connections[self.db].vendor == "mysql":
            return self.filter(thread__gte=thread, thread__lte=thread)
        return self.of(thread)

    def present(self) -> Self:
        """Keep those that upstream still has, as far as we know."""
        return self.filter(gone_at=None)

    def in_order(self) -> Self:
        """Order as they were said."""
        return self.order_by("thread_id", "position")

    def not_held(self) -> Self:
        """Leave out those of end users of whom nothing may be erased or pruned."""
        held = ChatThread.objects.filter(end_user__in=EndUser.objects.held().values("pk"))
        return self.exclude(thread__in=held.values("pk"))


class ChatThreadItem(models.Model):
    """An item of a thread, mirrored. A gone item keeps its place."""

    id = IdField(_("id"), primary_key=True, max_length=255)
    thread = models.ForeignKey(
        ChatThread, verbose_name=_("thread"), on_delete=models.CASCADE, related_name="items", db_index=False
    )
    type = models.TextField(_("type"), blank=True, default="")
    position = models.BigIntegerField(_("position"))
    text = SaidField(_("text"), blank=True, default="")
    # False while upstream may still change the item: a tool call in progress.
    settled = models.BooleanField(_("settled"), default=True)
    payload = PayloadField(_("payload"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"))
    gone_at = models.DateTimeField(_("gone at"), null=True, blank=True)
    # When retention dropped what it said; text and payload are empty since, and stay so. docs/decisions/0024
    words_dropped_at = models.DateTimeField(_("words dropped at"), null=True, blank=True)

    objects = ChatThreadItemQuerySet.as_manager()

    class Meta:
        """Name the table's rules."""

        verbose_name = _("item")
        verbose_name_plural = _("items")
        indexes = [
            models.Index(fields=["thread", "settled"], name="chatkit_item_settled"),
            models.Index(fields=["created_at"], name="chatkit_item_created"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["thread", "position"], name="chatkit_item_position"),
            models.CheckConstraint(condition=~Q(id=""), name="chatkit_item_id_not_empty"),
        ]

    def __str__(self) -> str:
        return self.id
