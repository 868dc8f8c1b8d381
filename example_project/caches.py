"""Read a cache's address: site, workers and beat are to share one, in a folder where there is no server."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

BACKENDS = {
    "file": "django.core.cache.backends.filebased.FileBasedCache",
    "redis": "django.core.cache.backends.redis.RedisCache",
    "rediss": "django.core.cache.backends.redis.RedisCache",
    "db": "django.core.cache.backends.db.DatabaseCache",
    "memory": "django.core.cache.backends.locmem.LocMemCache",
}
# Entries after which Django throws out any third of them: what is kept there runs out by itself, long before.
MOST_ENTRIES = 10_000
# Seconds: a cache that hangs holds up no request.
REDIS_PATIENCE = {"socket_timeout": 2, "socket_connect_timeout": 2}


def parse(url: str) -> dict[str, Any]:
    """Return Django's settings for a cache's URL.

    ``file:///path/to/a/folder`` and ``db://table`` (made by ``createcachetable``) serve the processes of one machine or one
    database, ``redis://`` and ``rediss://`` all that reach it, ``memory://`` each process for itself. Raises
    `ImproperlyConfigured` for anything else; the message has no password in it.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in BACKENDS:
        # The URL itself is not shown: it may carry a password.
        raise ImproperlyConfigured(f"CACHE_URL must start with one of {', '.join(BACKENDS)}, then '://'.")
    if scheme in ("file", "db") and not rest:
        raise ImproperlyConfigured("CACHE_URL names nothing: file:///path/to/a/folder, or db://table.")
    if scheme.startswith("redis"):
        if not urlsplit(url).hostname:
            raise ImproperlyConfigured("CACHE_URL has no host: redis://host:port/number.")
        return {"BACKEND": BACKENDS[scheme], "LOCATION": url, "OPTIONS": dict(REDIS_PATIENCE)}
    return {"BACKEND": BACKENDS[scheme], "LOCATION": rest, "OPTIONS": {"MAX_ENTRIES": MOST_ENTRIES}}
