"""Caches of the tests' own."""

from typing import Any

from django.core.cache.backends.locmem import LocMemCache


class Timeless(LocMemCache):
    """Keep what is added until it is deleted: what stands for seconds stands however slow the machine is."""

    def add(self, key: str, value: Any, timeout: Any = None, version: int | None = None) -> bool:
        return super().add(key, value, None, version)


TIMELESS = {"default": {"BACKEND": f"{__name__}.{Timeless.__name__}", "LOCATION": "timeless"}}
