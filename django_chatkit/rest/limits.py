"""What may be said about a new session, and how far each setting may be moved: only ever downwards.

One reader takes what an asker says and what ``SESSION_DEFAULTS`` says, each in the specification's words or in the
documentation's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .errors import echo, invalid, missing


@dataclass(frozen=True, slots=True)
class Number:
    """A number that may be lowered. `default` is what upstream takes where nobody says anything; None: no limit."""

    default: int | None
    highest: int | None = None
    alias_of: str = ""

    def refuse(self, value: object, param: str) -> None:
        """Raise the refusal of what upstream would not take."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"'{param}' must be a whole number.", param=param, code="invalid_type")
        if value < 1 or (self.highest is not None and value > self.highest):
            bounds = "at least 1" if self.highest is None else f"from 1 to {self.highest}"
            raise invalid(f"'{param}' must be {bounds}.", param=param)

    def refuse_above(self, ceiling: Any, value: Any, param: str) -> None:
        """Raise the refusal of more than the ceiling."""
        if ceiling is not None and value > ceiling:
            raise invalid(f"'{param}' may be at most {ceiling} here.", param=param)


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch that may be turned off, and on only where it is on already."""

    default: bool
    alias_of: str = ""

    def refuse(self, value: object, param: str) -> None:
        """Raise the refusal of what is no boolean."""
        if not isinstance(value, bool):
            raise invalid(f"'{param}' must be a boolean.", param=param, code="invalid_type")

    def refuse_above(self, ceiling: Any, value: Any, param: str) -> None:
        """Raise the refusal of turning on what is off."""
        if value and not ceiling:
            raise invalid(f"'{param}' is off here and can't be turned on.", param=param)


Limit: TypeAlias = Number | Switch
Shape: TypeAlias = Mapping[str, Any]  # of limits, and of shapes

_SHAPE: Shape = {
    "expires_after": {"seconds": Number(600, highest=600)},
    "rate_limits": {
        "max_requests_per_1_minute": Number(10),
        "per_minute": Number(10, alias_of="rate_limits.max_requests_per_1_minute"),
    },
    "chatkit_configuration": {
        "automatic_thread_titling": {"enabled": Switch(True)},
        "file_upload": {
            "enabled": Switch(False),
            "max_file_size": Number(512, highest=512),
            "max_files": Number(10),
        },
        "history": {"enabled": Switch(True), "recent_threads": Number(None)},
    },
}
OPTIONS = tuple(_SHAPE)


@dataclass(frozen=True, slots=True)
class Said:
    """One setting as somebody wrote it: under which name, and what."""

    limit: Limit
    param: str
    value: Any


def read(options: Mapping[str, Any]) -> dict[str, Said]:
    """Return the settings by their path in the specification's words, like ``"expires_after.seconds"``.

    None is as good as nothing, as for the client.

    Raises:
        Refusal: naming the one that upstream does not know or would not take, or that is said under two names.
    """
    given = {**options, "expires_after": _term(options.get("expires_after"))}
    settings: dict[str, Said] = {}
    for said in _walk(_SHAPE, given, ""):
        path = said.limit.alias_of or said.param
        if path in settings:
            names = f"'{settings[path].param}' and '{said.param}'"
            raise invalid(f"{names} are two names of one setting: send one of them.", param=said.param)
        settings[path] = said
    return settings


def narrowed(allowed: Mapping[str, Said], asked: Mapping[str, Said]) -> dict[str, Any]:
    """Return the options of a session: what is allowed, lowered to what is asked for.

    Raises:
        Refusal: naming what was asked for beyond what is allowed.
    """
    for path, said in asked.items():
        ceiling = allowed[path].value if path in allowed else said.limit.default
        said.limit.refuse_above(ceiling, said.value, said.param)
    return _nested({path: said.value for path, said in {**allowed, **asked}.items()})


def known(value: object, keys: tuple[str, ...], path: str = "") -> Mapping[str, Any]:
    """Return an object that has none but the known keys.

    Raises:
        Refusal: naming the key that is not, or what is no object.
    """
    if not isinstance(value, Mapping):
        subject = f"'{path}'" if path else "The body"
        raise invalid(f"{subject} must be an object.", param=path or None, code="invalid_type")
    for key in value:
        if key not in keys:
            param = _join(path, echo(str(key)))
            raise invalid(
                f"'{param}' is not a parameter of this call.", param=param, code="unknown_parameter"
            )
    return value


def _term(value: Any) -> Any:
    """Return the term of a session as the specification says it; the documentation gives just the seconds."""
    if not isinstance(value, Mapping):
        return {"seconds": value}
    given = known(value, ("anchor", "seconds"), "expires_after")
    if given.get("anchor", "created_at") != "created_at":
        raise invalid("'expires_after.anchor' must be 'created_at'.", param="expires_after.anchor")
    if given.get("seconds") is None:
        raise missing("expires_after.seconds")
    return {"seconds": given["seconds"]}


def _walk(shape: Shape, value: object, path: str) -> Iterator[Said]:
    for key, part in known(value, tuple(shape), path).items():
        param, limit = _join(path, key), shape[key]
        if part is None:
            continue
        if isinstance(limit, Mapping):
            yield from _walk(limit, part, param)
        else:
            limit.refuse(part, param)
            yield Said(limit, param, part)


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for path, value in flat.items():
        *groups, name = path.split(".")
        place = options
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = value
    return options


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
