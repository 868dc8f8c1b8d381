"""`{% chatkit %}`: what it puts on a page."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, RequestContext, Template
from django.test import RequestFactory
from pytest_django import Settings

from django_chatkit.conf import DEFAULT_SCRIPT_URL

Tag = tuple[str, dict[str, str | None]]


class Tags(HTMLParser):
    """Collect the tags of a page, each with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[Tag] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def box(self) -> dict[str, str | None]:
        return next(attributes for _, attributes in self.found if "data-django-chatkit" in attributes)


def render(arguments: str = "", **context: Any) -> Tags:
    template = Template(f"{{% load chatkit %}}{{% chatkit {arguments} %}}")
    return Tags(template.render(RequestContext(RequestFactory().get("/"), context)))


def test_the_widget_stands_in_a_box_that_knows_the_addresses_of_this_site() -> None:
    tags = render()

    assert tags.all("openai-chatkit") == [{}]
    assert tags.box["data-sessions-url"] == "/api/chatkit/sessions"
    assert tags.box["data-sync-url"] == f"/api/chatkit/threads/{tags.box['data-thread-id']}/sync"


def test_both_scripts_come_from_files_ours_and_upstreams() -> None:
    ours, upstream = render().all("script")

    assert (ours["type"], ours["src"]) == ("module", "/static/django_chatkit/chatkit.js")
    assert upstream["src"] == DEFAULT_SCRIPT_URL
    assert "defer" in upstream


def test_the_address_of_upstreams_script_is_a_setting(settings: Settings) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "SCRIPT_URL": "https://cdn.example/chatkit.js"}

    assert render().all("script")[1]["src"] == "https://cdn.example/chatkit.js"


def test_there_is_no_inline_code_for_a_policy_to_refuse() -> None:
    for tag, attributes in render().found:
        assert tag != "style"
        assert "style" not in attributes
        assert tag != "script" or attributes["src"]
        assert not [name for name in attributes if name.startswith("on")]


def test_a_nonce_of_the_page_goes_to_everything_that_is_loaded() -> None:
    tags = render(csp_nonce="n0nce")

    assert [each["nonce"] for each in tags.all("script") + tags.all("link")] == ["n0nce"] * 3


def test_no_nonce_is_invented() -> None:
    assert not [attributes for _, attributes in render().found if "nonce" in attributes]


def test_options_reach_the_script_as_they_are() -> None:
    options = {"theme": "dark", "startScreen": {"greeting": "</script><b onclick='x'>\"&סָלוֹם"}}

    tags = render("options", options=options)

    assert json.loads(tags.box["data-options"] or "") == options
    assert not tags.all("b")


def test_the_box_takes_an_id_a_class_and_a_patience() -> None:
    box = render("id='help' css_class='tall wide' patience=3").box

    assert (box["id"], box["class"], box["data-patience"]) == ("help", "django-chatkit tall wide", "3")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        pytest.param({"api": {}}, "api", id="the-option-that-is-ours"),
        pytest.param(["theme"], "list", id="no-dict"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: object, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        render("options", options=options)


def test_the_script_reads_the_csrf_cookie_that_the_host_named(settings: Settings) -> None:
    settings.CSRF_COOKIE_NAME = "crumb"
    settings.CSRF_HEADER_NAME = "HTTP_X_OTHER_TOKEN"

    box = render().box

    assert (box["data-csrf-cookie"], box["data-csrf-header"]) == ("crumb", "X-OTHER-TOKEN")
    assert len(box["data-csrf-token"] or "") > 20


def test_where_the_cookie_cannot_be_read_the_token_stands_in_the_page(settings: Settings) -> None:
    settings.CSRF_COOKIE_HTTPONLY = True

    box = render().box

    assert box["data-csrf-cookie"] == ""
    assert box["data-csrf-token"]


def test_a_page_without_a_request_still_renders() -> None:
    html = Template("{% load chatkit %}{% chatkit %}").render(Context())

    assert Tags(html).box["data-csrf-token"] == ""


def test_the_words_are_translated_by_whoever_translates() -> None:
    says = {name: text for name, text in render().box.items() if name.startswith("data-says-")}

    assert sorted(says) == ["data-says-blocked", "data-says-later", "data-says-sign-in", "data-says-wait"]
    assert all(says.values())


class NoAddresses:
    """URLs of a host that forgot ours."""

    urlpatterns: list[Any] = []


def test_a_host_that_forgot_the_addresses_is_told_what_to_add(settings: Settings) -> None:
    settings.ROOT_URLCONF = NoAddresses

    with pytest.raises(ImproperlyConfigured, match=r"include\('django_chatkit.urls'\)"):
        render()
