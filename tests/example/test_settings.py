"""The example's settings in processes of their own, since settings are read once."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "OPENAI_", "CHATKIT_", "DATABASE_", "CACHE_", "CELERY_"))
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_without_debug_a_secret_key_must_be_given(tmp_path: Path) -> None:
    told = run("import example_project.settings", DJANGO_DEBUG="0")

    assert told.returncode != 0
    assert "Set DJANGO_SECRET_KEY" in told.stderr


def test_the_site_answers_through_wsgi(tmp_path: Path) -> None:
    told = run(
        "from example_project.wsgi import application\n"
        "from django.test import RequestFactory\n"
        "environ = RequestFactory().get('/login/', headers={'host': 'localhost'}).environ\n"
        "application(environ, lambda status, headers: print(status))\n",
        DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3",
        CELERY_BROKER_URL=f"filesystem://{tmp_path}/broker",
    )

    assert told.stdout == "200 OK\n", told.stderr


def test_the_cache_is_shared_and_may_be_named_in_the_environment() -> None:
    code = "from example_project.settings import CACHES; print(CACHES['default']['LOCATION'])"

    assert run(code).stdout == f"{ROOT / 'var' / 'cache'}\n"
    assert run(code, CACHE_URL="redis://cache.example/1").stdout == "redis://cache.example/1\n"


def test_beat_has_the_schedule_of_the_app() -> None:
    told = run("from example_project.settings import CELERY_BEAT_SCHEDULE as s; print(*sorted(s))")

    assert "chatkit-cancel-expired-sessions" in told.stdout
