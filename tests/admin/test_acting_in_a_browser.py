"""What staff do on a thread's page, in a browser that runs no script: write, take along, sync, delete upstream."""

import json
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from django_chatkit.models import ChatThread, EndUser, ThreadNote
from django_chatkit.testing import Emulator
from tests.conftest import PATIENCE

from .conftest import Reader, make_thread

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def plain_page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """Open a page of a browser that runs no script."""
    context = browser.new_context(java_script_enabled=False, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def address(live_server: LiveServer, chatkit_emulator: Emulator) -> str:
    """Keep a thread here and upstream, and return where it is read."""
    cache.clear()
    chatkit_emulator.add_thread(user="user_42", id="cthr1", title="Parcel", items=[{"text": "Where is it?"}])
    make_thread(EndUser.objects.create(id="user_42"), "cthr1", title="Parcel", synced_at=None)
    return f"{live_server.url}/admin/django_chatkit/chatthread/cthr1/change/"


@pytest.fixture
def writer(reader: Reader) -> Client:
    """Log in somebody who may do all of it."""
    return reader(
        *("view_chatthread", "view_transcript", "export_chatthread", "sync_chatthread", "delete_chatthread"),
        *("view_threadnote", "add_threadnote", "change_threadreview", "view_syncrun"),
    )


def open_as(page: Page, client: Client, live_server: LiveServer, address: str) -> None:
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page.goto(address)


def wait_for(page: Page, words: str) -> None:
    """Wait for the page that says that something was done."""
    page.locator(".messagelist li", has_text=words).wait_for()


def test_a_thread_is_synced_judged_and_taken_along(
    plain_page: Page, writer: Client, live_server: LiveServer, address: str
) -> None:
    page = plain_page
    open_as(page, writer, live_server, address)

    page.get_by_role("button", name="Sync now").click()
    wait_for(page, "Queued for a sync: 1 thread.")
    page.locator("#syncs").get_by_text("ended").wait_for()
    page.locator("#syncs").get_by_text("1 new").wait_for()
    page.get_by_text("Where is it?").wait_for()

    page.get_by_text("Rate, tag or note").click()
    page.get_by_label("Rating").select_option("Bad")
    page.get_by_label("Tags").fill("Late, billing")
    page.get_by_role("button", name="Save rating and tags").click()
    wait_for(page, "Changed rating and tags")
    expect(page.locator("#staff").get_by_role("link")).to_have_text(["billing", "late"])

    page.get_by_text("Rate, tag or note").click()
    page.get_by_label("New note").fill("Called back.\nAll is well.")
    page.get_by_role("button", name="Add note").click()
    wait_for(page, "Added a note")
    assert ThreadNote.objects.get().text.splitlines() == ["Called back.", "All is well."]
    page.get_by_role("button", name="Remove the note of").click()
    wait_for(page, "Removed a note")

    with page.expect_download() as download:
        page.get_by_role("navigation", name="Export").get_by_role("link", name="JSON", exact=True).click()
    assert download.value.suggested_filename == "chatkit-thread-cthr1.json"
    (told,) = json.loads(download.value.path().read_text(encoding="utf-8"))["threads"]
    assert (told["id"], len(told["items"])) == ("cthr1", 1)

    page.locator("#staff").get_by_role("link", name="billing").click()
    page.get_by_role("link", name="Parcel").wait_for()
    with page.expect_download() as download:
        page.get_by_role("navigation", name="Export these").get_by_role("link", name="CSV").click()
    assert "Where is it?" in download.value.path().read_text(encoding="utf-8")


def test_a_thread_is_deleted_upstream_once_it_was_confirmed(
    plain_page: Page, writer: Client, live_server: LiveServer, address: str, chatkit_emulator: Emulator
) -> None:
    page = plain_page
    open_as(page, writer, live_server, address)

    page.get_by_role("button", name="Delete upstream").click()
    page.get_by_role("heading", name="Delete upstream?").wait_for()
    assert len(chatkit_emulator.threads()) == 1
    page.get_by_role("button", name="Yes, delete upstream").click()

    wait_for(page, "Deleted upstream: 1 thread.")
    assert chatkit_emulator.threads() == []
    assert ChatThread.objects.get().gone_at is not None
