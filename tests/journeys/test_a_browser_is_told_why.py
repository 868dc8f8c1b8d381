"""When there is no chat to be had, the page says so in words and offers to try again."""

import re

import pytest
from playwright.sync_api import Route, expect
from pytest_django import Settings

from django_chatkit.models import ChatThread
from django_chatkit.testing.faults import Fault
from tests.journeys.conftest import Site

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SESSIONS = "**/api/chatkit/sessions"
SYNC = "**/sync"


def refuse(status: int) -> dict[str, object]:
    return {"status": status, "content_type": "application/json", "body": '{"error": {"message": "no"}}'}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param(401, "Sign in to use the chat", id="nobody"),
        pytest.param(403, "Sign in to use the chat", id="somebody-else"),
        pytest.param(429, "Wait a minute", id="too-many"),
        pytest.param(503, "not available at the moment", id="upstream-down"),
        pytest.param(200, "not available at the moment", id="no-secret-in-the-answer"),
    ],
)
def test_each_refusal_has_its_words(site: Site, status: int, words: str) -> None:
    site.page.route(SESSIONS, lambda route: route.fulfill(**refuse(status)))
    site.sign_in("ada")

    expect(site.page.get_by_role("alert").filter(has_text=words)).to_be_visible()


def test_a_site_that_cannot_be_reached_has_words_too(site: Site) -> None:
    site.page.route(SESSIONS, lambda route: route.abort())
    site.sign_in("ada")

    expect(site.page.get_by_role("alert").filter(has_text="not available")).to_be_visible()


def test_a_login_wall_in_front_of_the_addresses_means_sign_in(site: Site) -> None:
    wall = {"location": f"{site.url}/login/"}
    site.page.route(SESSIONS, lambda route: route.fulfill(status=302, headers=wall))
    site.sign_in("ada")

    expect(site.page.get_by_role("alert").filter(has_text="Sign in")).to_be_visible()


def test_an_upstream_that_is_down_for_a_moment_is_asked_again_on_demand(site: Site) -> None:
    site.emulator.faults.add(Fault(operation="create_session", status=500, times=None))
    site.sign_in("ada")
    again = site.page.get_by_role("button", name="Try again")
    again.wait_for()
    site.emulator.faults.clear()
    again.click()
    site.say("Are you back?")

    expect(again).to_be_hidden()


def test_who_was_signed_out_gets_to_the_login_page(site: Site) -> None:
    site.page.route(SESSIONS, lambda route: route.abort(), times=1)
    site.sign_in("ada")
    again = site.page.get_by_role("button", name="Try again")
    again.wait_for()
    site.page.context.clear_cookies()
    again.click()
    site.page.get_by_role("alert").filter(has_text="Sign in").wait_for()
    again.click()

    expect(site.page).to_have_url(re.compile("/login/"))


def test_a_failed_renewal_leaves_the_conversation_in_sight(site: Site, settings: Settings) -> None:
    usual, short = settings.CHATKIT, {"expires_after": {"anchor": "created_at", "seconds": 6}}
    settings.CHATKIT = {**usual, "SESSION_DEFAULTS": short}
    site.sign_in("ada")
    site.say("Stay with me")
    site.page.route(SESSIONS, lambda route: route.fulfill(**refuse(503)), times=1)
    again = site.page.get_by_role("button", name="Try again").first
    again.wait_for()

    expect(site.page.locator("openai-chatkit .assistant_message")).to_be_visible()

    settings.CHATKIT = usual  # the next secret must last until it is used
    with site.page.expect_response(lambda response: response.url.endswith("/sessions") and response.ok):
        again.click()
    site.say("Thank you")


def test_a_script_that_is_blocked_is_told_at_once(site: Site) -> None:
    site.page.route("**:*/chatkit.js", lambda route: route.abort())
    site.sign_in("ada")

    notice = site.page.get_by_role("alert").filter(has_text="could not be loaded")
    expect(notice).to_be_visible()

    site.page.unroute("**:*/chatkit.js")
    site.page.get_by_role("button", name="Try again").click()
    expect(site.page.get_by_role("textbox", name="Message")).to_be_visible()


def test_a_script_that_never_defines_the_widget_is_told_in_time(site: Site) -> None:
    site.page.clock.install()
    site.page.route("**:*/chatkit.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    site.sign_in("ada")
    site.page.locator("[data-django-chatkit]").wait_for()
    site.page.wait_for_load_state("networkidle")
    site.page.clock.fast_forward("00:11")

    expect(site.page.get_by_role("alert").filter(has_text="could not be loaded")).to_be_visible()


def test_a_nudge_is_repeated_until_the_site_takes_it(site: Site) -> None:
    answers = iter([503, None])

    def stumble(route: Route) -> None:
        status = next(answers, None)
        if status is None:
            route.continue_()
        else:
            route.fulfill(status=status)

    site.page.route(SYNC, stumble)
    site.sign_in("ada")
    # The attempts come 0, 1 and 3 seconds after the event.
    with site.page.expect_response(
        lambda response: response.url.endswith("/sync") and response.status == 202
    ):
        site.say("Do not forget me")

    assert ChatThread.objects.count() == 1


def test_a_nudge_is_given_up_after_a_while(site: Site) -> None:
    attempts: list[str] = []

    def refuse_nudge(route: Route) -> None:
        attempts.append(route.request.url)
        route.fulfill(status=503)

    site.page.clock.install()
    site.page.route(SYNC, refuse_nudge)
    site.sign_in("ada")
    site.say("Never mind")
    while len(attempts) < 6:
        with site.page.expect_response(lambda response: response.url.endswith("/sync")):
            site.page.clock.fast_forward("00:20")
    site.page.clock.fast_forward("05:00")
    site.say("Once more")

    # Six for the first message; the second is another reason to try.
    assert len(attempts) < 12


def test_a_nudge_that_is_refused_for_good_is_not_repeated(site: Site) -> None:
    attempts: list[str] = []

    def refuse_nudge(route: Route) -> None:
        attempts.append(route.request.url)
        route.fulfill(status=403)

    site.page.clock.install()
    site.page.route(SYNC, refuse_nudge)
    site.sign_in("ada")
    with site.page.expect_response(lambda response: response.url.endswith("/sync")):
        site.say("Never mind")
    site.page.clock.fast_forward("05:00")
    site.say("Once more")

    # At most one for the new thread and one for each reply.
    assert len(attempts) <= 3
