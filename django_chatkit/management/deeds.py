"""``chatkit_user``: what it does to an end user, and which options go with each deed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

# Which options go with which deed.
_OPTIONS = {
    "show": set[str](),
    "export": {"output"},
    "erase": {"dry_run", "here", "interactive", "pending"},
    "hold": {"lift", "reason"},
}
_DEFAULTS: dict[str, Any] = {
    "output": None,
    "dry_run": False,
    "here": False,
    "interactive": True,
    "pending": False,
    "lift": False,
    "reason": None,
}
_SPELT = {"interactive": "--noinput", "dry_run": "--dry-run"}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the deeds, and what goes with each."""
    # Else argparse takes an option between the deed and the end user for the end of what may be named.
    parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
    parser.add_argument("deed", choices=list(_OPTIONS), help="What to do.")
    parser.add_argument("user", nargs="?", default="", help="The end user's id, as USER_ID returns it.")
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="With export: the file to write, which must not exist. Defaults to chatkit-USER-DATE.zip.",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="With erase: say exactly what would go. Asks upstream for its list, and writes nothing.",
    )
    parser.add_argument(
        "--noinput",
        "--no-input",
        "--yes",
        action="store_false",
        dest="interactive",
        help="With erase: do not ask whether that is what is meant.",
    )
    parser.add_argument(
        "--pending",
        action="store_true",
        help="With erase, in place of USER: go on with every erasure that was asked for, here or in the admin, and is "
        "not done. Does not ask; it is what beat does, for cron.",
    )
    parser.add_argument(
        "--here",
        action="store_true",
        help="With erase: erase here at once and alone, without asking upstream, where that has closed. The row of the "
        "erasure keeps that upstream's half is not confirmed.",
    )
    parser.add_argument("--lift", action="store_true", help="With hold: lift the hold.")
    parser.add_argument("--reason", metavar="TEXT", help="With hold: why, for staff.")


def check(deed: str, options: dict[str, Any]) -> None:
    """Fill in what was not given, and refuse options that mean nothing together.

    Raises:
        CommandError: one of them goes with another deed.
    """
    for name, default in _DEFAULTS.items():
        if options.setdefault(name, default) != default and name not in _OPTIONS[deed]:
            fitting = next(each for each, names in _OPTIONS.items() if name in names)
            raise CommandError(f"{_SPELT.get(name, f'--{name}')} goes with {fitting}, not with {deed}.")
