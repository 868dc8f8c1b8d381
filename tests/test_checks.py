import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.core.checks import CheckMessage, Tags, run_checks
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from django_chatkit import checks, tasks
from django_chatkit.models import ChatSession, ChatThread, EndUser
from django_chatkit.services.days import note_cleanup
from example_project.databases import parse
from tests import celery_apps
from tests.keys import FIRST
from tests.live import databases

WELL = {"API_KEY": "sk-tests", "BASE_URL": "https://upstream.example/v1", "WORKFLOW_ID": "wf_tests"}
SHARED_CACHE = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://c"}
}
OPERATIONS = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
NOT_A_FUNCTION = "wf_of_no_use"


def end_user(request: HttpRequest) -> str:
    return "a"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def celery_app() -> Iterator[Celery]:
    with celery_apps.current() as app:
        yield app


def found(*, deploy: bool = False) -> list[CheckMessage]:
    return run_checks(tags=[checks.TAG], include_deployment_checks=deploy, databases=[])


def ids(messages: list[CheckMessage]) -> list[str]:
    return [str(each.id).removeprefix("django_chatkit.") for each in messages]


# From Django 6.1 on, `check` looks at the databases too.
@pytest.mark.django_db(databases="__all__")
@override_settings(CHATKIT=WELL, DEBUG=False)
def test_a_host_with_key_address_and_workflow_passes() -> None:
    assert found() == []

    call_command("check", "--fail-level", "WARNING", stderr=StringIO(), stdout=StringIO())


@override_settings(CHATKIT={"WORKFLOW_ID": "wf_tests"}, DEBUG=False)
def test_a_key_and_an_address_of_the_environment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://upstream.example/v1")

    assert ids(found()) == ["W003"]


@pytest.mark.parametrize(
    ("chatkit", "expected"),
    [
        pytest.param({"API_KEY": ""}, ["W001"], id="no-key"),
        pytest.param({"WORKFLOW_ID": ""}, ["W002"], id="no-workflow"),
        pytest.param({"WORKFLOW_ID": "", "ALLOWED_WORKFLOWS": ["wf_b"]}, [], id="allowed-workflows-only"),
        pytest.param({"BASE_URL": "http://upstream.example/v1"}, ["W003"], id="no-tls"),
        pytest.param({"BASE_URL": "HTTP://upstream.example/v1"}, ["W003"], id="no-tls-in-capitals"),
        pytest.param({"BASE_URL": "http://127.0.0.1:8001/v1"}, [], id="loopback"),
        pytest.param({"BASE_URL": "http://[::1]:8001/v1"}, [], id="loopback-6"),
        pytest.param({"BASE_URL": "http://localhost:8001/v1"}, [], id="localhost"),
        pytest.param({"BASE_URL": "http://upstream.localhost/v1"}, [], id="below-localhost"),
        pytest.param({"BASE_URL": "http://10.0.0.1/v1"}, ["W003"], id="private-address"),
        pytest.param({"WORKFLOW_VERSION": "latest"}, ["E027"], id="version-latest"),
        pytest.param({"WORKFLOW_VERSION": " Latest"}, ["E027"], id="version-latest-in-capitals"),
        pytest.param({"WORKFLOW_VERSION": "3"}, [], id="version"),
        pytest.param({"SECRET": "x"}, ["E001"], id="unknown-setting"),
        pytest.param({"TIMEOUT": "30"}, ["E001"], id="wrong-type"),
        pytest.param({"TIMEOUT": "30", "MAX_RETRIES": -1}, ["E001", "E001"], id="two-wrong-types"),
        pytest.param({"USER_ID": f"{__name__}.end_user"}, [], id="user-id"),
        pytest.param({"USER_ID": end_user}, [], id="user-id-as-a-function"),
        pytest.param({"USER_ID": "nowhere.end_user"}, ["E002"], id="user-id-of-no-module"),
        pytest.param({"USER_ID": "django_chatkit.conf.end_user"}, ["E002"], id="user-id-of-no-name"),
        pytest.param({"USER_ID": "end_user"}, ["E002"], id="user-id-without-a-dot"),
        pytest.param({"USER_ID": f"{__name__}.NOT_A_FUNCTION"}, ["E002"], id="user-id-is-no-function"),
        pytest.param({"STATE_VARIABLES": "nowhere.variables"}, ["E003"], id="state-variables"),
        pytest.param({"REDACT": "nowhere.redact"}, ["E026"], id="redact-of-no-module"),
        pytest.param({"REDACT": f"{__name__}.NOT_A_FUNCTION"}, ["E026"], id="redact-is-no-function"),
        pytest.param({"REDACT": f"{__name__}.end_user"}, [], id="redact"),
        pytest.param({"ENCRYPTION_KEYS": [FIRST]}, [], id="encryption"),
        pytest.param({"ENCRYPTION_KEYS": ["sk-no key"]}, ["E001"], id="no-key-of-encryption"),
        pytest.param({"ADAPTER": "nowhere.Adapter"}, ["E004"], id="adapter-of-no-module"),
        pytest.param({"ADAPTER": "builtins.dict"}, ["E004"], id="no-adapter"),
        pytest.param({"API_KEY": "sk-with\nline"}, ["E004"], id="key-that-no-header-carries"),
        pytest.param({"API_KEY": "sk- b"}, ["E004"], id="key-with-a-space"),
        pytest.param({"API_KEY": "sk-b "}, ["E004"], id="key-with-a-space-behind-it"),
        pytest.param({"API_KEY": " "}, ["E004"], id="key-of-a-space"),
        pytest.param({"API_KEY": "sk-b\t"}, ["E004"], id="key-with-a-tab"),
        pytest.param({"API_KEY": "sk-\xa0b"}, ["E004"], id="key-with-a-space-that-does-not-break"),
        pytest.param({"API_KEY": "sk-\u200b"}, ["E004"], id="key-with-a-space-of-no-width"),
        pytest.param({"API_KEY": "sk-\u20ac"}, ["E004"], id="key-beyond-latin-1"),
        pytest.param({"API_KEY": "sk- b", "ADAPTER": "nowhere.A"}, ["E004", "E004"], id="key-and-adapter"),
        pytest.param({"SCRIPT_URL": "chatkit.js"}, ["E008"], id="script-of-no-address"),
        pytest.param({"SCRIPT_URL": "/static/chatkit.js"}, [], id="script-of-this-site"),
        pytest.param({"SCRIPT_URL": "HTTP://127.0.0.1:8001/chatkit.js"}, [], id="script-of-the-emulator"),
        pytest.param({"SESSION_DEFAULTS": {"expires_after": 601}}, ["E005"], id="too-long-a-session"),
        pytest.param({"SESSION_DEFAULTS": {"rate_limits": {"per_minute": 0}}}, ["E005"], id="no-requests"),
        pytest.param({"SESSION_DEFAULTS": {"chatkit_configuration": 1}}, ["E005"], id="no-configuration"),
        pytest.param(
            {"SESSION_DEFAULTS": {"expires_after": {"anchor": "created_at", "seconds": 60}}},
            [],
            id="defaults",
        ),
        pytest.param({"BASE_URL": "upstream.example/v1"}, ["E006"], id="no-scheme"),
        pytest.param({"BASE_URL": "http://[::1/v1"}, ["E006"], id="no-address-at-all"),
    ],
)
def test_what_is_wrong_has_an_id_and_a_hint(chatkit: dict[str, Any], expected: list[str]) -> None:
    with override_settings(CHATKIT={**WELL, **chatkit}, DEBUG=False):
        messages = found()

    assert ids(messages) == expected
    assert all(each.hint for each in messages)
    assert "sk-" not in "".join(f"{each.msg} {each.hint}" for each in messages)


def test_a_broken_key_is_named_by_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(CHATKIT={**WELL, "API_KEY": "sk-a b"}):
        (of_the_settings,) = found()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a b")
    with override_settings(CHATKIT={**WELL, "API_KEY": ""}):
        (of_the_environment,) = found()

    assert of_the_settings.msg.startswith("CHATKIT['API_KEY'] has a space")
    assert of_the_environment.msg.startswith("The environment variable OPENAI_API_KEY has a space")


def test_keys_without_the_package_are_an_error_with_the_remedy() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; import django; django.setup();"
        "sys.modules['cryptography'] = sys.modules['cryptography.fernet'] = None;"
        "from django.conf import settings; from django.core.management import call_command;"
        f"settings.CHATKIT = {{**settings.CHATKIT, 'ENCRYPTION_KEYS': [{FIRST!r}]}}; call_command('check')"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "(django_chatkit.E025) CHATKIT['ENCRYPTION_KEYS'] is set" in ended.stderr
    assert "pip install 'django-openai-chatkit[encryption]'" in ended.stderr


@override_settings(CHATKIT={**WELL, "ADAPTER": "nowhere.Adapter"})
def test_a_wrong_adapter_has_a_hint_of_its_own() -> None:
    (message,) = found()

    assert str(message.hint).startswith("Leave ADAPTER out")
    assert "API_KEY" not in str(message.hint)


@override_settings(CHATKIT=WELL, USE_TZ=False)
def test_a_host_without_time_zones_is_told() -> None:
    (message,) = found()

    assert message.id == "django_chatkit.E007"


@override_settings(CHATKIT={**WELL, "BASE_URL": "http://upstream.example/v1"}, DEBUG=True)
def test_development_needs_no_tls() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("chatkit", "debug", "expected"),
    [
        pytest.param({}, False, [], id="well"),
        pytest.param({"BASE_URL": "http://127.0.0.1:8001/v1"}, False, ["W003"], id="loopback-without-tls"),
        pytest.param({"BASE_URL": "http://127.0.0.1:8001/v1"}, True, [], id="loopback-in-development"),
        pytest.param({"BASE_URL": "http://[::1/v1"}, False, ["E006"], id="no-address"),
        pytest.param({"ADAPTER": "requests.adapters.HTTPAdapter"}, False, ["W006"], id="adapter"),
        pytest.param({"ADAPTER": "requests.adapters.HTTPAdapter"}, True, [], id="adapter-in-development"),
        pytest.param({"SECRET": "x"}, False, ["E001"], id="said-once"),
    ],
)
@pytest.mark.usefixtures("scheduled")
def test_advice_for_production(chatkit: dict[str, Any], debug: bool, expected: list[str]) -> None:
    with override_settings(CHATKIT={**WELL, **chatkit}, DEBUG=debug, CACHES=SHARED_CACHE):
        assert ids(found(deploy=True)) == expected


@pytest.fixture
def scheduled(celery_app: Celery) -> None:
    celery_app.conf.beat_schedule = {**tasks.BEAT_SCHEDULE}


@pytest.mark.usefixtures("scheduled")
@override_settings(CHATKIT=WELL)
def test_a_cache_that_processes_do_not_share_is_named() -> None:
    (message,) = found(deploy=True)

    assert message.id == "django_chatkit.W007"
    assert "LocMemCache" in message.msg


@override_settings(CHATKIT=WELL, CACHES=SHARED_CACHE)
def test_a_missing_schedule_is_named_task_by_task(celery_app: Celery) -> None:
    celery_app.conf.beat_schedule = {"mine": tasks.BEAT_SCHEDULE["chatkit-sync-due-users"]}

    (message,) = found(deploy=True)

    assert message.id == "django_chatkit.W005"
    assert message.msg == (
        "Celery beat does not run django_chatkit.tasks.cancel_expired_sessions, django_chatkit.tasks.reconcile, "
        "django_chatkit.tasks.cleanup, django_chatkit.tasks.erase, django_chatkit.tasks.count_days."
    )


@override_settings(CHATKIT=WELL, CACHES=SHARED_CACHE)
def test_a_missing_schedule_of_a_known_app_is_to_be_merged(celery_app: Celery) -> None:
    (message,) = found(deploy=True)

    assert (message.hint or "").startswith("Merge the app's schedule: ")


@override_settings(CHATKIT=WELL, CACHES=SHARED_CACHE)
def test_a_celery_app_that_django_does_not_know_is_to_be_imported() -> None:
    with celery_apps.none():
        (message,) = found(deploy=True)

    assert message.id == "django_chatkit.W005"
    assert (message.hint or "").startswith(
        "No Celery app is known to Django: import yours where Django starts"
    )


@override_settings(CHATKIT=WELL, CACHES=SHARED_CACHE)
def test_a_schedule_that_lives_in_a_table_is_not_judged(celery_app: Celery) -> None:
    celery_app.conf.beat_scheduler = "django_celery_beat.schedulers:DatabaseScheduler"

    assert found(deploy=True) == []


@override_settings(CHATKIT=WELL, CACHES=SHARED_CACHE)
def test_celery_settings_that_cannot_be_read_are_reported(celery_app: Celery) -> None:
    celery_app.config_from_object({"CELERY_TASK_SERIALIZER": "json", "result_expires": 1, "timezone": "UTC"})

    (message,) = found(deploy=True)

    assert message.id == "django_chatkit.W005"
    assert message.msg.startswith("Celery's settings can't be read: ")


def test_the_checks_know_the_schedule_of_the_tasks() -> None:
    assert set(checks.SCHEDULED_TASKS) == {entry["task"] for entry in tasks.BEAT_SCHEDULE.values()}


def test_every_id_is_documented() -> None:
    folder = Path(str(checks.__file__)).parent
    source = "".join(each.read_text(encoding="utf-8") for each in folder.glob("*.py"))

    numbers = set(re.findall(r"django_chatkit\.[EW]\d{3}", source))

    assert numbers == set(re.findall(r"\| `(django_chatkit\.[EW]\d{3})` \|", OPERATIONS))


def archive_warnings(database: str) -> list[CheckMessage]:
    return run_checks(tags=[Tags.database, checks.TAG], databases=[database])


@override_settings(CHATKIT=WELL)
def test_a_thread_in_no_archive_is_warned_of_where_tables_are_looked_at(database: str) -> None:
    before = [each.id for each in archive_warnings(database)]
    EndUser.objects.using(database).create(id="ada")
    ChatThread.objects.using(database).create(id="cthr_1", end_user_id="ada", created_at=timezone.now())

    messages = [each for each in archive_warnings(database) if each.id == "django_chatkit.W008"]

    assert "django_chatkit.W008" not in before
    (message,) = messages
    assert message.msg.startswith("1 thread is in no archive as they are now")
    assert "chatkit_archive" in str(message.hint)
    assert "W008" not in ids(found())


@override_settings(CHATKIT=WELL)
def test_tables_that_are_not_there_yet_are_no_concern_of_the_archives(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with (
        django_db_blocker.unblock(),
        databases.created("default", "bare", tmp_path) as url,
        databases.opened(parse(url)) as alias,
    ):
        assert "W008" not in ids(archive_warnings(alias))


def told(alias: str) -> list[str]:
    return ids(run_checks(tags=[checks.TAG], databases=[alias]))


def held(alias: str, *, days: float) -> None:
    """Enter a session that was opened so many days ago."""
    at = timezone.now() - timedelta(days=days)
    end_user = EndUser.objects.using(alias).create(id="ada")
    ChatSession.objects.using(alias).create(id="cksess_1", end_user=end_user, created_at=at, expires_at=at)


@pytest.mark.parametrize(
    ("retention", "days", "cleaned", "warns"),
    [
        pytest.param({"sessions": 1}, 3, None, True, id="never-cleaned"),
        pytest.param({"sessions": 1}, 3, 3, True, id="long-ago"),
        pytest.param({"workflows": {"wf": {"content": 1}}}, 3, None, True, id="a-workflow-only"),
        pytest.param({"sessions": 1}, 3, 1, False, id="yesterday"),
        pytest.param({"sessions": 1}, 1, None, False, id="a-fresh-site"),
        pytest.param({}, 3, None, False, id="no-retention"),
        pytest.param(
            {"runs": 3, "workflows": {"wf": {"content": None}}}, 3, None, False, id="nothing-of-people"
        ),
        pytest.param({"nonsense": 1}, 3, None, False, id="E001-says-it"),
    ],
)
@pytest.mark.django_db
def test_a_retention_that_nobody_obeys_is_told(
    database: str, retention: Any, days: float, cleaned: float | None, warns: bool
) -> None:
    held(database, days=days)
    if cleaned is not None:
        note_cleanup(now=timezone.now() - timedelta(days=cleaned), using=database)

    with override_settings(CHATKIT={**WELL, "RETENTION": retention}):
        assert ("W010" in told(database)) is warns
        assert "W010" not in ids(found())


@pytest.mark.django_db(transaction=True)
@override_settings(CHATKIT={**WELL, "RETENTION": {"content": 1}})
def test_before_the_tables_are_there_nothing_is_told_of_them() -> None:
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_chatkit_dailycount RENAME TO elsewhere")
        try:
            assert "W010" not in told("default")
        finally:
            cursor.execute("ALTER TABLE elsewhere RENAME TO django_chatkit_dailycount")
