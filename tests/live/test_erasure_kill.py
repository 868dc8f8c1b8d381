"""`kill -9` in the middle of an erasure: the next run goes on where it stopped, and the row's counts are exact."""

import pytest

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser, Erasure
from tests.deadline import until

from .databases import ALIAS
from .site import PATIENCE, Command, Site, let_time_pass

pytestmark = pytest.mark.slow

# Items of a thread, and the pages of a first copy of it.
SIZES = dict.fromkeys(range(12), 1)
# After how many answers a run is killed: at the list, and among the threads.
KILLS = [0, 1, 3, 5]


def erase(site: Site) -> Command:
    return site.launcher.start("chatkit_user", "erase", "ada", "--yes", base_url=site.base_url)


def kill(site: Site, *, after: int) -> None:
    """Kill an erasure when upstream has answered so often."""
    site.gate.close(after=after)
    command = erase(site)
    until(lambda: site.gate.waiting or command.is_over, seconds=PATIENCE)
    assert not command.is_over
    command.kill()
    site.gate.open()
    let_time_pass()


def test_an_erasure_that_is_killed_again_and_again_is_finished_and_counted_exactly(site: Site) -> None:
    site.threads(SIZES, users=("ada", "ben"))
    site.run("--full")

    for after in KILLS:
        kill(site, after=after)
        assert Erasure.objects.using(ALIAS).get().finished_at is None

    assert erase(site).outcome() == ("0", "")
    row = Erasure.objects.using(ALIAS).get()
    assert row.finished_at is not None
    assert (row.threads, row.items) == (len(SIZES), sum(SIZES))
    assert {each["user"] for each in site.emulator.threads()} == {"ben"}
    assert list(EndUser.objects.using(ALIAS).values_list("pk", flat=True)) == ["ben"]
    site.run("--full")
    assert ChatThread.objects.using(ALIAS).count() == len(SIZES)
    assert ChatThreadItem.objects.using(ALIAS).count() == sum(SIZES)
    site.world.assert_exact()
