"""Settings of the example project: they come from the environment, and each has a default that works on a laptop.

======================  =================================================================================
DATABASE_URL            a file beside manage.py; also postgresql:// and mariadb:// (see `databases`)
CELERY_BROKER_URL       filesystem://: a broker in a folder, no server needed; redis:// or amqp:// as you like
CACHE_URL               file://: a cache in a folder; redis://, db:// as you like (see `caches`)
OPENAI_API_KEY          read by django_chatkit itself, as OPENAI_BASE_URL is
CHATKIT_WORKFLOW_ID     the Agent Builder workflow that the chat page opens
DJANGO_SECRET_KEY       must be set where DJANGO_DEBUG is off
DJANGO_DEBUG            on, unless 0, false, no or off
DJANGO_ALLOWED_HOSTS    separated by commas; the loopback names are always allowed
======================  =================================================================================
"""

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from django_chatkit.conf import DEFAULT_SCRIPT_URL
from django_chatkit.tasks import BEAT_SCHEDULE

from . import brokers, caches, csp, databases

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DJANGO_DEBUG", "1").lower() not in {"", "0", "false", "no", "off"}
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured("Set DJANGO_SECRET_KEY: without DJANGO_DEBUG there is no default for it.")
    SECRET_KEY = "for-a-laptop-only: whoever reads this file can forge a session"  # noqa: S105 -- DEBUG only
ALLOWED_HOSTS = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    *filter(None, os.environ.get("DJANGO_ALLOWED_HOSTS", "").split(",")),
]

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
INSTALLED_APPS = [
    "example_project",  # before the admin: its login page is the one that people see
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "django_chatkit",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    csp.MIDDLEWARE,
]
SECURE_CSP = csp.policy(DEFAULT_SCRIPT_URL)
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": databases.parse(os.environ.get("DATABASE_URL") or f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What the site and the workers tell each other: a nudge that waits already, a pause that upstream asked for.
CACHES = {
    "default": caches.parse(os.environ.get("CACHE_URL") or f"file://{BASE_DIR / 'var' / 'cache'}"),
}

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
# Browsers share cookies between the ports of one machine: other projects there keep their own.
SESSION_COOKIE_NAME = "chatkit_example_session"
CSRF_COOKIE_NAME = "chatkit_example_csrf"

CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = brokers.parse(
    os.environ.get("CELERY_BROKER_URL") or f"filesystem://{BASE_DIR / 'var' / 'broker'}"
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE

# The key and the base URL come from OPENAI_API_KEY and OPENAI_BASE_URL.
CHATKIT: dict[str, Any] = {
    "WORKFLOW_ID": os.environ.get("CHATKIT_WORKFLOW_ID", ""),
}
