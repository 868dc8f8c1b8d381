"""What a thread's page shows of its conversation: the bubbles of one page of it, and the ways to the others."""

from typing import Any

from django.http import QueryDict

from ..models.items import ChatThreadItemQuerySet
from ..services.bubbles import describe
from . import rendering
from .paging import Page, open_page
from .visible import one_line

# What an address says about the place in the conversation; the rest of it is the list's.
_PLACE = ("item", "on", "before", "after", "from")


def conversation(items: ChatThreadItemQuerySet, query: QueryDict) -> dict[str, Any]:
    """Return what the template needs to show the page of a conversation that an address asks for."""
    page = open_page(items, query)
    how = rendering.of_a_page()
    return {
        "page": page,
        "bubbles": [describe(item, how) for item in page.items],
        "wanted_name": one_line(page.wanted),
        "places": _places(page, query),
        "kept": list(_without_place(query).items()),
    }


def _without_place(query: QueryDict) -> QueryDict:
    kept = query.copy()
    for name in _PLACE:
        kept.pop(name, None)
    return kept


def _places(page: Page, query: QueryDict) -> dict[str, str]:
    """Return the addresses of the neighbouring pages, empty where there is none. The rest of the query stays."""

    def to(**place: object) -> str:
        kept = _without_place(query)
        kept.update({name: str(value) for name, value in place.items()})
        return f"?{kept.urlencode()}#conversation"

    first, last = (page.items[0].position, page.items[-1].position) if page.items else (0, 0)
    return {
        "oldest": to(**{"from": "oldest"}) if page.has_older else "",
        "older": to(before=first) if page.has_older else "",
        "newer": to(after=last) if page.has_newer else "",
        "newest": to() if page.has_newer else "",
    }
