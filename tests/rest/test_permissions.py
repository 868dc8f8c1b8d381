"""What staff may is what Django says, however it is asked."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from django_chatkit.rest.permissions import Permissions
from tests.rest.world import allow, bearer, signed_in, thread_of

pytestmark = pytest.mark.django_db

THREADS = "/api/chatkit/threads"


class Doorman:
    """A host's own backend, which lets staff named "staff" view threads."""

    def has_perm(self, user: User, permission: str, obj: object = None) -> bool:
        return (user.username, permission) == ("staff", "django_chatkit.view_chatthread")


def seen_by(asker: Client) -> list[str]:
    return [each["id"] for each in asker.get(THREADS).json()["data"]]


def by_group(user: User) -> User:
    group = Group.objects.create(name="readers")
    group.permissions.add(Permission.objects.get(codename="view_chatthread"))
    user.groups.add(group)
    return user


@pytest.mark.parametrize("way_in", [bearer, signed_in])
def test_a_permission_holds_given_directly_or_by_a_group(
    ada: User, staff: User, ben: User, way_in: Callable[[User], Client]
) -> None:
    thread_of(ada, "cthr_1")
    User.objects.filter(pk=ben.pk).update(is_staff=True)

    assert seen_by(way_in(staff)) == []
    assert seen_by(way_in(allow(staff, "view_chatthread"))) == ["cthr_1"]
    assert seen_by(way_in(by_group(ben))) == ["cthr_1"]


def test_a_permission_is_one_statement(
    staff: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    allow(staff, "view_chatthread")

    with django_assert_num_queries(1):
        assert "view_chatthread" in Permissions(staff, "django_chatkit")
    with django_assert_num_queries(1):
        assert "delete_chatthread" not in Permissions(staff, "django_chatkit")


def test_an_inactive_account_has_no_permission(staff: User) -> None:
    allow(staff, "view_chatthread")
    staff.is_active = False

    assert "view_chatthread" not in Permissions(staff, "django_chatkit")


def test_a_hosts_own_backend_is_asked(ada: User, staff: User, ben: User, settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = [
        "django.contrib.auth.backends.ModelBackend",
        f"{__name__}.Doorman",
    ]
    thread_of(ada, "cthr_1")
    User.objects.filter(pk=ben.pk).update(is_staff=True)

    assert seen_by(bearer(staff)) == ["cthr_1"]
    assert seen_by(bearer(ben)) == []


class Trusting:
    """A host's account that decides itself."""

    is_superuser = False

    def has_perm(self, permission: str) -> bool:
        return permission == "django_chatkit.view_chatthread"


def test_an_account_that_decides_itself_is_asked() -> None:
    assert "view_chatthread" in Permissions(Trusting(), "django_chatkit")
    assert "delete_chatthread" not in Permissions(Trusting(), "django_chatkit")
