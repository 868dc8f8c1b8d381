"""What staff say of a thread among themselves: notes, tags and a rating. None of it is ever sent upstream."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .fields import IdField, SealedTextField
from .threads import ChatThread


class ThreadNoteQuerySet(models.QuerySet["ThreadNote"]):
    """Read the notes."""

    def of(self, thread: str) -> Self:
        """Keep the notes on one thread."""
        return self.filter(thread=thread)

    def in_order(self) -> Self:
        """Order as they were written."""
        return self.order_by("created_at", "pk")


class ThreadNote(models.Model):
    """A note of somebody of the staff on a thread."""

    thread = models.ForeignKey(
        ChatThread, verbose_name=_("thread"), on_delete=models.CASCADE, related_name="notes"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    text = SealedTextField(_("text"))
    created_at = models.DateTimeField(_("created at"))

    objects = ThreadNoteQuerySet.as_manager()

    class Meta:
        """Name the table's rules."""

        verbose_name = _("note")
        verbose_name_plural = _("notes")
        # A note is written and taken back, never rewritten: it says what somebody thought at a moment.
        default_permissions = ("view", "add", "delete")

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"


class Tag(models.Model):
    """A word that staff mark threads with; any staff that may review makes one by using it."""

    name = IdField(_("name"), max_length=50, unique=True)

    class Meta:
        """Name the table's rules."""

        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="chatkit_tag_name_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name


class ThreadReview(models.Model):
    """What staff make of a thread: one rating and its tags, the last word counts."""

    class Rating(models.IntegerChoices):
        """How well the thread went for its end user."""

        GOOD = 1, _("good")
        MIXED = 0, _("mixed")
        BAD = -1, _("bad")

    thread = models.OneToOneField(
        ChatThread,
        verbose_name=_("thread"),
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="review",
    )
    rating = models.SmallIntegerField(
        _("rating"), choices=Rating.choices, null=True, blank=True, db_index=True
    )
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), related_name="reviews", blank=True)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("reviewer"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    reviewed_at = models.DateTimeField(_("reviewed at"))

    class Meta:
        """Name the table's rules."""

        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return self.thread_id
