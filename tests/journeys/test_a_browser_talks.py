"""A person signs in, talks, and a member of the staff reads what was said."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Response, expect
from pytest_django import Settings

from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem
from tests.deadline import until
from tests.journeys.conftest import Site

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def answers(end: str, status: int) -> Callable[[Response], bool]:
    return lambda response: response.url.endswith(end) and response.status == status


def types_at_home() -> list[str]:
    return list(ChatThreadItem.objects.present().in_order().values_list("type", flat=True))


def test_what_a_person_says_is_at_home_as_soon_as_the_page_has_nudged(site: Site) -> None:
    site.sign_in("ada")
    site.say("Plan my move to Lisbon")
    until(lambda: {"chatkit.user_message", "chatkit.task_group"} <= set(types_at_home()))

    ada = User.objects.get(username="ada")
    thread = ChatThread.objects.get()
    assert thread.end_user.pk == str(ada.pk)
    assert thread.end_user.owner == ada
    assert types_at_home()[0] == "chatkit.user_message"


def test_staff_read_the_conversation_in_the_admin(site: Site) -> None:
    site.sign_in("ada")
    site.say("Where is my parcel?")
    until(lambda: "chatkit.assistant_message" in types_at_home())
    site.sign_out()
    site.sign_in("staff")

    thread = ChatThread.objects.get()
    site.page.goto(f"{site.url}/admin/django_chatkit/chatthread/{thread.pk}/change/")

    expect(site.page.locator("#content")).to_contain_text("You said: “Where is my parcel?”")


def test_a_thread_from_the_history_goes_on_where_it_stopped(site: Site) -> None:
    site.sign_in("ada")
    site.say("First message")
    site.page.get_by_role("button", name="New chat").click()
    site.page.get_by_role("button", name="History").click()
    site.page.get_by_role("dialog").get_by_role("button", name="First message").click()
    expect(site.page.locator("openai-chatkit .user_message")).to_have_text(["First message"])
    site.say("Second message")
    until(lambda: types_at_home().count("chatkit.user_message") == 2)

    assert ChatThread.objects.count() == 1


def test_the_secret_is_renewed_before_it_expires(site: Site, settings: Settings) -> None:
    settings.CHATKIT = {
        **settings.CHATKIT,
        "SESSION_DEFAULTS": {"expires_after": {"anchor": "created_at", "seconds": 4}},
    }
    with site.page.expect_response(answers("/api/chatkit/sessions", 200)) as first:
        site.sign_in("ada")
    with site.page.expect_response(answers("/api/chatkit/sessions", 200)) as second:
        site.page.get_by_role("textbox", name="Message").wait_for()

    assert second.value.json()["client_secret"] != first.value.json()["client_secret"]
    assert ChatSession.objects.count() >= 2


def test_a_phone_needs_no_sideways_scrolling(site: Site) -> None:
    site.page.set_viewport_size({"width": 320, "height": 640})
    site.sign_in("staff")
    site.say("Make a plan for a long week with many-syllabled-undertakings-and-no-break")

    assert site.page.evaluate("document.documentElement.scrollWidth") == 320


def test_the_page_asks_for_login_first(site: Site) -> None:
    site.page.goto(site.url)

    expect(site.page).to_have_url(re.compile(r"/login/\?next=/$"))
