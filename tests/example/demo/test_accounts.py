"""The people of the demo."""

import json
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command

from django_chatkit.models import EndUser
from example_project.demo import accounts


def test_there_is_a_member_of_staff_and_two_people_and_two_authors_a_language() -> None:
    people = accounts.invent(["thai", "urdu"])

    assert [each.username for each in people if each.password] == ["staff", "ada", "omid"]
    assert [each.username for each in people if not each.password] == ["thai-1", "thai-2", "urdu-1", "urdu-2"]
    assert [each.pk for each in people] == list(range(1, 8))


def test_no_password_shows_in_a_repr() -> None:
    staff = accounts.invent([])[0]

    assert staff.password not in repr(staff)


@pytest.mark.django_db
def test_the_fixture_makes_accounts_that_can_sign_in_and_own_their_end_users(tmp_path: Path) -> None:
    people = accounts.invent(["thai"])
    fixture = tmp_path / "accounts.json"
    fixture.write_text(json.dumps(accounts.fixture(people)))

    call_command("loaddata", str(fixture), verbosity=0)

    for each in people:
        user = User.objects.get(username=each.username)
        assert user.is_staff == each.staff
        assert user.has_usable_password() == bool(each.password)
        if each.password:
            assert authenticate(username=each.username, password=each.password) == user
    assert EndUser.objects.get(pk="4").owner == User.objects.get(username="thai-1")
    assert not EndUser.objects.filter(pk="1").exists()
