"""Several syncs of the same data at once: they share the work, and none of them fails or says a word."""

from collections import Counter
from datetime import timedelta
from time import time

import pytest
from django.utils import timezone

from django_chatkit.models import ChatThreadItem, EndUser

from .databases import ALIAS
from .site import PATIENCE, Site, longest_lease

pytestmark = pytest.mark.slow

USERS = ("ada", "bob")
# Items of each thread of an end user, and the pages that their first copy asks for.
SIZES = {0: 1, 5: 1, 120: 2, 210: 3}
FULL, DUE = ("--full",), ()


@pytest.fixture
def pages(site: Site) -> dict[str, int]:
    """Add threads of two due end users, and return how many pages each thread has."""
    due_at = timezone.now() - timedelta(minutes=1)
    EndUser.objects.using(ALIAS).bulk_create(EndUser(id=user, due_at=due_at) for user in USERS)
    return site.threads(SIZES, users=USERS)


def run_at_once(site: Site, *commands: tuple[str, ...]) -> Counter[str]:
    """Run commands that all have begun before any gets its first answer, and count the pages of each thread."""
    site.gate.close(times=len(commands))
    running = [site.start(*arguments) for arguments in commands]
    site.gate.until_waiting(len(running), seconds=PATIENCE)
    site.gate.open()
    assert [command.outcome() for command in running] == [("0", "")] * len(running)
    site.world.assert_exact()
    assert longest_lease() is None
    return site.reads(*running)


def too_often(reads: Counter[str], pages: dict[str, int]) -> dict[str, int]:
    """Return the threads of which more than a page was asked for twice."""
    return {thread: number for thread, number in reads.items() if number > pages[thread] + 1}


@pytest.mark.parametrize("number", [2, 4, 8])
def test_full_syncs_share_a_first_copy(site: Site, pages: dict[str, int], number: int) -> None:
    reads = run_at_once(site, *[FULL] * number)

    assert too_often(reads, pages) == {}
    assert ChatThreadItem.objects.using(ALIAS).count() == len(USERS) * sum(SIZES)


def test_full_syncs_read_a_page_of_each_known_thread_at_most(site: Site, pages: dict[str, int]) -> None:
    site.run(*FULL)
    # Their second is over: who reads it while it lasts may have to read again what another wrote meanwhile.
    said_at = int(time()) - 5
    for thread in pages:
        for number in range(10):
            site.emulator.add_item(thread, text=f"more {number}", created_at=said_at)

    reads = run_at_once(site, *[FULL] * 4)

    assert max(reads.values()) <= 4
    assert ChatThreadItem.objects.using(ALIAS).count() == len(USERS) * (sum(SIZES) + 10 * len(SIZES))


def test_syncs_of_every_kind_share_a_first_copy(site: Site, pages: dict[str, int]) -> None:
    longest = max(pages, key=lambda thread: pages[thread])

    reads = run_at_once(
        site, FULL, FULL, DUE, DUE, ("--user", "ada"), ("--user", "bob"), ("--thread", longest)
    )

    assert too_often(reads, pages) == {}
    assert not EndUser.objects.using(ALIAS).exclude(due_at=None).exists()
