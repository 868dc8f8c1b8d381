"""What upstream says: objects that keep the whole payload and read like the SDK's.

Nothing is validated and nothing is lost: a field that is missing reads as None, one that nobody has heard of reads as
what it is, and an unknown `type` is data like any other. Dispatch on `.type`, never on the class.
"""

from __future__ import annotations

import json
from typing import Any, Self

SECRET_KEY = "client_secret"  # noqa: S105 - the name of the field, not its value


class Secret(str):
    """A bearer credential: a str that hides itself wherever it is shown by repr, and refuses to be pickled.

    `str(secret)`, `json.dumps(secret)` and a comparison see the real value: it is meant for one browser's eyes.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> Any:
        raise TypeError("A client secret is not pickled: hand it to the browser and forget it.")


class WireObject:
    """An object as upstream sent it.

    `payload` is the plain dict, every key and character of it (less secrets); a field reads as an attribute at every
    depth. A field whose name is taken here (`payload`, `to_dict`, ...) is read from the payload.
    """

    __slots__ = ("_request_id", "payload")

    payload: dict[str, Any]
    _request_id: str | None  # of the exchange that brought the object; None on the parts of an object

    def __init__(self, payload: dict[str, Any], request_id: str | None = None) -> None:
        self.payload = payload
        self._request_id = request_id

    def __getattr__(self, name: str) -> Any:
        # Python asks for __deepcopy__, _repr_html_ and their like: those do not exist, rather than being None.
        if name.startswith("_") or name in WireObject.__slots__:
            raise AttributeError(name)
        return _readable(self.payload.get(name))

    def to_dict(self) -> dict[str, Any]:
        """Return a copy of the payload that may be changed freely."""
        return _copied(self.payload)  # type: ignore[no-any-return]

    model_dump = to_dict

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """Return the payload as JSON text."""
        return json.dumps(self.payload, indent=indent)

    def __eq__(self, other: object) -> bool:
        return self.payload == other.payload if isinstance(other, WireObject) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # the payload is a dict

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(key for key in self.payload if key.isidentifier())})

    def __repr__(self) -> str:
        # A conversation is nobody's business in a log: the id finds it.
        return f"{type(self).__name__}(id={self.payload.get('id')!r})"


class ChatSession(WireObject):
    """A session; the one that `create` returned carries the `client_secret`, apart from its payload."""

    __slots__ = ("client_secret",)

    client_secret: Secret | None

    def __init__(
        self, payload: dict[str, Any], request_id: str | None = None, *, client_secret: str | None = None
    ) -> None:
        super().__init__(payload, request_id)
        self.client_secret = None if client_secret is None else Secret(client_secret)

    def __copy__(self) -> Self:
        return type(self)(self.payload, self._request_id, client_secret=self.client_secret)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(self.to_dict(), self._request_id, client_secret=self.client_secret)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.payload, self._request_id)


class ChatKitThread(WireObject):
    """A thread: `id`, `created_at`, `title`, `status.type`, `user`."""

    __slots__ = ()


class ChatKitThreadItem(WireObject):
    """An item of a thread, whatever its `type`."""

    __slots__ = ()


class ThreadDeleteResponse(WireObject):
    """What upstream answers to a deletion: `id`, `deleted`."""

    __slots__ = ()


def without_secrets(value: Any) -> Any:
    """Return decoded JSON less everything named `client_secret`, at any depth."""
    if isinstance(value, dict):
        return {key: without_secrets(part) for key, part in value.items() if key != SECRET_KEY}
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    return value


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return WireObject(value)
    if isinstance(value, list):
        return [_readable(part) for part in value]
    return value


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_copied(part) for part in value]
    return value
