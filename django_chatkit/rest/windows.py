"""What a list is asked for: upstream's parameters, read and refused as upstream does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from ..models.fields import is_storable
from ..services.reading import MAX_USER_LENGTH
from .errors import invalid

DEFAULT_LIMIT, HIGHEST_LIMIT = 20, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Say which page of a list is asked for; both cursors are exclusive."""

    limit: int = DEFAULT_LIMIT
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None

    @classmethod
    def asked(cls, query: Mapping[str, str]) -> Self:
        """Read the parameters of a list; unknown ones are ignored, as upstream does.

        Raises:
            Refusal: naming the parameter that has no good value.
        """
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid("'order' must be 'asc' or 'desc'.", param="order")
        return cls(
            limit=_limit(query.get("limit")),
            order="asc" if order == "asc" else "desc",
            after=query.get("after"),
            before=query.get("before"),
        )

    @property
    def cursors(self) -> dict[str, str]:
        """Return the cursors that were given, by parameter."""
        given = {"after": self.after, "before": self.before}
        return {param: id for param, id in given.items() if id is not None}

    @property
    def is_backwards(self) -> bool:
        """Tell whether the page ends at its cursor instead of beginning there."""
        return self.before is not None and self.after is None


def user_asked(query: Mapping[str, str]) -> str | None:
    """Return whose rows are asked for, or None for everybody's.

    Raises:
        Refusal: when it can't be an end user's id.
    """
    user = query.get("user")
    if user is not None and not (1 <= len(user) <= MAX_USER_LENGTH and is_storable(user)):
        raise invalid(f"'user' must have 1 to {MAX_USER_LENGTH} characters, none of them NUL.", param="user")
    return user


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT_LIMIT
    # Nine digits: enough for every number that is too large, few enough to be read in no time.
    is_number = given.isascii() and given.isdigit() and len(given) <= 9
    if not is_number or int(given) > HIGHEST_LIMIT:
        raise invalid(f"'limit' must be a whole number from 0 to {HIGHEST_LIMIT}.", param="limit")
    return int(given)
