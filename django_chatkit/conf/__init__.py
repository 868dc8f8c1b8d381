"""The app's settings: the one dict ``CHATKIT``, read as a frozen dataclass.

Nothing is cached: each `read()` looks at Django's settings anew, so that ``override_settings`` works.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from .values import LONGEST_TERM, READERS, RUNS_KEPT, Timeout

__all__ = [
    "DEFAULT_BASE_URL",
    "DEFAULT_SCRIPT_URL",
    "LONGEST_TERM",
    "RUNS_KEPT",
    "Settings",
    "Timeout",
    "encryption_keys",
    "hides_content",
    "known_keys",
    "origin",
    "problems",
    "read",
]

DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_SCRIPT_URL = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Hold every setting of the app, typed and with its default.

    A field is the lower-case name of its key in ``CHATKIT``. Empty strings mean "not set".
    """

    # Credentials and address of upstream. An empty one falls back to the environment variable of OpenAI's SDK.
    api_key: str = field(default="", repr=False)
    base_url: str = ""
    organization: str = ""
    project: str = ""

    # What a session runs. `allowed_workflows` are further ids that an asker may name.
    workflow_id: str = ""
    workflow_version: str = ""
    allowed_workflows: tuple[str, ...] = ()

    # expires_after, rate_limits, chatkit_configuration of new sessions; the ceiling of what an asker may ask for.
    session_defaults: Mapping[str, Any] = field(default_factory=dict)

    # How many sessions one asker may open, in REST framework's words; empty means no limit.
    session_rate: str = "120/minute"

    # Seconds for connecting and for reading, or one number for both.
    timeout: Timeout = 30.0
    max_retries: int = 2

    # Dotted path of a requests adapter: the seam where the emulator is plugged in.
    adapter: str = ""

    # Dotted paths (or callables): request -> end-user string or None; request -> dict of state variables.
    user_id: str | Callable[..., Any] = ""
    state_variables: str | Callable[..., Any] = ""

    # The pace of the sync: seconds between looks at a live end user, seconds after the window, requests side by side.
    sync_interval: timedelta = timedelta(seconds=15)
    sync_grace: timedelta = timedelta(seconds=60)
    sync_concurrency: int = 8

    # How long "sessions" of the ledger, the "content" of threads and whole "threads" are kept after their last activity,
    # and "runs" of the sync after their start; absent means for ever. Under "workflows" what differs for each.
    retention: Mapping[str, Any] = field(default_factory=lambda: {"runs": RUNS_KEPT})

    # What becomes of an owner's end users when the account is deleted: "keep", "detach" or "erase".
    on_owner_delete: str = "detach"

    # Whether what was said is hidden from all of the staff, superusers included.
    hide_content: bool = False

    # Keys of Fernet's: the first encrypts payloads, words and notes at rest, all decrypt. Without: nothing is encrypted.
    encryption_keys: tuple[str, ...] = field(default=(), repr=False)

    # Dotted path (or callable): type and payload -> payload, before anything of a thread or an item is stored.
    redact: str | Callable[..., Any] = ""

    # Address of the script that defines <openai-chatkit>.
    script_url: str = DEFAULT_SCRIPT_URL

    @property
    def workflows(self) -> tuple[str, ...]:
        """Return the ids of all workflows that an asker may run, the default first."""
        ids = [self.workflow_id, *self.allowed_workflows] if self.workflow_id else self.allowed_workflows
        return tuple(dict.fromkeys(ids))


def read() -> Settings:
    """Build the settings from ``settings.CHATKIT`` and the environment.

    Raises:
        ImproperlyConfigured: naming the first key that is unknown or has a value of the wrong kind.
    """
    values, wrong = _examined()
    if wrong:
        raise ImproperlyConfigured(wrong[0])
    for name, variable in _ENVIRONMENT.items():
        values[name] = values.get(name) or os.environ.get(variable, "")
    values["base_url"] = values["base_url"] or DEFAULT_BASE_URL
    values["script_url"] = values.get("script_url") or DEFAULT_SCRIPT_URL
    return Settings(**values)


def hides_content() -> bool:
    """Tell whether staff may read nothing of what was said: whatever stands there but ``False`` hides it."""
    given = getattr(django_settings, "CHATKIT", {})
    return isinstance(given, Mapping) and given.get("HIDE_CONTENT", False) is not False


def encryption_keys() -> tuple[str, ...]:
    """Return the keys, the first of which encrypts. It is read alone, for it is asked for with each write of a row.

    Raises:
        ImproperlyConfigured: naming the first that is none.
    """
    given = getattr(django_settings, "CHATKIT", {})
    keys = given.get("ENCRYPTION_KEYS") if isinstance(given, Mapping) else None
    return READERS["ENCRYPTION_KEYS"]("CHATKIT['ENCRYPTION_KEYS']", keys) if keys else ()


def problems() -> list[str]:
    """Return all that `read` refuses, a sentence for each key; nothing where it refuses nothing."""
    return _examined()[1]


def origin(key: str) -> str:
    """Return where the value of a key comes from, in words: ``CHATKIT`` or a variable of the environment."""
    variable = _ENVIRONMENT.get(key.lower())
    is_set = bool(getattr(django_settings, "CHATKIT", {}).get(key))
    return f"CHATKIT[{key!r}]" if is_set or variable is None else f"The environment variable {variable}"


def known_keys() -> tuple[str, ...]:
    """Return the keys that ``CHATKIT`` may have."""
    return tuple(each.name.upper() for each in fields(Settings))


def _examined() -> tuple[dict[str, Any], list[str]]:
    """Read every key that can be read, and say what is wrong with the others."""
    given = getattr(django_settings, "CHATKIT", {})
    if not isinstance(given, Mapping):
        return {}, [f"CHATKIT must be a dict, not {type(given).__name__}."]
    values, wrong = dict[str, Any](), _unknown(given)
    for key in (key for key in given if key in READERS):
        try:
            values[key.lower()] = READERS[key](f"CHATKIT[{key!r}]", given[key])
        except ImproperlyConfigured as error:
            wrong.append(str(error))
        except OverflowError:
            wrong.append(f"CHATKIT[{key!r}] must be smaller: that is longer than time can be counted.")
    return values, wrong


def _unknown(given: Mapping[str, Any]) -> list[str]:
    unknown = sorted(str(key) for key in given if key not in READERS)
    if not unknown:
        return []
    return [f"CHATKIT has unknown keys: {', '.join(unknown)}. Known keys: {', '.join(known_keys())}."]


# The environment variables that OpenAI's SDK reads, for the settings that the host left empty.
_ENVIRONMENT: Mapping[str, str] = {
    "api_key": "OPENAI_API_KEY",
    "base_url": "OPENAI_BASE_URL",
    "organization": "OPENAI_ORG_ID",
    "project": "OPENAI_PROJECT_ID",
}
