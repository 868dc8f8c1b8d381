"""What session an asker gets: what the settings say, narrowed by what the asker's own body says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .. import client
from ..conf import Settings
from . import limits
from .errors import Refusal, echo, invalid, missing

_BODY = ("user", "workflow", *limits.OPTIONS)
_UNSET = object()
_WORKFLOW = ("id", "version", "state_variables", "tracing")


def order(
    *, settings: Settings, end_user: str, body: Any, state_variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of ``services.sessions.open`` that a request leads to.

    Raises:
        Refusal: naming the field of the body that the asker may not choose so.
        ImproperlyConfigured: when no workflow is set, or ``SESSION_DEFAULTS`` can't be read.
    """
    asked = limits.known(body, _BODY)
    _refuse_other_user(asked, end_user)
    return {
        "user": end_user,
        "workflow": _workflow(settings, asked.get("workflow"), state_variables),
        **limits.narrowed(_allowed(settings), _asked_options(asked)),
    }


@contextmanager
def blame(body: Any) -> Iterator[None]:
    """Give upstream's refusal of a new session to whom it concerns: to the asker, or to the operator.

    Raises:
        Refusal: a 400 in our words, when upstream names a setting that the asker wrote; its own may quote anything.
        ImproperlyConfigured: when what the settings gave was refused before it was sent.
    """
    try:
        yield
    except (client.BadRequestError, client.UnprocessableEntityError) as error:
        param = _blamed(error.param or "", _asked_options(body))
        if param is None:
            raise
        message = f"The chat service does not take this '{param}': choose another value, or leave it out."
        raise invalid(message, param=param) from error
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"CHATKIT leads to a session that can't be opened: {error}") from error


def _asked_options(body: Mapping[str, Any]) -> dict[str, limits.Said]:
    return limits.read({name: body[name] for name in limits.OPTIONS if name in body})


def _blamed(param: str, asked: Mapping[str, limits.Said]) -> str | None:
    """Return the name of a setting of the asker's, or of a group of them, that upstream refuses; None where it is none."""
    if param in asked:
        return asked[param].param
    return param if any(path.startswith(f"{param}.") for path in asked) else None


def _refuse_other_user(asked: Mapping[str, Any], end_user: str) -> None:
    if asked.get("user", end_user) != end_user:
        raise invalid("'user' may only be the asker itself; leave it out.", param="user")


def _workflow(settings: Settings, asked: Any, state_variables: Mapping[str, Any]) -> dict[str, Any]:
    wanted = _wanted(asked)
    _refuse_other_variables(wanted.get("state_variables"), state_variables)
    _refuse_other_tracing(wanted.get("tracing"))
    id = _workflow_id(settings, wanted.get("id"))
    version = settings.workflow_version if id == settings.workflow_id else ""
    if wanted.get("version") not in (None, version or None):
        raise _fixed("workflow.version")
    extras = {"version": version, "state_variables": dict(state_variables)}
    return {"id": id, **{name: value for name, value in extras.items() if value}}


def _wanted(asked: Any) -> Mapping[str, Any]:
    """Return what an asker says of the workflow: nothing, or which one it speaks of."""
    if asked is None:
        return {}
    wanted = limits.known(asked, _WORKFLOW, "workflow")
    if wanted.get("id") is None:
        raise missing("workflow.id")
    return wanted


def _refuse_other_variables(asked: Any, set_here: Mapping[str, Any]) -> None:
    """Let an asker say again what the site tells the workflow, and nothing else."""
    path = "workflow.state_variables"
    if asked is not None and not isinstance(asked, Mapping):
        raise invalid(f"'{path}' must be an object.", param=path, code="invalid_type")
    for name, value in (asked or {}).items():
        ours = set_here.get(name, _UNSET)
        if type(value) is not type(ours) or value != ours:  # to Python, True is 1
            raise _fixed(f"{path}.{echo(name)}")


def _refuse_other_tracing(asked: Any) -> None:
    """Let an asker say that tracing is on, as it is where nobody says anything."""
    path = "workflow.tracing"
    if asked is not None and limits.known(asked, ("enabled",), path).get("enabled") not in (None, True):
        raise _fixed(f"{path}.enabled")


def _workflow_id(settings: Settings, asked: Any) -> str:
    if asked is None:
        if not settings.workflow_id:
            raise ImproperlyConfigured("ChatKit has no workflow: set CHATKIT['WORKFLOW_ID'].")
        return settings.workflow_id
    if not isinstance(asked, str) or asked not in settings.workflows:
        raise invalid("'workflow.id' is none of the workflows that may be run here.", param="workflow.id")
    return asked


def _allowed(settings: Settings) -> dict[str, limits.Said]:
    try:
        return limits.read(settings.session_defaults)
    except Refusal as refusal:
        raise ImproperlyConfigured(f"CHATKIT['SESSION_DEFAULTS']: {refusal.message}") from refusal


def _fixed(param: str) -> Refusal:
    return invalid(f"'{param}' is set by this site and can't be chosen.", param=param)
