"""What a finished archive says of itself as a whole, held against its manifest, and the manifest against the files.

A line that is taken out of the manifest leaves nothing that is wrong with any other line: only the totals tell, and the file
that no line names any more. A run that was killed between a file and its line leaves such a file too; where the totals are
right it is taken for that.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import archive_format as form
from .archive_entries import Header
from .archive_index import Index
from .differences import printable
from .reports import Failure

# So many files are named; the others are counted.
_NAMED = 20
# What a reading anew that is under way may only add to.
_LASTING = ("threads", "attachments", "forgotten")


class Lacking(Exception):
    """An archive does not hold what it is said to hold; the message says what, and quotes nothing of a thread."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Say what an archive lacks, and what is worth knowing beside."""

    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def tally(folder: Path, header: Header, index: Index) -> Tally:
    """Hold the totals of an archive that was finished once against its manifest, and name the files that no line names."""
    if header.finished_at is None:
        return Tally()
    wrong = list(_wrong(header, index))
    strays, more = _strays(folder, index)
    if not wrong:
        says = "no line of the manifest names it; a run that was killed may have left it"
        return Tally(notes=[*(f"{file}: {says}." for file in strays), *more])
    failures = [Failure.of("archive", folder.name, Lacking(each)) for each in wrong]
    failures += [Failure.of("file", file, Lacking(f"no line of {form.MANIFEST} names it")) for file in strays]
    return Tally(failures=failures, notes=more)


def _wrong(header: Header, index: Index) -> Iterator[str]:
    found = index.totals(requests=0)
    # A run that takes a person out counts anew at its end, and may be killed before.
    uncounted = found.forgotten - header.totals.forgotten
    for name in ("end_users", "threads", "items", "attachments", "forgotten"):
        said, held = getattr(header.totals, name), getattr(found, name)
        if uncounted > 0:
            is_right = name == "forgotten" or held <= said <= (
                held + uncounted if name == "threads" else said
            )
        else:
            is_right = held == said if header.is_through else name not in _LASTING or held >= said
        if not is_right:
            words = name.replace("_", " ")
            yield f"{form.HEADER} says {said} {words}, and {form.MANIFEST} {held}"


def _strays(folder: Path, index: Index) -> tuple[list[str], list[str]]:
    """Return the first files that no line names, and a line about the others."""
    named: list[str] = []
    others = 0
    for file in _files(folder):
        if not index.names(file):
            if len(named) < _NAMED:
                named.append(printable(file))
            else:
                others += 1
    return named, [f"And {others} more files that no line of the manifest names."] if others else []


def _files(folder: Path) -> Iterator[str]:
    top = folder / form.THREADS
    if top.is_symlink():  # it may lead anywhere, and no thread is read through it
        return
    for place, _, names in os.walk(top):
        for name in sorted(names):
            yield (Path(place) / name).relative_to(folder).as_posix()
