"""An export of an end user, opened from a folder. Apart: a browser's event loop leaves each database a connection too many."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from django_chatkit.models import EndUser

from .conftest import Clock
from .test_person_archive import archive, thread

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_reads_it_from_a_folder(page: Page, tmp_path: Path, clock: Clock, scheme: Any) -> None:
    database = "default"
    EndUser.objects.create(id="ada")
    thread(database, clock, "cthr_1", items=3)
    archive(database, clock).extractall(tmp_path)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.emulate_media(color_scheme=scheme)

    page.goto((tmp_path / "index.html").as_uri())
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("link", name="Untitled").click()

    assert page.locator("article").count() == 3
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(22, 22, 22)")
    assert said == []
