"""Every page of the admin, in every state worth looking at, and the looks that it is looked at in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.test import Client, RequestFactory
from django.utils import timezone
from playwright.sync_api import Page

from django_chatkit.admin.annotations import MOST_NOTES
from django_chatkit.admin.audit import record
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser, Erasure, SyncRun
from django_chatkit.services import annotations
from tests.admin.conftest import BEGIN, make_item, make_thread

from . import rows
from .words import HOSTILE

ROOT = "/admin/django_chatkit/"


@dataclass(frozen=True, slots=True)
class State:
    """Hold a page's address, what keeps the rows that it shows, and what is clicked to get there."""

    name: str
    address: Callable[[], str] | str
    keep: Callable[[], Any]
    click: tuple[str, ...] = ()
    # None: a superuser's.
    permissions: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Look:
    """Hold a colour scheme and a width."""

    name: str
    scheme: Any
    width: int

    def __str__(self) -> str:
        return self.name


LOOKS = [
    Look("light", "light", 1280),
    Look("dark", "dark", 1280),
    Look("narrow", "light", 320),
    Look("narrow-dark", "dark", 320),
]


def nothing() -> None:
    """Keep no row."""


def _page(model: type, pk: str | int) -> str:
    return f"{model.__name__.lower()}/{quote(pk)}/change/"


def _thread(pk: str) -> str:
    return _page(ChatThread, pk)


def _empty_thread() -> None:
    make_thread(rows.end_user(), "cthr_1", title="Not a word")


def _uncopied_thread() -> None:
    make_thread(rows.end_user(), "cthr_1", synced_at=None)


def _one_item() -> None:
    make_item(make_thread(rows.end_user(), "cthr_1", title="Hello"), 1)


def _failing() -> None:
    now = timezone.now()
    owner = rows.end_user(failures=4, last_error=rows.REASON, due_at=now + timedelta(minutes=90))
    rows.talk(make_thread(owner, "cthr_1", title="Where is my parcel?"), ["Hello?", "Good morning!"])
    rows.run("thread", "cthr_1", started_at=BEGIN, stopped=True, errors=1, last_error=rows.REASON)
    rows.sessions(owner)
    rows.runs(owner)


def _noted() -> None:
    rows.noted(rows.thread_of_every_type())


def _read_once() -> None:
    thread = rows.thread_of_every_type()
    request = RequestFactory().get("/")
    request.user = User.objects.create_user("ada", is_staff=True)
    record(request, ChatThread, [thread.pk], "Opened the transcript")


def _many_notes() -> None:
    thread = rows.thread_of_every_type()
    for _each in range(MOST_NOTES + 1):
        annotations.note(thread_id=thread.pk, text="Called back.", author=None, now=BEGIN)


def _held() -> None:
    rows.thread_of_every_type(owner=rows.held())


def _gone() -> None:
    thread = rows.thread_of_every_type()
    ChatThread.objects.filter(pk=thread.pk).update(gone_at=BEGIN)
    ChatThreadItem.objects.filter(thread=thread).update(gone_at=BEGIN)


def _found() -> None:
    thread = rows.thread_of_every_type(id="cthr_" + "0123456789abcdef" * 2, owner=rows.end_user("f" * 32))
    ChatThread.objects.filter(pk=thread.pk).update(title="Something else")
    ChatThreadItem.objects.filter(thread=thread).exclude(position=1).update(text="Something else")
    noted = make_thread(rows.end_user(), "cthr_noted", title="Nothing was found in it but a word of staff")
    rows.noted(noted)
    rows.long_thread()
    rows.right_to_left()


def _hostile_and_noted() -> None:
    rows.hostile()
    rows.noted(ChatThread.objects.get(pk="cthr_script"), rows.always(HOSTILE["script"]))


def _run(state: str) -> State:
    place = ("ended", "failed", "stopped", "broken-off", "running").index(state)

    def address() -> str:
        return _page(SyncRun, SyncRun.objects.order_by("pk")[place].pk)

    return State(f"run-{state}", address, lambda: rows.runs(rows.end_user()))


def _item(position: int, name: str) -> State:
    return State(f"item-{name}", _page(ChatThreadItem, f"cti_cthr_1_{position}"), rows.thread_of_every_type)


def _erased() -> None:
    rows.end_user()
    rows.erasures()


def _erasure() -> str:
    return _page(Erasure, Erasure.objects.get(end_user="user_42").pk)


def _list(noun: str) -> list[State]:
    return [
        State(f"{noun}s-empty", f"{noun}/", nothing),
        State(f"{noun}s", f"{noun}/", rows.everything),
    ]


VIEWS = ("view_enduser", "view_chatsession", "view_chatthread", "view_chatthreaditem", "view_syncrun")

STATES = [
    *(
        state
        for noun in ("chatthread", "enduser", "chatsession", "chatthreaditem", "syncrun")
        for state in _list(noun)
    ),
    State("erasures-empty", "erasure/", nothing),
    State("erasures", "erasure/", rows.erasures),
    State("erasure-failing", _erasure, rows.erasures),
    State("chatthreads-none-found", "chatthread/?q=nobody-said-this", rows.everything),
    State("chatthreads-none-found-filtered", "chatthread/?q=nobody-said-this&rating=good", rows.everything),
    State("chatthreads-found", "chatthread/?q=parcel", _found),
    State("chatthreads-found-hostile", "chatthread/?q=hostile", rows.hostile),
    State("chatthreaditems-found", "chatthreaditem/?q=parcel", _found),
    State("chatthreads-second-page", "chatthread/?p=2", rows.everything),
    State("thread-empty", _thread("cthr_1"), _empty_thread),
    State("thread-uncopied", _thread("cthr_1"), _uncopied_thread),
    State("thread-one", _thread("cthr_1"), _one_item),
    State("thread-every-type", _thread("cthr_1"), rows.thread_of_every_type),
    State("thread-with-notes", _thread("cthr_1"), _noted),
    State("thread-with-many-notes", _thread("cthr_1"), _many_notes),
    State("thread-gone", _thread("cthr_1"), _gone),
    State("thread-held", _thread("cthr_1"), _held),
    State("thread-long", _thread("cthr_long"), rows.long_thread),
    State("thread-long-item", _thread("cthr_long") + "?item=cti_cthr_long_60#p60", rows.long_thread),
    State("thread-no-such-item", _thread("cthr_1") + "?item=cti_unknown", _one_item),
    State("thread-right-to-left", _thread("cthr_rtl"), rows.right_to_left),
    State("thread-hostile", _thread("cthr_script"), _hostile_and_noted),
    State("thread-failed-sync", _thread("cthr_1"), _failing),
    State("thread-without-words", _thread("cthr_1"), _noted, permissions=VIEWS),
    State("thread-sync-asked", _thread("cthr_1"), rows.thread_of_every_type, ("button[value=sync_now]",)),
    State("thread-history", f"chatthread/{quote('cthr_1')}/history/", _read_once),
    State("delete-one", _thread("cthr_1"), rows.thread_of_every_type, ("button[value=delete_upstream]",)),
    _item(1, "user-message"),
    _item(2, "task"),
    _item(3, "task-group"),
    _item(4, "tool-call"),
    _item(6, "assistant-message"),
    _item(7, "tool-call-of-another-status"),
    _item(8, "widget"),
    _item(10, "unknown"),
    State("enduser-new", _page(EndUser, "user_42"), rows.end_user),
    State("enduser-busy", _page(EndUser, "user_42"), rows.everything),
    State("enduser-held", _page(EndUser, "user_42"), rows.held),
    State("enduser-erased", _page(EndUser, "user_42"), _erased),
    State("erase-one", _page(EndUser, "user_42"), rows.everything, ("button[value=erase]",)),
    State("hold-one", _page(EndUser, "user_42"), rows.end_user, ("button[value=hold]",)),
    State("lift-one", _page(EndUser, "user_42"), rows.held, ("button[value=lift]",)),
    State("enduser-failed-sync", _page(EndUser, "user_42"), _failing),
    State("enduser-hostile", _page(EndUser, f"{HOSTILE['script']} script"), rows.hostile),
    State("session", "chatsession/cksess_5Factive/change/", lambda: rows.sessions(rows.end_user())),
    State("session-failing", "chatsession/cksess_5Ffailing/change/", lambda: rows.sessions(rows.end_user())),
    *map(_run, ("ended", "failed", "stopped", "broken-off", "running")),
    State("overview-empty", "overview/", nothing),
    State("overview", "overview/", rows.days),
    State("overview-year", "overview/?days=365", rows.days),
]


def visit(page: Page, origin: str, state: State) -> None:
    """Keep a state's rows and open its page, in every fold, for somebody of the staff."""
    state.keep()
    log_in(page, origin, state.permissions)
    address = state.address if isinstance(state.address, str) else state.address()
    page.goto(f"{origin}{ROOT}{address}")
    for selector in state.click:
        with page.expect_navigation():
            page.locator(selector).click()
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")


def log_in(page: Page, origin: str, permissions: tuple[str, ...] | None = None) -> None:
    """Log in a superuser, or somebody of the staff with these permissions alone."""
    user = User.objects.create_user("grace", is_staff=True, is_superuser=permissions is None)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="django_chatkit", codename__in=permissions or ())
    )
    client = Client()
    client.force_login(user)
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": origin}])


def wear(page: Page, look: Look) -> None:
    """Show the page in a look, and wait until its colours have changed."""
    page.emulate_media(color_scheme=look.scheme)
    page.set_viewport_size({"width": look.width, "height": 900})
    page.evaluate(
        "Promise.allSettled(document.getAnimations().map((each) => each.finished)).then(() => null)"
    )
