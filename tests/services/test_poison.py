"""What is wrong with one thread stops no other, for good or not, and nobody is hidden behind it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections

from django_chatkit.client import ChatKit
from django_chatkit.models import EndUser
from django_chatkit.services import faults, sync
from django_chatkit.services.reports import SyncReport, describe
from django_chatkit.services.sync import Pace
from django_chatkit.testing.adapter import EmulatorAdapter

from .backends import end_backend
from .conftest import Clock, World, end_user, no_sleep

pytestmark = pytest.mark.django_db(transaction=True)

DATABASES_WITH_A_SERVER = ("postgresql", "mariadb")


class HookedAdapter(EmulatorAdapter):
    """Call a hook with the address of each request before it is answered."""

    def __init__(self, emulator: Any, hook: Callable[[str], object]) -> None:
        super().__init__(emulator)
        self.hook = hook

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.hook(request.url)
        return super().send(request, *args, **kwargs)


def hooked(world: World, hook: Callable[[str], object]) -> ChatKit:
    """Return a client that calls a hook before each answer."""
    return ChatKit(
        api_key="sk-test",
        base_url="http://emulator.invalid/v1",
        adapter=HookedAdapter(world.emulator, hook),
        max_retries=0,
        sleep=no_sleep,
    )


@pytest.fixture
def due(world: World, clock: Clock) -> None:
    """Make two end users due, the first of whom has the bad thread."""
    for seconds, user in enumerate(("poison", "zoe")):
        EndUser.objects.using(world.database).create(id=user, due_at=clock.now + timedelta(seconds=seconds))


@pytest.fixture
def passes(world: World, clock: Clock, pace: Pace) -> Callable[[ChatKit], SyncReport]:
    """Pass over the due end users, with one request at a time."""

    def call(client: ChatKit) -> SyncReport:
        clock.move(minutes=2)
        return sync.sync_due(client=client, clock=clock, pace=replace(pace, workers=0), using=world.database)

    return call


def _twice(rows: Any) -> None:
    for _ in range(2):
        rows.create(id="private words")


def _no_moment(rows: Any) -> None:
    rows.filter(pk=1).update(due_at=object())


def _too_long(rows: Any) -> None:
    rows.create(id="private words" * 100)


@pytest.mark.parametrize(
    ("refused", "told"),
    [(_twice, "IntegrityError"), (_no_moment, "TypeError"), (_too_long, "DataError")],
)
def test_what_the_database_refuses_of_one_thread_is_its_failure_told_without_words(
    world: World, refused: Callable[[Any], None], told: str
) -> None:
    def job() -> Any:
        yield
        refused(EndUser.objects.using(world.database))

    if refused is _too_long and world.database not in DATABASES_WITH_A_SERVER:
        pytest.skip("takes words of any length")
    failures: list[Exception] = []
    running = faults.attempt(job(), using=world.database, fail=failures.append)
    next(running)
    with pytest.raises(StopIteration) as end:
        next(running)

    assert [end.value.value] == failures
    assert describe(failures[0]) == told


@pytest.mark.usefixtures("due")
def test_what_nobody_foresaw_stops_the_run_and_puts_that_end_user_back(
    world: World, clock: Clock, pace: Pace, passes: Any
) -> None:
    bad = world.thread("bad", user="poison")
    good = world.thread("good", user="zoe")

    def trip(url: str) -> None:
        if bad in url:
            raise LookupError("nobody foresaw this")

    with pytest.raises(LookupError):
        passes(hooked(world, trip))

    poison = end_user(world, "poison")
    assert (poison.failures, poison.leased_until) == (1, None)
    assert poison.last_error == "LookupError: nobody foresaw this"
    assert poison.due_at == clock.now + pace.interval
    passes(hooked(world, lambda url: None))
    assert world.words(good) == ["good"]


@pytest.mark.usefixtures("due")
def test_a_listing_that_nobody_foresaw_puts_that_end_user_back_too(world: World, passes: Any) -> None:
    world.thread("bad", user="poison")

    def trip(url: str) -> None:
        if "poison" in url:
            raise LookupError("nobody foresaw this")

    with pytest.raises(LookupError):
        passes(hooked(world, trip))

    assert end_user(world, "poison").failures == 1


@pytest.mark.usefixtures("due")
def test_a_database_that_is_gone_stops_the_run_with_its_error(world: World, passes: Any) -> None:
    if world.database not in DATABASES_WITH_A_SERVER:
        pytest.skip("a file has no server that could go")
    bad = world.thread("bad", user="poison")
    connection = connections[world.database]
    port = connection.settings_dict["PORT"]

    def cut(url: str) -> None:
        if bad in url:
            connection.close()
            connection.settings_dict["PORT"] = "1"

    try:
        with pytest.raises(OperationalError):
            passes(hooked(world, cut))
    finally:
        connection.settings_dict["PORT"] = port

    assert end_user(world, "poison").failures == 0


@pytest.mark.slow  # it writes 16 MiB ten times
def test_an_item_longer_than_the_database_takes_in_one_packet_is_its_own_threads_failure(
    world: World, chatkit: ChatKit, due: None, passes: Any
) -> None:
    if world.database != "mariadb":
        pytest.skip("no packets here")
    with connections[world.database].cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        (longest,) = cursor.fetchone()
    bad = world.thread("x" * longest, user="poison")
    good = world.thread("good", user="zoe")

    report = passes(chatkit)

    assert [(each.id, each.error) for each in report.failures] == [(bad, "OperationalError")]
    assert world.words(good) == ["good"]


@pytest.mark.parametrize("id", [["x"], {"a": 1}, 5, True, 1.5, None, "", "x" * 10**6])
@pytest.mark.parametrize("service", ["reconcile", "sync_due"])
def test_a_thread_whose_id_is_none_stops_no_other_thread_and_marks_none_as_gone(
    world: World, run: Any, live: Any, service: str, id: Any
) -> None:
    live()
    known = world.thread("known")
    run(sync.reconcile)
    good = world.thread("good")
    (listed,) = [each for each in world.emulator.threads() if each["id"] == good]
    body = {"object": "list", "data": [{**listed, "id": id}, listed], "has_more": False}
    world.emulator.fail("list_threads", status=200, body=body)

    report = run(getattr(sync, service))

    assert [(each.noun, each.error.partition(":")[0]) for each in report.failures] == [
        ("thread", "Unmirrorable")
    ]
    assert len(report.failures[0].id) <= 255
    assert world.words(good) == ["good"]
    assert (world.row(known).gone_at is None) is (service == "sync_due" or not isinstance(id, str) or not id)


def test_a_connection_that_the_server_ends_before_each_answer_ends_no_reconcile(
    world: World, clock: Clock, pace: Pace, chatkit: ChatKit
) -> None:
    if world.database not in DATABASES_WITH_A_SERVER:
        pytest.skip("a file has no server that could end a connection")
    gone = world.thread("gone")
    sync.reconcile(client=chatkit, clock=clock, pace=pace, using=world.database)
    world.emulator.remove_thread(gone)
    for length in (0, 1, 130):
        world.thread(*map(str, range(length)))
    clock.move(seconds=1)

    report = sync.reconcile(
        client=hooked(world, lambda url: end_backend(world.database)),
        clock=clock,
        pace=replace(pace, workers=0),
        using=world.database,
    )

    assert report.ok, report.failures
    assert (report.threads, report.items_new, report.threads_gone) == (3, 131, 1)
    world.assert_exact()
