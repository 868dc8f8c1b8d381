"""The words of a payload, as the columns beside it hold them: to be searched, or not at all where payloads are sealed."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query_utils import DeferredAttribute

from .fields import TextField, storable, written
from .sealing import HIDDEN, keyring

_WIDGET_WORDS = ("title", "value", "text", "label", "caption", "placeholder")


def title_of(payload: dict[str, Any]) -> str:
    """Return a thread's title as every database keeps it; nothing where it is missing or no text."""
    title = payload.get("title")
    return storable(title) if isinstance(title, str) else ""


def text_of(payload: Mapping[str, Any]) -> str:
    """Return the words of an item, of whatever type, as plain text: what a person would search for."""
    # A list that is handed down, and `dict` instead of `Mapping`: seven times faster than generators within
    # generators, and this is read for each item.
    words: list[str] = []
    with suppress(RecursionError):  # nested deeper than any text
        _add_words(payload, words)
    return storable("\n".join(filter(None, words)))


def _add_words(payload: Mapping[str, Any], words: list[str]) -> None:
    for name in ("content", "heading", "summary", "name", "arguments", "output"):
        if value := payload.get(name):
            _add_texts(value, words)
    if widget := payload.get("widget"):
        _add_widget_words(_parsed(widget) if isinstance(widget, str) else widget, words)
    tasks = payload.get("tasks")
    for task in tasks if isinstance(tasks, list) else ():
        if isinstance(task, dict):
            _add_words(task, words)


def _add_texts(content: Any, words: list[str]) -> None:
    if isinstance(content, str):
        words.append(content)
    elif isinstance(content, list):
        for part in content:
            _add_texts(part.get("text") if isinstance(part, dict) else part, words)
    elif isinstance(content, dict):
        _add_texts(content.get("text"), words)


def _add_widget_words(widget: Any, words: list[str]) -> None:
    if isinstance(widget, list):
        for part in widget:
            _add_widget_words(part, words)
    elif isinstance(widget, dict):
        for name, value in widget.items():
            if isinstance(value, str):
                if name in _WIDGET_WORDS:
                    words.append(value)
            else:
                _add_widget_words(value, words)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def revealed(held: str, stored: str, said_by: Callable[[dict[str, Any]], str]) -> str:
    """Return the words that a column holds, or where it hides them those of the payload's text."""
    if held != HIDDEN:
        return held
    payload = _parsed(stored)
    return (said_by(payload) if isinstance(payload, dict) else "") or held


class _Words(DeferredAttribute):
    """Read words from the row's payload where the column hides them."""

    field: Any

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        held, name = instance.__dict__, self.field.attname
        value = held[name] if name in held else super().__get__(instance, cls)
        if value == HIDDEN and isinstance(instance.payload, dict):
            value = held[name] = self.field.said_by(instance.payload) or value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class WordsField(TextField):
    """Hold words of the row's payload, to be searched; where the host has keys `HIDDEN` stands for them.

    A row reads them from its payload then. What is asked of the column itself (a filter, ``values_list``) meets what
    stands there.
    """

    description = models.TextField.description
    descriptor_class = _Words
    _pyi_private_set_type: str
    _pyi_private_get_type: str

    def said_by(self, payload: dict[str, Any]) -> str:
        """Return the words that a payload says."""
        raise NotImplementedError  # pragma: no cover - each such column has its own

    def deconstruct(self) -> Any:
        """Return what makes the column: a text field. For one of another name SQLite would make the table anew."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return what is written: the words, or what stands for them."""
        return written(super().get_db_prep_save(value, connection), self.at_rest)

    def at_rest(self, text: str) -> str:
        """Return words as the column holds them."""
        return HIDDEN if text and keyring().is_on else text


class TitleField(WordsField):
    """Hold a thread's title."""

    def said_by(self, payload: dict[str, Any]) -> str:
        """Return the title."""
        return title_of(payload)


class SaidField(WordsField):
    """Hold what an item says."""

    def said_by(self, payload: dict[str, Any]) -> str:
        """Return the words."""
        return text_of(payload)
