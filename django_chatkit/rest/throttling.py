"""How many sessions one asker may open: ``CHATKIT["SESSION_RATE"]``."""

import logging
from hashlib import sha256
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from .. import conf
from .errors import Refusal, seconds
from .scope import Scope

logger = logging.getLogger("django_chatkit.rest")


class OpeningThrottle(SimpleRateThrottle):
    """Count the sessions that an asker opens: by its end user, or by the address of a visitor, who may be anybody."""

    def __init__(self, scope: Scope) -> None:
        self.asker = scope
        super().__init__()

    def get_rate(self) -> str | None:
        """Return the rate of the settings as they stand now."""
        return conf.read().session_rate or None

    def get_cache_key(self, request: Request, view: Any) -> str:
        """Return where an asker's openings are counted, for one API key: no name and no secret can be read in it."""
        known = self.asker.is_known
        subject = (conf.read().api_key, known, self.asker.end_user if known else self.get_ident(request))
        return f"django_chatkit:openings:{sha256(repr(subject).encode()).hexdigest()}"


def refuse_too_many(request: Request, scope: Scope) -> None:
    """Count an opening.

    Raises:
        Refusal: a 429 that says when to come again.
    """
    throttle = OpeningThrottle(scope)
    try:
        may_pass = throttle.allow_request(request, None)  # type: ignore[arg-type] # it only hands the view on
    except Exception as error:  # noqa: BLE001 -- each cache has errors of its own, and none may close the chat
        logger.warning("Django's cache failed (%s): openings are not counted.", type(error).__name__)
        return
    if not may_pass:
        raise Refusal(
            429,
            "Too many sessions were opened; wait and try again.",
            type="requests",
            code="rate_limit_exceeded",
            headers={"Retry-After": seconds(throttle.wait() or 0)},
        )
