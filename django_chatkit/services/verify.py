"""Upstream compared with the mirror: everything, some end users, some threads, or a sample. Nothing is written."""

from collections.abc import Callable, Iterator, Sequence

from ..client import ChatKit
from ..models import EndUser
from . import pruned
from .crew import Crew, Job
from .differences import Difference, Sample, VerifyReport
from .reports import UNKNOWN_END_USER, Failure
from .samples import SampleCheck
from .verification import Verification


def compare(
    *,
    client: ChatKit,
    users: Sequence[str] = (),
    threads: Sequence[str] = (),
    sample: Sample | None = None,
    workers: int = 1,
    using: str = "default",
    on_difference: Callable[[Difference], None] | None = None,
    on_progress: Callable[[VerifyReport], None] | None = None,
) -> VerifyReport:
    """Compare these end users or threads or this sample, or else everything, and tell each difference as it is found.

    What differs is looked at twice, on both sides, before it is told: either may have moved meanwhile. What upstream
    refuses is a failure, not a difference.

    Raises:
        AuthenticationError: upstream refused the key.
    """
    crew = Crew(workers=workers)
    run = Verification(
        client=client.with_options(given_up=crew.is_over),
        using=using,
        crew=crew,
        leaves_out=pruned.leaves_out(using=using),
        on_difference=on_difference,
        on_progress=on_progress,
        report=VerifyReport(sample=sample),
    )
    run.crew.run(_jobs(run, users=users, threads=threads, sample=sample))
    run.progress()
    return run.report


def _jobs(
    run: Verification, *, users: Sequence[str], threads: Sequence[str], sample: Sample | None
) -> Iterator[Job]:
    for user in users:
        yield run.attempt(_user(run, user), noun="end user", id=user)
    for thread in threads:
        yield run.attempt(run.thread(thread), noun="thread", id=thread)
    if sample is not None:
        yield run.attempt(SampleCheck(sample=sample, run=run).job(), noun="listing", id="of some threads")
    elif not users and not threads:
        yield run.attempt(run.listing(None, run.items), noun="listing", id="of all threads")


def _user(run: Verification, user: str) -> Job:
    """Compare the threads of one end user. One of whom neither side knows anything is a mistake of whoever asked."""
    listed = yield from run.listing(user, run.items)
    if not listed and not EndUser.objects.using(run.using).filter(pk=user).exists():
        run.report.failures.append(Failure(noun="end user", id=user, error=UNKNOWN_END_USER))
