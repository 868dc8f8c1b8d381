"""The smallest project that can hold django_chatkit: what README tells a host to do, and not a line more."""

SECRET_KEY = "only-for-a-trial-of-the-wheel-and-long-enough"  # noqa: S105 -- opens nothing
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "host.sqlite3"}}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "django_chatkit",
]
ROOT_URLCONF = "host_urls"
CHATKIT = {
    "API_KEY": "sk-trial",
    "BASE_URL": "https://api.openai.com/v1",
    "WORKFLOW_ID": "wf_trial",
}
