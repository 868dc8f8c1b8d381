"""A client on the emulator, a clock that tests move, and a look at the mirror."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.services import end_users
from django_chatkit.services.reports import SyncReport
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from django_chatkit.testing.adapter import EmulatorAdapter


def no_sleep(seconds: float) -> None:
    """Wait no time at all."""


class Clock:
    """Give a moment that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def timestamp(self) -> float:
        return self.now.timestamp()

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Emulator:
    return Emulator(clock=clock.timestamp, sleep=no_sleep, seed=7)


@pytest.fixture
def chatkit(emulator: Emulator) -> ChatKit:
    return ChatKit(
        api_key="sk-test",
        base_url="http://emulator.invalid/v1",
        adapter=EmulatorAdapter(emulator),
        max_retries=0,
        sleep=no_sleep,
    )


@pytest.fixture
def pace() -> Pace:
    return Pace(interval=timedelta(seconds=15), grace=timedelta(seconds=60), workers=2)


@dataclass(frozen=True)
class World:
    """Both sides: upstream as the emulator plays it, and our mirror of it on one database."""

    emulator: Emulator
    database: str

    def thread(self, *texts: str, user: str = "ada", **fields: Any) -> str:
        """Add a thread with one message a text upstream, and return its id."""
        id: str = self.emulator.add_thread(user=user, **fields)["id"]
        for text in texts:
            self.emulator.add_item(id, text=text)
        return id

    def upstream(self) -> dict[str, Any]:
        """Return threads and items as upstream has them, in its order."""
        return {each["id"]: (each, self.emulator.items(each["id"])) for each in self.emulator.threads()}

    def mirror(self) -> dict[str, Any]:
        """Return threads and items as the mirror has them, in its order."""
        threads = ChatThread.objects.using(self.database).present().oldest_first()
        items = ChatThreadItem.objects.using(self.database).present().in_order()
        return {each.id: (each.payload, [item.payload for item in items.of(each.id)]) for each in threads}

    def assert_exact(self) -> None:
        """Compare both sides whole, order included."""
        assert list(self.mirror()) == list(self.upstream())
        assert self.mirror() == self.upstream()

    def row(self, id: str) -> ChatThread:
        """Return the row of a thread."""
        return ChatThread.objects.using(self.database).get(pk=id)

    def words(self, id: str) -> list[str]:
        """Return the words of a thread's present items, in order."""
        items = ChatThreadItem.objects.using(self.database).of(id).present().in_order()
        return list(items.values_list("text", flat=True))


@pytest.fixture
def world(emulator: Emulator, database: str) -> World:
    return World(emulator, database)


@pytest.fixture
def run(chatkit: ChatKit, clock: Clock, pace: Pace, world: World) -> Any:
    """Run a service on the emulator, a second after whatever was before."""

    def call(service: Any, **arguments: Any) -> SyncReport:
        clock.move(seconds=1)
        report: SyncReport = service(
            client=chatkit, clock=clock, pace=pace, using=world.database, **arguments
        )
        return report

    return call


@pytest.fixture
def live(clock: Clock, world: World) -> Any:
    """Make an end user live for ten minutes, and due now."""

    def make(user: str = "ada", seconds: float = 600) -> None:
        until = clock.now + timedelta(seconds=seconds)
        end_users.opened(user=user, owner=None, expires_at=until, due_at=clock.now, using=world.database)

    return make


def end_user(world: World, user: str = "ada") -> EndUser:
    """Return the row of an end user."""
    return EndUser.objects.using(world.database).get(pk=user)
