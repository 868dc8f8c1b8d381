"""Celery over real brokers: workers of two processes each, and a beat that fires everything twice."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.testing.server import serve
from example_project.databases import parse
from tests.servers import RUN

from . import brokers, databases
from .cluster import Cluster
from .databases import ALIAS
from .gate import Gate
from .site import LEASE, PATIENCE

pytestmark = pytest.mark.slow

SERVER = "postgresql" if "postgresql" in settings.DATABASES else "default"


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Cluster]:
    if request.param not in settings.SERVICES:
        pytest.skip(f"there is no {request.param}")  # with CI=true the run has not even started
    broker = settings.SERVICES[request.param]
    folder: Path = tmp_path_factory.mktemp(request.param)
    name = f"test_chatkit_{RUN}_{request.param}"
    gate = Gate()
    with ExitStack() as stack:
        url = stack.enter_context(databases.created(SERVER, request.param, folder))
        with django_db_blocker.unblock(), databases.opened(parse(url)) as alias:
            call_command("migrate", "django_chatkit", database=alias, verbosity=0)
            call_command("createcachetable", "live_cache", database=alias, verbosity=0)
        server = stack.enter_context(serve(gate.emulator))
        cluster = Cluster(broker, name, url, server.base_url, gate, folder, brokers.sender(broker, name))
        stack.callback(cluster.end)
        stack.callback(gate.open)
        cluster.start_beat()
        yield cluster


@pytest.fixture
def cluster(running: Cluster, django_db_blocker: DjangoDbBlocker) -> Iterator[Cluster]:
    """Give a cluster with a worker at leisure at least, and this process its database."""
    running.complete(1)
    running.gate.emulator.forget_requests()
    with django_db_blocker.unblock(), databases.opened(parse(running.database_url)):
        yield running
    running.gate.open()


def due(name: str, number: int) -> None:
    """Make end users due whose window is over: one look at all of their threads, and no further one."""
    past = timezone.now() - timedelta(hours=1)
    EndUser.objects.using(ALIAS).bulk_create(
        EndUser(id=f"{name}-{n:04}", due_at=past, live_until=past) for n in range(number)
    )


def called(name: str) -> Any:
    return EndUser.objects.using(ALIAS).filter(pk__startswith=f"{name}-")


def are_settled(name: str) -> bool:
    return not called(name).exclude(due_at=None, leased_until=None).exists()


def test_a_thousand_due_users_drain_over_both_workers_and_each_is_looked_at_once(cluster: Cluster) -> None:
    cluster.complete(2)
    for number in range(0, 1000, 20):
        cluster.world.thread("Hello", "Good day", user=f"many-{number:04}", created_at=1_700_000_000 + number)

    due("many", 1000)
    cluster.until(lambda: are_settled("many"))

    cluster.world.assert_exact()
    assert called("many").filter(last_error="").exclude(looked_at=None).count() == 1000
    assert len(cluster.asked("list_threads")) == 1000
    assert len(cluster.asked("list_items")) == 50
    assert set(cluster.asked("list_threads")) == set(cluster.workers)


def test_a_pass_that_is_asked_for_many_times_is_no_more_work(cluster: Cluster) -> None:
    cluster.gate.close()
    due("often", 60)
    for _ in range(8):
        cluster.send("sync_due_users")
    cluster.gate.until_waiting(4, seconds=PATIENCE)
    cluster.gate.open()

    cluster.until(lambda: are_settled("often"))

    assert len(cluster.asked("list_threads", word="often-")) == 60


def test_the_work_of_killed_workers_is_taken_over(cluster: Cluster) -> None:
    threads = [
        cluster.world.thread(
            *map(str, range(101)), user=f"left-{number:04}", created_at=1_710_000_000 + number
        )
        for number in range(0, 40, 3)
    ]
    cluster.gate.close(after=40)
    due("left", 40)
    cluster.gate.until_waiting(seconds=PATIENCE)

    for worker in list(cluster.workers):
        cluster.kill(worker)
    leased = called("left").exclude(leased_until=None)
    assert leased.exists()
    assert not leased.filter(leased_until__gt=timezone.now() + LEASE).exists()
    cluster.gate.open()
    # Half a minute passes.
    ChatThread.objects.using(ALIAS).filter(pk__in=threads).update(leased_until=None)
    leased.update(leased_until=timezone.now())
    cluster.start(workers=1)

    cluster.until(lambda: are_settled("left"))
    cluster.world.assert_exact()
    assert ChatThreadItem.objects.using(ALIAS).filter(thread__in=threads).count() == len(threads) * 101
    # Two pages each, and perhaps one again that the dead had asked for.
    assert max(len(cluster.asked("list_items", word=thread)) for thread in threads) <= 3


def test_a_nudge_that_is_lost_with_its_worker_comes_again(cluster: Cluster) -> None:
    thread = cluster.world.thread("Hello", user="nudged", created_at=1_720_000_000)
    cluster.gate.close()
    cluster.send("sync_thread", thread_id=thread)
    cluster.gate.until_waiting(seconds=PATIENCE)

    cluster.kill(cluster.asked("retrieve_thread")[0])
    cluster.gate.open()
    brokers.let_an_hour_pass(cluster.broker, cluster.name)
    cluster.start(workers=1)

    cluster.until(lambda: cluster.world.words(thread) == ["Hello"])


def test_a_nudge_that_is_lost_with_a_process_of_a_worker_comes_again(cluster: Cluster) -> None:
    thread = cluster.world.thread("Hello", user="nudged again", created_at=1_730_000_000)
    cluster.gate.close()
    cluster.send("sync_thread", thread_id=thread)
    cluster.gate.until_waiting(seconds=PATIENCE)

    cluster.workers[cluster.asked("retrieve_thread")[0]].kill_children()
    cluster.gate.open()

    cluster.until(lambda: cluster.world.words(thread) == ["Hello"])
