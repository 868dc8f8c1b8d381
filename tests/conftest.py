"""Fixtures that every test may use, and the word about what a run leaves out.

A laptop may lack PostgreSQL, MariaDB, Redis, RabbitMQ or chromium: the tests that need them stay out, and the report's
head and summary say so. Where the environment has ``CI=true`` nothing may be left out.
"""

import os
import shutil
from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import under_way

# A slow machine is no wrong answer: neither examples nor their making have a deadline.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")

CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PATIENCE = 60_000  # milliseconds that a browser's test waits for what has to come

# The sandbox wants rights that a container's root has not. No name but loopback's is found: the page's own requests
# stay on this machine too.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def left_out() -> list[str]:
    """Return a line for each thing that this machine lacks."""
    lines = [f"database {alias} ({reason})" for alias, reason in settings.DATABASES_LEFT_OUT.items()]
    lines += [f"the tests of {name} ({reason})" for name, reason in settings.SERVICES_LEFT_OUT.items()]
    if CHROMIUM is None:
        lines.append("the browser's tests (there is no chromium on the PATH)")
    if shutil.which("curl") is None:
        lines.append("the curl example of docs/rest.md (there is no curl on the PATH)")
    return lines


def pytest_configure() -> None:
    """Refuse to leave anything out where CI is true."""
    if CI and left_out():
        raise pytest.UsageError("CI=true, and yet this run would leave out: " + "; ".join(left_out()))


def pytest_report_header() -> list[str]:
    """Say at the head of the report which databases the tests use and what is left out."""
    return [f"databases: {', '.join(settings.EACH_DATABASE)}", *(f"left out: {line}" for line in left_out())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once more, where it is read, what was left out."""
    if lines := left_out():
        terminalreporter.section("left out")
        for line in lines:
            terminalreporter.line(line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `database` once for each database."""
    if "database" in metafunc.fixturenames:
        metafunc.parametrize("database", settings.EACH_DATABASE)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its databases."""
    for item in items:
        open_one_database(item)


def open_one_database(item: pytest.Item) -> None:
    """Open to a test that takes `database` that one database, whatever else its marker asks for.

    The others stay shut, so a query that forgets ``using=`` fails.
    """
    callspec = getattr(item, "callspec", None)
    if callspec is None or "database" not in callspec.params:
        return
    marker = item.get_closest_marker("django_db")
    options = dict(marker.kwargs) if marker else {}
    options["databases"] = sorted({callspec.params["database"], *(options.get("databases") or ())})
    item.add_marker(pytest.mark.django_db(**options), append=False)


@pytest.fixture
def redis_url() -> str:
    """Return the address of a Redis that answers; other runs share it, so prefix keys with `tests.servers.RUN`."""
    if "redis" not in settings.SERVICES:
        pytest.skip("there is no Redis")  # with CI=true the run has not even started
    url: str = settings.SERVICES["redis"]
    return url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a headless chromium for the tests of one module."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the PATH")  # with CI=true the run has not even started
    expect.set_options(timeout=PATIENCE)
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        # Playwright's synchronous calls keep an event loop running in this thread; Django would take every query of
        # the test for one made by a coroutine. There is no coroutine of ours.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a fresh page of a fresh profile; an error in one of its scripts fails the test."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    under_way.outlast(PATIENCE / 1000)
    assert errors == []
