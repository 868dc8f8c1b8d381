"""`kill -9` at any moment: the next run goes on where it stopped."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from django_chatkit.models import ChatThreadItem, EndUser
from tests.deadline import until

from .databases import ALIAS
from .site import LEASE, PATIENCE, Command, Site, let_time_pass, longest_lease

pytestmark = pytest.mark.slow

# Items of each thread of an end user, and the pages that their first copy asks for.
SIZES = {0: 1, 3: 1, 200: 2, 310: 4}
# After how many answers a run is killed.
KILLS = [0, 1, 2, 3, 5, 8, 12]
LONG = timedelta(hours=1)


@pytest.fixture
def pages(site: Site) -> dict[str, int]:
    """Add threads of two end users, and return how many pages each thread has."""
    return site.threads(SIZES, users=("ada", "bob"))


class Killer:
    """Kill runs, and hold what upstream was asked against what is allowed."""

    def __init__(self, site: Site, pages: dict[str, int]) -> None:
        self.site = site
        self.pages = pages
        self.killed: list[Command] = []

    def kill(self, *arguments: str, after: int) -> None:
        """Kill a run when upstream has answered so often, or is over; no lease that it leaves outlives its term."""
        self.site.gate.close(after=after)
        command = self.site.start(*arguments)
        until(lambda: self.site.gate.waiting or command.is_over, seconds=PATIENCE)
        killed_at = command.kill()
        self.site.gate.open()
        end = longest_lease()
        assert end is None or end <= killed_at + LEASE
        let_time_pass()
        self.killed.append(command)

    def end(self, *arguments: str) -> None:
        """Run to the end: nothing was asked for more often than allowed, and both sides are equal."""
        reads = self.site.reads(self.site.run(*arguments), *self.killed)
        allowed = self._allowed()
        assert {thread: (n, allowed[thread]) for thread, n in reads.items() if n > allowed[thread]} == {}
        self.site.world.assert_exact()
        assert ChatThreadItem.objects.using(ALIAS).count() == 2 * sum(SIZES)
        assert longest_lease() is None

    def _allowed(self) -> Counter[str]:
        """Count each page once, and once more for each kill of a thread that was begun by then.

        The page that a run was asking for, or had no time to write, comes again.
        """
        allowed = Counter(self.pages)
        for number in range(len(self.killed)):
            allowed.update(self.site.reads(*self.killed[: number + 1]).keys())
        return allowed


def test_a_full_sync_goes_on_and_repeats_a_page_a_thread_at_most(site: Site, pages: dict[str, int]) -> None:
    killer = Killer(site, pages)

    for after in KILLS:
        killer.kill("--full", after=after)

    killer.end("--full")


def test_a_pass_goes_on_and_repeats_a_page_a_thread_at_most(site: Site, pages: dict[str, int]) -> None:
    EndUser.objects.using(ALIAS).bulk_create(
        EndUser(id=user, due_at=timezone.now()) for user in ("ada", "bob")
    )
    killer = Killer(site, pages)

    for after in KILLS:
        killer.kill(after=after)

    killer.end()
    assert not EndUser.objects.using(ALIAS).exclude(due_at=None).exists()


def test_who_comes_while_a_dead_ones_lease_lasts_leaves_its_end_user_alone(site: Site) -> None:
    site.world.thread("Hello")
    EndUser.objects.using(ALIAS).create(id="ada", due_at=timezone.now() - timedelta(minutes=1))
    site.gate.close()
    command = site.start()
    site.gate.until_waiting(seconds=PATIENCE)
    command.kill()
    site.gate.open()
    let_time_pass(-LONG)  # however slow this machine is

    assert site.requests(site.run()) == []

    let_time_pass(LONG + LEASE)
    site.run()
    site.world.assert_exact()


def test_who_comes_while_a_dead_ones_lease_of_a_thread_lasts_waits_for_its_end(site: Site) -> None:
    leased = site.world.thread(*map(str, range(210)), created_at=1_760_000_000)
    site.gate.close(after=2)
    command = site.start("--full")
    site.gate.until_waiting(seconds=PATIENCE)
    command.kill()
    site.gate.open()
    let_time_pass(-LONG)  # however slow this machine is
    free = site.world.thread("Hello", created_at=1_760_000_001)

    waiting = site.start("--full")
    until(lambda: site.reads(waiting)[free], seconds=PATIENCE)
    assert not site.reads(waiting)[leased]
    let_time_pass(LONG + LEASE)

    assert waiting.outcome() == ("0", "")
    site.world.assert_exact()
