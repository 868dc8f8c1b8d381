"""What one request may see and touch: its own end user's, or with the model's permissions everybody's."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.contrib.auth import get_permission_codename
from django.db.models import QuerySet
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from .. import conf
from ..models import ChatSession, ChatThread
from .authentication import refuse_forged
from .errors import forbidden, not_found
from .identity import end_user_of
from .permissions import Permissions

Row = TypeVar("Row", ChatSession, ChatThread)

_NOBODY = ""  # no end user's id is empty: a constraint of the table says so


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Say what the account and the end user of a request may do. Every view reads and acts through it."""

    user: Any  # the host's account, an AnonymousUser, or None
    end_user: str | None

    @classmethod
    def of(cls, request: Request) -> "Scope":
        """Return the scope of a request.

        Raises:
            NotAuthenticated: when it speaks for nobody.
            Refusal: when its account has no end user.
        """
        scope = cls(user=request.user, end_user=end_user_of(request))
        if scope.end_user is None and not scope.is_known:
            raise NotAuthenticated("Sign in, or send a token as 'Authorization: Bearer TOKEN'.")
        if scope.end_user is None and not scope.is_staff:
            raise forbidden("This account has no end user of ChatKit.")
        refuse_forged(request)
        return scope

    @property
    def is_known(self) -> bool:
        """Tell whether somebody is signed in."""
        return getattr(self.user, "is_authenticated", False)

    @property
    def is_staff(self) -> bool:
        """Tell whether the account belongs to the host's staff."""
        return getattr(self.user, "is_staff", False)

    @property
    def owner(self) -> Any:
        """Return the account that an end user of this request belongs to, or None for a visitor."""
        return self.user if self.is_known else None

    def own(self) -> str:
        """Return the end user that the request speaks for.

        Raises:
            Refusal: when it is staff that speaks for none.
        """
        if self.end_user is None:
            raise forbidden("This account has no end user of ChatKit.")
        return self.end_user

    def owners(
        self, model: type[ChatSession] | type[ChatThread], *, user: str | None = None
    ) -> tuple[str, ...]:
        """Return the end users to each of whom a row must belong to be shown; none where the asker sees everybody's.

        With `user`, only that one's are asked for.
        """
        own = () if self._may("view", model) else self._own_only
        return own if user is None or user in own else (*own, user)

    def readers(self) -> tuple[str, ...]:
        """Return the end users to each of whom a thread must belong too for what was said in it to be read.

        Who sees everybody's threads reads a stranger's only with the permission for transcripts; where the settings hide
        what was said, no permission suffices.
        """
        reads_all = self._holds("view_transcript") and not conf.hides_content()
        return () if reads_all else self._own_only

    def find(self, rows: QuerySet[Row], id: str, *, noun: str) -> Row:
        """Return the one with this id.

        Raises:
            Refusal: a 404, the same for what does not exist and for what is a stranger's.
        """
        row = owned(rows, self.owners(rows.model)).filter(pk=id).first()
        if row is None:
            raise not_found(noun, id)
        return row

    def find_to(self, action: str, rows: QuerySet[Row], id: str, *, noun: str) -> Row:
        """Return the one with this id if the asker may do this to it: "change", "sync" or "delete".

        Raises:
            Refusal: 404 for what the asker may not see, 403 for what it may only see.
        """
        row = self.find(rows, id, noun=noun)
        if row.end_user_id != self.end_user and not self._may(action, rows.model):
            raise forbidden(f"This account may see this, but has no permission to {action} it.")
        return row

    @property
    def _own_only(self) -> tuple[str, ...]:
        return (self.end_user or _NOBODY,)

    def _may(self, action: str, model: type[ChatSession] | type[ChatThread]) -> bool:
        return self._holds(get_permission_codename(action, model._meta))

    def _holds(self, codename: str) -> bool:
        # Staff only: what a permission gives to an account that may not enter the admin is the host's own matter.
        return self.is_staff and codename in self._permissions

    @cached_property
    def _permissions(self) -> Permissions:
        return Permissions(self.user, ChatThread._meta.app_label)


def owned(rows: QuerySet[Row], owners: tuple[str, ...]) -> QuerySet[Row]:
    """Keep what belongs to each of these end users: to all of them at once, so that to two of them belongs nothing."""
    for owner in owners:
        rows = rows.filter(end_user=owner)
    return rows
