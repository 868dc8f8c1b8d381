"""Whether a 404 says that upstream no longer has an object, or only that nothing is at the address."""

import re

from ..client import NotFoundError


def is_gone(error: Exception, id: str) -> bool:
    """Tell whether upstream said that it does not have the object with this id.

    Only a 404 in upstream's envelope is believed whose message names the id, other than as a part of an address: a proxy,
    a wrong base URL and endpoints that have closed know no object, and answer 404 to everything.
    """
    if not isinstance(error, NotFoundError) or not isinstance(error.body, dict):
        return False
    message = error.body.get("message")
    name = rf"(?<![\w/%-]){re.escape(id)}(?![\w/%-])"
    return isinstance(message, str) and re.search(name, message) is not None
