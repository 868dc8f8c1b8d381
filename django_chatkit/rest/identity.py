"""Which end user a request speaks for, and what its session is told."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework.request import Request

from .. import conf
from ..models.fields import is_storable
from ..services.reading import MAX_USER_LENGTH, UNKNOWN_USER


def end_user_of(request: Request | HttpRequest) -> str | None:
    """Return upstream's ``user`` string for a request, or None where it speaks for nobody.

    By default that is the primary key of the signed-in account; ``CHATKIT["USER_ID"]`` may say otherwise, for
    visitors who are not signed in too.

    Raises:
        ImproperlyConfigured: when ``USER_ID`` can't be imported or returns something else.
    """
    mapping = conf.read().user_id
    if not mapping:
        user = request.user
        return str(user.pk) if user is not None and user.is_authenticated else None
    end_user = _resolve("USER_ID", mapping)(request)
    if end_user is None or _is_good(end_user):
        return end_user or None
    raise ImproperlyConfigured(
        "CHATKIT['USER_ID'] must return None or a string of at most "
        f"{MAX_USER_LENGTH} characters without NUL, not this {type(end_user).__name__}."
    )


def state_variables_of(request: Request | HttpRequest) -> Mapping[str, Any]:
    """Return what ``CHATKIT["STATE_VARIABLES"]`` tells the workflow about a request.

    Raises:
        ImproperlyConfigured: when it can't be imported or returns no dict.
    """
    source = conf.read().state_variables
    variables = _resolve("STATE_VARIABLES", source)(request) if source else {}
    if not isinstance(variables, Mapping):
        kind = type(variables).__name__
        raise ImproperlyConfigured(f"CHATKIT['STATE_VARIABLES'] must return a dict, not {kind}.")
    return variables


def _is_good(end_user: object) -> bool:
    if not isinstance(end_user, str) or end_user == UNKNOWN_USER:
        return False
    return len(end_user) <= MAX_USER_LENGTH and is_storable(end_user)


def _resolve(key: str, given: str | Callable[..., Any]) -> Callable[..., Any]:
    if not isinstance(given, str):
        return given
    try:
        named = import_string(given)
    except ImportError as error:
        raise ImproperlyConfigured(f"CHATKIT['{key}'] can't be imported: {error}") from error
    if not callable(named):
        raise ImproperlyConfigured(f"CHATKIT['{key}'] must name a function; {given} is none.")
    resolved: Callable[..., Any] = named
    return resolved
