"""What comes in, byte by byte, and what never goes out otherwise."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from django_chatkit.testing import Emulator
from tests.rest.world import bearer, signed_in

SESSIONS = "/api/chatkit/sessions"

pytestmark = pytest.mark.django_db

BODIES = [
    pytest.param(b"{", id="cut"),
    pytest.param(b"{'a': 1}", id="python"),
    pytest.param(b"\xff\xfe", id="no UTF-8"),
    pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
    pytest.param(b'{"expires_after": NaN}', id="NaN"),
    pytest.param(b'{"expires_after": ' + b"9" * 5000 + b"}", id="number of five thousand digits"),
    pytest.param(b"[" * 100_000, id="very deep"),
    pytest.param(b'{"expires_after":' * 50_000 + b"1" + b"}" * 50_000, id="very deep object"),
    pytest.param(b" ", id="blank"),
]


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_no_json_is_a_400(chatkit_emulator: Emulator, ada: User, body: bytes) -> None:
    response = bearer(ada).generic("POST", SESSIONS, body, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": "The body of the request is not valid JSON.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


@pytest.mark.parametrize("key", ["\\u0000", "\\ud800", "a\\u2028b"])
def test_a_strange_key_is_named_in_the_refusal(chatkit_emulator: Emulator, ada: User, key: str) -> None:
    response = bearer(ada).generic("POST", SESSIONS, f'{{"{key}": 1}}', content_type="application/json")

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "unknown_parameter"


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"],
)
def test_another_media_type_is_a_415(chatkit_emulator: Emulator, ada: User, media_type: str) -> None:
    response = bearer(ada).generic("POST", SESSIONS, b"user=1", content_type=media_type)

    assert response.status_code == 415
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert chatkit_emulator.requests == []


@pytest.mark.parametrize("browser", [bearer, signed_in])
def test_a_form_without_a_field_is_no_body(chatkit_emulator: Emulator, ada: User, browser: Any) -> None:
    assert browser(ada).post(SESSIONS, {}).status_code == 200

    refused = browser(ada).post(SESSIONS, {"user": str(ada.pk)})

    assert refused.status_code == 415
    assert refused.json()["error"]["code"] == "unsupported_content_type"
    assert chatkit_emulator.count() == 1


def test_a_body_beyond_the_hosts_limit_is_a_413(
    chatkit_emulator: Emulator, ada: User, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    response = bearer(ada).post(SESSIONS, {"user": "x" * 200}, content_type="application/json")

    assert response.status_code == 413
    assert chatkit_emulator.requests == []


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "", "nonsense"])
def test_the_answer_is_json_whatever_is_accepted(ada: User, accept: str) -> None:
    response = bearer(ada).get(SESSIONS, headers={"Accept": accept})

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "id", ["a%00b", "%ED%A0%80", "x" * 5000, "%F0%9F%8E%89", "..", "%2E%2E", "a'--", "%25"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "threads/{}"),
        ("GET", "threads/{}/items"),
        ("DELETE", "threads/{}"),
        ("POST", "threads/{}/sync"),
        ("GET", "sessions/{}"),
        ("POST", "sessions/{}/cancel"),
    ],
)
def test_a_strange_id_is_a_404(
    chatkit_emulator: Emulator, ada: User, method: str, path: str, id: str
) -> None:
    response = bearer(ada).generic(method, f"/api/chatkit/{path.format(id)}")

    assert response.status_code == 404
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert chatkit_emulator.requests == []
