"""How the demo chooses between a browser and plain HTTP."""

from pathlib import Path

from example_project.demo import browsers


def program(folder: Path, name: str, code: str = "exit 1") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o700)
    return path


def test_chromium_is_found_by_any_of_its_names(tmp_path: Path) -> None:
    chromium = program(tmp_path, "google-chrome")

    assert browsers.find(path=str(tmp_path)) == str(chromium)


def test_without_chromium_the_visit_is_made_by_http(tmp_path: Path) -> None:
    with browsers.visitor(site="", emulator="", home=tmp_path, path=str(tmp_path)) as visitor:
        assert visitor.means == "plain HTTP, because there is no browser to drive"


def test_with_a_chromium_that_does_not_start_too(tmp_path: Path) -> None:
    program(tmp_path, "chromium")

    with browsers.visitor(site="", emulator="", home=tmp_path, path=str(tmp_path)) as visitor:
        assert visitor.means.startswith("plain HTTP, because chromium does not start: ")
        assert "\n" not in visitor.means


def test_a_chromium_that_nothing_can_drive_is_none(tmp_path: Path) -> None:
    program(tmp_path, "chromium")

    assert browsers.find(path=str(tmp_path), driver="no_such_package_at_all") is None
