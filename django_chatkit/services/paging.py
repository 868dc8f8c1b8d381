"""What may be concluded from a page of upstream's."""

from typing import Any

from ..client import BadRequestError, NotFoundError

PAGE = 100

# What upstream says of a cursor that vanished is not documented: 404 is expected, 400 is thinkable.
CURSOR_REFUSED = (NotFoundError, BadRequestError)


class Contradiction(Exception):
    """Upstream's pages contradict themselves, so nothing is concluded from them. It is tried again later."""


def has_more(page: Any) -> bool:
    """Tell whether another page follows.

    Raises:
        Contradiction: when upstream says so and gives no way on: the list is not complete, whatever it looks like.
    """
    if page.has_more and not page.has_next_page():
        raise Contradiction("upstream said that there are more, and sent nothing to go on from")
    return bool(page.has_next_page())
