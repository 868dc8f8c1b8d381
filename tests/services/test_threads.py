"""Threads deleted on both sides."""

from typing import Any

import pytest

from django_chatkit import signals
from django_chatkit.client import ChatKit, InternalServerError
from django_chatkit.models import ChatThread
from django_chatkit.services import mirror, sync, threads

from .conftest import Clock, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(world: World, chatkit: ChatKit, clock: Clock) -> ChatThread:
    """A thread with two items that both sides have."""
    id = world.thread("one", "two")
    sync.sync_thread(client=chatkit, clock=clock, thread_id=id, using=world.database)
    return world.row(id)


def test_items_that_stand_in_a_thread_are_not_kept_with_it() -> None:
    """They are said, and what may be read of a thread is less than that."""
    thread = {"id": "cthr_1", "title": "A title", "user": "ada"}

    found = mirror.listed({**thread, "items": {"data": [{"content": [{"text": "said"}]}]}})

    assert (found.id, found.user, found.payload) == ("cthr_1", "ada", thread)


def test_a_deleted_thread_is_gone_upstream_and_here(
    world: World, held: ChatThread, chatkit: ChatKit, clock: Clock
) -> None:
    thread = threads.delete(client=chatkit, now=clock.now, thread=held, using=world.database)

    assert thread.gone_at == clock.now
    assert world.emulator.threads() == []
    assert world.words(held.id) == []


def test_one_that_upstream_no_longer_has_counts_as_done(
    world: World, held: ChatThread, chatkit: ChatKit, clock: Clock
) -> None:
    world.emulator.remove_thread(held.id)

    assert threads.delete(client=chatkit, now=clock.now, thread=held, using=world.database).gone_at


def test_what_upstream_refuses_to_delete_stays(
    world: World, held: ChatThread, chatkit: ChatKit, clock: Clock
) -> None:
    world.emulator.fail("delete_thread", status=500)
    world.emulator.fail("delete_thread", status=200, body={"id": held.id, "deleted": False})

    with pytest.raises(InternalServerError):
        threads.delete(client=chatkit, now=clock.now, thread=held, using=world.database)
    with pytest.raises(threads.NotDeleted, match=held.id):
        threads.delete(client=chatkit, now=clock.now, thread=held, using=world.database)

    assert world.row(held.id).gone_at is None
    assert world.words(held.id) == ["one", "two"]


def test_hosts_are_told_once_that_a_thread_is_gone(
    world: World, held: ChatThread, chatkit: ChatKit, clock: Clock, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[str] = []

    def listen(sender: type, thread_id: str, **_: Any) -> None:
        told.append(thread_id)

    signals.thread_gone.connect(listen)
    try:
        with django_capture_on_commit_callbacks(using=world.database, execute=True):
            threads.delete(client=chatkit, now=clock.now, thread=held, using=world.database)
            threads.delete(client=chatkit, now=clock.now, thread=held, using=world.database)
    finally:
        signals.thread_gone.disconnect(listen)

    assert told == [held.id]
