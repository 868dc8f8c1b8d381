"""`example_project.caches`: a cache that processes share, from one URL."""

from pathlib import Path
from typing import Any

import pytest
from django.core.cache import CacheHandler
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import override_settings

from example_project import caches
from tests.caches import hang_up


def opened(url: str) -> Any:
    """Return the cache as one more process has it."""
    return CacheHandler({"default": caches.parse(url)})["default"]


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/not/yet/there"

    opened(url).set("pause", 12)

    assert opened(url).get("pause") == 12


def test_two_processes_share_redis(redis_url: str) -> None:
    one, other = opened(redis_url), opened(redis_url)
    one.set("example-test-caches", 12, timeout=60)

    assert other.get("example-test-caches") == 12

    one.delete("example-test-caches")
    for each in (one, other):
        hang_up(each)


@pytest.mark.django_db
def test_two_processes_share_a_table() -> None:
    url = "db://example_cache"
    with override_settings(CACHES={"default": caches.parse(url)}):
        call_command("createcachetable", verbosity=0)

    opened(url).set("pause", 12)

    assert opened(url).get("pause") == 12


def test_in_memory_each_process_is_alone() -> None:
    assert caches.parse("memory://")["BACKEND"].endswith("LocMemCache")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("memcached://secret@c", "one of file, redis", id="of-another-kind"),
        pytest.param("secret", "one of file, redis", id="no-url"),
        pytest.param("file://", "names nothing", id="no-folder"),
        pytest.param("db://", "names nothing", id="no-table"),
        pytest.param("redis:///1", "no host", id="no-host"),
    ],
)
def test_what_names_no_cache_is_refused_without_a_word_of_its_secrets(url: str, words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words) as refusal:
        caches.parse(url)

    assert "CACHE_URL" in str(refusal.value)
    assert "secret" not in str(refusal.value)
