"""The values of ``CHATKIT``: for each key the function that reads what the host wrote, or says what is wrong with it.

Each takes the name to blame and the value, and raises `ImproperlyConfigured` with the name and the remedy.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured

# How long the rows of sync runs are kept where `RETENTION` does not say.
RUNS_KEPT = timedelta(days=30)

# A hundred years; before the year 1 no moment can be told.
LONGEST_TERM = timedelta(days=36_525)

Timeout = float | tuple[float, float]


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ImproperlyConfigured(f"{name} must be a string, not {type(value).__name__}.")
    return value


def _url(name: str, value: Any) -> str:
    return _text(name, value).rstrip("/")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        raise ImproperlyConfigured(f"{name} must be a list of strings, not {type(value).__name__}.")
    return tuple(_text(f"{name}, each entry,", each) for each in value)


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured(f"{name} must be a dict, not {type(value).__name__}.")
    return value


_SESSION_OPTIONS = ("expires_after", "rate_limits", "chatkit_configuration")


def _session_defaults(name: str, value: Any) -> Mapping[str, Any]:
    options = _mapping(name, value)
    unknown = sorted(str(key) for key in options if key not in _SESSION_OPTIONS)
    if unknown:
        raise ImproperlyConfigured(
            f"{name} has unknown keys: {', '.join(unknown)}. Known keys: {', '.join(_SESSION_OPTIONS)}."
        )
    return options


_RATE = re.compile(r"[1-9][0-9]{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)")


def _rate(name: str, value: Any) -> str:
    rate = _text(name, value)
    if rate and not _RATE.fullmatch(rate):
        raise ImproperlyConfigured(
            f"{name} must be a number per second, minute, hour or day, like '120/minute', not {value!r}."
        )
    return rate


def _callable(name: str, value: Any) -> str | Callable[..., Any]:
    return value if callable(value) else _text(name, value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _number(name: str, value: Any, *, what: str = "a number of seconds above 0") -> float:
    if not _is_number(value) or value == 0:
        raise ImproperlyConfigured(f"{name} must be {what}, not {value!r}.")
    return float(value)


def _timeout(name: str, value: Any) -> Timeout:
    if isinstance(value, tuple | list) and len(value) == 2:
        return (_number(f"{name}[0]", value[0]), _number(f"{name}[1]", value[1]))
    return _number(name, value, what="a number of seconds above 0, or a pair (connect, read) of such numbers")


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ImproperlyConfigured(f"{name} must be True or False, not {value!r}.")
    return value


def _count(least: int) -> Callable[[str, Any], int]:
    def read_count(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}, not {value!r}.")
        return value

    return read_count


def _interval(name: str, value: Any) -> timedelta:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return timedelta(seconds=_number(name, seconds))


def _grace(name: str, value: Any) -> timedelta:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not _is_number(seconds):
        raise ImproperlyConfigured(f"{name} must be a number of seconds, 0 or more, not {seconds!r}.")
    return timedelta(seconds=seconds)


_KINDS_OF_WORKFLOWS = ("sessions", "content", "threads")
_RETENTION_KINDS = (*_KINDS_OF_WORKFLOWS, "runs", "workflows")
_THREAD_OPTIONS = ("days", "upstream")


def _retention(name: str, value: Any) -> Mapping[str, Any]:
    given = {"runs": RUNS_KEPT, **_mapping(name, value if value is not None else {})}
    terms = {kind: term for kind, term in given.items() if term is not None}
    _refuse_unknown(name, given, known=_RETENTION_KINDS)
    if "workflows" not in terms:
        return _terms(name, terms)
    label = f"{name}['workflows']"
    workflows = _mapping(label, terms.pop("workflows"))
    return {
        **_terms(name, terms),
        "workflows": {
            _text(f"{label}, each key,", id): _terms_of_workflow(f"{label}[{id!r}]", own)
            for id, own in workflows.items()
        },
    }


def _terms_of_workflow(name: str, value: Any) -> Mapping[str, Any]:
    _refuse_unknown(name, _mapping(name, value), known=_KINDS_OF_WORKFLOWS)
    return _terms(name, value)


def _terms(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Read a term of each kind; None is for ever."""
    return {kind: _term(f"{name}[{kind!r}]", kind, term) for kind, term in given.items()}


def _term(name: str, kind: str, value: Any) -> Any:
    """Read a term; of threads that go here alone it is a dict, with the age as a `timedelta`."""
    if kind != "threads" or not isinstance(value, Mapping):
        return None if value is None else _days(name, value)
    _refuse_unknown(name, value, known=_THREAD_OPTIONS)
    age = _days(f"{name}['days']", value.get("days"))
    upstream = _flag(f"{name}['upstream']", value.get("upstream", True))
    return age if upstream else {"days": age, "upstream": False}


def _refuse_unknown(name: str, given: Mapping[str, Any], *, known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            raise ImproperlyConfigured(f"{name} has an unknown key {key!r}. Known keys: {', '.join(known)}.")


def _days(name: str, value: Any) -> timedelta:
    term = timedelta(days=value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(term, timedelta) or term <= timedelta():
        raise ImproperlyConfigured(
            f"{name} must be a number of days or a timedelta above zero, not {value!r}."
        )
    if term > LONGEST_TERM:
        raise ImproperlyConfigured(
            f"{name} may be at most {LONGEST_TERM.days} days; leave it out to keep for ever."
        )
    return term


_ON_OWNER_DELETE = ("keep", "detach", "erase")


def _on_owner_delete(name: str, value: Any) -> str:
    if value not in _ON_OWNER_DELETE:
        choices = ", ".join(map(repr, _ON_OWNER_DELETE))
        raise ImproperlyConfigured(f"{name} must be one of {choices}, not {value!r}.")
    return str(value)


def _keys(name: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ImproperlyConfigured(f"{name} must be a list of keys, not {type(value).__name__}.")
    keys = tuple("" if key is None else key for key in value)
    for number, key in enumerate(keys):
        if not _is_key(key) and not (key == "" and number == 0):
            raise ImproperlyConfigured(  # the key itself is not shown: it may be right but for a blank
                f"{name}[{number}] is no key: 32 bytes in URL-safe base64, as Fernet.generate_key() makes them. Only "
                "the first may be empty, which encrypts nothing."
            )
    return keys


def _is_key(key: Any) -> bool:
    try:
        return isinstance(key, str) and len(b64decode(key, b"-_", validate=True)) == 32
    except ValueError:
        return False


READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "API_KEY": _text,
    "BASE_URL": _url,
    "ORGANIZATION": _text,
    "PROJECT": _text,
    "WORKFLOW_ID": _text,
    "WORKFLOW_VERSION": _text,
    "ALLOWED_WORKFLOWS": _texts,
    "SESSION_DEFAULTS": _session_defaults,
    "SESSION_RATE": _rate,
    "TIMEOUT": _timeout,
    "MAX_RETRIES": _count(0),
    "ADAPTER": _text,
    "USER_ID": _callable,
    "STATE_VARIABLES": _callable,
    "SYNC_INTERVAL": _interval,
    "SYNC_GRACE": _grace,
    "SYNC_CONCURRENCY": _count(1),
    "RETENTION": _retention,
    "ON_OWNER_DELETE": _on_owner_delete,
    "HIDE_CONTENT": _flag,
    "ENCRYPTION_KEYS": _keys,
    "REDACT": _callable,
    "SCRIPT_URL": _text,
}
