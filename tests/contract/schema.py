"""Our schema of the wire: checking a document against it, and comparing it with another schema."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

DOCUMENT: dict[str, Any] = json.loads(
    files("django_chatkit.rest").joinpath("contract.json").read_text(encoding="utf-8")
)

# What says how to read a schema but not what it allows.
_PROSE = ("title", "description", "default", "format", "example", "discriminator", "nullable")


def complaints(name: str, document: Any) -> list[str]:
    """Return what is wrong with a document that should be a `name`; an empty list where nothing is."""
    schema = {"$ref": f"#/$defs/{name}", "$defs": DOCUMENT["$defs"]}
    return [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(document)
    ]


def plain(schema: Any, root: Any) -> Any:
    """Return a schema with its references followed, and one way of saying each thing.

    Dropped: prose, and what only one side can say: that no other fields are allowed, and how long a name may be.
    """
    if isinstance(schema, list):
        return [plain(one, root) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return plain(_follow(schema["$ref"], root), root)
    said = {name: value for name, value in schema.items() if name not in _PROSE and not name.startswith("x-")}
    said.pop("propertyNames", None)
    if said.get("additionalProperties") is False:
        del said["additionalProperties"]
    if "const" in said:
        said = {"enum": [said["const"]]}
    if "enum" in said:
        return {"enum": sorted(said["enum"])}
    if "oneOf" in said:
        said["anyOf"] = said.pop("oneOf")
    if "anyOf" in said:
        return {"anyOf": sorted((plain(one, root) for one in said["anyOf"]), key=str)}
    if "properties" in said:
        said["required"] = sorted(said.get("required", ()))
        said["properties"] = {name: plain(one, root) for name, one in sorted(said["properties"].items())}
        return dict(sorted(said.items()))
    return {name: plain(value, root) for name, value in sorted(said.items())}


def _follow(reference: str, root: Any) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        root = root[step]
    return root
