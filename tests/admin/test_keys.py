"""The conversation in a browser, under a strict content security policy: by key, with the script and without."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from django_chatkit.models import ChatThread
from tests.conftest import PATIENCE

from .conftest import BEGIN, make_item

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

Opened = Callable[..., Page]


@pytest.fixture
def address(live_server: LiveServer, thread: ChatThread) -> str:
    """Keep a conversation of some days, and return where it is read."""
    for position in range(1, 4):
        make_item(thread, position, created_at=BEGIN + timedelta(days=position))
    call = {"status": "completed", "name": "track", "arguments": "{}", "output": "[]"}
    make_item(thread, 4, "chatkit.client_tool_call", payload=call, created_at=BEGIN + timedelta(days=4))
    return f"{live_server.url}/admin/django_chatkit/chatthread/{thread.pk}/change/"


@pytest.fixture
def staff_page(page: Page, staff: Client, live_server: LiveServer) -> Page:
    """Open a page for a member of staff, whose browser gets nothing but what is ours."""
    log_in(page, staff, live_server)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    return page


def log_in(page: Page, staff: Client, live_server: LiveServer) -> None:
    session = staff.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page.route("**/change/**", strictly)


def strictly(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(
        response=answer, headers={**answer.headers, "content-security-policy": "default-src 'self'"}
    )


def place(page: Page) -> str:
    """Return the id of the focussed element."""
    found: str = page.evaluate("document.activeElement.id")
    return found


def test_keys_walk_from_item_to_item_within_the_conversation(staff_page: Page, address: str) -> None:
    staff_page.goto(address)
    staff_page.keyboard.press("j")
    assert place(staff_page) == ""

    staff_page.focus("#conversation")
    places = []
    for key in "jjkjjjjjk":
        staff_page.keyboard.press(key)
        places.append(place(staff_page))

    assert places == ["p1", "p2", "p1", "p2", "p3", "p4", "p4", "p4", "p3"]


@pytest.mark.parametrize("end", ["?item=cti_3#p3", "?item=cti_3"], ids=["whole", "without-its-place"])
def test_a_link_to_an_item_leads_the_keys_there_too(staff_page: Page, address: str, end: str) -> None:
    staff_page.goto(f"{address}{end}")
    assert place(staff_page) == "p3"
    outlined = (
        "[...document.querySelectorAll('.ck-bubble')]"
        ".filter((each) => getComputedStyle(each.querySelector('.ck-body')).outlineStyle === 'solid')"
        ".map((each) => each.id)"
    )
    assert staff_page.evaluate(outlined) == ["p3"]

    staff_page.keyboard.press("j")

    assert place(staff_page) == "p4"
    assert staff_page.evaluate(outlined) == ["p4"]


def test_a_link_at_the_head_of_the_page_leads_into_the_conversation(staff_page: Page, address: str) -> None:
    staff_page.goto(address)

    staff_page.get_by_role("link", name="Conversation").click()
    staff_page.keyboard.press("j")

    assert place(staff_page) == "p1"


def test_keys_begin_where_the_reader_is(staff_page: Page, thread: ChatThread, address: str) -> None:
    for position in range(5, 20):
        make_item(thread, position, created_at=BEGIN + timedelta(days=5))
    staff_page.goto(address)
    staff_page.evaluate("document.getElementById('p9').scrollIntoView()")
    staff_page.evaluate("document.getElementById('conversation').focus({ preventScroll: true })")

    staff_page.keyboard.press("j")

    assert place(staff_page) == "p9"


def test_keys_are_left_to_who_writes_or_commands(staff_page: Page, address: str) -> None:
    staff_page.goto(address)
    staff_page.focus("#ck-on")
    staff_page.keyboard.press("j")
    assert place(staff_page) == "ck-on"

    staff_page.focus("#conversation")
    for key in ("Control+j", "Alt+j", "x"):
        staff_page.keyboard.press(key)
    assert place(staff_page) == "conversation"


def test_a_key_copies_the_link_to_an_item(staff_page: Page, address: str) -> None:
    staff_page.goto(address)
    staff_page.focus("#conversation")
    staff_page.keyboard.press("c")  # no item yet
    staff_page.keyboard.press("j")
    staff_page.keyboard.press("c")

    staff_page.get_by_text("Copied the link.").wait_for()
    assert staff_page.evaluate("navigator.clipboard.readText()") == f"{address}?item=cti_1#p1"


def test_where_there_is_no_clipboard_the_link_itself_is_gone_to(staff_page: Page, address: str) -> None:
    """As on a page without HTTPS."""
    staff_page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    staff_page.goto(address)
    staff_page.focus("#conversation")
    staff_page.keyboard.press("j")
    staff_page.keyboard.press("c")

    expect(staff_page.locator("#p1 a.ck-id")).to_be_focused()


def test_all_is_unfolded_and_folded_at_once(staff_page: Page, address: str) -> None:
    staff_page.goto(address)
    folds = "[...document.querySelectorAll('#conversation details')].map((each) => each.open)"

    staff_page.get_by_role("button", name="Unfold all").click()
    assert staff_page.evaluate(folds) == [True]

    staff_page.get_by_role("button", name="Fold all", exact=True).click()
    assert staff_page.evaluate(folds) == [False]


def test_a_day_is_gone_to(staff_page: Page, address: str) -> None:
    staff_page.goto(f"{address}?_changelist_filters=q%3Dx")
    staff_page.get_by_label("Go to day").fill("2026-11-06")
    staff_page.get_by_role("button", name="Go", exact=True).click()

    staff_page.wait_for_url("**on=2026-11-06#conversation")
    assert "_changelist_filters=q%3Dx" in staff_page.url
    assert [each.get_attribute("id") for each in staff_page.locator("article").all()] == ["p3", "p4"]


def test_without_a_script_everything_is_there_but_its_comfort(
    browser: Browser, staff: Client, live_server: LiveServer, address: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    log_in(page, staff, live_server)
    page.goto(address)

    assert page.locator("article").count() == 4
    assert not page.get_by_role("button", name="Unfold all").is_visible()
    assert not page.get_by_text("walk from item to item").is_visible()
    page.locator("summary", has_text="track").click()
    assert page.get_by_text("Arguments").is_visible()
    page.get_by_label("Go to day").fill("2026-11-06")
    page.get_by_role("button", name="Go", exact=True).click()
    page.wait_for_url("**on=2026-11-06#conversation")
    assert page.locator("article").count() == 2
    context.close()


def test_a_conversation_fits_a_narrow_screen(staff_page: Page, thread: ChatThread, address: str) -> None:
    wide = "| a | b |\n|---|---|\n| " + "wide " * 40 + "|" + "x" * 200 + "|\n\n```\n" + "y" * 300 + "\n```\n"
    text = wide + "z" * 300
    content = [{"type": "output_text", "text": text, "annotations": []}]
    make_item(thread, 5, "chatkit.assistant_message", payload={"content": content})
    staff_page.set_viewport_size({"width": 320, "height": 640})
    staff_page.goto(address)

    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert staff_page.evaluate(overflow) == 0


def test_the_browser_refuses_nothing_of_the_page(staff_page: Page, address: str) -> None:
    staff_page.add_init_script(
        "window.refused = [];"
        "document.addEventListener('securitypolicyviolation', (event) => refused.push(event.blockedURI));"
    )
    staff_page.goto(address)

    staff_page.get_by_role("button", name="Unfold all").click()
    assert staff_page.evaluate("refused") == []
