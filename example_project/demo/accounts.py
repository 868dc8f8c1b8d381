"""The people of the demo, as a fixture that ``loaddata`` reads."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import make_password


@dataclass(frozen=True, slots=True)
class Account:
    """Someone who can sign in; `password` is empty for those who are only there for their history."""

    pk: int
    username: str
    language: str = ""
    password: str = field(default="", repr=False)
    staff: bool = False

    @property
    def end_user(self) -> str:
        """Return upstream's `user` for this account, as django_chatkit names it by default."""
        return str(self.pk)


def invent(languages: Iterable[str]) -> list[Account]:
    """Return a member of staff, two people who talk, and two silent authors of history for each language."""
    talkers = [("staff", "", True), ("ada", "english", False), ("omid", "persian", False)]
    accounts = [
        Account(pk, name, language, secrets.token_urlsafe(6), staff)
        for pk, (name, language, staff) in enumerate(talkers, start=1)
    ]
    for language in languages:
        for number in (1, 2):
            accounts.append(Account(len(accounts) + 1, f"{language}-{number}", language))
    return accounts


def fixture(accounts: Iterable[Account]) -> list[dict[str, Any]]:
    """Return the rows of the accounts and of their end users."""
    rows: list[dict[str, Any]] = []
    for account in accounts:
        rows.append({"model": "auth.user", "pk": account.pk, "fields": _user(account)})
        if account.language:
            owner = {
                "model": "django_chatkit.enduser",
                "pk": account.end_user,
                "fields": {"owner": account.pk},
            }
            rows.append(owner)
    return rows


def _user(account: Account) -> dict[str, Any]:
    return {
        "username": account.username,
        "password": make_password(account.password or None),  # None: nobody can sign in with it
        "is_staff": account.staff,
        "is_superuser": account.staff,
    }
