"""What rows and their owners are called where Django would write their names as they are."""

import pytest
from django.contrib.admin import AdminSite, site
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from django_chatkit.admin.end_users import EndUserAdmin
from django_chatkit.models import EndUser

from .conftest import make_thread

LIST = "/admin/django_chatkit/"
REVERSED = "txt\u202eexe"
SHOWN = "txt⟨U+202E⟩exe"


def test_a_row_is_selected_by_its_visible_name(staff: Client, end_user: EndUser) -> None:
    make_thread(end_user, "cthr_1", title=REVERSED)
    page = staff.get(f"{LIST}chatthread/").content.decode()

    assert f'aria-label="Select this object for an action - {SHOWN}"' in page
    assert 'value="cthr_1" class="action-select"' in page
    assert REVERSED not in page


@pytest.mark.parametrize("noun", ["chatthread", "enduser"])
def test_the_history_of_a_row_is_called_by_its_visible_name(
    staff: Client, end_user: EndUser, noun: str
) -> None:
    make_thread(end_user, "cthr_1", title=REVERSED)
    EndUser.objects.create(id=REVERSED)
    id = quote("cthr_1" if noun == "chatthread" else REVERSED)

    page = staff.get(f"{LIST}{noun}/{id}/history/").content.decode()

    assert page.count(f"Change history: {SHOWN}") == 2
    assert f'href="{reverse(f"admin:django_chatkit_{noun}_change", args=[id])}">{SHOWN}</a>' in page
    assert REVERSED not in page


def test_the_history_of_an_unknown_row_is_not_found_kindly(staff: Client) -> None:
    assert staff.get(f"{LIST}chatthread/cthr_none/history/").status_code == 302


def test_ids_and_owners_are_shown_visibly(staff: Client, end_user: EndUser) -> None:
    User.objects.filter(chatkit_end_users=end_user).update(username=REVERSED)
    EndUser.objects.filter(pk=end_user.pk).update(id=f"user_{REVERSED}")
    for address in ("", "user_5Ftxt\u202eexe/change/"):
        page = staff.get(f"{LIST}enduser/{address}").content.decode()
        page = page.replace(f'value="user_{REVERSED}"', "")  # what a form sends back, seen by nobody
        assert page.count(SHOWN) > 1
        assert REVERSED not in page


def test_an_owner_is_linked_where_accounts_have_pages(end_user: EndUser) -> None:
    nobodys = EndUser(id="user_43")
    with_accounts, without = EndUserAdmin(EndUser, site), EndUserAdmin(EndUser, AdminSite())

    assert f'href="/admin/auth/user/{end_user.owner_id}/change/"' in with_accounts.owner_link(end_user)
    assert without.owner_link(end_user) == "mia.chen"
    assert with_accounts.owner_link(nobodys) == "–"
