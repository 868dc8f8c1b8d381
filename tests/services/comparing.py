"""What the tests of the verification share: two sides that are equal, and a comparison of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatThread, ChatThreadItem
from django_chatkit.services import sync, verify
from django_chatkit.services.differences import VerifyReport
from django_chatkit.services.sync import Pace

from .conftest import Clock, World


@dataclass(frozen=True)
class Both:
    """Both sides, with the means to sync and to compare them."""

    world: World
    chatkit: ChatKit
    clock: Clock
    pace: Pace

    @property
    def emulator(self) -> Any:
        return self.world.emulator

    @property
    def threads(self) -> Any:
        return ChatThread.objects.using(self.world.database)

    @property
    def items(self) -> Any:
        return ChatThreadItem.objects.using(self.world.database)

    def item(self, thread: str, number: int) -> str:
        """Return the id of an item upstream."""
        id: str = self.emulator.items(thread)[number]["id"]
        return id

    def sync(self, thread: str | None = None, *, deep: bool = False) -> None:
        """Sync everything, or one thread."""
        self.clock.move(seconds=1)
        world: dict[str, Any] = {
            "client": self.chatkit,
            "clock": self.clock,
            "using": self.world.database,
            "deep": deep,
        }
        if thread is None:
            assert sync.reconcile(pace=self.pace, **world).ok
        else:
            assert sync.sync_thread(thread_id=thread, **world).ok

    def compare(self, **scope: Any) -> VerifyReport:
        """Compare, and forget what was asked before."""
        self.emulator.forget_requests()
        return verify.compare(client=self.chatkit, using=self.world.database, **{"workers": 2, **scope})

    def told(self, **scope: Any) -> list[str]:
        """Compare, and return what is told where nothing went wrong."""
        lines: list[str] = []
        report = self.compare(on_difference=lambda each: lines.append(str(each)), **scope)
        assert report.failures == []
        assert sorted(lines) == sorted(map(str, report.found))
        assert report.ok is not bool(lines)
        return sorted(lines)

    def queries(self, **scope: Any) -> list[str]:
        """Compare, and return the statements that the database saw."""
        with CaptureQueriesContext(connections[self.world.database]) as queries:
            self.compare(**scope)
        return [each["sql"] for each in queries]

    def meanwhile(self, happens: Callable[[], object], *, request: int) -> None:
        """Let something happen once upstream has made up its answer to the n-th request from now."""
        left = [request]

        def sleep(seconds: float) -> None:
            left[0] -= 1
            if not left[0]:
                happens()

        self.emulator.sleep, self.emulator.latency = sleep, 0.1
