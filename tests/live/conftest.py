"""One database a server for all tests here, empty before each, and an emulator that other processes reach."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.conf import settings
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from django_chatkit.testing.server import serve
from example_project.databases import parse

from . import databases
from .gate import Gate
from .site import Launcher, Site, empty, launcher


@pytest.fixture(scope="session", params=list(settings.DATABASES))
def started(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[tuple[str, Launcher]]:
    """Migrate a database of its own, and have a launcher of commands on it."""
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        url = stack.enter_context(databases.created(request.param, "live", folder))
        with django_db_blocker.unblock(), databases.opened(parse(url)) as alias:
            call_command("migrate", "django_chatkit", database=alias, verbosity=0)
        yield url, stack.enter_context(launcher(url, folder))


@pytest.fixture
def site(started: tuple[str, Launcher], django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    url, running = started
    gate = Gate()
    with serve(gate.emulator) as server, django_db_blocker.unblock(), databases.opened(parse(url)):
        empty()
        yield Site(gate, server.base_url, running)
        gate.open()
