from dataclasses import fields
from pathlib import Path

import pytest

from django_chatkit import conf

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
KEYS = [each.name.upper() for each in fields(conf.Settings)]


def section(key: str) -> str:
    _, found, rest = PAGE.partition(f"\n### {key}\n")
    assert found, f"docs/settings.md has no section on {key}"
    return rest.split("\n### ")[0].split("\n## ")[0]


@pytest.mark.parametrize("key", KEYS)
def test_a_setting_is_documented_with_an_example(key: str) -> None:
    assert "```python" in section(key)
    assert f'"{key}"' in section(key)


@pytest.mark.parametrize("key", KEYS)
def test_a_setting_stands_in_the_table_of_defaults(key: str) -> None:
    assert f"| [`{key}`](#{key.lower()}) | " in PAGE


def test_no_setting_is_documented_that_does_not_exist() -> None:
    documented = [line.removeprefix("### ") for line in PAGE.splitlines() if line.startswith("### ")]

    assert sorted(documented) == sorted(KEYS)
