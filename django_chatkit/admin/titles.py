"""What a thread is called: upstream's title, or the first words of its end user. Titles may stay empty upstream."""

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Substr
from django.utils.translation import gettext

from ..models import ChatThread, ChatThreadItem
from ..models.fields import unless_sealed
from ..models.threads import ChatThreadQuerySet
from ..models.words import text_of

_OPENERS = ("chatkit.user_message", "message")
_LONGEST = 200


def with_opening(threads: ChatThreadQuerySet) -> ChatThreadQuerySet:
    """Annotate threads with ``opening``, the first words that their end user said, in the same query.

    Where payloads may be sealed it is the payload that says them.
    """
    said = ChatThreadItem.objects.filter(thread=OuterRef("pk"), type__in=_OPENERS).exclude(text="")
    words = Substr("text", 1, _LONGEST) if unless_sealed("payload") else F("payload")
    return threads.annotate(opening=Subquery(said.order_by("position").values(words=words)[:1]))


def title_of(thread: ChatThread) -> str:
    """Return a thread's title, or its opening where it was annotated."""
    opening = thread.title.strip() or getattr(thread, "opening", None)
    words = text_of(opening)[:_LONGEST] if isinstance(opening, dict) else opening
    return words or gettext("Untitled")
