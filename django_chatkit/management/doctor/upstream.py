"""Ask upstream: is the key good, is the workflow known, do the clocks agree?"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from ... import conf
from ...client import APIError, ChatKit, NotFoundError, RateLimitError
from .. import remedies
from . import archive
from .findings import Finding, unknown, well, wrong

# Whom the probe's session is for. Nobody gets its secret, so nobody can write a thread into it.
PROBE_USER = "chatkit-doctor"
PROBE_SECONDS = 1  # upstream's shortest
PATIENCE = 10.0  # seconds for each call

# A browser's secret lives for ten minutes and a look waits for one; beyond this the windows no longer fit.
TOLERANCE = timedelta(seconds=30)


def examine(
    *,
    client: ChatKit,
    settings: conf.Settings,
    clock: Callable[[], datetime],
    open_session: bool,
    using: str | None,
) -> Iterator[Finding]:
    """List the newest thread, compare clocks, and open and cancel a session of one second where that is asked for.

    ``using`` names the mirror that the thread is looked up in; None where it can't be read.
    """
    client = client.with_options(
        max_retries=0, timeout=min(PATIENCE, client.timeout[1]), longest_wait=PATIENCE
    )
    try:
        page = client.threads.list(limit=1, order="desc")
    except APIError as error:
        yield _refused(error, settings)
        yield from archive.what_is_left(error, now=clock())
        yield _clock(_headers(error), clock())
        yield unknown("workflow", "not tried, because upstream could not be asked.")
        return
    key = remedies.masked(settings.api_key)
    yield well("upstream", f"{settings.base_url} answers to the key {key}.")
    yield from archive.what_is_left(None, now=clock())
    if using is not None:
        yield from archive.examine_newest(page.data, using=using, now=clock())
    yield _clock(page._head.headers, clock())
    yield _workflow(client, settings, open_session=open_session)


def _refused(error: APIError, settings: conf.Settings) -> Finding:
    if isinstance(error, RateLimitError) and error.unsent:
        return unknown("upstream", "not asked: it wants no request for the length of a pause.")
    return wrong("upstream", *remedies.explain(error, settings))


def _headers(error: APIError) -> Mapping[str, str]:
    response = getattr(error, "response", None)
    return {} if response is None else response.headers


def _clock(headers: Mapping[str, str], now: datetime) -> Finding:
    try:
        theirs = parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return unknown("clock", "upstream did not say what time it is.")
    seconds = round((now - theirs).total_seconds())
    if abs(seconds) <= TOLERANCE.total_seconds():
        return well("clock", "agrees with upstream's.")
    return wrong(
        "clock",
        f"This machine's clock is {abs(seconds)} seconds {'ahead of' if seconds > 0 else 'behind'} upstream's: "
        "sessions seem to end at the wrong time, and syncs stop too early or too late.",
        "Set the clock by NTP (systemd-timesyncd, chrony).",
    )


def _workflow(client: ChatKit, settings: conf.Settings, *, open_session: bool) -> Finding:
    if not settings.workflows:
        return wrong(
            "workflow", "No workflow is set: a session has nothing to run.", "Set CHATKIT['WORKFLOW_ID']."
        )
    if not open_session:
        return unknown("workflow", "not tried: no session may be opened.")
    problems = [problem for each in settings.workflows if (problem := _try(client, settings, each))]
    if problems:
        says, remedy = problems[0]
        return wrong("workflow", says, remedy)
    return well(
        "workflow", f"{', '.join(settings.workflows)}: a session could be opened; it was cancelled at once."
    )


def _try(client: ChatKit, settings: conf.Settings, workflow: str) -> remedies.Explanation | None:
    """Open a session of one second for nobody. It is not entered in the ledger: it is over before a cleanup comes."""
    try:
        session = client.sessions.create(
            user=PROBE_USER, workflow={"id": workflow}, expires_after={"seconds": PROBE_SECONDS}
        )
    except NotFoundError as error:
        return remedies.unknown_workflow(error, settings, workflow)
    except APIError as error:
        return remedies.explain(error, settings)
    with suppress(APIError):
        client.sessions.cancel(session.id)
    return None
