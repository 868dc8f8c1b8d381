from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from requests.adapters import HTTPAdapter

from django_chatkit import wiring
from django_chatkit.client import RateLimitError
from django_chatkit.testing import Emulator

WELL = {"API_KEY": "sk-wiring", "BASE_URL": "https://upstream.example/v1"}


class Adapter(HTTPAdapter):
    """An adapter of the host's."""


NO_FUNCTION = "words"


def redact(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {**payload, "title": "…"}


def connect(**chatkit: Any) -> Any:
    with override_settings(CHATKIT={**WELL, **chatkit}):
        return wiring.connect()


def test_a_process_has_one_client() -> None:
    assert connect() is connect()


@pytest.mark.parametrize(
    "chatkit",
    [
        pytest.param({"API_KEY": "sk-other"}, id="key"),
        pytest.param({"BASE_URL": "https://other.example/v1"}, id="address"),
        pytest.param({"ORGANIZATION": "org-a"}, id="organization"),
        pytest.param({"PROJECT": "proj_a"}, id="project"),
        pytest.param({"TIMEOUT": 7}, id="timeout"),
        pytest.param({"TIMEOUT": [3, 7]}, id="two-timeouts"),
        pytest.param({"MAX_RETRIES": 0}, id="retries"),
        pytest.param({"ADAPTER": f"{__name__}.Adapter"}, id="adapter"),
        pytest.param({"REDACT": f"{__name__}.redact"}, id="redact"),
        pytest.param({"REDACT": lambda type, payload: payload}, id="redact-as-a-function"),
    ],
)
def test_another_setting_makes_another_client(chatkit: dict[str, Any]) -> None:
    assert connect(**chatkit) is not connect()


def test_the_client_is_made_as_the_settings_say() -> None:
    client = connect(TIMEOUT=(3, 7), MAX_RETRIES=5)

    assert client.base_url == "https://upstream.example/v1"
    assert client.timeout == (3.0, 7.0)
    assert client.max_retries == 5


@pytest.mark.parametrize(
    ("chatkit", "says"),
    [
        pytest.param({"API_KEY": ""}, "has no API key: set CHATKIT", id="no-key"),
        pytest.param({"BASE_URL": "upstream.example"}, "base_url must start with https://", id="no-address"),
        pytest.param(
            {"ADAPTER": "nowhere.Adapter"}, "ADAPTER'] can't be imported: No module", id="no-module"
        ),
        pytest.param({"ADAPTER": "builtins.dict"}, "builtins.dict makes none", id="no-adapter"),
        pytest.param(
            {"ADAPTER": "builtins.memoryview"}, "without arguments", id="adapter-that-needs-arguments"
        ),
    ],
)
def test_what_makes_no_client_is_named(
    chatkit: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(ImproperlyConfigured) as raised:
        connect(**chatkit)

    assert says in str(raised.value)
    assert "sk-wiring" not in str(raised.value)


def test_a_web_request_does_not_wait_for_long(chatkit_emulator: Emulator) -> None:
    chatkit_emulator.fail("list_threads", status=429, headers={"Retry-After": "6"})

    with pytest.raises(RateLimitError):
        wiring.connect_for_request().threads.list()

    assert chatkit_emulator.count() == 1


def test_a_pause_is_known_without_a_request(chatkit_emulator: Emulator) -> None:
    assert wiring.paused_for() == 0
    wiring.connect().gate.close_for(60)

    assert 50 < wiring.paused_for() <= 60
    assert chatkit_emulator.count() == 0


def test_a_pause_can_be_asked_for_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with override_settings(CHATKIT={"API_KEY": ""}):
        assert wiring.paused_for() == 0


def test_clients_that_differ_in_patience_only_share_a_pause(chatkit_emulator: Emulator) -> None:
    connect(API_KEY="sk-patience", TIMEOUT=7).gate.close_for(60)

    assert connect(API_KEY="sk-patience").gate.seconds_left() > 50
    assert connect(API_KEY="sk-patience", PROJECT="proj_b").gate.seconds_left() == 0
    assert connect(API_KEY="sk-b").gate.seconds_left() == 0


@pytest.mark.parametrize("given", [redact, f"{__name__}.redact"])
def test_the_client_redacts_by_the_settings(chatkit_emulator: Emulator, given: Any) -> None:
    chatkit_emulator.add_thread(user="ada", title="A canary")

    client = connect(ADAPTER="django_chatkit.testing.adapter.EmulatorAdapter", REDACT=given)

    assert [thread.title for thread in client.threads.list()] == ["…"]


@pytest.mark.parametrize(
    ("path", "complaint"),
    [("nowhere.redact", "can't be imported"), (f"{__name__}.NO_FUNCTION", "must name a function")],
)
def test_a_hook_that_is_none_is_refused_by_name(path: str, complaint: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"CHATKIT\['REDACT'\] {complaint}"):
        connect(REDACT=path)


@pytest.mark.parametrize(("given", "found"), [(redact, redact), (f"{__name__}.redact", redact), ("", None)])
def test_the_function_that_redacts_is_had_without_a_key(given: Any, found: Any) -> None:
    with override_settings(CHATKIT={**WELL, "API_KEY": "", "REDACT": given}):
        assert wiring.redaction() is found
