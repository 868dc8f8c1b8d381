"""System checks of the app: stable ids, each with a hint that says how to mend it.

``check`` reports what would stop the app; ``check --deploy`` adds advice for production. The ids stand in
``docs/operations.md``; a retired one is never used again.
"""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from celery import current_app
from celery.exceptions import ImproperlyConfigured as CeleryMisconfigured
from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .. import conf, wiring
from ..client import params
from ..client.core import checked_base_url
from ..models import sealing
from .tables import TAG as TAG

# The tasks that keep the mirror fresh and the ledger tidy, as `tasks.BEAT_SCHEDULE` runs them.
SCHEDULED_TASKS = tuple(
    f"django_chatkit.tasks.{name}"
    for name in ("sync_due_users", "cancel_expired_sessions", "reconcile", "cleanup", "erase", "count_days")
)

_OWN_SCHEDULER = "celery.beat:PersistentScheduler"
_NO_OPTIONS = dict.fromkeys(("expires_after", "rate_limits", "chatkit_configuration"))
_ADAPTER_HINT = "Leave ADAPTER out to talk to upstream, or name a requests adapter that takes no arguments."
_HEADER_HINT = "Correct the setting that it names: API_KEY, ORGANIZATION and PROJECT travel in headers."
_SEALED_HINT = "Without it no row that is encrypted can be read, and none is written."
_SCHEDULE_HINT = (
    "Merge the app's schedule: app.conf.beat_schedule = {**BEAT_SCHEDULE}, from django_chatkit.tasks."
)
_CELERY_HINT = (
    "No Celery app is known to Django: import yours where Django starts, in the __init__.py of the settings' package "
    "(from .celery import app as celery_app), and merge BEAT_SCHEDULE into its schedule."
)
_PRIVATE_CACHES = ("LocMemCache", "DummyCache")


@register(TAG)
def check_settings(*, app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Report what would stop the app from working."""
    if problems := conf.problems():
        hint = "Correct CHATKIT in your settings; docs/settings.md lists every key with an example."
        return [Error(problem, hint=hint, id="django_chatkit.E001") for problem in problems]
    settings = conf.read()
    return [message for examine in _ALWAYS for message in examine(settings)]


@register(TAG, deploy=True)
def check_deployment(*, app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Report what works, but not well enough for production."""
    if conf.problems():
        return []  # E001 says it
    settings = conf.read()
    return [message for examine in _DEPLOYED for message in examine(settings)]


def _key(settings: conf.Settings) -> Iterator[CheckMessage]:
    if not settings.api_key:
        yield Warning(
            "ChatKit has no API key: no session can be opened and nothing can be mirrored.",
            hint="Set the environment variable OPENAI_API_KEY or CHATKIT['API_KEY'].",
            id="django_chatkit.W001",
        )


def _workflow(settings: conf.Settings) -> Iterator[CheckMessage]:
    if not settings.workflows:
        yield Warning(
            "ChatKit has no workflow: a session has nothing to run.",
            hint="Set CHATKIT['WORKFLOW_ID'] to the id of your published workflow (wf_...).",
            id="django_chatkit.W002",
        )


def _workflow_version(settings: conf.Settings) -> Iterator[CheckMessage]:
    if settings.workflow_version.strip().lower() == "latest":
        yield Error(
            "CHATKIT['WORKFLOW_VERSION'] is 'latest', which is no version: no session can be opened with it.",
            hint="Remove WORKFLOW_VERSION to run the version in production, or name a published one.",
            id="django_chatkit.E027",
        )


def _callables(settings: conf.Settings) -> Iterator[CheckMessage]:
    named = (
        (
            "USER_ID",
            settings.user_id,
            "takes the request and returns the end user's id or None",
            "django_chatkit.E002",
        ),
        (
            "STATE_VARIABLES",
            settings.state_variables,
            "takes the request and returns a dict",
            "django_chatkit.E003",
        ),
        (
            "REDACT",
            settings.redact,
            "takes the type and the payload of a thread or an item and returns the payload to store",
            "django_chatkit.E026",
        ),
    )
    for key, value, what, number in named:
        problem = _why_not_callable(value)
        if problem:
            yield Error(
                f"CHATKIT[{key!r}] can't be used: {problem}.",
                hint=f"Give the dotted path of a function that {what}, as in 'shop.chat.{key.lower()}'.",
                id=number,
            )


def _why_not_callable(value: str | Callable[..., Any]) -> str:
    if not value or callable(value):
        return ""
    try:
        found = import_string(value)
    except ImportError as error:
        return str(error)
    return "" if callable(found) else f"{value} is a {type(found).__name__}, not a function"


def _encryption(settings: conf.Settings) -> Iterator[CheckMessage]:
    try:
        sealing.keyring()
    except ImproperlyConfigured as error:
        yield Error(str(error), hint=_SEALED_HINT, id="django_chatkit.E025")


def _session_defaults(settings: conf.Settings) -> Iterator[CheckMessage]:
    try:
        params.create_body(user="check", workflow="check", **{**_NO_OPTIONS, **settings.session_defaults})
    except (TypeError, ValueError) as error:
        yield Error(
            f"CHATKIT['SESSION_DEFAULTS'] would be refused: {error}",
            hint="Keep expires_after within 1 to 600 seconds and every limit within upstream's bounds.",
            id="django_chatkit.E005",
        )


def _address(settings: conf.Settings) -> Iterator[CheckMessage]:
    problem = _why_no_address(settings.base_url)
    if problem:
        yield Error(
            f"CHATKIT['BASE_URL'] is no address of an API: {problem}",
            hint="Correct BASE_URL or the environment variable OPENAI_BASE_URL, or leave both out.",
            id="django_chatkit.E006",
        )
    elif _is_exposed(settings.base_url) and not _is_loopback(settings.base_url):
        yield _without_tls(settings.base_url)


def _why_no_address(base_url: str) -> str:
    try:
        checked_base_url(base_url)
    except ValueError as error:
        return str(error)
    return ""


def _client(settings: conf.Settings) -> Iterator[CheckMessage]:
    if not settings.api_key or _why_no_address(settings.base_url):
        return  # W001 or E006 says why there is no client to make
    key_is_broken = not settings.api_key.isprintable() or " " in settings.api_key
    if key_is_broken:
        yield Error(
            f"{conf.origin('API_KEY')} has a space, a line end or another character in it that no key has.",
            hint="Copy the key anew, without what stands before and behind it.",
            id="django_chatkit.E004",
        )
    try:
        wiring.connect()
    except ImproperlyConfigured as error:
        if "ADAPTER" in str(error):
            yield Error(str(error), hint=_ADAPTER_HINT, id="django_chatkit.E004")
        elif not key_is_broken and "REDACT" not in str(error):  # E026 says that
            yield Error(str(error), hint=_HEADER_HINT, id="django_chatkit.E004")


def _script(settings: conf.Settings) -> Iterator[CheckMessage]:
    if not settings.script_url.lower().startswith(("https://", "http://", "/")):
        yield Error(
            f"CHATKIT['SCRIPT_URL'] is no address: {settings.script_url!r}; a browser would look for it below "
            "the page that it is on.",
            hint="Begin it with https://, or with / for a file of this site; or leave it out for OpenAI's.",
            id="django_chatkit.E008",
        )


def _time_zones(settings: conf.Settings) -> Iterator[CheckMessage]:
    if not django_settings.USE_TZ:
        yield Error(
            "USE_TZ is False: upstream's times are moments, and the app's tables hold moments; sessions could be "
            "opened and not be entered.",
            hint="Set USE_TZ = True, Django's default; TIME_ZONE may stay what it is.",
            id="django_chatkit.E007",
        )


def _loopback_without_tls(settings: conf.Settings) -> Iterator[CheckMessage]:
    if _why_no_address(settings.base_url):
        return  # E006 says it
    if _is_exposed(settings.base_url) and _is_loopback(settings.base_url):
        yield _without_tls(settings.base_url)


def _without_tls(base_url: str) -> CheckMessage:
    return Warning(
        f"CHATKIT['BASE_URL'] has no TLS ({urlsplit(base_url).hostname}): the API key and what people write "
        "travel readable.",
        hint="Use an https:// address; http:// is for development.",
        id="django_chatkit.W003",
    )


def _beat(settings: conf.Settings) -> Iterator[CheckMessage]:
    try:
        if current_app.conf.beat_scheduler != _OWN_SCHEDULER:
            return  # its schedule lives elsewhere, in a table or a server
        scheduled = {entry.get("task") for entry in current_app.conf.beat_schedule.values()}
    except CeleryMisconfigured as error:
        yield _beat_warning(f"Celery's settings can't be read: {error}")
        return
    missing = [name for name in SCHEDULED_TASKS if name not in scheduled]
    if missing:
        yield _beat_warning(f"Celery beat does not run {', '.join(missing)}.")


def _beat_warning(text: str) -> CheckMessage:
    # Celery makes an app of this name where a process asks for the current one and none was made.
    made = current_app.main != "default"
    first = _SCHEDULE_HINT if made else _CELERY_HINT
    return Warning(
        text,
        hint=f"{first} Where cron runs chatkit_sync and chatkit_cleanup instead, silence this check.",
        id="django_chatkit.W005",
    )


def _emulated(settings: conf.Settings) -> Iterator[CheckMessage]:
    if settings.adapter and not django_settings.DEBUG:
        yield Warning(
            f"CHATKIT['ADAPTER'] is {settings.adapter}: requests may never leave this process.",
            hint="Leave ADAPTER out in production; it plugs in the emulator of development and tests.",
            id="django_chatkit.W006",
        )


def _cache(settings: conf.Settings) -> Iterator[CheckMessage]:
    backend = django_settings.CACHES.get("default", {}).get("BACKEND", "")
    if backend.endswith(_PRIVATE_CACHES):
        yield Warning(
            f"The default cache is {backend.rpartition('.')[2]}, which processes do not share: a sync that "
            "is asked for twice runs twice, or is asked for again only seconds later; and a pause that upstream asks "
            "for is kept by one process only.",
            hint="Use a shared cache (Redis, Memcached or the database) as CACHES['default'].",
            id="django_chatkit.W007",
        )


def _is_exposed(base_url: str) -> bool:
    return not django_settings.DEBUG and base_url.lower().startswith("http://")


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


_Examination = Callable[[conf.Settings], Iterator[CheckMessage]]

_ALWAYS: Sequence[_Examination] = (
    _key,
    _workflow,
    _workflow_version,
    _callables,
    _encryption,
    _session_defaults,
    _address,
    _client,
    _script,
    _time_zones,
)
_DEPLOYED: Sequence[_Examination] = (_loopback_without_tls, _beat, _emulated, _cache)
