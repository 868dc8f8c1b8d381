"""The admin in a browser, under a policy that lets nothing in but what is ours, with upstream behind it."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_chatkit.testing import Emulator


@pytest.fixture
def origin(live_server: LiveServer, chatkit_emulator: Emulator, settings: Settings) -> Iterator[str]:
    """Serve the admin and return where."""
    cache.clear()
    settings.SECURE_CSP = {"default-src": ["'self'"]}
    yield live_server.url
    cache.clear()
