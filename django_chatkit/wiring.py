"""Settings to client: the one place where the app's client is made, and the gate before it."""

import os
from functools import lru_cache

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from requests.adapters import BaseAdapter

from . import conf
from .client import ChatKit
from .client.redaction import Redact
from .pause import SharedGate, key_of

LONGEST_WAIT_IN_A_REQUEST = 5.0  # seconds


class NoKey(ImproperlyConfigured):
    """No API key is set."""

    def __init__(self) -> None:
        super().__init__(
            "ChatKit has no API key: set CHATKIT['API_KEY'] or the environment variable OPENAI_API_KEY."
        )


def connect() -> ChatKit:
    """Return this process's client, made from the settings as they stand now.

    The client is shared by all threads of the process and keeps its connections open: do not close it.

    Raises:
        ImproperlyConfigured: when no API key is set (`NoKey`), or ``ADAPTER`` or ``REDACT`` can't be imported.
    """
    settings = conf.read()
    if not settings.api_key:
        raise NoKey
    return _client(
        os.getpid(),  # a forked child must not write into its parent's sockets
        settings.api_key,
        settings.base_url,
        settings.organization,
        settings.project,
        settings.timeout,
        settings.max_retries,
        settings.adapter,
        redaction(),
    )


def connect_for_request() -> ChatKit:
    """Return this process's client for use within a web request, where a person waits: it stands still only briefly.

    Where upstream asks to wait for more than five seconds, the call ends with the error at once. Shorter waits may come
    before the first attempt and before each repeat: with MAX_RETRIES of 2 fifteen seconds in all, beside what the attempts
    themselves take (TIMEOUT each).

    Raises:
        ImproperlyConfigured: as `connect` does.
    """
    return connect().with_options(longest_wait=LONGEST_WAIT_IN_A_REQUEST)


def redaction() -> Redact | None:
    """Return the function that takes out what must not be stored, or None where none is set; needs no API key.

    Raises:
        ImproperlyConfigured: when ``REDACT`` can't be imported or names no function.
    """
    given = conf.read().redact
    if not given or callable(given):
        return given or None
    try:
        found: Redact = import_string(given)
    except ImportError as error:
        raise ImproperlyConfigured(f"CHATKIT['REDACT'] can't be imported: {error}") from error
    if not callable(found):
        raise ImproperlyConfigured(f"CHATKIT['REDACT'] must name a function; {given} is none.")
    return found


def paused_for() -> float:
    """Return for how many seconds more upstream wants no request, as far as any process of the site knows; 0 for none.

    Makes no request; needs no API key. A cache that is down tells nothing, and is logged.
    """
    settings = conf.read()
    return _gate(
        os.getpid(), settings.base_url, settings.api_key, settings.organization, settings.project
    ).seconds_left()


@lru_cache(maxsize=8)
def _client(
    pid: int,
    api_key: str,
    base_url: str,
    organization: str,
    project: str,
    timeout: conf.Timeout,
    max_retries: int,
    adapter: str,
    redact: Redact | None,
) -> ChatKit:
    try:
        return ChatKit(
            api_key=api_key,
            base_url=base_url,
            organization=organization or None,
            project=project or None,
            timeout=timeout,
            max_retries=max_retries,
            gate=_gate(pid, base_url, api_key, organization, project),
            adapter=_adapter(adapter) if adapter else None,
            redact=redact,
        )
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"CHATKIT can't be used to reach upstream: {error}") from error


@lru_cache(maxsize=8)
def _gate(pid: int, *scope: str) -> SharedGate:
    # A cache of its own: those in `caches` are one for each thread, with connections of their own.
    return SharedGate(cache=caches.create_connection(DEFAULT_CACHE_ALIAS), key=key_of(*scope))


def _adapter(path: str) -> BaseAdapter:
    try:
        adapter = import_string(path)()
    except ImportError as error:
        raise ImproperlyConfigured(f"CHATKIT['ADAPTER'] can't be imported: {error}") from error
    except TypeError as error:
        raise ImproperlyConfigured(f"CHATKIT['ADAPTER'] can't be made without arguments: {error}") from error
    if not isinstance(adapter, BaseAdapter):
        raise ImproperlyConfigured(f"CHATKIT['ADAPTER'] must name a requests adapter; {path} makes none.")
    return adapter
