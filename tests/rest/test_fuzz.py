"""Whatever comes in, by whichever way: a clear refusal, never a 500."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from django_chatkit.testing import Emulator
from tests.contract.schema import complaints
from tests.rest.conftest import Configure
from tests.rest.world import bearer, items_of, session_of, signed_in, thread_of

pytestmark = pytest.mark.django_db

SESSIONS = "/api/chatkit/sessions"
MEGABYTE = 1024 * 1024
CSRF = "a" * 32


def with_csrf_token(browser: Client) -> Client:
    browser.cookies["csrftoken"] = CSRF
    return browser


def form(*parts: bytes) -> bytes:
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"


FORM = "multipart/form-data; boundary=x"
BODIES = {
    "ten megabytes of JSON": ("application/json", b'{"user": "' + b"u" * 10 * MEGABYTE + b'"}', 413),
    "ten megabytes of a form": (FORM, form(b'Content-Disposition: form-data; name="a"\r\n\r\n' + b"u" * 10 * MEGABYTE), 413),
    "a form of two thousand fields": (FORM, form(*[b'Content-Disposition: form-data; name="a"\r\n\r\n1'] * 2000), 415),
    "a form that is none": (FORM, b"--y", 415),
    "a form without a boundary": ("multipart/form-data", b"a=1", 415),
    "a form with a strange boundary": ("multipart/form-data; boundary=\u20ac", b"a=1", 415),
    "a cut form": (FORM, b'--x\r\nContent-Disposition: form-data; name="a"', 415),
    "an encoded form": ("application/x-www-form-urlencoded", b"a=%00&b=%ed%a0%80", 415),
    "two thousand encoded fields": ("application/x-www-form-urlencoded", b"a=1&" * 2000, 415),
    "deep JSON": ("application/json", b'{"workflow":' * 100_000, 400),
    "JSON in UTF-16": ("application/json; charset=utf-16", '{"user": "1"}'.encode("utf-16"), 400),
    "JSON of an unknown charset": ("application/json; charset=nonsense", b"\xff", 400),
    "no media type at all": ("", b"x", 415),
    "NUL": ("application/json", b'{"user": "\\u0000"}', 400),
    "a lone surrogate": ("application/json", b'{"user": "\\ud800"}', 400),
    "a key twice": ("application/json", b'{"user": "x", "user": "y"}', 400),
    "a number that is none": ("application/json", b'{"expires_after": 1e999}', 400),
    "an object in a list": ("application/json", b"[{}]", 400),
}  # fmt: skip

WAYS_IN = ["token", "cookie", "visitor"]


@pytest.fixture
def way_in(
    request: pytest.FixtureRequest, chatkit_emulator: Emulator, configure: Configure, ada: User
) -> Client:
    """Give an asker by its token, by its cookie and CSRF token, or without an account but with the CSRF token."""
    if request.param == "visitor":
        configure(USER_ID=lambda request: "visitor")
        return with_csrf_token(Client(enforce_csrf_checks=True, headers={"X-CSRFToken": CSRF}))
    if request.param == "cookie":
        return with_csrf_token(signed_in(ada, enforce_csrf_checks=True, headers={"X-CSRFToken": CSRF}))
    return bearer(ada)


@pytest.mark.parametrize("way_in", WAYS_IN, indirect=True)
@pytest.mark.parametrize("what", BODIES)
def test_a_strange_body_is_refused(chatkit_emulator: Emulator, way_in: Client, what: str) -> None:
    media_type, body, status = BODIES[what]

    response = way_in.generic("POST", SESSIONS, body, content_type=media_type)

    assert complaints("Error", response.json()) == []
    assert response.status_code == status
    assert chatkit_emulator.requests == []


@pytest.mark.parametrize("way_in", WAYS_IN, indirect=True)
@pytest.mark.parametrize("body", [("", b""), ("application/json", b"{}"), (FORM, b"--x--\r\n")])
def test_whoever_is_let_in_opens_a_session_with_as_good_as_no_body(
    way_in: Client, body: tuple[str, bytes]
) -> None:
    media_type, content = body

    assert way_in.generic("POST", SESSIONS, content, content_type=media_type).status_code == 200


class CutOff:
    """The body of a client that has gone away."""

    def read(self, *args: int) -> bytes:
        raise OSError("connection reset by peer")

    readline = read


@pytest.mark.parametrize("way_in", WAYS_IN, indirect=True)
@pytest.mark.parametrize("media_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_breaks_off_is_no_fault_of_ours(way_in: Client, media_type: str) -> None:
    environment: Any = {"wsgi.input": CutOff()}

    response = way_in.generic("POST", SESSIONS, b"x" * 100, content_type=media_type, **environment)

    assert response.status_code in (400, 415)
    assert complaints("Error", response.json()) == []


# What an id, a cursor and a user may be: any text that HTTP can carry, and ids that mean something.
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["cthr_1", "cti_1", "cksess_1", "cthr_2", "cti_2", "\0", "a/b", "..", "%00", "\ud800", "x" * 3000]
    ),
)
LIMITS = st.one_of(TEXTS, st.integers().map(str), st.sampled_from(["-1", "1e9", "1e309", "0x10", "٣", "1_0"]))
PARAMETERS = st.fixed_dictionaries(
    {}, optional={"limit": LIMITS, "order": TEXTS, "after": TEXTS, "before": TEXTS, "user": TEXTS}
)
CALLS = [
    ("GET", "threads"),
    ("GET", "threads/{}"),
    ("GET", "threads/{}/items"),
    ("DELETE", "threads/{}"),
    ("POST", "threads/{}/sync"),
    ("GET", "sessions"),
    ("GET", "sessions/{}"),
    ("POST", "sessions/{}/cancel"),
    ("PATCH", "sessions/{}"),
    ("GET", "{}"),
]


@pytest.mark.parametrize("who", ["owner", "stranger", "staff", "nobody"])
def test_whatever_is_asked_is_answered_or_refused_and_shows_nothing_foreign(
    chatkit_emulator: Emulator, ada: User, ben: User, admin_user: User, who: str
) -> None:
    for number, user in enumerate([ada, ben], start=1):
        items_of(thread_of(user, f"cthr_{number}"), f"cti_{number}")
        session_of(user, f"cksess_{number}", status="expired")
    asker = {"owner": bearer(ada), "stranger": bearer(ben), "staff": bearer(admin_user), "nobody": Client()}[
        who
    ]
    foreign = {"owner": ["2"], "stranger": ["1"], "nobody": ["1", "2"]}.get(who, [])

    @settings(max_examples=100, derandomize=True)
    @given(call=st.sampled_from(CALLS), id=TEXTS, query=PARAMETERS)
    def is_answered(call: tuple[str, str], id: str, query: dict[str, str]) -> None:
        method, path = call
        address = f"/api/chatkit/{path.format(quote(id, safe='', errors='surrogatepass'))}"
        said = urlencode(query, errors="surrogatepass")

        response = asker.generic(method, f"{address}?{said}")

        assert response.status_code < 500
        assert response["Content-Type"] == "application/json"
        document = response.json()
        if response.status_code >= 400:
            assert complaints("Error", document) == []
        else:
            shown = json.dumps(document.get("data", document))
            assert not any(
                f'"{prefix}_{end}"' in shown for prefix in ("cthr", "cti", "cksess") for end in foreign
            )

    is_answered()


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("user=%ED%A0%80", "user"),
        ("limit=5&user=%FF", "user"),
        ("after=%ED%A0%80&order=asc", "after"),
        ("%C3=", "\ufffd"),
    ],
)
@pytest.mark.parametrize("path", ["threads", "threads/cthr_1/items", "sessions"])
def test_a_query_that_is_no_utf_8_is_refused_and_is_not_taken_for_another(
    ada: User, admin_user: User, path: str, query: str, param: str
) -> None:
    thread_of("\ufffd", "cthr_of_another")
    thread_of(ada, "cthr_1")

    response = bearer(admin_user).get(f"/api/chatkit/{path}?{query}")

    assert response.status_code == 400
    assert complaints("Error", response.json()) == []
    assert response.json()["error"]["param"] == param


def test_a_query_of_two_thousand_parameters_is_refused(ada: User) -> None:
    response = bearer(ada).get("/api/chatkit/threads?" + "a=1&" * 2000)

    assert response.status_code == 400
    assert complaints("Error", response.json()) == []
