"""The people of the REST tests, and their settings."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from pytest_django import Settings

from django_chatkit.testing import Emulator

Configure = Callable[..., None]


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def configure(chatkit_emulator: Emulator, settings: Settings) -> Configure:
    """Change keys of ``CHATKIT``."""

    def change(**keys: Any) -> None:
        settings.CHATKIT = {**settings.CHATKIT, **keys}

    return change


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", password="x")


@pytest.fixture
def ben(db: None) -> User:
    return User.objects.create_user("ben", password="x")


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_user("staff", password="x", is_staff=True)
