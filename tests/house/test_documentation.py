"""What an operator can set, type or read is documented."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from django_chatkit import conf

from . import tree

DOCS = [path for path in tree.files() if path.parts[0] == "docs" and path.suffix == ".md"]
PAGES = [path for path in tree.files() if path.suffix == ".md"]
COMMANDS = sorted(
    path.stem
    for path in tree.under("django_chatkit", ".py")
    if path.parent.name == "commands" and path.stem != "__init__"
)
CHECK_NUMBER = re.compile(r"\b[CEWI]\d{3}\b")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


@pytest.mark.parametrize("key", [field.name.upper() for field in fields(conf.Settings)])
def test_a_setting_is_documented(key: str) -> None:
    assert f"`{key}`" in tree.source(Path("docs/settings.md"))


def test_there_are_checks_and_each_is_documented() -> None:
    sources = map(
        tree.source, (path for path in tree.under("django_chatkit", ".py") if path.parts[1] == "checks")
    )
    numbers = set(CHECK_NUMBER.findall("".join(sources)))
    operations = tree.source(Path("docs/operations.md"))

    assert numbers
    assert sorted(number for number in numbers if f"`django_chatkit.{number}`" not in operations) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_documented_with_all_its_options(name: str) -> None:
    documented = "\n".join(text for text in map(tree.source, DOCS) if name in text)

    assert documented, "no page names it"
    assert [option for option in _options(name) if option not in documented] == []


def test_every_task_is_documented() -> None:
    operations = tree.source(Path("docs/operations.md"))
    tasks = [
        node.name
        for node in tree.nodes(Path("django_chatkit/tasks.py"))
        if isinstance(node, ast.FunctionDef)
        and any("shared_task" in ast.unparse(mark) for mark in node.decorator_list)
    ]

    assert tasks
    assert [name for name in tasks if f"{name}`" not in operations] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_link_within_the_project_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(tree.source(page)) if "://" not in target]

    assert [target for target in targets if not (tree.ROOT / page.parent / target).exists()] == []


def _options(name: str) -> list[str]:
    """Return the long options that a command adds to Django's own."""
    of_django = {option for action in _actions(BaseCommand(), name) for option in action}
    command = load_command_class("django_chatkit", name)
    return [
        option
        for action in _actions(command, name)
        for option in action
        if option.startswith("--") and option not in of_django
    ]


def _actions(command: BaseCommand, name: str) -> list[list[str]]:
    return [list(action.option_strings) for action in command.create_parser("manage.py", name)._actions]
