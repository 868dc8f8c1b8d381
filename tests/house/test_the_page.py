"""The fixture `page` keeps its word. Apart: see the rule about browsers and databases in CONTRIBUTING.md."""

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer


@pytest.mark.slow
@pytest.mark.django_db
def test_a_page_reads_the_live_server_and_the_test_its_database(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/admin/login/")

    assert page.locator("input[name=username]").is_visible()
    assert get_user_model().objects.count() == 0
