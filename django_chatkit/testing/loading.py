"""Reads a world from a document, and says where it cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .store import Store

# The year 10000, where dates end.
_END_OF_TIME = 253_402_300_800


def read(document: Any, store: Store) -> list[dict[str, Any]]:
    """Return the arguments of `Emulator.add_thread` for each thread of a document; ValueError names a bad place."""
    if not isinstance(document, Mapping) or not isinstance(document.get("threads"), list):
        raise ValueError('the document must be an object with a list: {"threads": [..]}')
    taken = {"thread": set(store.threads), "item": set(store.items)}
    return [_thread(thread, f"threads[{n}]", taken) for n, thread in enumerate(document["threads"])]


def _thread(thread: Any, place: str, taken: dict[str, set[str]]) -> dict[str, Any]:
    _check_object(thread, place)
    _check_id(thread, place, taken["thread"], "thread")
    if not isinstance(thread.get("user"), str):
        raise ValueError(f"{place}.user must be a string")
    if not isinstance(thread.get("status", "active"), str | Mapping):
        raise ValueError(f"{place}.status must be a word or an object")
    items = thread.get("items", [])
    if not isinstance(items, list):
        raise ValueError(f"{place}.items must be a list")
    read_items = [_item(item, f"{place}.items[{n}]", thread, taken) for n, item in enumerate(items)]
    return {**thread, "items": read_items}


def _item(item: Any, place: str, thread: Mapping[str, Any], taken: dict[str, set[str]]) -> dict[str, Any]:
    _check_object(item, place)
    _check_id(item, place, taken["item"], "item")
    if not isinstance(item.get("type"), str):
        raise ValueError(f"{place}.type must be a string")
    return {"created_at": thread.get("created_at"), **item}


def _check_object(value: Any, place: str) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{place} must be an object")
    created_at = value.get("created_at")
    if created_at is not None and not (type(created_at) is int and 0 <= created_at < _END_OF_TIME):
        raise ValueError(f"{place}.created_at must be Unix seconds, a whole number")


def _check_id(value: Mapping[str, Any], place: str, taken: set[str], noun: str) -> None:
    id = value.get("id")
    if id is None:
        return
    if not isinstance(id, str) or not id:
        raise ValueError(f"{place}.id must be a string that is not empty")
    if id in taken:
        raise ValueError(f"{place}.id: the {noun} id {id!r} is taken")
    taken.add(id)
