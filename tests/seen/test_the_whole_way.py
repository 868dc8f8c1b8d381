"""What a member of staff does in a day, in a browser, from the login on."""

from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from django_chatkit.models import ChatThread
from django_chatkit.testing import Emulator

from . import rows

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(page: Page, origin: str) -> Page:
    """Log in through the form, and stand before the admin's index."""
    User.objects.create_superuser("grace", password="open sesame")
    page.goto(f"{origin}/admin/")
    page.get_by_label("Username").fill("grace")
    page.get_by_label("Password").fill("open sesame")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Welcome")).to_contain_text("grace")
    return page


def find(page: Page, words: str, title: str) -> None:
    """Go to the threads, search, and open the one that has this title."""
    page.locator("#content").get_by_role("link", name="Threads", exact=True).click()
    page.locator("#searchbar").fill(words)
    page.get_by_role("button", name="Search").click()
    # Each page before the next click: the links of the one that is left must not be pressed.
    page.wait_for_url("**/chatthread/?q=*")
    page.locator("#result_list").get_by_role("link", name=title).first.click()
    page.wait_for_url("**/change/**")


def test_a_long_thread_is_found_and_read_from_its_end_to_its_beginning(desk: Page) -> None:
    rows.right_to_left()
    rows.long_thread()
    find(desk, "addresses", "A long talk")

    bubbles = desk.locator("article")
    expect(bubbles.last).to_contain_text("This is line 129")
    desk.get_by_role("link", name="Oldest").first.click()
    expect(bubbles.first).to_contain_text("This is line 0")
    desk.get_by_role("link", name="Newer").first.click()
    expect(bubbles.first).to_contain_text("This is line 50")
    desk.get_by_role("link", name="Newest").first.click()
    expect(bubbles.last).to_contain_text("This is line 129")
    expect(bubbles.filter(has_text="more characters: open the item")).to_have_count(1)


def test_a_tool_call_is_unfolded_and_folded(desk: Page) -> None:
    rows.thread_of_every_type()
    find(desk, "parcel", "Where is my parcel?")

    name = desk.locator("#conversation summary", has_text="track_parcel")
    result = desk.locator("#conversation pre", has_text="Leipzig")
    expect(result).to_be_hidden()
    name.click()
    expect(result).to_be_visible()
    name.press("Enter")
    expect(result).to_be_hidden()


def test_a_transcript_is_exported(desk: Page, tmp_path: Path) -> None:
    rows.right_to_left()
    find(desk, "לקוח_7", rows.RIGHT_TO_LEFT[0])

    with desk.expect_download() as download:
        desk.get_by_role("link", name="Markdown").click()
    download.value.save_as(tmp_path / "export.md")

    text = (tmp_path / "export.md").read_text(encoding="utf-8")
    assert "Hauptstraße 5" in text
    assert rows.FAR_EAST[0] in text
    assert LogEntry.objects.filter(object_id="cthr_rtl", change_message__contains="Exported").exists()


def test_a_thread_is_deleted_upstream_once_it_was_confirmed(desk: Page, chatkit_emulator: Emulator) -> None:
    thread = rows.thread_of_every_type()
    chatkit_emulator.add_thread(user="user_42", id=thread.pk, title="Where is my parcel?")
    find(desk, "parcel", "Where is my parcel?")

    desk.get_by_role("button", name="Delete upstream…").click()
    expect(desk.get_by_role("heading", name="Delete upstream?")).to_be_visible()
    desk.get_by_role("link", name="No, take me back").click()
    assert chatkit_emulator.count("delete_thread") == 0

    expect(desk.get_by_role("heading", name="Conversation")).to_be_visible()
    desk.get_by_role("button", name="Delete upstream…").click()
    expect(desk.get_by_role("heading", name="Delete upstream?")).to_be_visible()
    desk.get_by_role("button", name="Yes, delete upstream").click()

    expect(desk.locator(".messagelist")).to_contain_text("Deleted upstream: 1 thread.")
    assert chatkit_emulator.count("delete_thread") == 1
    assert not ChatThread.objects.present().exists()
