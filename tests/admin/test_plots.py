"""The overview's plots in a browser, under a strict content security policy: narrow and wide, light and dark."""

from datetime import UTC, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, Route
from pytest_django.live_server_helper import LiveServer

from django_chatkit.models import DailyCount

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

TYPES = ("user_message", "assistant_message", "client_tool_call", "widget", "task", "task_group", "other")


@pytest.fixture
def overview(page: Page, staff: Client, live_server: LiveServer) -> str:
    """Keep a quarter of huge numbers, log in a member of staff, and return where the overview is."""
    now = timezone.now()
    counts = [("items", type) for type in TYPES]
    counts += [(metric, "") for metric in ("sessions", "threads", "requests", "lag", "counted")]
    DailyCount.objects.bulk_create(
        DailyCount(
            day=now.astimezone(UTC).date() - timedelta(days=ago),
            metric=metric,
            type=type,
            value=(ago + 1) * 123_456_789,
            counted_at=now,
        )
        for ago in range(90)
        for metric, type in counts
    )
    session = staff.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page.route("**/overview/*", strictly)
    return f"{live_server.url}/admin/django_chatkit/overview/"


def strictly(route: Route) -> None:
    answer = route.fetch()
    policy = {"content-security-policy": "default-src 'self'"}
    route.fulfill(response=answer, headers={**answer.headers, **policy})


@pytest.mark.parametrize("width", [320, 640, 1280])
def test_the_page_is_no_wider_than_the_window(page: Page, overview: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})

    for days in (7, 90, 365):
        page.goto(f"{overview}?days={days}")
        page.click(".ck-numbers summary")

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".ck-numbers tbody tr").count() == min(days, 90)


def test_every_series_has_a_colour_of_its_own_in_light_and_in_dark(page: Page, overview: str) -> None:
    def colours() -> list[str]:
        page.goto(f"{overview}?days=90")
        fills: list[str] = page.locator(
            "figure:has(#items-title) .ck-bars > path[class^=ck-look]"
        ).evaluate_all("paths => paths.map(path => getComputedStyle(path).fill)")
        return fills

    page.emulate_media(color_scheme="light")
    light = colours()
    page.emulate_media(color_scheme="dark")
    dark = colours()

    assert len(set(light)) == len(set(dark)) == len(TYPES)
    assert set(light).isdisjoint(dark)


def test_the_policy_is_kept(page: Page, overview: str) -> None:
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text))

    page.goto(f"{overview}?days=30")
    page.locator(".ck-hint").first.hover()

    assert [text for text in broken if "Content Security Policy" in text] == []
    assert page.locator(".ck-bars").first.bounding_box() is not None


def test_the_period_is_chosen_by_key(page: Page, overview: str) -> None:
    page.goto(f"{overview}?days=30")

    page.get_by_role("link", name="90 days").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/overview/?days=90")

    assert page.locator(".ck-periods [aria-current=page]").inner_text() == "90 days"
