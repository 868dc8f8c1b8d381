"""Numbers as they are given to commands: what is none is argparse's to refuse, with status 2."""

from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:19]) < 10**18:
        raise ArgumentTypeError(f"must be a whole number of at least 1, not {text[:40]!r}")
    return int(text)
