"""How a call is made: headers, attempts, waits, and the outcome as a reply or as one of our errors."""

import json
import logging
import math
import random
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import requests
from requests.structures import CaseInsensitiveDict

from . import reading, retry
from .calls import Call, Extras, Operation, Reply, query_string, seconds
from .errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    ChatKitError,
    RequestLine,
    ResponseHead,
    paused,
    redirect_refused,
    status_error,
)
from .faults import BROKEN, connection_error, is_hopeless
from .gate import Gate
from .headers import with_extra
from .pool import Pool
from .wire import without_secrets

logger = logging.getLogger("django_chatkit.client")

# A pause that seems a little longer than it was (clocks differ, and count in fractions) is the same pause.
SLACK = 0.05  # seconds
# How long a call sleeps before it looks whether it was given up.
NAP = 0.25  # seconds


OnWait = Callable[[float], None]
OnRequest = Callable[[], None]


class World(NamedTuple):
    """The clocks, the sleep and the dice of a client: arguments, so that a test brings its own."""

    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


class Transport:
    """Make calls for one client.

    Raises from `call`: an APIError, or ValueError/TypeError for what a caller added; nothing of requests gets out.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        base_url: str,
        headers: CaseInsensitiveDict[str],
        timeout: tuple[float, float],
        max_retries: int,
        gate: Gate,
        longest_wait: float = retry.LONGEST_WAIT,
        on_wait: OnWait | None = None,
        given_up: Callable[[], bool] | None = None,
        on_request: OnRequest | None = None,
        keeps_texts: bool = False,
        secrets: tuple[str, ...] = (),
        world: World | None = None,
    ) -> None:
        self.pool, self.base_url, self.headers = pool, base_url, headers
        self.timeout, self.max_retries, self.world = timeout, max_retries, world or World()
        self.gate, self.longest_wait, self.on_wait, self.given_up = gate, longest_wait, on_wait, given_up
        self.on_request, self.keeps_texts = on_request, keeps_texts
        self.secrets = secrets
        # A key of a few characters is a test's; to blot it out would blot out half the alphabet.
        known = [re.escape(secret) for secret in secrets if len(secret) >= 8]
        self._secrets = re.compile("|".join([*known, r"\bek_[\w+/=-]+|\bsk-[\w-]{8,}"]))

    def call(
        self,
        operation: Operation,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        extras: Extras,
    ) -> Reply:
        """Make a call, again where that is right, and return the readable answer."""
        call = self._prepared(operation, path, query, body, extras)
        attempt, lost, rested_until = 0, False, -math.inf
        while True:
            try:
                rested_until = self._pass_gate(call, rested_until)
                if self.on_request:
                    self.on_request()
                return self._attempt(call)
            except APIError as error:
                wait = self._wait(error, operation, attempt)
                if wait is None:
                    if lost and isinstance(error, APIStatusError):
                        error.after_lost_answer = True
                        error.add_note("The answer to an earlier attempt of this call was lost.")
                    raise
                lost = lost or _may_have_acted(error)
            rested_until = max(rested_until, self._rest(wait))
            attempt += 1

    def _pass_gate(self, call: Call, rested_until: float) -> float:
        """Stand still while the gate is closed; return the moment until which this call has stood still.

        The gate is asked again after each wait, for another call may have closed it anew; but not for a pause that this
        call has sat out already, whatever the clocks say.
        """
        stood = 0.0
        while (left := self.gate.seconds_left()) > 0:
            if self.world.monotonic() + left <= rested_until + SLACK:
                break
            if stood + left > self.longest_wait + SLACK:
                raise paused(RequestLine(call.operation.method, call.url), left)
            stood += left
            rested_until = self._rest(retry.spread(left, self.world.chance()))
        return rested_until

    def _rest(self, seconds: float) -> float:
        until = self.world.monotonic() + seconds
        if self.on_wait:
            self.on_wait(seconds)
        if self.given_up is None:
            self.world.sleep(seconds)
        else:
            self._doze(seconds, self.given_up)
        return until

    def _doze(self, seconds: float, given_up: Callable[[], bool]) -> None:
        """Sleep in short naps, so that a call whose answer nobody wants any more ends soon."""
        while seconds > 0:
            self.world.sleep(min(seconds, NAP))
            seconds -= NAP
            if given_up():
                raise ChatKitError("The call was given up while it waited.")

    def _wait(self, error: APIError, operation: Operation, attempt: int) -> float | None:
        """Return the seconds to wait before the next attempt, None for no other; close the gate where all must wait."""
        chance = self.world.chance()
        pause = retry.pause_for_all(error, attempt=attempt, chance=chance)
        if pause is not None:
            self.gate.close_for(pause)
        if attempt >= self.max_retries or is_hopeless(error.__cause__):
            return None
        return retry.wait_before_repeat(
            error,
            repeatable=operation.repeatable,
            attempt=attempt,
            chance=chance,
            longest=self.longest_wait,
        )

    def _prepared(
        self,
        operation: Operation,
        path: str,
        query: Mapping[str, object] | None,
        body: Mapping[str, object] | None,
        extras: Extras,
    ) -> Call:
        merged = {**(query or {}), **(extras.query or {})}
        said = {**(body or {}), **(extras.body or {})}
        content: bytes | None = None
        headers = self.headers.copy()
        if said:
            content = json.dumps(said, allow_nan=False, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
            headers["Content-Length"] = str(len(content))
        elif operation.method == "POST":
            headers["Content-Length"] = "0"
        if extras.headers:
            headers = with_extra(headers, extras.headers)
        timeout = seconds(extras.timeout, self.timeout)
        url = self.base_url + path + (query_string(merged) if merged else "")
        return Call(operation, url, headers, content, timeout)

    def _attempt(self, call: Call) -> Reply:
        started = self.world.monotonic()
        line = RequestLine(call.operation.method, call.url)
        outcome: object = "no answer"
        request_id = None
        try:
            response = self.pool.send(_request(call), call.timeout)
            outcome, request_id = response.status_code, response.headers.get("x-request-id")
            try:
                return self._outcome(call, line, response, started + sum(call.timeout))
            finally:
                response.close()
        except BROKEN as cause:
            raise connection_error(cause, line) from cause
        finally:
            took = self.world.monotonic() - started
            logger.debug(
                "%s %s %s %s %.3f s", line.method, call.operation.template, outcome, request_id or "-", took
            )

    def _outcome(self, call: Call, line: RequestLine, response: requests.Response, ends_at: float) -> Reply:
        status, headers = response.status_code, response.headers
        if 200 <= status < 300:
            head = ResponseHead(status, headers, line)
            return self._reply(call, head, response, ends_at)
        asked = retry.seconds_asked(headers, now=self.world.now())
        head = ResponseHead(status, headers, line, asked)
        if 300 <= status < 400:
            raise redirect_refused(head)
        raise status_error(head, self._reason(response, ends_at))

    def _reply(self, call: Call, head: ResponseHead, response: requests.Response, ends_at: float) -> Reply:
        # No body in a local of this frame, nor in an error's context: error reporters show both.
        try:
            read = reading.read_payload(response, in_time=self._until(ends_at), keeps_texts=self.keeps_texts)
        except reading.Late:
            message = reading.describe(head, "it came too slowly")
            raise APITimeoutError(head.request, message=message) from None
        except reading.Cut as cause:
            if call.operation.repeatable:
                message = reading.describe(head, str(cause))
                raise APIConnectionError(message=message, request=head.request) from cause
            why = str(cause)
        except reading.Unreadable as cause:
            why = str(cause)
        else:
            return Reply(read.payload, head, read.secret, read.texts)
        raise APIResponseValidationError(head, message=reading.describe(head, why))

    def _reason(self, response: requests.Response, ends_at: float) -> Any:
        """Return upstream's inner `error` object, or None where there is none that can be read."""
        try:
            body = reading.read_body(response, limit=reading.LONGEST_REASON, in_time=self._until(ends_at))
            reason = without_secrets(reading.decode(body).get("error"))
        except (reading.Unreadable, reading.Late, *BROKEN):
            return None
        return self._redacted(reason)

    def _until(self, ends_at: float) -> Callable[[], bool]:
        monotonic = self.world.monotonic
        return lambda: monotonic() <= ends_at

    def _redacted(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._secrets.sub("***", value)
        if isinstance(value, dict):
            return {key: self._redacted(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._redacted(part) for part in value]
        return value


def _request(call: Call) -> requests.PreparedRequest:
    # Filled in by hand: to have requests prepare it costs as much as all the rest of a call.
    request = requests.PreparedRequest()
    request.method = call.operation.method
    request.url = call.url
    request.headers = call.headers.copy()
    request.body = call.body
    return request


def _may_have_acted(error: APIError) -> bool:
    if isinstance(error, APIConnectionError):
        return not error.unsent
    return isinstance(error, APIStatusError) and error.status_code >= 500
