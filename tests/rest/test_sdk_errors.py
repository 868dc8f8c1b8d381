"""Each refusal raises the class of OpenAI's SDK that upstream's own would, and says what it is about."""

from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from django.contrib.auth.models import User
from openai import OpenAI
from openai.resources.beta.chatkit import ChatKit
from pytest_django.live_server_helper import LiveServer
from rest_framework.authtoken.models import Token

from django_chatkit.testing import Emulator
from tests.contract.schema import complaints
from tests.rest.conftest import Configure
from tests.rest.world import session_of, thread_of

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[ChatKit], object]


@pytest.fixture
def ada(transactional_db: None) -> User:
    """Give an asker who is the end user "ada", beside strangers' things."""
    thread_of("ben", "cthr_bens")
    session_of("ben", "cksess_bens")
    thread_of("ada", "cthr_adas")
    return User.objects.create_user("ada")


@pytest.fixture
def sdk(
    chatkit_emulator: Emulator, live_server: LiveServer, ada: User, configure: Configure
) -> Iterator[OpenAI]:
    configure(USER_ID=lambda request: "ada", MAX_RETRIES=0)
    chatkit_emulator.sleep = lambda seconds: None  # silence lasts no longer than it takes to say so
    token = Token.objects.create(user=ada)
    with OpenAI(base_url=f"{live_server.url}/api", api_key=token.key, max_retries=0) as client:
        yield client


def refused(sdk: OpenAI, call: Call, raised: type[openai.APIStatusError]) -> openai.APIStatusError:
    """Make a call that is to be refused; the body is upstream's envelope and the request can be named."""
    with pytest.raises(raised) as refusal:
        call(sdk.beta.chatkit)
    assert type(refusal.value) is raised
    assert complaints("Error", refusal.value.response.json()) == []
    assert refusal.value.request_id is not None
    return refusal.value


def create(chatkit: ChatKit, **changes: Any) -> object:
    return chatkit.sessions.create(**{"user": "ada", "workflow": {"id": "wf_tests"}, **changes})


MISSING: dict[str, tuple[Call, str]] = {
    "a thread": (lambda chatkit: chatkit.threads.retrieve("cthr_none"), "thread_id"),
    "a stranger's thread": (lambda chatkit: chatkit.threads.retrieve("cthr_bens"), "thread_id"),
    "a stranger's items": (lambda chatkit: chatkit.threads.list_items("cthr_bens"), "thread_id"),
    "a stranger's thread to delete": (lambda chatkit: chatkit.threads.delete("cthr_bens"), "thread_id"),
    "a stranger's session": (lambda chatkit: chatkit.sessions.cancel("cksess_bens"), "session_id"),
    "a cursor": (lambda chatkit: chatkit.threads.list(after="cthr_none"), "after"),
    "a stranger's cursor": (lambda chatkit: chatkit.threads.list(before="cthr_bens"), "before"),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_not_there_for_the_asker_is_a_not_found(
    sdk: OpenAI, chatkit_emulator: Emulator, what: str
) -> None:
    call, param = MISSING[what]

    error = refused(sdk, call, openai.NotFoundError)

    assert (error.type, error.code, error.param) == ("invalid_request_error", "not_found", param)
    assert chatkit_emulator.requests == []


BAD: dict[str, tuple[Call, str]] = {
    "limit": (lambda chatkit: chatkit.threads.list(limit=101), "limit"),
    "limit of items": (lambda chatkit: chatkit.threads.list_items("cthr_adas", limit=-1), "limit"),
    "order": (lambda chatkit: chatkit.threads.list(order="up"), "order"),  # type: ignore[arg-type]
    "user of a list": (lambda chatkit: chatkit.threads.list(user=""), "user"),
    "user": (lambda chatkit: create(chatkit, user="ben"), "user"),
    "workflow": (lambda chatkit: create(chatkit, workflow={"id": "wf_other"}), "workflow.id"),
    "state": (
        lambda chatkit: create(chatkit, workflow={"id": "wf_tests", "state_variables": {"role": "admin"}}),
        "workflow.state_variables.role",
    ),
    "rate": (
        lambda chatkit: create(chatkit, rate_limits={"max_requests_per_1_minute": 1000}),
        "rate_limits.max_requests_per_1_minute",
    ),
    "term": (
        lambda chatkit: create(chatkit, expires_after={"anchor": "created_at", "seconds": 601}),
        "expires_after.seconds",
    ),
    "uploads": (
        lambda chatkit: create(chatkit, chatkit_configuration={"file_upload": {"enabled": True}}),
        "chatkit_configuration.file_upload.enabled",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_an_asker_may_not_say_is_a_bad_request_that_names_the_field(
    sdk: OpenAI, chatkit_emulator: Emulator, what: str
) -> None:
    call, param = BAD[what]

    error = refused(sdk, call, openai.BadRequestError)

    assert (error.type, error.code, error.param) == ("invalid_request_error", "invalid_value", param)
    assert chatkit_emulator.requests == []


def test_a_token_that_is_none_is_an_authentication_error(sdk: OpenAI) -> None:
    error = refused(sdk.with_options(api_key="wrong"), create, openai.AuthenticationError)

    assert (error.type, error.code, error.param) == ("invalid_request_error", "invalid_api_key", None)


def test_an_account_without_an_end_user_is_denied(sdk: OpenAI, configure: Configure) -> None:
    configure(USER_ID=lambda request: None)

    error = refused(sdk, create, openai.PermissionDeniedError)

    assert (error.type, error.code, error.param) == ("invalid_request_error", "permission_denied", None)


WORDS = "Incorrect API key provided: sk-test-only, of proj_1."
TROUBLE = [
    pytest.param({"status": 500}, openai.InternalServerError, 503, None, id="outage"),
    pytest.param({"status": 503, "headers": {"retry-after": "9"}}, openai.InternalServerError, 503, "9", id="pause"),
    pytest.param({"kind": "reset"}, openai.InternalServerError, 503, None, id="reset"),
    pytest.param({"kind": "timeout"}, openai.InternalServerError, 504, None, id="silence"),
    pytest.param({"status": 401}, openai.InternalServerError, 502, None, id="our key refused"),
    pytest.param({"status": 403}, openai.InternalServerError, 502, None, id="our key forbidden"),
    pytest.param({"status": 429, "headers": {"retry-after": "7"}}, openai.RateLimitError, 429, "7", id="busy"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "raised", "status", "retry_after"), TROUBLE)
@pytest.mark.parametrize("operation", ["create_session", "delete_thread"])
def test_upstreams_trouble_has_a_class_and_none_of_upstreams_words(
    sdk: OpenAI,
    chatkit_emulator: Emulator,
    operation: str,
    fault: dict[str, Any],
    raised: type[openai.APIStatusError],
    status: int,
    retry_after: str | None,
) -> None:
    body = {"error": {"message": WORDS, "type": "invalid_request_error", "param": None, "code": "x"}}
    chatkit_emulator.add_thread(id="cthr_adas", user="ada")
    chatkit_emulator.fail(operation, times=None, **{"body": body, **fault})
    calls: dict[str, Call] = {
        "create_session": create,
        "delete_thread": lambda chatkit: chatkit.threads.delete("cthr_adas"),
    }

    error = refused(sdk, calls[operation], raised)

    said = f"{error} {error.response.text}"
    assert error.status_code == status
    assert error.response.headers.get("retry-after") == retry_after
    assert not any(word in said for word in ("sk-", "API key", "proj_1", "openai.com"))


def test_an_answer_to_an_opening_that_cannot_be_read_is_a_502(
    sdk: OpenAI, chatkit_emulator: Emulator
) -> None:
    chatkit_emulator.fail("create_session", kind="not_json")

    assert refused(sdk, create, openai.InternalServerError).status_code == 502
