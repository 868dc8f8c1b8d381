from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_chatkit import conf
from django_chatkit.conf import values
from tests.keys import FIRST, SECOND

ENVIRONMENT = ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"]
MONTH = timedelta(days=30)


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENVIRONMENT:
        monkeypatch.delenv(variable, raising=False)


def read(**chatkit: Any) -> conf.Settings:
    with override_settings(CHATKIT=chatkit):
        return conf.read()


@override_settings()
def test_a_host_without_the_setting_gets_the_defaults() -> None:
    del settings.CHATKIT

    assert conf.read() == conf.Settings(base_url=conf.DEFAULT_BASE_URL)


def test_the_defaults_are_those_that_the_documentation_promises() -> None:
    given = read()

    assert given.api_key == ""
    assert given.base_url == "https://api.openai.com/v1"
    assert given.timeout == 30.0
    assert given.max_retries == 2
    assert given.sync_interval == timedelta(seconds=15)
    assert given.sync_grace == timedelta(seconds=60)
    assert given.sync_concurrency == 8
    assert given.retention == {"runs": MONTH}
    assert given.script_url == "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"


def test_every_field_has_a_reader() -> None:
    assert set(conf.known_keys()) == set(values.READERS)


def test_nothing_is_cached() -> None:
    assert read(WORKFLOW_ID="wf_one").workflow_id == "wf_one"
    assert read(WORKFLOW_ID="wf_two").workflow_id == "wf_two"


@pytest.mark.parametrize(
    ("chatkit", "field", "value"),
    [
        pytest.param({"API_KEY": "sk-x"}, "api_key", "sk-x", id="text"),
        pytest.param({"API_KEY": None}, "api_key", "", id="none-is-not-set"),
        pytest.param(
            {"BASE_URL": "https://u.example/v1/"}, "base_url", "https://u.example/v1", id="no-last-slash"
        ),
        pytest.param({"BASE_URL": ""}, "base_url", conf.DEFAULT_BASE_URL, id="empty-base-url"),
        pytest.param({"SCRIPT_URL": ""}, "script_url", conf.DEFAULT_SCRIPT_URL, id="empty-script-url"),
        pytest.param({"SCRIPT_URL": "/x.js"}, "script_url", "/x.js", id="script-url"),
        pytest.param({"ALLOWED_WORKFLOWS": ["wf_b"]}, "allowed_workflows", ("wf_b",), id="list"),
        pytest.param({"ALLOWED_WORKFLOWS": {"wf_b"}}, "allowed_workflows", ("wf_b",), id="set"),
        pytest.param(
            {"SESSION_DEFAULTS": {"expires_after": 60}},
            "session_defaults",
            {"expires_after": 60},
            id="defaults",
        ),
        pytest.param({}, "session_rate", "120/minute", id="rate-of-sessions"),
        pytest.param({"SESSION_RATE": "5/h"}, "session_rate", "5/h", id="another-rate-of-sessions"),
        pytest.param({"SESSION_RATE": None}, "session_rate", "", id="no-rate-of-sessions"),
        pytest.param({"TIMEOUT": 5}, "timeout", 5.0, id="one-timeout"),
        pytest.param({"TIMEOUT": (3, 20.5)}, "timeout", (3.0, 20.5), id="connect-and-read"),
        pytest.param({"TIMEOUT": [3, 20]}, "timeout", (3.0, 20.0), id="connect-and-read-as-a-list"),
        pytest.param({"MAX_RETRIES": 0}, "max_retries", 0, id="no-retries"),
        pytest.param({"USER_ID": "shop.chat.end_user"}, "user_id", "shop.chat.end_user", id="dotted-path"),
        pytest.param({"USER_ID": str}, "user_id", str, id="callable"),
        pytest.param({"SYNC_INTERVAL": 7}, "sync_interval", timedelta(seconds=7), id="seconds"),
        pytest.param({"SYNC_INTERVAL": 0.5}, "sync_interval", timedelta(seconds=0.5), id="part-of-a-second"),
        pytest.param({"SYNC_GRACE": 0}, "sync_grace", timedelta(), id="no-grace"),
        pytest.param(
            {"SYNC_GRACE": timedelta(minutes=2)}, "sync_grace", timedelta(minutes=2), id="timedelta"
        ),
        pytest.param({"SYNC_CONCURRENCY": 1}, "sync_concurrency", 1, id="one-at-a-time"),
        pytest.param({}, "on_owner_delete", "detach", id="chats-outlive-their-owner"),
        pytest.param(
            {"ON_OWNER_DELETE": "erase"}, "on_owner_delete", "erase", id="chats-go-with-their-owner"
        ),
        pytest.param({}, "hide_content", False, id="content-is-shown"),
        pytest.param({"HIDE_CONTENT": True}, "hide_content", True, id="content-is-hidden"),
        pytest.param({"ENCRYPTION_KEYS": [FIRST, SECOND]}, "encryption_keys", (FIRST, SECOND), id="two-keys"),
        pytest.param({"ENCRYPTION_KEYS": (None, FIRST)}, "encryption_keys", ("", FIRST), id="key-that-opens"),
        pytest.param({"ENCRYPTION_KEYS": None}, "encryption_keys", (), id="no-keys"),
        pytest.param({"REDACT": "shop.chat.redact"}, "redact", "shop.chat.redact", id="redact"),
        pytest.param({"RETENTION": None}, "retention", {"runs": MONTH}, id="no-retention"),
        pytest.param(
            {"RETENTION": {"threads": 30}}, "retention", {"runs": MONTH, "threads": MONTH}, id="days"
        ),
        pytest.param({"RETENTION": {"threads": None}}, "retention", {"runs": MONTH}, id="kept-for-ever"),
        pytest.param(
            {"RETENTION": {"content": 30, "threads": {"days": 30, "upstream": False}, "runs": None}},
            "retention",
            {"content": MONTH, "threads": {"days": MONTH, "upstream": False}},
            id="here-alone",
        ),
        pytest.param(
            {"RETENTION": {"threads": {"days": 30}, "runs": None}},
            "retention",
            {"threads": MONTH},
            id="both-sides",
        ),
        pytest.param(
            {
                "RETENTION": {
                    "runs": None,
                    "workflows": {"wf_1": {"threads": None, "content": 30}, "wf_2": {}},
                }
            },
            "retention",
            {"workflows": {"wf_1": {"threads": None, "content": MONTH}, "wf_2": {}}},
            id="by-workflow",
        ),
        pytest.param({"RETENTION": {"runs": None}}, "retention", {}, id="runs-kept-for-ever"),
        pytest.param({"RETENTION": {"runs": 7}}, "retention", {"runs": timedelta(days=7)}, id="runs-kept"),
        pytest.param(
            {"RETENTION": {"sessions": timedelta(hours=1)}},
            "retention",
            {"runs": MONTH, "sessions": timedelta(hours=1)},
            id="retention-timedelta",
        ),
    ],
)
def test_a_setting_is_read(chatkit: dict[str, Any], field: str, value: object) -> None:
    assert getattr(read(**chatkit), field) == value


@pytest.mark.parametrize(
    ("chatkit", "says"),
    [
        pytest.param(
            {"API_KEYS": "x"}, "unknown keys: API_KEYS. Known keys: API_KEY, BASE_URL", id="unknown"
        ),
        pytest.param({1: "x"}, "unknown keys: 1", id="unknown-number"),
        pytest.param({"API_KEY": 7}, r"CHATKIT\['API_KEY'\] must be a string, not int", id="no-text"),
        pytest.param({"ALLOWED_WORKFLOWS": "wf_a"}, "must be a list of strings, not str", id="no-list"),
        pytest.param({"ALLOWED_WORKFLOWS": 1}, "must be a list of strings, not int", id="number-for-a-list"),
        pytest.param(
            {"ALLOWED_WORKFLOWS": [1]}, "each entry, must be a string, not int", id="list-of-numbers"
        ),
        pytest.param({"SESSION_DEFAULTS": 600}, "must be a dict, not int", id="no-dict"),
        pytest.param(
            {"SESSION_DEFAULTS": {"ttl": 1}},
            "unknown keys: ttl. Known keys: expires_after",
            id="unknown-default",
        ),
        pytest.param({"TIMEOUT": 0}, r"above 0, or a pair \(connect, read\) .*, not 0", id="no-time"),
        pytest.param({"TIMEOUT": True}, "number of seconds above 0, .* not True", id="boolean-timeout"),
        pytest.param({"TIMEOUT": None}, "number of seconds above 0, .* not None", id="never-wait-for-ever"),
        pytest.param({"TIMEOUT": float("inf")}, "of seconds above 0, .* not inf", id="infinite-timeout"),
        pytest.param({"TIMEOUT": float("nan")}, "of seconds above 0, .* not nan", id="nan-timeout"),
        pytest.param(
            {"TIMEOUT": (1, 2, 3)}, r"a pair \(connect, read\) .*, not \(1, 2, 3\)", id="three-timeouts"
        ),
        pytest.param({"TIMEOUT": (1, "2")}, r"\['TIMEOUT'\]\[1\] must be a number", id="timeout-as-text"),
        pytest.param({"MAX_RETRIES": -1}, "whole number of at least 0, not -1", id="negative-retries"),
        pytest.param({"MAX_RETRIES": True}, "whole number of at least 0, not True", id="boolean-retries"),
        pytest.param({"MAX_RETRIES": 1.5}, "whole number of at least 0, not 1.5", id="half-a-retry"),
        pytest.param({"SYNC_CONCURRENCY": 0}, "whole number of at least 1, not 0", id="no-workers"),
        pytest.param({"SYNC_INTERVAL": -1}, "number of seconds above 0, not -1", id="negative-interval"),
        pytest.param({"SYNC_INTERVAL": False}, "number of seconds above 0, not False", id="boolean-interval"),
        pytest.param({"SYNC_INTERVAL": 0}, "number of seconds above 0, not 0", id="no-interval"),
        pytest.param({"SYNC_INTERVAL": timedelta()}, "number of seconds above 0", id="no-timedelta"),
        pytest.param({"SYNC_INTERVAL": 1e300}, r"\['SYNC_INTERVAL'\] must be smaller", id="endless-interval"),
        pytest.param({"RETENTION": {"threads": 10**12}}, r"\['RETENTION'\] must be", id="endless-retention"),
        pytest.param({"SYNC_GRACE": "60"}, "seconds, 0 or more, not '60'", id="seconds-as-text"),
        pytest.param({"SYNC_GRACE": -1}, "seconds, 0 or more, not -1", id="negative-grace"),
        pytest.param({"SYNC_GRACE": False}, "seconds, 0 or more, not False", id="boolean-grace"),
        pytest.param({"USER_ID": 7}, "must be a string, not int", id="number-for-a-function"),
        pytest.param({"SESSION_RATE": 5}, "must be a string, not int", id="rate-without-a-period"),
        pytest.param({"SESSION_RATE": "5"}, "like '120/minute', not '5'", id="rate-without-a-word"),
        pytest.param({"SESSION_RATE": "0/s"}, "like '120/minute', not '0/s'", id="rate-of-nothing"),
        pytest.param({"SESSION_RATE": "5/month"}, "like '120/minute', not '5/month'", id="rate-per-month"),
        pytest.param({"HIDE_CONTENT": "no"}, "must be True or False, not 'no'", id="flag-as-text"),
        pytest.param({"ON_OWNER_DELETE": "ask"}, "'keep', 'detach', 'erase', not 'ask'", id="no-such-wish"),
        pytest.param({"ON_OWNER_DELETE": True}, "'keep', 'detach', 'erase', not True", id="wish-as-a-flag"),
        pytest.param({"ENCRYPTION_KEYS": FIRST}, "must be a list of keys, not str", id="one-key"),
        pytest.param({"ENCRYPTION_KEYS": [FIRST, ""]}, r"\[1\] is no key", id="empty-second-key"),
        pytest.param({"ENCRYPTION_KEYS": [FIRST[:-2]]}, r"\[0\] is no key: 32 bytes", id="cut-key"),
        pytest.param({"ENCRYPTION_KEYS": [f"{FIRST} "]}, r"\[0\] is no key", id="key-with-a-blank"),
        pytest.param({"ENCRYPTION_KEYS": [b"key"]}, r"\[0\] is no key", id="key-of-bytes"),
        pytest.param({"ENCRYPTION_KEYS": ["Zmlyc3Q="]}, r"\[0\] is no key", id="short-key"),
        pytest.param({"REDACT": 7}, "must be a string, not int", id="number-for-the-hook"),
        pytest.param({"RETENTION": 30}, "must be a dict, not int", id="days-without-a-kind"),
        pytest.param(
            {"RETENTION": {"items": 1}},
            "unknown key 'items'. Known keys: sessions, content, threads, runs, workflows",
            id="kind",
        ),
        pytest.param(
            {"RETENTION": {"content": {"days": 1}}},
            "'content'\\] must be a number of days",
            id="options-of-content",
        ),
        pytest.param(
            {"RETENTION": {"threads": {"upstream": False}}}, "'threads'\\]\\['days'\\] must be", id="no-term"
        ),
        pytest.param(
            {"RETENTION": {"threads": {"days": 1, "upstream": 0}}},
            "'upstream'\\] must be True or False",
            id="upstream",
        ),
        pytest.param(
            {"RETENTION": {"threads": {"days": 1, "here": 1}}},
            "unknown key 'here'. Known keys: days, upstream",
            id="option",
        ),
        pytest.param(
            {"RETENTION": {"workflows": {"wf_1": {"runs": 1}}}},
            "'wf_1'\\] has an unknown key 'runs'. Known keys: sessions, content, threads",
            id="kind-of-a-workflow",
        ),
        pytest.param({"RETENTION": {"workflows": ["wf_1"]}}, "'workflows'\\] must be a dict", id="workflows"),
        pytest.param({"RETENTION": {"workflows": {"wf_1": 30}}}, "'wf_1'\\] must be a dict", id="workflow"),
        pytest.param({"RETENTION": {"workflows": {1: {}}}}, "each key, must be a string", id="workflow-key"),
        pytest.param({"RETENTION": {"threads": 36_526}}, "at most 36525 days", id="more-than-a-century"),
        pytest.param({"RETENTION": {"threads": 0}}, "days or a timedelta above zero, not 0", id="no-days"),
        pytest.param({"RETENTION": {"threads": True}}, "a timedelta above zero, not True", id="boolean-days"),
        pytest.param({"RETENTION": {"threads": "30"}}, "a timedelta above zero, not '30'", id="days-as-text"),
    ],
)
def test_what_is_wrong_is_named(chatkit: Any, says: str) -> None:
    with override_settings(CHATKIT=chatkit), pytest.raises(ImproperlyConfigured, match=says):
        conf.read()


@pytest.mark.parametrize(
    ("chatkit", "hides"),
    [
        pytest.param({}, False, id="not-set"),
        pytest.param({"HIDE_CONTENT": False}, False, id="shown"),
        pytest.param({"HIDE_CONTENT": True}, True, id="hidden"),
        pytest.param({"HIDE_CONTENT": False, "TIMEOUT": 0}, False, id="shown-and-something-else-wrong"),
        pytest.param({"HIDE_CONTENT": "yes"}, True, id="no-flag"),
        pytest.param("nonsense", False, id="no-dict"),
    ],
)
def test_content_is_hidden_by_whatever_is_not_false(chatkit: Any, hides: bool) -> None:
    with override_settings(CHATKIT=chatkit):
        assert conf.hides_content() is hides


@override_settings(CHATKIT={"TIMEOUT": "30", "API_KEYS": "x", "WORKFLOW_ID": "wf_a", "SYNC_INTERVAL": 0})
def test_everything_that_is_wrong_can_be_had_at_once() -> None:
    assert [each.split(" ")[0] for each in conf.problems()] == [
        "CHATKIT",
        "CHATKIT['TIMEOUT']",
        "CHATKIT['SYNC_INTERVAL']",
    ]


@override_settings(CHATKIT={"WORKFLOW_ID": "wf_a"})
def test_nothing_wrong_is_no_problem() -> None:
    assert conf.problems() == []


@pytest.mark.parametrize(
    ("chatkit", "key", "words"),
    [
        pytest.param({"API_KEY": "sk-x"}, "API_KEY", "CHATKIT['API_KEY']", id="settings"),
        pytest.param({"API_KEY": ""}, "API_KEY", "The environment variable OPENAI_API_KEY", id="environment"),
        pytest.param({}, "TIMEOUT", "CHATKIT['TIMEOUT']", id="no-variable"),
    ],
)
def test_where_a_value_comes_from_is_said(chatkit: dict[str, Any], key: str, words: str) -> None:
    with override_settings(CHATKIT=chatkit):
        assert conf.origin(key) == words


@override_settings(CHATKIT=["API_KEY"])
def test_something_else_than_a_dict_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="CHATKIT must be a dict, not list"):
        conf.read()


def test_the_environment_fills_what_the_host_left_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, variable in enumerate(ENVIRONMENT):
        monkeypatch.setenv(variable, f"from-the-environment-{number}")

    given = read(API_KEY="", PROJECT="proj_of_the_settings")

    assert given.api_key == "from-the-environment-0"
    assert given.base_url == "from-the-environment-1"
    assert given.organization == "from-the-environment-2"
    assert given.project == "proj_of_the_settings"


def test_the_key_is_in_no_repr() -> None:
    assert "sk-secret" not in repr(read(API_KEY="sk-secret"))
    assert FIRST not in repr(read(ENCRYPTION_KEYS=[FIRST]))


@pytest.mark.parametrize("keys", [[FIRST, "broken"], [f"{FIRST}\n"], {FIRST: 1}, FIRST])
def test_a_key_that_is_refused_is_not_shown(keys: Any) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        read(ENCRYPTION_KEYS=keys)

    assert FIRST not in str(caught.value)
    assert "broken" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "keys"),
    [({}, ()), ({"ENCRYPTION_KEYS": []}, ()), ({"ENCRYPTION_KEYS": [FIRST]}, (FIRST,)), ("no dict", ())],
)
def test_the_keys_can_be_read_alone(given: Any, keys: tuple[str, ...]) -> None:
    with override_settings(CHATKIT=given):
        assert conf.encryption_keys() == keys


@pytest.mark.parametrize(
    ("chatkit", "workflows"),
    [
        pytest.param({}, (), id="none"),
        pytest.param({"WORKFLOW_ID": "wf_a"}, ("wf_a",), id="the-default"),
        pytest.param({"ALLOWED_WORKFLOWS": ["wf_b"]}, ("wf_b",), id="no-default"),
        pytest.param(
            {"WORKFLOW_ID": "wf_a", "ALLOWED_WORKFLOWS": ["wf_b", "wf_a"]},
            ("wf_a", "wf_b"),
            id="default-first",
        ),
    ],
)
def test_the_workflows_an_asker_may_run(chatkit: dict[str, Any], workflows: tuple[str, ...]) -> None:
    assert read(**chatkit).workflows == workflows
