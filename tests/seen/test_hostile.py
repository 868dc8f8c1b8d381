"""What means no good stays text: on every page, in every field of every type, in a browser that no policy protects."""

import re

import pytest
from django.contrib.admin.utils import quote
from django.utils.http import urlencode
from playwright.sync_api import Dialog, Page, Request
from pytest_django import Settings

from django_chatkit.admin.visible import visible
from django_chatkit.models import ChatThreadItem
from django_chatkit.models.fields import storable
from tests.admin.conftest import BEGIN, make_session

from . import rows
from .states import ROOT, log_in
from .words import HOSTILE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# The elements, attributes and addresses that no page of ours has, wherever they would come from.
FOUND = """() => {
    const found = [];
    const own = (address) => address && /^\\/(static|admin\\/jsi18n)\\//.test(new URL(address, location).pathname);
    for (const each of document.querySelectorAll("*")) {
        const tag = each.localName;
        if (["iframe", "object", "embed", "base", "style", "marquee", "video", "audio"].includes(tag)) found.push(tag);
        if (tag === "meta" && each.httpEquiv) found.push("meta " + each.httpEquiv);
        if (tag === "script" && each.type !== "application/json" && !own(each.getAttribute("src"))) found.push(tag);
        if (tag === "link" && !own(each.getAttribute("href"))) found.push(tag);
        if (tag === "img" && !own(each.getAttribute("src"))) found.push(tag);
        for (const { name, value } of each.attributes) {
            if (name.startsWith("on") || name === "style" || name === "srcdoc") found.push(`${tag} ${name}`);
            if (["href", "src", "action", "formaction"].includes(name)) {
                const address = new URL(value, location);
                if (!["http:", "https:"].includes(address.protocol)) found.push(`${tag} ${name} ${value}`);
                if (name !== "href" && address.origin !== location.origin) found.push(`${tag} ${name} ${value}`);
            }
        }
    }
    return found;
}"""

# What is read: the text, and what a pointer or a screen reader adds to it.
READ = """() => [document.title, document.body.textContent, ...[...document.querySelectorAll("*")].flatMap(
    (each) => ["title", "aria-label", "alt", "placeholder"].map((name) => each.getAttribute(name) ?? ""))].join(" ")"""

REORDERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture
def alarms(page: Page, origin: str) -> list[str]:
    """Collect what a page does that no page of ours does: open a dialog, ask for something that is not ours."""
    found: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        found.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def look(request: Request) -> None:
        path = request.url.removeprefix(origin)
        own = (
            ("/admin/",)
            if request.is_navigation_request()
            else ("/static/", "/admin/jsi18n/", "/favicon.ico")
        )
        if not path.startswith(own):
            found.append(f"request {request.url}")

    page.on("dialog", dismiss)
    page.on("request", look)
    return found


@pytest.fixture
def unprotected(origin: str, settings: Settings) -> str:
    """Serve the admin without any policy, so that escaping alone keeps it safe."""
    settings.SECURE_CSP = {}
    return origin


def read(page: Page, address: str, alarms: list[str]) -> str:
    """Open a page and all its folds, look for what should not be there, and return what can be read on it."""
    page.goto(address)
    return look_through(page, alarms)


def look_through(page: Page, alarms: list[str]) -> str:
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    text: str = page.evaluate(READ)
    assert page.evaluate(FOUND) == []
    assert page.evaluate("typeof window.hostile") == "undefined"
    assert [text[max(0, each.start() - 40) : each.end() + 40] for each in REORDERS.finditer(text)] == []
    assert alarms == []
    return text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_words_stay_words(page: Page, unprotected: str, alarms: list[str], name: str) -> None:
    words = HOSTILE[name]
    change = rows.always(words)
    owner = rows.end_user(storable(words), name=storable(words)[:150], last_error=words, failures=2)
    thread = rows.thread_of_every_type(change, f"cthr_{words}", owner)
    rows.noted(thread, change)
    session = make_session(
        owner, f"cksess_{words}", workflow_id=words, last_error=words, payload={words: words}
    )
    run = rows.run("user", owner.pk, started_at=BEGIN, stopped=True, errors=1, last_error=words)
    log_in(page, unprotected)
    root = f"{unprotected}{ROOT}"
    seen = visible(words)

    pages = [f"{noun}/" for noun in ("chatthread", "enduser", "chatsession", "chatthreaditem", "syncrun")]
    pages += [f"chatthread/{quote(thread.pk)}/change/", f"enduser/{quote(owner.pk)}/change/"]
    pages += [f"chatthread/{quote(thread.pk)}/history/", f"enduser/{quote(owner.pk)}/history/"]
    pages += [f"chatsession/{quote(session.pk)}/change/", f"syncrun/{run.pk}/change/"]
    pages += [f"chatthread/?{urlencode({'q': words})}", f"chatthread/?{urlencode({'end_user': owner.pk})}"]
    for address in pages:
        assert seen[:20] in read(page, root + address, alarms), address

    page.goto(f"{root}chatthread/{quote(thread.pk)}/change/")
    page.locator("button[value=delete_upstream]").click()
    page.get_by_role("heading", name="Delete upstream?").wait_for()
    page.wait_for_load_state()
    assert seen[:20] in look_through(page, alarms)


def test_every_field_of_every_type_stays_text(page: Page, unprotected: str, alarms: list[str]) -> None:
    marks: dict[str, str] = {}

    def mark(word: str) -> str:
        key = f"~{len(marks)}~"
        marks[key] = word
        return f"<script>alert(1)</script><img src=x-hostile onerror=alert(2)>{key}"

    thread = rows.thread_of_every_type(mark)
    log_in(page, unprotected)
    root = f"{unprotected}{ROOT}"

    text = read(page, f"{root}chatthread/{quote(thread.pk)}/change/", alarms)
    text += read(page, f"{root}chatthreaditem/", alarms)
    for item in ChatThreadItem.objects.filter(thread=thread).in_order():
        text += read(page, f"{root}chatthreaditem/{quote(item.pk)}/change/", alarms)

    assert {key: word for key, word in marks.items() if key not in text} == {}
