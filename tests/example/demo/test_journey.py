"""The check finds what is wrong: each step fails on a site where its part of the job was not done."""

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from django.contrib.auth.models import User
from django.core.management.base import OutputWrapper
from django.db.models import Model
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_chatkit.models import ChatSession
from django_chatkit.testing import Emulator
from django_chatkit.testing.server import serve
from example_project.demo import accounts, visits
from example_project.demo.accounts import Account
from example_project.demo.by_http import CSRF_COOKIE, HttpVisitor
from example_project.demo.journey import Journey
from example_project.demo.processes import Failed
from example_project.demo.report import Report
from example_project.demo.stage import Stage

pytestmark = pytest.mark.django_db(transaction=True)


class HouseDatabase:
    """The test's own database, behind the interface of the demo's."""

    def __init__(self) -> None:
        self.missing = 0

    def count(self, model: type[Model], **equals: object) -> int:
        return model._default_manager.filter(**equals).count() - self.missing

    def select(self, expression: str, model: type[Model], **equals: object) -> list[Any]:
        return list(model._default_manager.filter(**equals).values_list(expression, flat=True))


@dataclass
class Set:
    """A stage without processes: the live server plays the site, and a callable what the processes do."""

    site: str
    report: Report
    accounts: dict[str, Account]
    database: HouseDatabase = field(default_factory=HouseDatabase)
    manage: Callable[..., str] = lambda *arguments: "done"
    checked: bool = False
    ahead: float = 0  # seconds, of the journey's clock

    @property
    def troupe(self) -> "Set":
        return self

    def check(self) -> None:
        self.checked = True


@pytest.fixture
def stage(live_server: LiveServer, settings: Settings) -> Set:
    settings.CSRF_COOKIE_NAME = CSRF_COOKIE
    people = accounts.invent([])
    for each in people:
        User.objects.create_user(
            each.username, password=each.password, is_staff=each.staff, is_superuser=each.staff
        )
    report = Report(OutputWrapper(io.StringIO()))
    return Set(live_server.url, report, {each.username: each for each in people})


@pytest.fixture
def journey(stage: Set, chatkit_emulator: Emulator) -> Iterator[Journey]:
    with serve(chatkit_emulator) as server:
        visitor = HttpVisitor(site=stage.site, emulator=server.origin, because="this is a test")
        yield Journey(cast(Stage, stage), visitor, soon=1, clock=lambda: time.time() + stage.ahead)


def settle(*arguments: str) -> str:
    ChatSession.objects.update(status="cancelled")
    return ""


class Beat:
    """Settle the sessions when their status is looked at, as beat would have by then."""

    def __init__(self, database: HouseDatabase) -> None:
        self.count = database.count
        self._database = database

    def select(self, *arguments: Any, **equals: Any) -> list[Any]:
        settle()
        return self._database.select(*arguments, **equals)


def test_a_site_that_does_its_job_passes(journey: Journey, stage: Set) -> None:
    stage.database = cast(HouseDatabase, Beat(stage.database))

    journey.run()

    assert stage.checked
    assert stage.report.steps == 7


def test_items_that_are_not_in_the_database_fail_the_step(journey: Journey, stage: Set) -> None:
    stage.database.missing = 1

    with pytest.raises(Failed, match="REST has 2 items, the database 1"):
        journey.run()

    assert stage.report.failed_at == "home"


def test_an_admin_that_does_not_show_the_message_fails_the_step(journey: Journey, stage: Set) -> None:
    talker = stage.accounts["ada"]
    stage.accounts["staff"] = talker

    with pytest.raises(Failed, match=r"does not show|answered 403"):
        journey.run()

    assert stage.report.failed_at == "admin"


def test_a_session_that_nobody_cancels_fails_the_step(journey: Journey, stage: Set) -> None:
    with pytest.raises(Failed, match="Celery beat cancels cksess_"):
        journey.run()

    assert stage.report.failed_at == "expiry"


def test_a_cleanup_that_leaves_the_ledger_untidy_fails_the_step(journey: Journey, stage: Set) -> None:
    stage.database = cast(HouseDatabase, Beat(stage.database))

    def untidy(*arguments: str) -> str:
        ChatSession.objects.update(status="active")
        return "done"

    stage.manage = untidy
    stage.ahead = 3600

    with pytest.raises(Failed, match="over and still active"):
        journey.run()

    assert stage.report.failed_at == "cleanup"


def test_waiting_has_an_end() -> None:
    with pytest.raises(Failed, match="the bus: not within 0 s"):
        visits.wait_until(lambda: None, what="the bus", within=0.2)
