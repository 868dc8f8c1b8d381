"""The package as a whole: what it brings along, and that the SDK's words are all there."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import openai
import pytest

from django_chatkit import client

from .scripted import KEY, Script, page

OURS = client.ChatKit(api_key=KEY, adapter=Script(page("")))
THEIRS = openai.OpenAI(api_key=KEY).beta.chatkit


def test_to_import_it_brings_no_django_no_rest_framework_and_no_celery() -> None:
    script = "import sys, django_chatkit.client; print(*{name.partition('.')[0] for name in sys.modules})"

    # Coverage measures child processes too, and would bring modules of its own.
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}

    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, env=unmeasured
    ).stdout.split()

    assert "requests" in loaded
    assert not {"django", "rest_framework", "celery", "openai", "dataclasses"} & set(loaded)


@pytest.mark.parametrize("name", client.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert hasattr(client, name)


@pytest.mark.parametrize(
    ("noun", "verb"),
    [
        ("sessions", "create"),
        ("sessions", "cancel"),
        ("threads", "retrieve"),
        ("threads", "list"),
        ("threads", "delete"),
        ("threads", "list_items"),
    ],
)
def test_a_call_takes_the_sdks_arguments(noun: str, verb: str) -> None:
    ours = inspect.signature(getattr(getattr(OURS, noun), verb)).parameters
    theirs = inspect.signature(getattr(getattr(THEIRS, noun), verb)).parameters

    assert [(name, one.kind) for name, one in ours.items()] == [
        (name, one.kind) for name, one in theirs.items()
    ]
