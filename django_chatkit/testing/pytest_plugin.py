"""The pytest fixture `chatkit_emulator`. Imports pytest alone: every pytest run of every host loads this module."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .emulator import Emulator

_ADAPTER = "django_chatkit.testing.adapter.EmulatorAdapter"


@pytest.fixture
def chatkit_emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """Give a fresh emulator that answers what the app asks upstream by its settings, and every `EmulatorAdapter()`.

    A `ChatKit` that a test makes itself needs `adapter=EmulatorAdapter()`. Where pytest-django runs, `settings.CHATKIT`
    gets its ADAPTER and a fresh API_KEY (what the app remembers of upstream, such as a pause, it remembers by the key), and
    a WORKFLOW_ID if it has none; all else in it stays. Undone after the test.
    """
    # Loaded on use, or every pytest run would pay for importing requests.
    from .current import use  # noqa: PLC0415
    from .emulator import Emulator  # noqa: PLC0415

    if _django_is_configured(request):
        settings = request.getfixturevalue("settings")
        settings.CHATKIT = _with_emulator(getattr(settings, "CHATKIT", None) or {})
    with use(Emulator()) as emulator:
        yield emulator


def _django_is_configured(request: pytest.FixtureRequest) -> bool:
    conf = sys.modules.get("django.conf")
    return request.config.pluginmanager.hasplugin("django") and conf is not None and conf.settings.configured


def _with_emulator(chatkit: dict[str, Any]) -> dict[str, Any]:
    key = f"sk-emulator-{uuid.uuid4().hex}"
    return {"WORKFLOW_ID": "wf_emulator", **chatkit, "ADAPTER": _ADAPTER, "API_KEY": key}
