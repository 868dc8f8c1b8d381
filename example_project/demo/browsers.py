"""Chooses how to visit the site: with a browser where one can be driven, else by plain HTTP."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from .by_http import HttpVisitor
from .visits import Visitor

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find(*, path: str | None = None, driver: str = "playwright") -> str | None:
    """Return where chromium is, if it can be driven: the Python package of that name must be there too.

    `path` is searched in place of the environment's ``PATH``.
    """
    if find_spec(driver) is None:
        return None
    return next(filter(None, (shutil.which(name, path=path) for name in NAMES)), None)


@contextmanager
def visitor(*, site: str, emulator: str, home: Path, path: str | None = None) -> Iterator[Visitor]:
    """Open a visitor to the site; a browser keeps its files in `home`."""
    executable = find(path=path)
    with ExitStack() as stack:
        if executable is None:
            yield HttpVisitor(site=site, emulator=emulator, because="there is no browser to drive")
            return
        by_browser = import_module("example_project.demo.by_browser")  # needs Playwright, which is optional
        try:
            found = stack.enter_context(by_browser.open_visitor(executable=executable, site=site, home=home))
        except by_browser.NoBrowser as error:
            found = HttpVisitor(site=site, emulator=emulator, because=f"chromium does not start: {error}")
        yield found
