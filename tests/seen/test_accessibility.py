"""No page of the admin, in whatever state, has anything that axe objects to: light and dark, wide and narrow."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from .states import LOOKS, STATES, State, visit, wear

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


# Colours are the same however wide the page is: dark is looked at once.
ASKED = [look for look in LOOKS if look.name != "narrow-dark"]

AXE = """() => axe.run({resultTypes: ["violations"]}).then((found) => found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.html} ${node.failureSummary}`)))"""


def objections(page: Page) -> list[str]:
    """Return what axe objects to, a line each."""
    found: list[str] = page.evaluate(AXE)
    return found


@pytest.mark.parametrize("state", STATES, ids=str)
def test_axe_objects_to_nothing(page: Page, origin: str, state: State) -> None:
    visit(page, origin, state)
    page.evaluate(AXE_SCRIPT)

    found = []
    for look in ASKED:
        wear(page, look)
        found += [f"{look} {line}" for line in objections(page)]

    assert found == []
