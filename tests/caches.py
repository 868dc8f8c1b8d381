"""Caches of the tests' own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache


class Timeless(LocMemCache):
    """Keep what is added until it is deleted: what stands for seconds stands however slow the machine is."""

    def add(self, key: str, value: Any, timeout: Any = None, version: int | None = None) -> bool:
        return super().add(key, value, None, version)


TIMELESS = {"default": {"BACKEND": f"{__name__}.{Timeless.__name__}", "LOCATION": "timeless"}}


@contextmanager
def on_redis(url: str, prefix: str) -> Iterator[Callable[[], RedisCache]]:
    """Make caches on one store, and hang up for each at the end."""
    made: list[RedisCache] = []

    def make() -> RedisCache:
        made.append(RedisCache(url, {"KEY_PREFIX": prefix}))
        return made[-1]

    yield make
    for each in made:
        hang_up(each)


def hang_up(cache: BaseCache) -> None:
    """Close the connections of a cache on Redis; Django leaves them to whoever collects the garbage."""
    assert isinstance(cache, RedisCache)
    cache._cache.get_client(None, write=True).connection_pool.disconnect()
