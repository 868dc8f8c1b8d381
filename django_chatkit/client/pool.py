"""The connections of a client: kept open, shared by threads, never by processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import BaseAdapter

from .sockets import DeadlineAdapter


class _Session(requests.Session):
    """requests' session, less what we refuse: redirects."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        # requests would prepare the redirected request, key included, even where it is not followed.
        return None


class Pool:
    """Send prepared requests over connections that stay open.

    A child after a fork makes connections of its own. `adapter` stands in for them all (the emulator's seam); it
    belongs to whoever made it: it is not closed here, and not made anew after a fork.
    """

    def __init__(
        self,
        base_url: str,
        *,
        size: int,
        adapter: BaseAdapter | None = None,
        process: Callable[[], int] = os.getpid,
    ) -> None:
        self._base_url, self._size, self._adapter, self._process = base_url, size, adapter, process
        self._open()

    def send(self, request: requests.PreparedRequest, timeout: tuple[float, float]) -> requests.Response:
        """Send once and return the answer, its body still unread."""
        if self._pid != self._process():
            # Two threads may both come here; the pool of the one that is overwritten goes away unused.
            self._open()
        return self._session.send(
            request, timeout=timeout, stream=True, allow_redirects=False, **self._environment
        )

    def close(self) -> None:
        """Close the open connections; a later call opens new ones."""
        if self._adapter is None:
            self._session.close()

    def _open(self) -> None:
        session = _Session()
        mounted = self._adapter or DeadlineAdapter(pool_connections=4, pool_maxsize=self._size)
        session.mount("https://", mounted)
        session.mount("http://", mounted)
        # Proxies and certificate bundle come from the environment; requests would look them up for each request.
        settings = session.merge_environment_settings(self._base_url, {}, None, None, None)
        self._environment: dict[str, Any] = {key: settings[key] for key in ("proxies", "verify", "cert")}
        self._session, self._pid = session, self._process()
