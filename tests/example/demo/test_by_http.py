"""A visit by plain HTTP, to a live site with an emulator behind it."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_chatkit.models import ChatSession, EndUser
from django_chatkit.testing import Emulator
from django_chatkit.testing.faults import Fault
from django_chatkit.testing.server import serve
from example_project.demo.accounts import Account
from example_project.demo.by_http import CSRF_COOKIE, HttpVisitor, Site
from example_project.demo.processes import Failed

pytestmark = pytest.mark.django_db(transaction=True)

ADA = Account(1, "ada", "english", "open sesame")


@pytest.fixture
def ada() -> User:
    return User.objects.create_user(ADA.username, password=ADA.password)


@pytest.fixture
def visitor(live_server: LiveServer, chatkit_emulator: Emulator, settings: Settings) -> Iterator[HttpVisitor]:
    settings.CSRF_COOKIE_NAME = CSRF_COOKIE
    with serve(chatkit_emulator) as server:
        yield HttpVisitor(site=live_server.url, emulator=server.origin, because="this is a test")


def test_a_visit_gets_a_secret_and_a_reply(visitor: HttpVisitor, ada: User) -> None:
    visitor.sign_in(ADA)
    session = visitor.open_chat()
    talk = visitor.say("Is anybody there?")

    assert ChatSession.objects.get().pk == session.id
    assert session.secret not in repr(session)
    assert "Is anybody there?" in talk.reply
    assert EndUser.objects.get().owner == ada


def test_a_wrong_password_fails_the_visit(visitor: HttpVisitor, ada: User) -> None:
    with pytest.raises(Failed, match="POST /login/ as ada answered 200"):
        visitor.sign_in(Account(1, "ada", "english", "wrong"))


def test_a_page_without_the_widget_fails_the_visit(visitor: HttpVisitor) -> None:
    with pytest.raises(Failed, match="no <openai-chatkit>"):
        visitor.open_chat()


def test_an_upstream_that_opens_no_session_fails_the_visit(
    visitor: HttpVisitor, ada: User, chatkit_emulator: Emulator
) -> None:
    chatkit_emulator.faults.add(Fault(operation="create_session", status=400))
    visitor.sign_in(ADA)

    with pytest.raises(Failed, match=r"POST /api/chatkit/sessions answered \d+"):
        visitor.open_chat()


def test_a_chat_endpoint_that_refuses_fails_the_visit(
    visitor: HttpVisitor, ada: User, chatkit_emulator: Emulator
) -> None:
    chatkit_emulator.faults.add(Fault(operation="conversation", status=500))
    visitor.sign_in(ADA)
    visitor.open_chat()

    with pytest.raises(Failed, match="The chat endpoint answered 500"):
        visitor.say("Hello?")


def test_a_turn_without_a_reply_fails_the_visit(visitor: HttpVisitor, ada: User) -> None:
    visitor.sign_in(ADA)
    visitor.open_chat()

    # The assistant calls a tool of the page and waits.
    with pytest.raises(Failed, match="and reply ''"):
        visitor.say("What is the weather like?")


def test_a_nudge_that_is_refused_fails_the_visit(visitor: HttpVisitor, ada: User) -> None:
    visitor.sign_in(ADA)
    visitor.open_chat()
    User.objects.update(is_active=False)  # in bulk, which leaves the session alone

    with pytest.raises(Failed, match=r"The nudge answered 40[13]"):
        visitor.say("Hello?")


def test_what_is_not_there_yet_is_nothing(visitor: HttpVisitor, ada: User, live_server: LiveServer) -> None:
    site = Site(live_server.url)
    site.sign_in(ADA)

    assert site.find("/api/chatkit/threads/cthr_0/items") is None
    assert site.read("/api/chatkit/threads")["data"] == []
