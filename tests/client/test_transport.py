from __future__ import annotations

import logging
import traceback
from email.utils import formatdate

import pytest
import requests
from urllib3.exceptions import NewConnectionError, ProtocolError

from django_chatkit.client import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ChatKit,
    InternalServerError,
    NotFoundError,
    RateLimitError,
)
from django_chatkit.client.errors import NO_REASON, NOBODY_THERE

from .conftest import Make
from .scripted import KEY, SECRET, SESSION, Breaking, Script, Step, page

UNSENT = requests.ConnectionError(NewConnectionError(None, "refused"))  # type: ignore[arg-type]
LOST = requests.ConnectionError(ProtocolError("Connection aborted."))
THREAD = Step({"id": "cthr_1"})
CUT = Step(b'{"id": "cthr_1"}', Content_Length="999")
BROKEN_OFF = Breaking(ProtocolError("IncompleteRead"))


def locals_of(error: BaseException) -> str:
    """Return what an error reporter would show of our own frames."""
    frames = [
        frame
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if "django_chatkit" in frame.f_code.co_filename
    ]
    assert frames
    return "".join(repr(value) for frame in frames for value in frame.f_locals.values())


def create(client: ChatKit) -> object:
    return client.sessions.create(user="u", workflow="wf_1")


class TestACallThatMayBeRepeated:
    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param(Step({}, 408), id="408"),
            pytest.param(Step({}, 409), id="409"),
            pytest.param(Step({}, 429), id="429"),
            pytest.param(Step({}, 500), id="500"),
            pytest.param(Step({}, 400, X_Should_Retry="true"), id="a-400-that-asks-for-it"),
            pytest.param(UNSENT, id="refused"),
            pytest.param(LOST, id="lost"),
            pytest.param(requests.ReadTimeout(), id="too-slow"),
            pytest.param(ConnectionResetError(), id="reset"),
            pytest.param(CUT, id="cut"),
            pytest.param(BROKEN_OFF, id="broken-off"),
        ],
    )
    @pytest.mark.parametrize("verb", ["retrieve", "delete"])
    def test_is_made_again(self, make: Make, waits: list[float], fault: Step | Exception, verb: str) -> None:
        assert getattr(make(fault, fault, THREAD).threads, verb)("cthr_1").id == "cthr_1"
        assert waits == [0.5, 1.0]

    def test_is_given_up_in_the_end(self, make: Make, waits: list[float]) -> None:
        script = Script(LOST)

        with pytest.raises(APIConnectionError, match="/threads/cthr_1: the connection failed") as caught:
            make(script).threads.retrieve("cthr_1")

        assert (len(script.sent), len(waits), caught.value.__cause__) == (3, 2, LOST)

    def test_that_is_cut_each_time_is_no_answer(self, make: Make) -> None:
        with pytest.raises(APIConnectionError, match="it ended early"):
            make(CUT).threads.retrieve("cthr_1")

    def test_is_the_same_bytes_each_time(self, make: Make) -> None:
        script = Script(Step({}, 503), Step(SESSION))

        make(script).sessions.cancel("cksess_1", extra_body={"a": 1}, extra_query={"b": 2})

        first, second = script.requests
        assert (first.url, first.body, first.headers) == (second.url, second.body, second.headers)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 418])
    def test_is_not_made_again_after_a_plain_no(self, make: Make, waits: list[float], status: int) -> None:
        with pytest.raises(APIStatusError):
            make(Step({}, status)).threads.retrieve("cthr_1")

        assert waits == []

    def test_waits_as_long_as_upstream_asks(self, make: Make, waits: list[float]) -> None:
        date = formatdate(1_000_060, usegmt=True)
        steps = Step({}, 429, Retry_After=date), Step({}, 429, Retry_After_Ms="1500"), THREAD

        make(*steps, now=lambda: 1_000_000.0).threads.retrieve("cthr_1")

        assert waits == [60.0, 1.5]

    def test_ends_at_once_where_the_wait_would_be_long(self, make: Make, waits: list[float]) -> None:
        with pytest.raises(RateLimitError) as caught:
            make(Step({}, 429, Retry_After="121")).threads.retrieve("cthr_1")

        assert (caught.value.retry_after, waits) == (121.0, [])

    @pytest.mark.parametrize(
        "hopeless",
        [
            pytest.param(requests.exceptions.InvalidProxyURL("no host"), id="malformed-proxy"),
            pytest.param(OSError("Could not find a suitable TLS CA certificate bundle"), id="no-bundle"),
        ],
    )
    def test_is_not_made_again_where_a_setting_is_wrong(
        self, make: Make, waits: list[float], hopeless: Exception
    ) -> None:
        with pytest.raises(APIConnectionError):
            make(hopeless).threads.retrieve("cthr_1")

        assert waits == []


class TestACreate:
    @pytest.mark.parametrize(
        "turned_away",
        [
            pytest.param(Step({}, 429), id="429"),
            pytest.param(Step({}, 503), id="503"),
            pytest.param(UNSENT, id="refused"),
            pytest.param(requests.ConnectTimeout(), id="no-connection-in-time"),
            pytest.param(requests.exceptions.ProxyError(), id="the-proxy-refused"),
        ],
    )
    def test_is_made_again_where_nobody_acted(
        self, make: Make, waits: list[float], turned_away: Step | Exception
    ) -> None:
        create(make(turned_away, Step(SESSION)))

        assert waits == [0.5]

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            pytest.param(Step({}, 500, X_Should_Retry="true"), InternalServerError, id="500"),
            pytest.param(Step({}, 408), APIStatusError, id="408"),
            pytest.param(Step({}, 429, X_Should_Retry="false"), RateLimitError, id="429-that-forbids-it"),
            pytest.param(LOST, APIConnectionError, id="lost"),
            pytest.param(requests.ReadTimeout(), APITimeoutError, id="too-slow"),
            pytest.param(CUT, APIResponseValidationError, id="cut"),
            pytest.param(BROKEN_OFF, APIResponseValidationError, id="broken-off"),
        ],
    )
    def test_is_made_once_where_somebody_may_have_acted(
        self, make: Make, waits: list[float], fault: Step | Exception, kind: type[APIError]
    ) -> None:
        script = Script(fault, Step(SESSION))

        with pytest.raises(kind):
            create(make(script))

        assert (len(script.sent), waits) == (1, [])


class TestALostAnswer:
    @pytest.mark.parametrize("lost", [LOST, Step({}, 500), CUT], ids=["reset", "500", "cut"])
    def test_makes_the_404_that_follows_say_so(self, make: Make, lost: Step | Exception) -> None:
        with pytest.raises(NotFoundError) as caught:
            make(lost, Step({}, 404)).threads.delete("cthr_1")

        assert caught.value.after_lost_answer
        assert caught.value.__notes__ == ["The answer to an earlier attempt of this call was lost."]

    @pytest.mark.parametrize("harmless", [UNSENT, Step({}, 429)], ids=["unsent", "429"])
    def test_is_not_what_a_refusal_is(self, make: Make, harmless: Step | Exception) -> None:
        with pytest.raises(NotFoundError) as caught:
            make(harmless, Step({}, 404)).threads.delete("cthr_1")

        assert not caught.value.after_lost_answer


class TestAnAnswerThatSaysDone:
    @pytest.mark.parametrize(
        ("step", "why"),
        [
            pytest.param(Step(b"<html>ek_hidden</html>"), "not JSON", id="html"),
            pytest.param(Step(b""), "not JSON", id="empty"),
            pytest.param(Step(b'{"client_secret": "ek_hidden"'), "not JSON", id="half"),
            pytest.param(Step(b'["ek_hidden"]'), "not a JSON object", id="a-list"),
            pytest.param(Step(b'{"ek_hidden": NaN}'), "contains NaN", id="not-a-number"),
            pytest.param(Step(b'{"ek_hidden": -Infinity}'), "contains -Infinity", id="infinity"),
            pytest.param(Step(b'{"ek_hidden": 1e999}'), "out of range", id="a-number-out-of-range"),
            pytest.param(Step(b'{"ek_hidden": ' + b"9" * 5000 + b"}"), "not JSON", id="an-endless-number"),
            pytest.param(Step(b"[" * 200_000), "not JSON", id="an-endless-nest"),
            pytest.param(Step(b'{"ek_hidden": "\xff"}'), "not UTF-8", id="latin-1"),
            pytest.param(Step(b"ek_hidden", Content_Length=str(1 << 40)), "longer than", id="too-long"),
        ],
    )
    @pytest.mark.parametrize(
        "call", [create, lambda client: client.threads.retrieve("x")], ids=["create", "retrieve"]
    )
    def test_and_cannot_be_read_is_an_error_that_quotes_nothing(
        self, make: Make, waits: list[float], step: Step, why: str, call: object
    ) -> None:
        with pytest.raises(APIResponseValidationError, match=why) as caught:
            call(make(step))  # type: ignore[operator]

        error = caught.value
        assert (error.status_code, error.request_id, error.body, waits) == (200, "req_1", None, [])
        assert (error.__cause__, error.__context__) == (None, None)
        assert "ek_hidden" not in repr(error) + str(error) + repr(vars(error)) + locals_of(error)

    def test_and_comes_too_slowly_is_a_timeout(self, make: Make) -> None:
        clock = iter(range(0, 1000, 20))

        with pytest.raises(APITimeoutError, match="came too slowly"):
            make(
                THREAD, monotonic=lambda: float(next(clock)), timeout=(5, 10), max_retries=0
            ).threads.retrieve("x")

    def test_holds_a_secret_apart(self, make: Make) -> None:
        nested = {**SESSION, "workflow": {"state_variables": {"client_secret": "ek_nested"}}}

        session = make(Step(nested)).sessions.create(user="u", workflow="wf_1")

        assert session.client_secret == SECRET
        assert session.payload == {
            **{k: v for k, v in SESSION.items() if k != "client_secret"},
            "workflow": {"state_variables": {}},
        }

    def test_holds_no_secret_where_none_belongs(self, make: Make) -> None:
        thread = make(Step({"id": "x", "a": [{"client_secret": "ek_stray"}]})).threads.retrieve("x")

        assert thread.payload == {"id": "x", "a": [{}]}


class TestAnAnswerThatSaysNo:
    @pytest.mark.parametrize(
        ("step", "message", "body"),
        [
            pytest.param(
                Step({"error": {"message": "No.", "code": "c"}}, 404),
                "No.",
                {"message": "No.", "code": "c"},
                id="error",
            ),
            pytest.param(Step({"error": "No."}, 404), "No.", "No.", id="words"),
            pytest.param(Step({"error": ["No."]}, 404), NO_REASON + NOBODY_THERE, ["No."], id="a-list"),
            pytest.param(Step({"id": "x"}, 404), NO_REASON + NOBODY_THERE, None, id="another-object"),
            pytest.param(Step([1], 404), NO_REASON + NOBODY_THERE, None, id="no-object"),
            pytest.param(Step(b"<html>", 404), NO_REASON + NOBODY_THERE, None, id="html"),
            pytest.param(
                Breaking(ProtocolError("reset"), 404), NO_REASON + NOBODY_THERE, None, id="broken-off"
            ),
        ],
    )
    def test_is_an_error_with_what_was_said(self, make: Make, step: Step, message: str, body: object) -> None:
        with pytest.raises(NotFoundError) as caught:
            make(step).threads.retrieve("x")

        assert (caught.value.message, caught.value.body) == (message, body)

    def test_never_repeats_a_secret(self, make: Make) -> None:
        said = {
            "message": f"Incorrect key {KEY}, {SECRET}",
            "client_secret": "ek_1",
            "param": {"k": [f"sk-{'x' * 20}"]},
        }

        with pytest.raises(AuthenticationError) as caught:
            create(make(Step({"error": said}, 401)))

        assert caught.value.message == "Incorrect key ***, ***"
        assert caught.value.body == {"message": "Incorrect key ***, ***", "param": {"k": ["***"]}}

    def test_keeps_its_words_where_the_key_is_a_tests(self, make: Make) -> None:
        with pytest.raises(AuthenticationError, match="Incorrect key"):
            create(make(Step({"error": {"message": "Incorrect key"}}, 401), api_key="key"))

    @pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
    def test_or_points_elsewhere_is_refused_by_name(self, make: Make, status: int) -> None:
        script = Script(Step({}, status, Location="https://evil.test/?key=hidden"))

        with pytest.raises(APIStatusError, match="redirects are refused") as caught:
            make(script).threads.retrieve("x")

        assert (len(script.sent), caught.value.status_code, "hidden" in str(caught.value)) == (
            1,
            status,
            False,
        )


class TestTheLog:
    @pytest.fixture(autouse=True)
    def heard(self, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
        caplog.set_level(logging.DEBUG, "django_chatkit.client")
        return caplog

    def test_has_a_line_for_each_attempt(self, make: Make, heard: pytest.LogCaptureFixture) -> None:
        clock = iter((0.0, 0.25, 0.25, 1.0, 1.0, 3.5))
        script = LOST, THREAD

        make(*script, monotonic=lambda: next(clock)).threads.retrieve("private id")

        assert heard.messages == [
            "GET /chatkit/threads/{thread_id} no answer - 0.250 s",
            "GET /chatkit/threads/{thread_id} 200 req_1 2.500 s",
        ]

    def test_holds_no_secret_and_no_body(self, make: Make, heard: pytest.LogCaptureFixture) -> None:
        create(make(Step(SESSION)))

        assert not any(word in heard.text for word in (KEY, SECRET, "wf_1", "Bearer"))


class TestWhatACallerAdds:
    def test_extra_body_wins_over_the_arguments(self, make: Make) -> None:
        script = Script(Step(SESSION))

        make(script).sessions.create(
            user="u", workflow="w", extra_body={"user": "v", "new": [1]}, extra_query={"q": 1}
        )

        assert script.said == {"user": "v", "workflow": {"id": "w"}, "new": [1]}
        assert script.sent == ["POST /chatkit/sessions?q=1"]
        assert script.requests[0].headers["Content-Type"] == "application/json"
        assert script.requests[0].headers["Content-Length"] == str(len(script.requests[0].body or b""))

    def test_a_timeout_is_for_one_call(self, make: Make) -> None:
        script = Script(THREAD)
        client = make(script)

        client.threads.retrieve("x", timeout=(1, 2))
        client.threads.retrieve("x")

        assert script.timeouts == [(1, 2), (5, 30)]

    def test_what_json_cannot_say_is_refused(self, make: Make) -> None:
        with pytest.raises(ValueError, match="JSON"):
            make(Step(SESSION)).sessions.cancel("x", extra_body={"a": float("nan")})


def test_cookies_are_not_kept(make: Make) -> None:
    script = Script(Step({"data": []}, Set_Cookie="a=b"), page(""))
    client = make(script)

    client.threads.list()
    client.threads.list()

    assert "Cookie" not in script.requests[1].headers


def test_each_attempt_is_told_before_it_is_sent(make: Make) -> None:
    script = Script(Step({}, 500), Step({"id": "cthr_1"}))
    sent: list[int] = []
    client = make(script, max_retries=1).with_options(on_request=lambda: sent.append(len(script.requests)))

    client.with_options(timeout=1).threads.retrieve("cthr_1")

    assert sent == [0, 1]


def test_what_is_raised_before_an_attempt_ends_the_call_unsent(make: Make) -> None:
    def refuse() -> None:
        raise LookupError

    script = Script(Step({}))

    with pytest.raises(LookupError):
        make(script).with_options(on_request=refuse).threads.retrieve("cthr_1")
    assert script.requests == []
