"""Addresses that other people wrote: which of them may become links, and where they really lead."""

import re
from urllib.parse import urlsplit

from .visible import visible

# An address that reads as it acts: no blanks, controls, quotes or backslashes that browsers drop or turn.
_PLAIN = re.compile(r"[^\s\x00-\x20\x7f-\x9f\"'<>\\]+")
_MAILBOX = re.compile(r"mailto:([^?#]+@[^?#]+)", re.IGNORECASE)
# What browsers take for the dots of a host.
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
# No host and no mailbox is longer. What is shown of them is never cut: the end of a host says whose it is.
_LONGEST = 320


def leads_to(address: str) -> str:
    """Return the host that a plain address of the web leads to, the mailbox of a plain ``mailto:``; else nothing.

    A host of other scripts is spelt in ASCII, as the network spells it: letters that look alike are told apart.
    """
    if _PLAIN.fullmatch(address) is None or visible(address) != address:
        return ""
    mailbox = _MAILBOX.match(address)
    place = mailbox[1] if mailbox else _host(address)
    return place if len(place) <= _LONGEST else ""


def _host(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:  # brackets that hold no address
        return ""
    if (
        parts.scheme not in ("http", "https") or "%" in host
    ):  # browsers decode a host, so it would read otherwise
        return ""
    return ".".join(_spelt(label) for label in _DOTS.split(host))


def _spelt(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
