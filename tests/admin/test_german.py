"""Where the site speaks German, so do the messages and the words of upstream that are known."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from django_chatkit.models import ChatThread
from django_chatkit.services import holds
from django_chatkit.testing import Emulator

from .conftest import BEGIN, make_item
from .test_actions import act

ROOT = "/admin/django_chatkit/"


@pytest.fixture(autouse=True)
def german(settings: Any) -> None:
    """Speak German."""
    settings.LANGUAGE_CODE = "de"


@pytest.mark.parametrize(
    ("status", "word"),
    [
        pytest.param("active", "Aktiv", id="active"),
        pytest.param("locked", "gesperrt", id="locked"),
        pytest.param("closed", "geschlossen", id="closed"),
        pytest.param("paused", "paused", id="unknown"),
    ],
)
def test_the_status_of_a_thread_is_translated_where_it_is_known(
    staff: Client, thread: ChatThread, status: str, word: str
) -> None:
    ChatThread.objects.update(status=status)

    assert f'<span class="ck-state ck-calm">{word}</span>' in staff.get(f"{ROOT}chatthread/").content.decode()


def test_what_the_end_user_chose_is_named(staff: Client, thread: ChatThread) -> None:
    options = {"tool_choice": {"id": "orders"}, "model": "gpt-5"}
    make_item(thread, 1, payload={"content": [], "inference_options": options})

    page = staff.get(f"{ROOT}chatthread/cthr_5F1/change/").content.decode()

    assert "Gewünschtes Werkzeug: <bdi>orders</bdi>" in page
    assert "Gewünschtes Modell: <bdi>gpt-5</bdi>" in page


def test_a_deletion_that_a_hold_forbids_is_told(
    staff: Client, thread: ChatThread, chatkit_emulator: Emulator
) -> None:
    holds.hold(user="user_42", now=BEGIN)

    said = act(staff, "chatthread", "delete_upstream", thread.pk, confirmed="yes")

    assert said.startswith("Thread cthr_1: fehlgeschlagen. der Endnutzer ist gesperrt: von ihm wird nichts")


def test_a_deletion_that_upstream_did_not_do_is_told(
    staff: Client, thread: ChatThread, chatkit_emulator: Emulator
) -> None:
    cache.clear()
    body = {"id": thread.pk, "object": "chatkit.thread.deleted", "deleted": False}
    chatkit_emulator.fail("delete_thread", status=200, body=body)

    said = act(staff, "chatthread", "delete_upstream", thread.pk, confirmed="yes")

    assert said.startswith("Thread cthr_1: fehlgeschlagen. OpenAI sagt, es habe nicht gelöscht")


def test_a_missing_key_is_told(staff: Client, thread: ChatThread, settings: Any) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("OPENAI_API_KEY", raising=False)
        settings.CHATKIT = {**settings.CHATKIT, "API_KEY": ""}
        said = act(staff, "chatthread", "sync_now", thread.pk)

    assert said.startswith("Es wurde nichts getan. ChatKit hat keinen API-Schlüssel: ")
