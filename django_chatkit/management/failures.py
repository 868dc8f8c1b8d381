"""What a report could not do: whether another run may help, and what does where it can't."""

from collections.abc import Iterable

from ..client import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    UnprocessableEntityError,
)
from ..models.sealing import DamagedRow
from ..services.archive_claims import Untimely
from ..services.archive_format import BrokenArchive
from ..services.archive_offline import Unfinished
from ..services.archive_tally import Lacking
from ..services.kept import Damaged
from ..services.reading import Unmirrorable
from ..services.reports import UNKNOWN_END_USER, UNKNOWN_HERE, Failure
from . import remedies

# What stays as it is, however often it is run. A ValueError is the client's, of what no request can carry.
_LASTING = {
    UNKNOWN_END_USER,
    UNKNOWN_HERE,
    *(
        each.__name__
        for each in (
            APIStatusError,
            BadRequestError,
            BrokenArchive,
            Damaged,
            Lacking,
            NotFoundError,
            PermissionDeniedError,
            UnprocessableEntityError,
            Unfinished,
            Untimely,
            Unmirrorable,
            DamagedRow,
            ValueError,
        )
    ),
}
_ANOTHER_COPY = (
    "Nothing was taken of a file that is damaged: take it from another copy of the archive or dump, or read the thread from "
    "upstream again."
)
_LACKING = (
    "Lines are missing in manifest.jsonl, or are too many: take it, or the whole archive, from another copy, or run chatkit_archive "
    "again while upstream lives. Where lines were taken out on purpose, set the totals in archive.json to what manifest.jsonl holds."
)
_SPELLING = (
    "Check the spelling: an end user is named as USER_ID returns it, by default the account's primary key."
)
_REMEDIES = {
    UNKNOWN_END_USER: _SPELLING,
    UNKNOWN_HERE: f"{_SPELLING} chatkit_user erase USER --dry-run asks upstream and deletes nothing; chatkit_sync --user USER brings "
    "what is there.",
    BrokenArchive.__name__: _ANOTHER_COPY,
    Damaged.__name__: _ANOTHER_COPY,
    Lacking.__name__: _LACKING,
    Untimely.__name__: "Set the clock of this machine; or the clock of the one that read the thread was wrong: read it again.",
    **{
        each.__name__: remedies.remedy(each)
        for each in (APIConnectionError, APIResponseValidationError, NotFoundError, PermissionDeniedError)
    },
}
_UNKNOWN_THREAD = (
    "Check the thread's id, that BASE_URL ends with /v1, the proxy, and that the key belongs to the "
    "project of the thread. If these are right, upstream's endpoints may have closed."
)


def may_pass(failures: Iterable[Failure]) -> bool:
    """Tell whether another run may do one of these things."""
    return any(_kind(each) not in _LASTING for each in failures)


def remedies_of(failures: Iterable[Failure]) -> list[str]:
    """Return what helps against these, each once."""
    return list(dict.fromkeys(filter(None, map(_remedy, failures))))


def _remedy(failure: Failure) -> str:
    kind = _kind(failure)
    if failure.noun == "thread" and kind == NotFoundError.__name__:
        return _UNKNOWN_THREAD
    return _REMEDIES.get(kind, "")


def _kind(failure: Failure) -> str:
    return failure.error.partition(":")[0]
