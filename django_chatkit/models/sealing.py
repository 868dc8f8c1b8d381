"""Sealed text: what columns hold where the host has keys. docs/decisions/0025

Sealed text says itself that it is, and with which key: ``chatkit-fernet:<the key's mark>:<a token of Fernet's>``. No JSON
begins like that, so a payload is plain or sealed beyond doubt. The words that are kept beside a payload to be searched
(`HIDDEN` tells where) are not sealed once more: they are read from the payload.

The keys are the settings', which a column can't be given: the app hands their reader over when it is ready.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from importlib import import_module
from typing import Any

from django.core.exceptions import ImproperlyConfigured

PREFIX = "chatkit-fernet:"
# Stands in a searched column for words that are sealed in the payload. No index takes it for a word.
HIDDEN = "***"

_SETTING = "CHATKIT['ENCRYPTION_KEYS']"
_NO_LIBRARY = (
    f"{_SETTING} is set and the package cryptography is not installed: "
    "run pip install 'django-openai-chatkit[encryption]', or remove the setting before anything was encrypted."
)


class MissingKey(ImproperlyConfigured):
    """Text is sealed with a key that the settings don't hold. Nothing is lost: with the key it can be read."""

    def __init__(self, mark: str) -> None:
        super().__init__(
            f"A row is encrypted with the key {mark}, which {_SETTING} does not hold: add that key at the end of the "
            "list (a key there opens and encrypts nothing). No row is lost."
        )


class DamagedRow(ValueError):
    """Sealed text was changed or cut: its key is there and does not open it."""

    def __init__(self, mark: str) -> None:
        super().__init__(
            f"a row is damaged: the key {mark} does not open what it encrypted; restore it from a backup"
        )


class Keyring:
    """What seals and opens text with a host's keys. It shows none of them."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        """Take the keys as the settings list them; an empty first one seals nothing.

        Raises:
            ImproperlyConfigured: there are keys and the package is not installed.
        """
        given = [key for key in keys if key]
        self.is_on = bool(keys and keys[0])
        self.is_in_use = bool(given)
        self._marks = [_mark(key) for key in given]
        made: tuple[Any, type[Exception]] = _made(given) if given else (None, ValueError)
        self._fernet, self._invalid = made
        # How text begins that is sealed as it should be; empty where none is.
        self.prefix = f"{PREFIX}{self._marks[0]}:" if self.is_on else ""

    def seal(self, text: str) -> str:
        """Return text as a column holds it: sealed, or as it is where nothing is to be sealed."""
        if not self.is_on:
            return text
        return self.prefix + str(self._fernet.encrypt(text.encode()), "ascii")

    def open(self, stored: str) -> str:
        """Return the text that a column holds.

        Raises:
            MissingKey: it is sealed with another key.
            DamagedRow: it is not whole any more.
        """
        if not stored.startswith(PREFIX):
            return stored
        mark, _colon, token = stored.removeprefix(PREFIX).partition(":")
        if mark not in self._marks:
            raise MissingKey(mark[:8])
        try:
            return str(self._fernet.decrypt(token.encode()), "utf-8")
        except self._invalid:
            raise DamagedRow(mark) from None

    @property
    def prefixes(self) -> list[str]:
        """Return how text begins that can be opened."""
        return [f"{PREFIX}{mark}:" for mark in self._marks]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._marks)} keys)"


def _made(keys: Sequence[str]) -> tuple[Any, type[Exception]]:
    try:
        fernet = import_module(".fernet", __package__)
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(_NO_LIBRARY) from error
    return fernet.made(keys), fernet.InvalidToken


def _mark(key: str) -> str:
    """Return what tells a key from others and tells nothing of it."""
    return blake2b(key.encode(), digest_size=4, person=b"chatkit-key").hexdigest()


_NO_KEYS = Keyring()
_keyring_of = lru_cache(maxsize=4)(Keyring)


class _Source:
    """Where the keys come from."""

    read: Callable[[], Sequence[str]] = staticmethod(tuple)


def keys_from(read: Callable[[], Sequence[str]]) -> None:
    """Have the keys read by a function, each time anew."""
    _Source.read = staticmethod(read)


def keyring() -> Keyring:
    """Return what seals and opens, by the settings as they stand now.

    Raises:
        ImproperlyConfigured: they hold what is no key, or the package is not installed.
    """
    keys = _Source.read()
    return _keyring_of(tuple(keys)) if keys else _NO_KEYS


def opened(stored: str) -> str:
    """Return the text that a column holds; where it is plain the settings are not looked at.

    Raises:
        MissingKey, DamagedRow: it can't be opened.
    """
    return keyring().open(stored) if stored.startswith(PREFIX) else stored
