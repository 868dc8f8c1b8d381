"""A secret leaves through one door: it is in no row, no log record and no repr."""

import logging
from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone
from pytest_django import Settings

from django_chatkit import conf, wiring
from django_chatkit.services import sessions
from django_chatkit.testing import Emulator

KEY = "sk-this-must-not-be-seen"


@pytest.fixture
def key(chatkit_emulator: Emulator, settings: Settings) -> str:
    """Set an API key that can be looked for."""
    settings.CHATKIT = {**settings.CHATKIT, "API_KEY": KEY}
    return KEY


def test_the_settings_and_the_client_do_not_show_the_key(key: str) -> None:
    shown = repr(conf.read()) + repr(wiring.connect()) + repr(vars(wiring.connect()))

    assert key not in shown


@pytest.mark.django_db
def test_an_opened_session_leaves_its_secret_nowhere(key: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    opened = sessions.open(
        client=wiring.connect(),
        now=timezone.now(),
        user="ann",
        workflow={"id": "wf_tests"},
        interval=timedelta(seconds=15),
    )

    secret = str(opened.client_secret)
    rows = [
        str(row)
        for model in apps.get_app_config("django_chatkit").get_models()
        for row in model._default_manager.values_list()
    ]
    assert secret
    assert len(rows) >= 2
    assert not any(word in text for word in (secret, key) for text in (*rows, caplog.text, repr(opened)))
