"""README and the changelog keep their form: others read them by machine."""

import re
import subprocess
from pathlib import Path

import pytest

import django_chatkit

from . import tree


def _command(title: str) -> str:
    """Return the fenced block that opens a section of README."""
    section = tree.source(Path("README.md")).partition(f"\n## {title}\n")[2]
    opening = re.match(r"\s*```sh\n(.*?)\n```", section, re.DOTALL)
    assert opening, f"the section {title!r} does not open with a command"
    return opening[1]


@pytest.mark.parametrize("title", ["Quick start", "Tests"])
def test_a_section_opens_with_exactly_one_command_line(title: str) -> None:
    command = _command(title)

    assert len(re.sub(r"\\\n", " ", command).splitlines()) == 1
    assert subprocess.run(["bash", "-n", "-c", f"{command} --check"], check=False).returncode == 0


def test_the_changelog_knows_this_version_or_has_unreleased_changes() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", tree.source(Path("CHANGELOG.md")), re.MULTILINE)

    assert headings[0] in {"Unreleased", django_chatkit.__version__}
