"""The surface in OpenAPI, as drf-spectacular tells it to a host."""

import json

import pytest
from drf_spectacular.validation import validate_schema

from tests.rest.openapi import SNAPSHOT, described


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_the_schema_is_valid_and_written_without_a_warning(version: str) -> None:
    schema = described(version)

    validate_schema(schema)  # type: ignore[no-untyped-call]
    assert schema["openapi"] == version


def test_the_schema_is_what_it_was() -> None:
    assert described() == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_each_call_of_the_surface_is_described() -> None:
    calls = {(method, path) for path, methods in described()["paths"].items() for method in methods}

    assert calls == {
        ("get", "/api/chatkit/sessions"),
        ("post", "/api/chatkit/sessions"),
        ("get", "/api/chatkit/sessions/{id}"),
        ("post", "/api/chatkit/sessions/{id}/cancel"),
        ("get", "/api/chatkit/threads"),
        ("get", "/api/chatkit/threads/{id}"),
        ("delete", "/api/chatkit/threads/{id}"),
        ("get", "/api/chatkit/threads/{id}/items"),
        ("post", "/api/chatkit/threads/{id}/sync"),
    }
