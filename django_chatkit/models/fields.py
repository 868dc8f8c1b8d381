"""Column types that behave alike on every database."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from .nesting import with_room
from .sealing import PREFIX, keyring, opened

if TYPE_CHECKING:  # the stubs' fields are generic, Django's own are not
    CharField = models.CharField[str, str]
    TextField = models.TextField[Any, Any]
else:
    CharField, TextField = models.CharField, models.TextField

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")

# What PostgreSQL's text refuses (NUL) and what no encoder takes (lone surrogates).
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def written(value: Any, at_rest: Callable[[str], str]) -> Any:
    """Return a value as it is written; an expression is the database's to work out."""
    return at_rest(value) if isinstance(value, str) else value


def storable(text: str) -> str:
    """Return the text with each character that some database refuses replaced by U+FFFD."""
    if text.isascii() and "\x00" not in text:  # ten times faster than to search, and most text is
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def is_storable(text: str) -> bool:
    """Tell whether every database keeps this text as it is."""
    return _UNSTORABLE.search(text) is None


class IdField(CharField):
    """Hold an identifier of upstream: opaque, compared character by character.

    MySQL's and MariaDB's usual collations think that ``a``, ``A`` and ``a `` are one; ids there get a binary
    collation without padding.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the column's type, spelt so that Django's check of long unique varchars on MySQL stays quiet.

        The check (mysql.W003) means indexes of at most 767 bytes; InnoDB's have had 3072 since MySQL 5.7.
        """
        if connection.vendor == "mysql":
            return f"character varying({self.max_length})"
        return super().db_type(connection)

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Return the column's parameters, with the collation that compares by character."""
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "mysql":
            is_mariadb = getattr(connection, "mysql_is_mariadb", False)
            parameters["collation"] = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
        return parameters


if TYPE_CHECKING:  # the plugin wants to be told that it may hold nothing

    class OptionalIdField(models.CharField[Any, Any]):
        """Hold an identifier, or nothing."""
else:

    class OptionalIdField(IdField):
        """Hold an identifier, or nothing."""


class PayloadField(TextField):
    """Hold a JSON object exactly as upstream sent it: every key in its order, every character.

    It is JSON text in a text column: PostgreSQL's jsonb refuses NUL and lone surrogates and reorders keys. Both
    are stored escaped, everything else as it reads, so that the column can be searched and served unparsed. Where the
    host has keys that text is sealed.
    """

    description = _("JSON as upstream sent it")

    # What django-stubs' plugin reads: a payload is any JSON, not text.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return the object that the stored text says."""
        return None if value is None else loads(opened(value))

    def to_python(self, value: Any) -> Any:
        """Return the object, from text where a serializer or a form gives text.

        Raises:
            ValidationError: when the text isn't JSON.
        """
        if not isinstance(value, str):
            return value
        try:
            return loads(value)
        except ValueError as error:
            raise ValidationError(_("Enter valid JSON.")) from error

    def get_prep_value(self, value: Any) -> str | None:
        """Return the text to store."""
        return None if value is None else dumps(value)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return what is written: the text, sealed where the host has keys."""
        return written(super().get_db_prep_save(value, connection), self.at_rest)

    def at_rest(self, text: str) -> str:
        """Return a payload's text as the column holds it."""
        return keyring().seal(text)

    def value_to_string(self, obj: models.Model) -> str:
        """Return the text that a serializer writes."""
        return dumps(self.value_from_object(obj))


class SealedTextField(TextField):
    """Hold text that no payload says, sealed where the host has keys."""

    description = models.TextField.description
    _pyi_private_set_type: str
    _pyi_private_get_type: str

    def deconstruct(self) -> Any:
        """Return what makes the column: a text field."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def from_db_value(self, value: str | None, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return the text."""
        return None if value is None else opened(value)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return what is written: the text, sealed where the host has keys."""
        return written(super().get_db_prep_save(value, connection), self.at_rest)

    def at_rest(self, text: str) -> str:
        """Return text as the column holds it; what only looks sealed gets a blank, so that it can't be taken for it."""
        return keyring().seal(f" {text}" if text.startswith(PREFIX) else text)


class _StoredField(models.TextField[str, str] if TYPE_CHECKING else models.TextField):  # type: ignore[misc]
    """Read a payload's text: opened, and unparsed."""

    def get_internal_type(self) -> str:
        """Return whose columns it reads."""
        return "TextField"

    def from_db_value(self, value: str | None, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return the text."""
        return None if value is None else opened(value)


def as_stored(column: str) -> "models.ExpressionWrapper[Any]":
    """Return an expression that reads a payload as the text it was stored as, unparsed, whether or not it is sealed."""
    return models.ExpressionWrapper(models.F(column), output_field=_StoredField())


def as_kept(column: str) -> "models.ExpressionWrapper[Any]":
    """Return an expression that reads a column as it is: sealed text as that."""
    return models.ExpressionWrapper(models.F(column), output_field=models.TextField())


def unless_sealed(*columns: str) -> tuple[str, ...]:
    """Return which of these payloads a list may leave unread: none where titles and words are read from them."""
    return () if keyring().is_in_use else columns


# `json.dumps` with options makes an encoder for each call: a quarter of what a call costs.
_write_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def loads(text: str) -> Any:
    """Read a payload's text, however deep it is nested and wherever that is asked for.

    Raises:
        ValueError: when the text isn't JSON.
    """
    return with_room(json.loads, text)


def dumps(payload: Any) -> str:
    """Write a payload as JSON text that every database keeps.

    Raises:
        ValueError: for NaN and infinities, which are no JSON.
    """
    text = with_room(_write_json, payload)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text
