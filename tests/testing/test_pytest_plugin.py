"""The fixture, with Django and without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings

from django_chatkit import wiring
from django_chatkit.client import RateLimitError
from django_chatkit.testing import Emulator, EmulatorAdapter
from django_chatkit.testing.current import current

from .conftest import BASE, HEADERS


def test_the_fixture_is_the_current_emulator(chatkit_emulator: Emulator) -> None:
    chatkit_emulator.add_thread(user="user_ada", id="cthr_1")

    assert current() is chatkit_emulator
    with requests.Session() as session:
        session.mount("https://", EmulatorAdapter())
        assert session.get(f"{BASE}/threads/cthr_1", headers=HEADERS).status_code == 200


@pytest.fixture
def a_host_with_settings_of_its_own(settings: Any) -> None:
    settings.CHATKIT = {"WORKFLOW_ID": "wf_mine", "API_KEY": "sk-real", "TIMEOUT": 3}


def test_a_hosts_settings_stay_but_for_the_adapter_and_the_key(
    a_host_with_settings_of_its_own: None, chatkit_emulator: Emulator
) -> None:
    kept = dict(django_settings.CHATKIT)

    assert kept.pop("API_KEY").startswith("sk-emulator-")
    assert kept == {
        "WORKFLOW_ID": "wf_mine",
        "TIMEOUT": 3,
        "ADAPTER": "django_chatkit.testing.adapter.EmulatorAdapter",
    }


@pytest.mark.parametrize("time", [1, 2])
def test_a_pause_does_not_outlast_its_test(chatkit_emulator: Emulator, time: int) -> None:
    chatkit_emulator.fail("list_threads", status=429, headers={"Retry-After": "100"})

    assert wiring.paused_for() == 0
    with pytest.raises(RateLimitError):
        wiring.connect_for_request().threads.list()
    assert wiring.paused_for() > 90


@pytest.fixture
def a_host_without_settings(settings: Any) -> None:
    del settings.CHATKIT


def test_a_host_without_settings_has_what_it_needs(
    a_host_without_settings: None, chatkit_emulator: Emulator
) -> None:
    assert django_settings.CHATKIT["WORKFLOW_ID"] == "wf_emulator"
    assert django_settings.CHATKIT["API_KEY"]


def test_the_plugin_itself_imports_nothing_heavy() -> None:
    script = (
        "import sys, django_chatkit.testing.pytest_plugin; print({'requests', 'django'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_a_project_without_django_can_use_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(chatkit_emulator):\n    assert chatkit_emulator.add_thread(user='user_ada')['user'] == 'user_ada'\n"
    )
    plugins = ["-p", "no:django", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir", str(tmp_path)]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_gives_its_two_names_and_no_other() -> None:
    import django_chatkit.testing as package  # noqa: PLC0415 -- the package object is what is looked at

    with pytest.raises(AttributeError, match="Emulatro"):
        _ = package.Emulatro
