"""The page about the emulator names all of it and its example runs."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from django_chatkit.testing.faults import KINDS, OPERATIONS
from django_chatkit.testing.switches import Switches

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [*OPERATIONS, *KINDS, *(field.name for field in dataclasses.fields(Switches))]
)
def test_everything_that_can_be_chosen_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_example_without_django_runs() -> None:
    (example,) = re.findall(r"```python\n(import requests\n.*?)```", PAGE, re.DOTALL)

    exec(compile(example, "docs/testing.md", "exec"), {})  # noqa: S102 -- the page's own example
