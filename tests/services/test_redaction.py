"""What the host's function takes out is nowhere in the mirror, and what it fails at is not stored at all."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem
from django_chatkit.services import cleanup, sync, verify
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter
from tests.client.test_redaction import WORD, without_word
from tests.keys import dump

from .conftest import Clock, World, no_sleep

pytestmark = pytest.mark.django_db


def careless(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Fail aloud at whatever holds the word."""
    if WORD in str(payload):
        raise ValueError(f"I can't take {payload}")
    return payload


class Hook:
    """Redact by a function that a test may exchange."""

    def __init__(self) -> None:
        self.by: Any = without_word

    def __call__(self, type: str, payload: dict[str, Any]) -> Any:
        return self.by(type, payload)


@pytest.fixture
def redact() -> Hook:
    return Hook()


@pytest.fixture
def chatkit(emulator: Emulator, redact: Hook) -> ChatKit:
    return ChatKit(
        api_key="sk-test",
        base_url="http://emulator.invalid/v1",
        adapter=EmulatorAdapter(emulator),
        max_retries=0,
        sleep=no_sleep,
        redact=redact,
    )


def test_nothing_that_was_taken_out_is_stored(run: Any, world: World) -> None:
    id = world.thread(f"my {WORD} sings", "good", title=f"The {WORD}")

    report = run(sync.reconcile)

    assert report.ok
    assert WORD not in " ".join(dump(world.database))
    assert world.words(id) == ["my … sings", "good"]
    assert world.row(id).title == "The …"
    assert world.row(id).payload["title"] == "The …"


def test_an_unchanged_thread_stays_unwritten(run: Any, world: World) -> None:
    world.thread(f"my {WORD}", "good", title=f"The {WORD}")
    run(sync.reconcile)

    report = run(sync.reconcile)

    assert not report.has_news
    assert report.items_unchanged == 2


def test_redacted_is_compared_with_redacted(run: Any, world: World, chatkit: ChatKit) -> None:
    world.thread(f"my {WORD}", title=f"The {WORD}")
    run(sync.reconcile)

    report = verify.compare(client=chatkit, using=world.database)

    assert (report.ok, report.threads, report.items) == (True, 1, 1)


def test_what_was_stored_before_is_redacted_by_a_deep_sync(run: Any, world: World, redact: Hook) -> None:
    redact.by = lambda type, payload: payload
    id = world.thread(f"my {WORD}", title=f"The {WORD}")
    run(sync.reconcile)
    redact.by = without_word

    run(sync.reconcile, deep=True)

    assert world.words(id) == ["my …"]
    assert WORD not in " ".join(dump(world.database, index=False))


def test_an_item_that_fails_is_not_stored_is_a_failure_and_says_nothing(
    run: Any, world: World, redact: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    redact.by = careless
    bad, good = world.thread(f"my {WORD}"), world.thread("fine")

    report = run(sync.reconcile)

    (failure,) = report.failures
    assert (failure.noun, failure.id) == ("thread", bad)
    assert "the function of REDACT failed: ValueError" in failure.error
    assert world.words(bad) == []
    assert world.words(good) == ["fine"]
    assert WORD not in caplog.text + str(report) + " ".join(dump(world.database))


def test_a_thread_that_fails_is_not_stored_and_stops_no_other(run: Any, world: World, redact: Hook) -> None:
    redact.by = careless
    bad, good = world.thread("fine", title=WORD), world.thread("fine")

    report = run(sync.reconcile)

    assert [(each.noun, each.id) for each in report.failures] == [("thread", bad)]
    assert list(ChatThread.objects.using(world.database).values_list("pk", flat=True)) == [good]
    assert not run(sync.sync_thread, thread_id=bad).ok


def test_a_thread_that_fails_later_is_not_taken_for_gone(run: Any, world: World, redact: Hook) -> None:
    id = world.thread("fine", title=f"The {WORD}")
    run(sync.reconcile)
    redact.by = careless

    report = run(sync.reconcile)

    assert len(report.failures) == 1
    assert world.row(id).gone_at is None
    assert world.row(id).title == "The …"


def test_the_verification_counts_a_failure_not_a_difference(
    run: Any, world: World, chatkit: ChatKit, redact: Hook
) -> None:
    titled, said = world.thread("fine", title=f"The {WORD}"), world.thread(f"my {WORD}")
    run(sync.reconcile)
    redact.by = careless

    whole = verify.compare(client=chatkit, using=world.database)
    one = verify.compare(client=chatkit, threads=[titled], using=world.database)

    assert (whole.differences, {each.id for each in whole.failures}) == (0, {titled, said})
    assert (one.differences, len(one.failures)) == (0, 1)
    assert WORD not in str(whole) + str(one)


def test_a_cleanup_deletes_no_thread_that_it_could_not_look_at(
    run: Any, world: World, chatkit: ChatKit, clock: Clock, redact: Hook
) -> None:
    id = world.thread(f"my {WORD}")
    run(sync.reconcile)
    redact.by = careless
    clock.move(days=400)
    world.emulator.add_item(id, text=WORD)

    report = cleanup.run(
        client=chatkit,
        clock=clock,
        retention={"threads": timedelta(days=365)},
        sessions=False,
        using=world.database,
    )

    assert (report.ok, report.threads_deleted) == (False, 0)
    assert ChatThreadItem.objects.using(world.database).count() == 1
