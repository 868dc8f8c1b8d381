"""One process is told to wait, and all of them stand still."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import BaseCache
from django.core.cache import caches as django_caches
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from django_chatkit import wiring
from django_chatkit.client import ChatKit, RateLimitError
from django_chatkit.pause import SharedGate, key_of
from django_chatkit.testing import Emulator, EmulatorAdapter
from tests import servers
from tests.caches import hang_up, on_redis
from tests.deadline import until

TABLE = "chatkit_test_cache"
SERVERS = [alias for alias in django_settings.DATABASES if alias != "default"]


class Machine:
    """A machine with its own clock, which nobody moves but the test; ``ahead`` of the others' by some seconds."""

    def __init__(self, cache: BaseCache, key: str, *, ahead: float = 0.0) -> None:
        self.at, self.ahead = 0.0, ahead
        self.gate = SharedGate(cache=cache, key=key, now=self.now, monotonic=lambda: self.at)

    def now(self) -> float:
        return 1_800_000_000.0 + self.at + self.ahead


Caches = Callable[[], BaseCache]


class Router:
    """Send the cache's table to one database."""

    database = "default"

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return self.database if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read

    def allow_migrate_model(self, *_: Any) -> bool:
        return True


@pytest.fixture(params=["local memory", "redis", "database"])
def new_cache(request: pytest.FixtureRequest) -> Iterator[Caches]:
    """Make caches as several processes would, each its own, on one store."""
    own = f"chatkit_{servers.RUN}_{uuid.uuid4().hex}"
    if request.param == "local memory":
        yield lambda: LocMemCache(own, {})
    elif request.param == "redis":
        url = request.getfixturevalue("redis_url")
        with on_redis(url, own) as make:
            yield make
    else:
        request.getfixturevalue("db")
        with override_settings(CACHES={"default": {"BACKEND": DB_CACHE, "LOCATION": TABLE}}):
            call_command("createcachetable")
        yield lambda: DatabaseCache(TABLE, {})


DB_CACHE = "django.core.cache.backends.db.DatabaseCache"


@pytest.fixture
def key() -> str:
    return key_of("https://upstream.example/v1", uuid.uuid4().hex)


def test_what_one_process_is_told_the_others_learn(new_cache: Caches, key: str) -> None:
    told, other = Machine(new_cache(), key), Machine(new_cache(), key)

    told.gate.close_for(30)

    assert told.gate.seconds_left() == 30
    assert other.gate.seconds_left() == pytest.approx(30)


def test_a_longer_pause_stands(new_cache: Caches, key: str) -> None:
    first, second, third = (Machine(new_cache(), key) for _ in range(3))

    first.gate.close_for(30)
    second.gate.close_for(2)

    assert second.gate.seconds_left() == pytest.approx(30)
    assert third.gate.seconds_left() == pytest.approx(30)


def test_a_process_asks_the_cache_twice_a_second_at_most(key: str) -> None:
    cache = Counting("counted", {})
    machine, other = Machine(cache, key), Machine(LocMemCache("counted", {}), key)

    for _ in range(10):
        assert machine.gate.seconds_left() == 0
    other.gate.close_for(30)
    machine.at = other.at = 0.49
    assert machine.gate.seconds_left() == 0
    machine.at = other.at = 0.5
    assert machine.gate.seconds_left() == pytest.approx(29.5)

    assert cache.asked == 2


def test_another_scope_is_not_held_up(new_cache: Caches, key: str) -> None:
    told, other = Machine(new_cache(), key), Machine(new_cache(), key_of("another"))

    told.gate.close_for(30)

    assert other.gate.seconds_left() == 0


def test_a_pause_ends(new_cache: Caches, key: str) -> None:
    told, other = Machine(new_cache(), key), Machine(new_cache(), key)
    told.gate.close_for(30)
    other.gate.seconds_left()

    told.at = other.at = 31

    assert (told.gate.seconds_left(), other.gate.seconds_left()) == (0, 0)
    told.gate.close_for(5)
    other.at = 32
    assert other.gate.seconds_left() == pytest.approx(4)


class TestClocksThatDiffer:
    @pytest.mark.parametrize("ahead", [-2.0, 2.0])
    def test_move_a_pause_by_no_more_than_they_differ(self, key: str, ahead: float) -> None:
        told, other = (Machine(LocMemCache("skew", {}), key, ahead=skew) for skew in (0.0, ahead))

        told.gate.close_for(30)

        assert 28 <= other.gate.seconds_left() <= 30

    def test_never_make_one_longer_than_it_was(self, key: str) -> None:
        told, other = (Machine(LocMemCache("far", {}), key, ahead=skew) for skew in (3600.0, 0.0))
        told.gate.close_for(30)

        for second in range(31):
            other.at = second
            assert other.gate.seconds_left() <= 30 - second

    def test_do_not_set_two_machines_against_each_other(self, key: str) -> None:
        one, two = (Machine(LocMemCache("duel", {}), key, ahead=skew) for skew in (0.0, 10.0))
        one.gate.close_for(30)
        two.gate.close_for(30)

        for second in range(1, 60):
            one.at = two.at = second
            left = one.gate.seconds_left(), two.gate.seconds_left()
            assert max(left) <= max(0, 32 - second)


def test_a_pause_that_another_overwrote_is_told_again(key: str) -> None:
    cache = LocMemCache("overwritten", {})
    told, late = Machine(cache, key), Machine(cache, key)
    told.gate.close_for(30)
    cache.delete(key)  # as two who write in the same instant would

    told.at = 1
    told.gate.seconds_left()

    assert late.gate.seconds_left() == pytest.approx(29, abs=2)


@pytest.mark.parametrize("garbage", ["yes", [1], [None, "a"], {"until": 5}, float("nan"), b"\xff", 10**400])
def test_what_makes_no_sense_is_no_pause(key: str, garbage: object) -> None:
    cache = LocMemCache("garbage", {})
    cache.set(key, garbage)
    machine = Machine(cache, key)

    assert machine.gate.seconds_left() == 0
    machine.gate.close_for(7)
    assert Machine(cache, key).gate.seconds_left() == 7


def test_nobody_is_kept_out_for_more_than_two_minutes(key: str) -> None:
    cache = LocMemCache("long", {})
    cache.set(key, [9e12, 9e9])

    assert Machine(cache, key).gate.seconds_left() == 120


def test_the_key_tells_no_secret() -> None:
    key = key_of("https://upstream.example/v1", "sk-a-secret\ud800", "org-a", "proj_a")

    assert not any(word in key for word in ("secret", "upstream", "org-a", "proj_a"))
    assert key != key_of("https://upstream.example/v1", "sk-a-secret\ud800", "org-ap", "roj_a")
    assert len(key) < 200


class Counting(LocMemCache):
    """Count how often it is asked."""

    asked = 0

    def get(self, *arguments: Any, **options: Any) -> Any:
        self.asked += 1
        return super().get(*arguments, **options)


class Failing(Counting):
    """Fail, with words that no log may hold, as long as it is told to."""

    fails = True

    def get(self, *arguments: Any, **options: Any) -> Any:
        found = super().get(*arguments, **options)
        if self.fails:
            raise ConnectionError("can't reach redis://:pass-word@cache.example")
        return found


class TestACacheThatIsDown:
    @pytest.fixture
    def cache(self) -> Failing:
        return Failing(uuid.uuid4().hex, {})

    def test_leaves_a_process_its_own_pauses(self, cache: Failing, key: str) -> None:
        machine = Machine(cache, key)

        assert machine.gate.seconds_left() == 0
        machine.gate.close_for(30)
        assert machine.gate.seconds_left() == 30

    def test_is_told_to_the_log_once_and_without_a_secret(
        self, cache: Failing, key: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        machine = Machine(cache, key)
        for second in range(60):
            machine.at = second
            machine.gate.seconds_left()

        (record,) = caplog.records
        assert (record.levelname, record.name) == ("WARNING", "django_chatkit.pause")
        assert "ConnectionError" in record.getMessage()
        assert "pass-word" not in caplog.text

    def test_is_left_alone_for_a_while(self, cache: Failing, key: str) -> None:
        machine = Machine(cache, key)
        for tenth in range(100):
            machine.at = tenth / 10
            machine.gate.seconds_left()
            machine.gate.close_for(0.1)

        assert cache.asked == 2

    def test_learns_what_it_missed_when_it_is_back(self, cache: Failing, key: str) -> None:
        machine, other = Machine(cache, key), Machine(cache, key)
        machine.gate.close_for(30)

        cache.fails = False
        machine.at = other.at = 5
        machine.gate.seconds_left()

        assert other.gate.seconds_left() == pytest.approx(25)

    def test_may_fail_again_and_is_told_again(
        self, cache: Failing, key: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        machine = Machine(cache, key)
        for second, fails in ((0, True), (10, False), (20, True)):
            machine.at, cache.fails = second, fails
            machine.gate.seconds_left()

        assert len(caplog.records) == 2

    def test_may_be_a_redis_that_is_not_there(self, key: str, caplog: pytest.LogCaptureFixture) -> None:
        machine = Machine(RedisCache("redis://:pass-word@127.0.0.1:1/0", {}), key)

        machine.gate.close_for(30)

        assert machine.gate.seconds_left() == 30
        assert len(caplog.records) == 1
        assert "pass-word" not in caplog.text


class Hanging(LocMemCache):
    """Answer nobody until the test lets go."""

    def __init__(self) -> None:
        super().__init__(uuid.uuid4().hex, {})
        self.asked, self.answers = Event(), Event()

    def get(self, *arguments: Any, **options: Any) -> Any:
        self.asked.set()
        self.answers.wait(120)
        return super().get(*arguments, **options)


def test_a_cache_that_hangs_holds_up_one_thread_only(key: str) -> None:
    cache = Hanging()
    gate = SharedGate(cache=cache, key=key)
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(gate.seconds_left)
        cache.asked.wait(120)

        assert gate.seconds_left() == 0
        gate.close_for(30)
        assert 20 < gate.seconds_left() <= 30

        cache.answers.set()
        assert stuck.result() > 20


class TestACacheInTheDatabase:
    @pytest.fixture
    def cache(self, request: pytest.FixtureRequest, transactional_db: None) -> Iterator[DatabaseCache]:
        database = request.node.callspec.params["server"]
        Router.database = database
        with override_settings(
            DATABASE_ROUTERS=[f"{__name__}.Router"],
            CACHES={"default": {"BACKEND": DB_CACHE, "LOCATION": TABLE}},
        ):
            call_command("createcachetable", database=database)
            yield DatabaseCache(TABLE, {})
            with connections[database].cursor() as cursor:
                cursor.execute(f"DROP TABLE {TABLE}")

    @pytest.mark.django_db(databases=django_settings.DATABASES, transaction=True)
    @pytest.mark.parametrize("server", SERVERS)
    def test_leaves_no_connection_behind_in_a_thread(
        self, cache: DatabaseCache, key: str, server: str
    ) -> None:
        told, other = SharedGate(cache=cache, key=key), SharedGate(cache=cache, key=key)

        def in_a_thread() -> Any:
            told.close_for(30)
            return other.seconds_left(), connections[server].connection

        with ThreadPoolExecutor(1) as pool:
            left, connection = pool.submit(in_a_thread).result()

        assert (left > 29, connection) == (True, None)

    @pytest.mark.django_db(databases=django_settings.DATABASES, transaction=True)
    @pytest.mark.parametrize("server", SERVERS)
    def test_leaves_a_connection_open_that_was_so(self, cache: DatabaseCache, key: str, server: str) -> None:
        connections[server].ensure_connection()
        before = connections[server].connection

        SharedGate(cache=cache, key=key).close_for(30)

        assert connections[server].connection is before


CHILD = """
import json, sys
from django.conf import settings
settings.configure(**json.loads(sys.argv[1]))
from django_chatkit import wiring
from django_chatkit.client import RateLimitError
print(wiring.paused_for(), flush=True)
try:
    wiring.connect_for_request().threads.list()
except RateLimitError as error:
    print(error.unsent, flush=True)
wiring.connect().gate.close_for(float(sys.argv[2]))
"""


@pytest.mark.slow
def test_two_processes_share_a_pause_over_redis(redis_url: str) -> None:
    prefix = f"chatkit_{servers.RUN}_{uuid.uuid4().hex}"
    chatkit = {"API_KEY": prefix, "BASE_URL": "http://127.0.0.1:1/v1"}
    backend = "django.core.cache.backends.redis.RedisCache"
    caches = {"default": {"BACKEND": backend, "LOCATION": redis_url, "KEY_PREFIX": prefix}}
    with override_settings(CHATKIT=chatkit, CACHES=caches), ExitStack() as cleanup:
        cleanup.callback(hang_up, django_caches["default"])
        wiring.connect().gate.close_for(60)
        settings = json.dumps({"CHATKIT": chatkit, "CACHES": caches})
        child = subprocess.run(
            [sys.executable, "-c", CHILD, settings, "100"], capture_output=True, text=True, check=True
        )
        left, unsent = child.stdout.split()

        assert 50 < float(left) <= 60
        assert unsent == "True"
        until(lambda: wiring.paused_for() > 90)


def test_a_client_elsewhere_sends_nothing_while_the_pause_lasts(redis_url: str, key: str) -> None:
    emulator = Emulator()

    def client(cache: BaseCache) -> ChatKit:
        return ChatKit(
            api_key="sk-test",
            adapter=EmulatorAdapter(emulator),
            gate=SharedGate(cache=cache, key=key),
            max_retries=0,
            longest_wait=5,
        )

    emulator.fail("list_threads", status=503, headers={"Retry-After": "60"})
    with on_redis(redis_url, uuid.uuid4().hex) as new_cache:
        with pytest.raises(Exception, match="503"):
            client(new_cache()).threads.list()
        with pytest.raises(RateLimitError) as caught:
            client(new_cache()).threads.list()

    assert emulator.count() == 1
    assert caught.value.unsent
    assert 59 < (caught.value.retry_after or 0) <= 60
