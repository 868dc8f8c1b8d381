"""The headers of every call, and the ones that are refused."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from django_chatkit import __version__

from .checking import present

_PYTHON = ".".join(map(str, sys.version_info[:3]))
BETA = "chatkit_beta=v1"
USER_AGENT = f"django-openai-chatkit/{__version__} (python {_PYTHON}; requests {requests.__version__})"

_NO_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def default_headers(
    *, api_key: str, organization: str | None, project: str | None, more: Mapping[Any, object] | None
) -> CaseInsensitiveDict[str]:
    """Return the headers that every call of a client carries; `more` overrides.

    Raises:
        TypeError, ValueError: one cannot be a header; the text never shows a value.
    """
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    headers["Accept"] = "application/json"
    headers["Accept-Encoding"] = "gzip, deflate"
    headers["User-Agent"] = USER_AGENT
    headers["OpenAI-Beta"] = BETA
    headers["Authorization"] = f"Bearer {checked_value(api_key, 'api_key')}"
    if organization:
        headers["OpenAI-Organization"] = checked_value(organization, "organization")
    if project:
        headers["OpenAI-Project"] = checked_value(project, "project")
    return with_extra(headers, more, "default_headers")


def with_extra(
    headers: CaseInsensitiveDict[str], extra: Mapping[Any, object] | None, name: str = "extra_headers"
) -> CaseInsensitiveDict[str]:
    """Return a copy with the extra headers; one that is None or omitted is taken out."""
    merged = headers.copy()
    for key, value in (extra or {}).items():
        if not isinstance(key, str) or not _NAME.fullmatch(key):
            raise ValueError(f"{name} has a name that is no header's: {key!r}.")
        if present(value):
            merged[key] = checked_value(value, f"{name}[{key!r}]")
        else:
            merged.pop(key, None)
    return merged


def checked_value(value: object, name: str) -> str:
    """Return a str that can be the value of a header: Latin-1, one line, no control character."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}.")
    if _NO_VALUE.search(value):
        raise ValueError(f"{name} has a line break, a control character or one outside Latin-1: remove it.")
    return value
