"""Schemathesis makes up requests from our schema, as the owner of things, a stranger, staff and nobody.

No request brings forth a 500, an answer that the schema does not know, or a word of somebody else's.
"""

import json
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.authtoken.models import Token
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from django_chatkit.testing import Emulator
from tests.rest.openapi import SNAPSHOT
from tests.rest.world import session_of, sync_everything

pytestmark = pytest.mark.django_db

SCHEMA = schemathesis.openapi.from_dict(json.loads(SNAPSHOT.read_text(encoding="utf-8")))
FOUND = [each.ok() for each in SCHEMA.get_all_operations()]  # type: ignore[union-attr]
OPERATIONS = {operation.label: operation for operation in FOUND}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
IDS = st.none() | st.sampled_from(["cthr_1", "cthr_2", "cksess_1", "cksess_2"])
FOREIGN = {"owner": ["2"], "stranger": ["1"], "staff": [], "nobody": ["1", "2"]}

SESSION: dict[str, Any] = {
    "object": "chatkit.session",
    "expires_at": 1_760_000_000,
    "workflow": {"id": "wf_tests", "version": None, "state_variables": None, "tracing": {"enabled": True}},
    "user": "somebody",
    "rate_limits": {"max_requests_per_1_minute": 10},
    "max_requests_per_1_minute": 10,
    "chatkit_configuration": {
        "automatic_thread_titling": {"enabled": True},
        "file_upload": {"enabled": False, "max_file_size": 512, "max_files": 10},
        "history": {"enabled": True, "recent_threads": None},
    },
}


@pytest.fixture
def headers(chatkit_emulator: Emulator, ada: User, ben: User, admin_user: User) -> dict[str, dict[str, str]]:
    """Give each asker's headers, in a world where ada's things end in 1 and ben's in 2."""
    for number, user in enumerate([ada, ben], start=1):
        thread = chatkit_emulator.add_thread(user=str(user.pk), id=f"cthr_{number}")
        chatkit_emulator.add_item(thread["id"], id=f"cti_{number}")
        session_of(user, f"cksess_{number}", payload={**SESSION, "id": f"cksess_{number}"})
    sync_everything(chatkit_emulator)
    askers = {"owner": ada, "stranger": ben, "staff": admin_user}
    tokens = {name: Token.objects.create(user=user).key for name, user in askers.items()}
    return {name: {"Authorization": f"Bearer {key}"} for name, key in tokens.items()} | {"nobody": {}}


@pytest.mark.parametrize("who", FOREIGN)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_request_breaks_the_schema_or_shows_anything_foreign(
    headers: dict[str, dict[str, str]], operation: str, who: str
) -> None:
    handler = WSGIHandler()
    foreign = [f"{prefix}_{end}" for prefix in ("cthr", "cti", "cksess") for end in FOREIGN[who]]

    @settings(max_examples=10, derandomize=True)
    @given(case=OPERATIONS[operation].as_strategy(), id=IDS)
    def holds(case: Case[Any], id: str | None) -> None:
        if id is not None and "id" in case.path_parameters:
            case.path_parameters["id"] = id
        response = case.call(app=handler, headers=headers[who])
        case.validate_response(response, checks=CHECKS)
        if response.status_code < 400:
            assert not [each for each in foreign if each in response.text]

    holds()
