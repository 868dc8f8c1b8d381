"""The floors hold, and the client stands on its own feet."""

import subprocess
import sys
from pathlib import Path

from . import tree


def test_the_floors_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    report = subprocess.run(
        [linter, "--no-cache"], cwd=tree.ROOT, capture_output=True, text=True, check=False
    )

    assert report.returncode == 0, report.stdout + report.stderr


def test_the_client_brings_no_framework_with_it() -> None:
    code = "import sys, django_chatkit.client; print(*{name.partition('.')[0] for name in sys.modules})"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert {"django", "rest_framework", "celery", "openai"}.isdisjoint(loaded.split())
