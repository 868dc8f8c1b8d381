"""The command that takes the pictures still does."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.house import tree

from .states import LOOKS

pytestmark = pytest.mark.slow


def test_one_command_takes_a_picture_of_each_look(browser: Browser, tmp_path: Path) -> None:
    """The browser is asked for, so that a machine without one leaves this out."""
    command = [sys.executable, "-m", "tests.seen", str(tmp_path), "thread-one"]
    said = subprocess.run(command, cwd=tree.ROOT, check=True, capture_output=True, text=True).stdout

    assert said == f"{len(LOOKS)} pictures in {tmp_path}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"thread-one.{look}.png" for look in LOOKS
    )
