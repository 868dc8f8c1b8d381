"""Settings of the tests."""

from typing import Any

from django_chatkit.conf import DEFAULT_SCRIPT_URL
from django_chatkit.tasks import BEAT_SCHEDULE
from example_project import csp
from tests import servers

SECRET_KEY = "only-for-tests-and-long-enough-for-every-signer"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "example_project.urls"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
CELERY_BROKER_URL = "memory://"
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE

INSTALLED_APPS = [
    "example_project",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
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
# SQLite is always there; PostgreSQL and MariaDB join in where they answer (see `tests.servers`).
DATABASES, DATABASES_LEFT_OUT = servers.find()
EACH_DATABASE = [alias for alias in DATABASES if alias in servers.WANTED]
SERVICES, SERVICES_LEFT_OUT = servers.find_services()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHATKIT: dict[str, Any] = {
    "API_KEY": "sk-test-only",
    "BASE_URL": "https://api.openai.com/v1",
    "WORKFLOW_ID": "wf_tests",
    "ADAPTER": "django_chatkit.testing.adapter.EmulatorAdapter",
}
