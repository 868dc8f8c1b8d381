"""Refuses requests that the specification forbids, with a 400 that names the field."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, NoReturn

from .answers import Refusal
from .switches import Switches

Rule = Callable[[Any, str, Switches], None]

MAXIMUM_LIMIT = 100
DEFAULT_LIMIT = 20
LONGEST_USER_FILTER = 512


def refusal(message: str, *, param: str | None, code: str | None, switches: Switches) -> Refusal:
    """Return the 400, worded as the switches say."""
    words = switches.validation_wording.format(message=message, param=param)
    return Refusal(400, words, param=param if switches.validation_param else None, code=code)


def text(*, shortest: int = 0, longest: int | None = None) -> Rule:
    """Return the rule of a string."""

    def rule(value: Any, path: str, switches: Switches) -> None:
        if not isinstance(value, str):
            _wrong_type(value, path, "a string", switches)
        if len(value) < shortest:
            _refuse_value(f"'{path}' needs at least {shortest} character(s).", path, switches)
        if longest is not None and len(value) > longest:
            _refuse_value(f"'{path}' may have {longest} characters, not {len(value)}.", path, switches)

    return rule


def whole_number(*, least: int, most: int | None = None) -> Rule:
    """Return the rule of an integer."""

    def rule(value: Any, path: str, switches: Switches) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            _wrong_type(value, path, "an integer", switches)
        if value < least or (most is not None and value > most):
            bounds = f"at least {least}" if most is None else f"from {least} to {most}"
            _refuse_value(f"'{path}' must be {bounds}.", path, switches)

    return rule


def flag(value: Any, path: str, switches: Switches) -> None:
    """Refuse what is not a boolean."""
    if not isinstance(value, bool):
        _wrong_type(value, path, "a boolean", switches)


def anything(value: Any, path: str, switches: Switches) -> None:
    """Refuse nothing."""


def only_strings(value: Any, path: str, switches: Switches) -> None:
    """Refuse what is not a list of strings."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        _wrong_type(value, path, "a list of strings", switches)


def only(word: str) -> Rule:
    """Return the rule of a constant."""

    def rule(value: Any, path: str, switches: Switches) -> None:
        if value != word:
            _refuse_value(f"'{path}' must be '{word}'.", path, switches)

    return rule


def fields(rules: Mapping[str, Rule], *, required: Iterable[str] = (), closed: bool = True) -> Rule:
    """Return the rule of an object; a closed one may refuse names that it does not know."""
    needed = tuple(required)

    def rule(value: Any, path: str, switches: Switches) -> None:
        if not isinstance(value, dict):
            _wrong_type(value, path, "an object", switches)
        for name in needed:
            if name not in value:
                param = _join(path, name)
                message = f"'{param}' is required."
                raise refusal(message, param=param, code="missing_required_parameter", switches=switches)
        for name, inner in value.items():
            if name in rules:
                rules[name](inner, _join(path, name), switches)
            elif closed and switches.unknown_parameter == "error":
                param = _join(path, name)
                message = f"'{param}' is not a parameter of this call."
                raise refusal(message, param=param, code="unknown_parameter", switches=switches)

    return rule


def state_variables(value: Any, path: str, switches: Switches) -> None:
    """Refuse what is not a map of up to 64 short names to plain values.

    The specification says oneOf over string, integer, boolean, number, which an integer matches twice: read as anyOf.
    """
    if not isinstance(value, dict):
        _wrong_type(value, path, "an object", switches)
    if len(value) > 64:
        _refuse_value(f"'{path}' may have 64 entries, not {len(value)}.", path, switches)
    for name, inner in value.items():
        if len(name) > 64:
            _refuse_value(f"A name in '{path}' may have 64 characters, not {len(name)}.", path, switches)
        if not isinstance(inner, str | int | float):
            _wrong_type(inner, _join(path, name), "a string, a number or a boolean", switches)
        if isinstance(inner, str):
            text(longest=10_485_760)(inner, _join(path, name), switches)


_switch = fields({"enabled": flag})
_session = fields(
    {
        "user": text(shortest=1),
        "workflow": fields(
            {"id": text(), "version": text(), "state_variables": state_variables, "tracing": _switch},
            required=["id"],
        ),
        "expires_after": fields(
            {"anchor": only("created_at"), "seconds": whole_number(least=1, most=600)},
            required=["anchor", "seconds"],
        ),
        "rate_limits": fields({"max_requests_per_1_minute": whole_number(least=1)}),
        "chatkit_configuration": fields(
            {
                "automatic_thread_titling": _switch,
                "file_upload": fields(
                    {
                        "enabled": flag,
                        "max_file_size": whole_number(least=1, most=512),
                        "max_files": whole_number(least=1),
                    }
                ),
                "history": fields({"enabled": flag, "recent_threads": whole_number(least=1)}),
            }
        ),
    },
    required=["workflow", "user"],
)


def session_request(body: Any, switches: Switches) -> dict[str, Any]:
    """Return the body of a request to open a session, or refuse it."""
    _session(body, "", switches)
    text(longest=switches.longest_user)(body["user"], "user", switches)
    request: dict[str, Any] = body
    return request


class PageRequest(NamedTuple):
    """Hold the four parameters of a list."""

    after: str | None
    before: str | None
    limit: int
    descending: bool


def page_request(query: Mapping[str, str], switches: Switches) -> PageRequest:
    """Return what page is asked for, or refuse."""
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        _refuse_value("'order' must be 'asc' or 'desc'.", "order", switches)
    after, before = query.get("after"), query.get("before")
    if after is not None and before is not None and switches.both_cursors == "error":
        _refuse_value("'after' and 'before' exclude each other.", "before", switches)
    return PageRequest(after, before, _limit(query.get("limit"), switches), order == "desc")


def _limit(given: str | None, switches: Switches) -> int:
    if given is None:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"-?[0-9]{1,18}", given):
        _wrong_type(given, "limit", "an integer", switches)
    limit = int(given)
    if limit == 0 and switches.limit_zero != "empty":
        if switches.limit_zero == "default":
            return DEFAULT_LIMIT
        _refuse_value("'limit' must be at least 1.", "limit", switches)
    if limit > MAXIMUM_LIMIT and switches.limit_above_maximum == "clamp":
        return MAXIMUM_LIMIT
    whole_number(least=0, most=MAXIMUM_LIMIT)(limit, "limit", switches)
    return limit


def user_filter(query: Mapping[str, str], switches: Switches) -> str | None:
    """Return whose threads are asked for; None: everybody's."""
    user = query.get("user")
    if user is not None:
        text(shortest=1, longest=LONGEST_USER_FILTER)(user, "user", switches)
    return user


def parse_json(body: bytes) -> Any:
    """Return what a body says; a 400 for what is not JSON (NaN and numbers beyond a float's reach are not)."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Refusal(400, "The body of the request is not valid JSON.") from None


def _finite(literal: str) -> float:
    number = float(literal)
    return number if math.isfinite(number) else _no_number(literal)


def _no_number(literal: str) -> NoReturn:
    raise ValueError(literal)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _wrong_type(value: Any, path: str, wanted: str, switches: Switches) -> NoReturn:
    names = {
        str: "a string",
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    found = names.get(type(value), "null")
    subject = f"'{path}'" if path else "The body"
    raise refusal(
        f"{subject} must be {wanted}, not {found}.",
        param=path or None,
        code="invalid_type",
        switches=switches,
    )


def _refuse_value(message: str, path: str, switches: Switches) -> NoReturn:
    raise refusal(message, param=path, code="invalid_value", switches=switches)
