"""Fernet, for sites with the extra ``encryption``. Nothing imports this where no keys are set."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

__all__ = ["InvalidToken", "made"]


def made(keys: Sequence[str]) -> MultiFernet:
    """Return what seals with the first key and opens with any."""
    return MultiFernet([Fernet(key) for key in keys])
