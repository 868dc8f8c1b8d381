"""What no file of this house holds."""

import ast
import re
from pathlib import Path

import pytest

from . import tree

LONGEST = 300  # lines

# In two halves, so that this file is not the first to be found.
MACHINE = re.compile("|".join(("/" + name + r"/\b") for name in ("work", "root", "farm", "home", "Users")))
REGISTRIES = re.compile("|".join(("pypi" + r"\.org", "python" + "hosted", "npm" + r"js\.(com|org)")))

BINARY = {".png", ".jpg", ".ico", ".mo", ".gif", ".woff2"}

TEXTS = [path for path in tree.files() if path.suffix not in BINARY]
MODULES = [
    path
    for folder in ("django_chatkit", "example_project")
    for path in tree.under(folder, ".py")
    if "migrations" not in path.parts
]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_is_short(path: Path) -> None:
    assert len(tree.source(path).splitlines()) <= LONGEST, "split it by noun"


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = [(str(path), line) for path in TEXTS for line in _lines(path, MACHINE)]

    assert found == []


def test_no_file_names_a_package_registry() -> None:
    found = [(str(path), line) for path in TEXTS for line in _lines(path, REGISTRIES)]

    assert found == []


@pytest.mark.parametrize("path", tree.under("tests", ".py"), ids=str)
def test_a_test_neither_patches_nor_sleeps(path: Path) -> None:
    assert [str(name) for node in tree.nodes(path) if (name := _forbidden(node))] == []


def test_no_module_is_a_drawer_for_everything() -> None:
    assert [path for path in tree.files() if path.stem in {"utils", "helpers", "util", "misc"}] == []


def _lines(path: Path, pattern: re.Pattern[str]) -> list[str]:
    return [line.strip() for line in tree.source(path).splitlines() if pattern.search(line)]


def _forbidden(node: ast.AST) -> str:
    """Return the name of what a test may not use, or nothing."""
    match node:
        case ast.Import(names=names) if any(name.name == "unittest.mock" for name in names):
            return "unittest.mock"
        case ast.ImportFrom(module="unittest.mock") | ast.ImportFrom(module="pytest_mock"):
            return "mock"
        case ast.ImportFrom(module="unittest", names=names) if any(name.name == "mock" for name in names):
            return "mock"
        case ast.ImportFrom(module="time", names=names) if any(name.name == "sleep" for name in names):
            return "time.sleep"
        case ast.Attribute(value=ast.Name(id="monkeypatch"), attr="setattr" | "setitem" | "delattr" as verb):
            return f"monkeypatch.{verb}"
        case ast.Attribute(value=ast.Name(id="time"), attr="sleep"):
            return "time.sleep"
        case ast.arg(arg="mocker"):
            return "mocker"
    return ""
