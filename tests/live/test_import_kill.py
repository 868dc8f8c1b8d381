"""`kill -9` in the middle of an import: what is then finished is what an import leaves that nobody disturbed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from tests.deadline import until
from tests.services.archives import Archive, made, rows

from .databases import ALIAS
from .site import PATIENCE, Command, Site, empty, let_time_pass

pytestmark = pytest.mark.slow

READ_AT = datetime(2026, 11, 20, 12, 0, 0, 123_456, tzinfo=UTC)
LONG = 12_000
SHORT = [f"cthr_short_{number}" for number in range(120)]
# Somebody else copies this thread until the test says otherwise: no import comes to its end before it is killed.
HELD = "cthr_held"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    archive = Archive(tmp_path, "gzip")
    archive.add(*made("cthr_long", LONG), read_at=READ_AT)
    for number, id in enumerate(SHORT):
        archive.add(*made(id, 5, created_at=1_760_000_000 + number // 7), read_at=READ_AT)
    archive.add(*made(HELD, 1_200, created_at=1_770_000_000, user="bob"), read_at=READ_AT)
    return archive.finish(upstream="http://nobody.invalid/v1")


def hold(until: datetime | None) -> None:
    """Leave an empty mirror but for one thread, and who copies that until when."""
    empty()
    EndUser.objects.using(ALIAS).create(id="bob")
    ChatThread.objects.using(ALIAS).create(
        id=HELD, end_user_id="bob", created_at=datetime.fromtimestamp(1_770_000_000, UTC), leased_until=until
    )


def start(site: Site, folder: Path) -> Command:
    return site.launcher.start(
        "chatkit_import", str(folder), "--verbosity", "0", base_url="http://nobody.invalid/v1"
    )


def items() -> int:
    return ChatThreadItem.objects.using(ALIAS).count()


def unfinished() -> list[str]:
    threads: Any = ChatThread.objects.using(ALIAS).filter(synced_at=None).exclude(pk=HELD)
    return list(threads.values_list("pk", flat=True))


def test_an_import_that_was_killed_again_and_again_ends_as_one_that_was_not(site: Site, folder: Path) -> None:
    hold(until=timezone.now() + timedelta(days=1))
    moments: list[Callable[[], bool]] = [
        lambda: items() > 0,
        lambda: items() >= LONG // 2,
        lambda: items() >= LONG + 100,
        lambda: items() == LONG + 5 * len(SHORT) and not unfinished(),
    ]
    left = []
    for has_come in moments:
        command = start(site, folder)
        until(lambda: has_come() or command.is_over, seconds=PATIENCE)  # noqa: B023 - it is over by the next
        command.kill()
        assert not command.is_over
        left.append((items(), unfinished()))
        let_time_pass()  # what a dead process had leased ends by itself

    ChatThread.objects.using(ALIAS).filter(pk=HELD).update(leased_until=None)
    assert start(site, folder).outcome() == ("0", "")
    after_kills = rows(ALIAS)

    hold(until=None)
    assert start(site, folder).outcome() == ("0", "")

    assert after_kills == rows(ALIAS)
    assert items() == LONG + 5 * len(SHORT) + 1_200
    assert not ChatThread.objects.using(ALIAS).exclude(synced_at=READ_AT).exists()
    # The first kill met a thread half written, and the last one met all but one whole.
    assert 0 < left[0][0] < LONG
    assert "cthr_long" in left[0][1]
    assert left[-1] == (LONG + 5 * len(SHORT), [])


def test_two_imports_at_once_share_what_there_is(site: Site, folder: Path) -> None:
    commands = [start(site, folder) for _ in range(2)]

    assert [command.outcome() for command in commands] == [("0", "")] * 2
    both = rows(ALIAS)

    empty()
    assert start(site, folder).outcome() == ("0", "")
    assert both == rows(ALIAS)
