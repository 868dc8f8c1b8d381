import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings

from django_chatkit import queue, tasks
from django_chatkit.testing import Emulator
from tests import caches, celery_apps


@pytest.fixture(autouse=True)
def nothing_asked_for(settings: Settings) -> None:
    settings.CACHES = caches.TIMELESS
    cache.clear()


def test_what_is_asked_for_twice_is_queued_once() -> None:
    # Queues in memory are shared by all apps of a process.
    with celery_apps.current(broker_url="memory://", task_default_queue="of-this-test") as app:
        assert queue.sync_thread("cthr_a") is True
        assert queue.sync_thread("cthr_a") is False
        assert queue.sync_thread("cthr_b") is True
        with app.connection_for_read() as connection:
            messages = connection.SimpleQueue("of-this-test")
            names = [messages.get_nowait().headers["task"] for _ in range(messages.qsize())]

    assert names == ["django_chatkit.tasks.sync_thread"] * 2


def test_a_pass_over_due_users_is_queued_once_too() -> None:
    with celery_apps.current(broker_url="memory://"):
        assert [queue.sync_due_users(), queue.sync_due_users()] == [True, False]

        queue.taken("sync_due_users", 0, "default")

        assert queue.sync_due_users() is True


def test_passes_side_by_side_are_queued_once_each_and_expire() -> None:
    with celery_apps.current(broker_url="memory://", task_default_queue="of-the-passes") as app:
        asked = [
            queue.sync_due_users(part=part, using=using)
            for part in (0, 1, 1, 2)
            for using in ("default", "b")
        ]
        with app.connection_for_read() as connection:
            messages = connection.SimpleQueue("of-the-passes")
            sent = [messages.get_nowait() for _ in range(messages.qsize())]

    assert asked == [True, True, True, True, False, False, True, True]
    assert [message.payload[1] for message in sent] == [
        {},
        {"using": "b"},
        {"part": 1},
        {"part": 1, "using": "b"},
        {"part": 2},
        {"part": 2, "using": "b"},
    ]
    assert all(message.headers["expires"] for message in sent)


def test_a_reconcile_that_comes_again_waits_once_and_its_message_is_not_held_for_long() -> None:
    with celery_apps.current(broker_url="memory://", task_default_queue="of-the-reconciles") as app:
        asked = [
            queue.reconcile(again=(1, 2), wait=3600, using=using) for using in ("default", "default", "b")
        ]
        with app.connection_for_read() as connection:
            messages = connection.SimpleQueue("of-the-reconciles")
            sent = [messages.get_nowait() for _ in range(messages.qsize())]

    assert asked == [True, False, True]
    assert [each.payload[1] for each in sent] == [
        {"items": True, "again": [1, 2]},
        {"items": True, "again": [1, 2], "using": "b"},
    ]
    latest = timezone.now() + timedelta(seconds=queue.LONGEST_HOLD)
    assert all(datetime.fromisoformat(each.headers["eta"]) <= latest for each in sent)


def test_a_cancel_is_queued_once_for_a_moment_and_expires_with_the_sessions() -> None:
    with celery_apps.current(broker_url="memory://", task_default_queue="of-the-cancels") as app:
        asked = [queue.cancel_sessions("ada", before=before) for before in (1, 1, 2)]
        asked += [queue.cancel_sessions("ada", before=2, using="b")]
        with app.connection_for_read() as connection:
            messages = connection.SimpleQueue("of-the-cancels")
            sent = [messages.get_nowait() for _ in range(messages.qsize())]

    assert asked == [True, False, True, True]
    assert [each.payload[1] for each in sent] == [
        {"user": "ada", "before": 1},
        {"user": "ada", "before": 2},
        {"user": "ada", "before": 2, "using": "b"},
    ]
    assert all(each.headers["expires"] for each in sent)


def test_an_erasure_is_queued_once_for_a_moment() -> None:
    with celery_apps.current(broker_url="memory://", task_default_queue="of-the-erasures") as app:
        asked = [queue.erase("ada"), queue.erase("ada"), queue.erase("ada", using="b")]
        with app.connection_for_read() as connection:
            messages = connection.SimpleQueue("of-the-erasures")
            sent = [messages.get_nowait().payload[1] for _ in range(messages.qsize())]

    assert asked == [True, False, True]
    assert sent == [{"user": "ada"}, {"user": "ada", "using": "b"}]


@pytest.mark.parametrize(
    "ask", [queue.sync_due_users, lambda: queue.sync_thread("cthr_a")], ids=["pass", "thread"]
)
def test_a_broker_that_is_down_is_said_and_forgotten(ask: object) -> None:
    assert callable(ask)
    with celery_apps.current(broker_url=celery_apps.NO_BROKER):
        for _ in range(2):  # not coalesced with a request that nobody got
            with pytest.raises(queue.Unavailable, match="broker can't be reached"):
                ask()


def test_what_a_broker_set_up_wrongly_lost_is_not_taken_for_queued() -> None:
    with celery_apps.current(broker_url="carrier-pigeon://roof"):
        for _ in range(2):
            with pytest.raises(KeyError, match="No such transport"):
                queue.sync_thread("cthr_a")


@pytest.mark.django_db
def test_a_task_that_begins_makes_room_for_the_next_request(chatkit_emulator: Emulator) -> None:
    with celery_apps.current(broker_url="memory://"):
        queue.sync_thread("cthr_a")
        tasks.sync_thread(thread_id="cthr_a")

        assert queue.sync_thread("cthr_a") is True


@pytest.mark.parametrize("thread_id", ["cthr_ü\n ", "x" * 500], ids=["odd", "long"])
def test_any_id_makes_a_key_that_every_cache_takes(thread_id: str) -> None:
    key = queue._key("sync_thread", thread_id)

    assert len(key) <= 230
    assert key.isascii()
    assert key.isprintable()
    assert " " not in key


EAGER_HOST = """
import celery, django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_chatkit"], CHATKIT={})
django.setup()
celery.Celery("host").conf.update(task_always_eager=True, task_eager_propagates=True)
from django.core.exceptions import ImproperlyConfigured
from django_chatkit import queue
try:
    queue.sync_thread("cthr_a")
except ImproperlyConfigured:
    print("ran here")
"""


def test_a_host_in_eager_mode_runs_a_task_that_it_never_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", EAGER_HOST],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert ended.stdout == "ran here\n"
