import pytest
from django.core.cache import cache

from django_chatkit.testing import Emulator


@pytest.fixture
def upstream(chatkit_emulator: Emulator, request: pytest.FixtureRequest) -> Emulator:
    """Give the emulator that the tasks talk to; what fails is not tried twice."""
    settings = request.getfixturevalue("settings")
    settings.CHATKIT = {**settings.CHATKIT, "MAX_RETRIES": 0, "RETENTION": {"sessions": 1, "threads": 1}}
    cache.clear()
    return chatkit_emulator
