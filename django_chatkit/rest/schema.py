"""The surface in OpenAPI, for hosts that use drf-spectacular (the extra ``schema``).

drf-spectacular reads serializers; this surface has none, because it serves upstream's own bytes. What it is told instead
are the shapes of ``contract.json``, which the tests hold every answer against. `apps` imports this module where
drf-spectacular is installed.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import FunctionType
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiViewExtension
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_serializer
from rest_framework.serializers import Serializer

_SHAPES: Mapping[str, Any] = json.loads(
    files(__package__).joinpath("contract.json").read_text(encoding="utf-8")
)["$defs"]
_REFERENCE = "#/$defs/"
_PREFIX = "ChatKit"  # of our components' names, which share a room with the host's


class Shape(Serializer[Any]):
    """Stand for a shape of the contract."""

    name = ""


@lru_cache
def shape(name: str) -> type[Shape]:
    """Return the class that stands for a shape."""
    made = type(f"{_PREFIX}{name}", (Shape,), {"name": name, "__doc__": None})
    return extend_schema_serializer(many=False)(made)  # our lists are shapes of their own


class ShapeExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describe a shape as the contract does."""

    target_class = Shape
    match_subclasses = True

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        """Return the name of the component."""
        return f"{_PREFIX}{self.target.name}"

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the shape in the words of OpenAPI, its parts being components too."""
        found: dict[str, Any] = _in_openapi(_SHAPES[self.target.name], auto_schema, direction)
        return found


def _in_openapi(schema: Any, auto_schema: Any, direction: str) -> Any:
    if isinstance(schema, list):
        return [_in_openapi(each, auto_schema, direction) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        part = shape(schema["$ref"].removeprefix(_REFERENCE))
        return auto_schema.resolve_serializer(part(), direction).ref
    said = {name: _in_openapi(value, auto_schema, direction) for name, value in schema.items()}
    if "enum" in said:
        # One level down, or drf-spectacular makes components of them, whose names meet with the host's.
        return {"allOf": [{"type": "string", **said}]}
    return _as_of_3_0(_loosened(said, direction))


def _loosened(schema: dict[str, Any], direction: str) -> dict[str, Any]:
    """Let an asker leave out everything, and upstream say more one day."""
    if direction == "request":
        schema.pop("required", None)
    elif schema.get("additionalProperties") is False:
        del schema["additionalProperties"]
    return schema


def _as_of_3_0(schema: dict[str, Any]) -> dict[str, Any]:
    """Say in the words of OpenAPI 3.0 what it has no words of JSON Schema's for."""
    if not spectacular_settings.OAS_VERSION.startswith("3.0"):
        return schema
    schema.pop("propertyNames", None)
    if "const" in schema:
        return {"allOf": [{"type": "string", "enum": [schema["const"]]}]}
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) == 1:
        return {"allOf": kinds, "nullable": True} if "$ref" in kinds[0] else {**kinds[0], "nullable": True}
    return schema


def _answer(name: str, status: int = 200) -> dict[Any, Any]:
    """Return the answers of a call: a shape, or upstream's envelope around what is wrong."""
    error, well = shape("Error"), "As upstream answers."
    refused, failed = (
        "Refused: `param` and `code` say why.",
        "Upstream, the broker or the site is in trouble.",
    )
    return {
        status: OpenApiResponse(shape(name), description=well),
        "4XX": OpenApiResponse(error, description=refused),
        "5XX": OpenApiResponse(error, description=failed),
    }


def _query(name: str) -> list[OpenApiParameter]:
    properties: Mapping[str, Any] = _SHAPES[name]["properties"]
    return [OpenApiParameter(parameter, type=schema) for parameter, schema in properties.items()]


def _call(operation: str, answer: dict[Any, Any], *, of: str = "", query: str = "", body: str = "") -> Any:
    """Describe one call: `of` says whose id stands in its address."""
    id = OpenApiParameter("id", type=str, location=OpenApiParameter.PATH, description=f"The id of a {of}.")
    return extend_schema(
        operation_id=f"chatkit_{operation}",
        tags=["chatkit"],
        parameters=[*([id] if of else []), *(_query(query) if query else [])],
        request={"application/json": shape(body)} if body else None,
        responses=answer,
    )


def _described(view: Any, **calls: Any) -> Any:
    """Return a view like this one, with a description of each call. (``extend_schema_view`` knows REST's verbs only.)"""
    methods = {}
    for name, describe in calls.items():
        method = getattr(view, name)
        copy = FunctionType(
            method.__code__, method.__globals__, name, method.__defaults__, method.__closure__
        )
        copy.__doc__ = method.__doc__
        methods[name] = describe(copy)
    return type(view.__name__, (view,), methods)


class SessionsExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """Describe the calls on sessions."""

    target_class = "django_chatkit.rest.sessions.SessionViewSet"

    def view_replacement(self) -> Any:
        """Return the view with its description."""
        return _described(
            self.target,
            list=_call("list_sessions", _answer("LedgerSessionList"), query="ThreadQuery"),
            create=_call("create_session", _answer("Session"), body="SessionRequest"),
            retrieve=_call("retrieve_session", _answer("LedgerSession"), of="session"),
            cancel=_call("cancel_session", _answer("Session"), of="session"),
        )


class ThreadsExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """Describe the calls on threads."""

    target_class = "django_chatkit.rest.threads.ThreadViewSet"

    def view_replacement(self) -> Any:
        """Return the view with its description."""
        return _described(
            self.target,
            list=_call("list_threads", _answer("ThreadList"), query="ThreadQuery"),
            retrieve=_call("retrieve_thread", _answer("Thread"), of="thread"),
            destroy=_call("delete_thread", _answer("ThreadDeleted"), of="thread"),
            items=_call("list_items", _answer("ItemList"), of="thread", query="PageQuery"),
            sync=_call("sync_thread", _answer("ThreadSync", 202), of="thread"),
        )


class NowhereExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """Leave out what only says that there is nothing."""

    target_class = "django_chatkit.rest.nowhere.NowhereViewSet"

    def view_replacement(self) -> Any:
        """Return the view, left out."""
        return _described(self.target, refuse=extend_schema(exclude=True))
