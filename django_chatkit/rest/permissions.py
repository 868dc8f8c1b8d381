"""What an account has permissions for, asked in one statement where Django asks in two."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Permission, PermissionsMixin
from django.db.models import Q

_DJANGOS_OWN = ["django.contrib.auth.backends.ModelBackend"]


class Permissions:
    """Tell what an account may do in an app, as ``user.has_perm`` does; the first question asks for all.

    Django's own backend reads all permissions of the account, and then all of its groups. Wherever a host has other
    backends, or accounts that decide themselves, they are asked.
    """

    def __init__(self, user: Any, app_label: str) -> None:
        self._user = user
        self._app_label = app_label

    def __contains__(self, codename: str) -> bool:
        """Tell whether the account has a permission."""
        if self._user.is_superuser or not _is_djangos_own(self._user):
            return bool(self._user.has_perm(f"{self._app_label}.{codename}"))
        return bool(self._user.is_active) and codename in self._held

    @cached_property
    def _held(self) -> frozenset[str]:
        user = self._user
        its_own, its_groups = Q(pk__in=user.user_permissions.values("pk")), Q(group__in=user.groups.all())
        of_app = Permission.objects.filter(content_type__app_label=self._app_label).order_by()
        return frozenset(of_app.filter(its_own | its_groups).values_list("codename", flat=True))


def _is_djangos_own(user: Any) -> bool:
    # `__class__`, because the account of a cookie is a lazy object.
    decides_itself = getattr(user.__class__, "has_perm", None) is not PermissionsMixin.has_perm
    return list(settings.AUTHENTICATION_BACKENDS) == _DJANGOS_OWN and not decides_itself
