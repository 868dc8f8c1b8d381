"""The WSGI application under a server that is not ours."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from django_chatkit.testing import Emulator
from django_chatkit.testing.wsgi import Hangup, application


def asked(emulator: Emulator, path: str, **more: Any) -> tuple[str, dict[str, str], bytes]:
    """Call the application as PEP 3333 says and return status, headers and body."""
    environ: dict[str, Any] = {
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "HTTP_AUTHORIZATION": "Bearer sk-testing",
        **more,
    }
    setup_testing_defaults(environ)
    told: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        told[:] = [status, dict(headers)]
        return lambda data: None

    body = validator(application(emulator))(environ, start_response)
    content = b"".join(body)
    body.close()  # type: ignore[attr-defined]
    return told[0], told[1], content


def test_a_plain_environ_is_enough(emulator: Emulator) -> None:
    emulator.add_thread(user="user_ada", id="cthr_é")

    status, headers, body = asked(
        emulator, "/v1/chatkit/threads/cthr_é".encode().decode("latin-1"), QUERY_STRING=""
    )

    assert status == "200 OK"
    assert b'"id":"cthr_\\u00e9"' in body
    assert headers["content-length"] == str(len(body))


def test_the_raw_target_is_believed_where_the_server_keeps_it(emulator: Emulator) -> None:
    emulator.add_thread(user="user_ada", id="cthr_a/b")

    status, _, _ = asked(
        emulator,
        "/v1/chatkit/threads/cthr_a/b",
        QUERY_STRING="",
        RAW_URI="/v1/chatkit/threads/cthr_a%2Fb?x=1",
    )

    assert status == "200 OK"


def test_a_body_and_a_query_arrive(emulator: Emulator) -> None:
    body = b'{"user": "user_ada", "workflow": {"id": "wf_1"}}'
    posted = {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.input": BytesIO(body),
        "QUERY_STRING": "x=&y=1",
    }

    status, _, _ = asked(emulator, "/v1/chatkit/sessions", **posted)

    assert status == "200 OK"
    assert emulator.requests[0].query == {"x": "", "y": "1"}
    assert emulator.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("kind", ["reset", "timeout"])
def test_no_answer_is_an_exception_for_the_server_to_end_the_connection_by(
    emulator: Emulator, kind: str
) -> None:
    emulator.fail(kind=kind)

    with pytest.raises(Hangup, match=kind):
        asked(emulator, "/v1/chatkit/threads", QUERY_STRING="")
