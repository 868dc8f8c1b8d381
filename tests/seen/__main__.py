"""Take a picture of every page in every state and look: ``python -m tests.seen FOLDER [NAME ...] [--language de]``."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import django


def main(arguments: list[str]) -> int:
    """Take the pictures; say where they are."""
    parser = argparse.ArgumentParser(prog="python -m tests.seen", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("names", nargs="*", help="states, or how their names begin; without, all of them")
    parser.add_argument("--language", default="en", help="what the admin speaks, such as de")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    # As in the tests: Playwright keeps an event loop in this thread, and there is no coroutine of ours.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    django.setup()
    options.folder.mkdir(parents=True, exist_ok=True)
    with _speaking(options.language):
        number = _take(options.folder, tuple(options.names))
    sys.stdout.write(f"{number} pictures in {options.folder}\n")
    return 0 if number else 1


def _take(folder: Path, names: tuple[str, ...]) -> int:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- Django comes first

    from tests.conftest import CHROMIUM, CHROMIUM_FLAGS, PATIENCE  # noqa: PLC0415

    from .states import LOOKS, STATES, visit, wear  # noqa: PLC0415

    taken = 0
    with ExitStack() as stack:
        origin = stack.enter_context(_site())
        playwright = stack.enter_context(sync_playwright())
        browser = stack.enter_context(
            playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        )
        for state in STATES:
            if names and not state.name.startswith(names):
                continue
            with _empty_tables(), browser.new_context() as context:
                page = context.new_page()
                page.set_default_timeout(PATIENCE)
                visit(page, origin, state)
                for look in LOOKS:
                    wear(page, look)
                    page.screenshot(
                        path=folder / f"{state}.{look}.png", full_page=True, animations="disabled"
                    )
                    taken += 1
    return taken


@contextmanager
def _speaking(language: str) -> Iterator[None]:
    """Set the site's language."""
    from django.test import override_settings  # noqa: PLC0415

    with override_settings(LANGUAGE_CODE=language):
        yield


@contextmanager
def _site() -> Iterator[str]:
    """Serve the admin from a database in memory, with upstream behind it."""
    from django.core.cache import cache  # noqa: PLC0415
    from django.test.utils import setup_databases, teardown_databases  # noqa: PLC0415
    from pytest_django.live_server_helper import LiveServer  # noqa: PLC0415

    from django_chatkit.testing import Emulator  # noqa: PLC0415
    from django_chatkit.testing.current import use  # noqa: PLC0415

    databases = setup_databases(verbosity=0, interactive=False, aliases={"default": True})
    server = LiveServer("localhost")
    with use(Emulator()):
        yield server.url
    server.stop()
    cache.clear()
    teardown_databases(databases, verbosity=0)


@contextmanager
def _empty_tables() -> Iterator[None]:
    """Leave no row behind."""
    from django.core.management import call_command  # noqa: PLC0415

    yield
    call_command("flush", interactive=False, verbosity=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
