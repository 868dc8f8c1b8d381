"""Accounts given back to the end users that are theirs, where end users are named by accounts' primary keys."""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError

from ..models import EndUser
from .transactions import atomically


def give_back(users: Collection[str], *, using: str) -> int:
    """Give each of these end users who has no owner the account whose primary key is its name; return how many got one.

    One whose name is nobody's key stays without.
    """
    accounts = EndUser._meta.get_field("owner").related_model
    ownerless = EndUser.objects.using(using).filter(owner=None, pk__in=users).values_list("pk", flat=True)
    keys = {user: key for user in ownerless if (key := _key(accounts, user)) is not None}
    known = set(accounts._base_manager.using(using).filter(pk__in=keys.values()).values_list("pk", flat=True))

    def give() -> int:
        free = EndUser.objects.using(using).filter(owner=None)
        return sum(
            free.filter(pk=user).update(owner=key) for user, key in sorted(keys.items()) if key in known
        )

    return atomically(give, using=using) if known else 0


def _key(accounts: Any, user: str) -> Any:
    """Return a name as the key of an account, or None where it is none: written otherwise, it would be another's."""
    try:
        key = accounts._meta.pk.to_python(user)
        accounts._meta.pk.run_validators(key)  # no database takes a number of fifty digits
    except ValidationError:
        return None
    return key if str(key) == user else None
