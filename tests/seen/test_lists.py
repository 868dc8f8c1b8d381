"""On a desk's screen no column of a list is cut off."""

import pytest
from playwright.sync_api import Page
from pytest_django import Settings

from .states import LOOKS, STATES, visit, wear

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

HIDDEN = (
    "() => { const seen = document.querySelector('.results'); return seen.scrollWidth - seen.clientWidth }"
)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", ["chatthreads", "chatthreads-found", "chatthreaditems-found"])
def test_all_columns_are_seen_at_1280_pixels(
    page: Page, origin: str, settings: Settings, name: str, language: str
) -> None:
    settings.LANGUAGE_CODE = language
    (state,) = (state for state in STATES if state.name == name)
    visit(page, origin, state)
    wear(page, LOOKS[0])

    assert page.evaluate(HIDDEN) == 0
