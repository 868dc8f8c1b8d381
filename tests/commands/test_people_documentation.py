"""The examples of docs/people.md do what the page says."""

import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from django_chatkit.models import EndUser, Erasure
from django_chatkit.services import annotations, sync
from django_chatkit.services.sync import Pace
from django_chatkit.testing import Emulator
from django_chatkit.wiring import connect

from .conftest import run

pytestmark = pytest.mark.django_db

DOCS = (Path(__file__).parents[2] / "docs" / "people.md").read_text(encoding="utf-8")


@pytest.fixture
def ada(upstream: Emulator) -> Emulator:
    """Keep what the page says that its examples are of."""
    for id in ("cthr_1", "cthr_2"):
        upstream.add_thread(user="ada", id=id, items=[{"text": "Hello"}, {"text": "Again"}])
    pace = Pace(interval=timedelta(seconds=15), grace=timedelta(), workers=0)
    sync.reconcile(client=connect(), clock=timezone.now, pace=pace)
    annotations.note(thread_id="cthr_1", text="Kind", author=None, now=timezone.now())
    return upstream


def examples() -> list[tuple[list[str], str]]:
    """Return each command of the page, and the pattern of what it prints."""
    blocks = re.findall(r"^```console\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    shown = [
        example for block in blocks for example in re.split(r"^\$ ", block, flags=re.MULTILINE) if example
    ]
    parts = [example.split("\n", 1) for example in shown]
    return [(shlex.split(command), re.escape(printed).replace("…", ".+")) for command, printed in parts]


def test_each_command_prints_what_the_page_shows(
    ada: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # What erases comes last, wherever it stands on the page.
    in_order = sorted(examples(), key=lambda example: "--yes" in example[0])
    assert len(in_order) == 6

    for command, pattern in in_order:
        assert command[:2] == ["python", "manage.py"]
        outcome = run(*command[2:])
        assert outcome.code == 0, outcome.error
        assert re.fullmatch(pattern, outcome.out), (command, outcome.out)

    assert ada.threads() == []


def test_the_code_does_what_its_comments_say(ada: Emulator) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)

    exec(code, {})  # noqa: S102 -- our own page

    assert Erasure.objects.get().state == Erasure.State.DONE
    assert not EndUser.objects.exists()
