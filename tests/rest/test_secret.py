"""A client secret is in one answer and nowhere else: whatever a full journey leaves behind is searched for it."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_chatkit import tasks
from django_chatkit.models import ChatThread, EndUser
from django_chatkit.testing import Emulator
from tests.rest.conftest import Configure
from tests.rest.world import signed_in

pytestmark = pytest.mark.django_db

API = "/api/chatkit"


def pages_of(browser: Client) -> list[str]:
    """Return everything that staff can be shown: the site, the admin, and each row of ours in it."""
    paths = ["/", reverse("admin:index")]
    for model in filter(admin.site.is_registered, apps.get_app_config("django_chatkit").get_models()):
        name = f"admin:django_chatkit_{model._meta.model_name}"
        paths.append(reverse(f"{name}_changelist"))
        paths += [reverse(f"{name}_change", args=[row.pk]) for row in model._default_manager.all()]
    answers = {path: browser.get(path) for path in paths}
    assert {path for path, answer in answers.items() if answer.status_code != 200} == set()
    return [answer.content.decode() for answer in answers.values()]


def test_a_journey_leaves_no_secret_behind(
    chatkit_emulator: Emulator,
    configure: Configure,
    admin_user: User,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(0)
    configure(MAX_RETRIES=0)
    browser = signed_in(admin_user)

    opened = [browser.post(f"{API}/sessions").json() for _ in range(3)]
    secrets = [each["client_secret"] for each in opened]
    chatkit_emulator.add_thread(user=str(admin_user.pk), items=[{"text": "Hello"}])
    EndUser.objects.update(due_at=timezone.now())
    tasks.sync_due_users()
    browser.post(f"{API}/sessions/{opened[0]['id']}/cancel")
    chatkit_emulator.fail("cancel_session", status=500)
    browser.post(f"{API}/sessions/{opened[1]['id']}/cancel")
    answers = [
        browser.get(f"{API}/{path}") for path in ("sessions", f"sessions/{opened[2]['id']}", "threads")
    ]
    left = [each.content.decode() for each in answers] + pages_of(browser)
    left += [caplog.text, *capfd.readouterr(), *connection.connection.iterdump()]

    assert ChatThread.objects.count() == 1
    assert all(secret.startswith("ek_") for secret in secrets)
    assert [each for each in left for secret in secrets if secret in each] == []
    assert not any("ek_" in each for each in left)
