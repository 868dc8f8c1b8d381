"""Works on the selected rows, from the admin: at once or by the queue, each on its own, with every failure named."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import queue, wiring
from ..client import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ChatKit,
    ChatKitError,
)
from ..services.holds import Held
from ..services.threads import NotDeleted
from .audit import record
from .columns import address
from .readonly import ReadOnlyAdmin, Word
from .visible import one_line

# A request must end before somebody's proxy gives up; more than this is work for the commands.
MOST_AT_ONCE = 100

# Set by the button on a row's own page, which wants to come back there.
FROM_PAGE = "from_page"

# Acts on one row, or raises what went wrong.
Act = Callable[[ChatKit, Any], None]
# Queues the work on one row, and tells whether it was not queued already.
Ask = Callable[[Any], bool]


def run(
    model_admin: ReadOnlyAdmin, request: HttpRequest, rows: QuerySet[Any], *, act: Act, did: Word
) -> HttpResponse | None:
    """Act on each row, here and now; tell what was done and what not, and leave an entry in the admin's log for each done.

    ``did`` is the deed in the past ("Synced"). One that fails stops no other. Returns where to go, None for the list.
    """
    chosen = _chosen(model_admin, request, rows)
    if chosen and (client := _client(model_admin, request)):
        _finish(model_admin, request, _work(model_admin, request, client, act, chosen), did)
    return _back(model_admin, request, chosen)


def hand_over(
    model_admin: ReadOnlyAdmin, request: HttpRequest, rows: QuerySet[Any], *, ask: Ask, did: Word
) -> HttpResponse | None:
    """Ask the workers for work on each row; tell what was asked for, and leave an entry in the admin's log for each.

    What waits in the queue already counts as asked for. A broker that can't be reached is said; what it took stands.
    """
    chosen = _chosen(model_admin, request, rows)
    if chosen and _client(model_admin, request):
        _finish(model_admin, request, _asked(model_admin, request, ask, chosen), did)
    return _back(model_admin, request, chosen)


def here(
    model_admin: ReadOnlyAdmin, request: HttpRequest, rows: QuerySet[Any], *, ask: Ask, did: Word
) -> HttpResponse | None:
    """Do on each row what needs neither upstream nor a broker; tell it, and leave an entry in the admin's log for each."""
    chosen = _chosen(model_admin, request, rows)
    _finish(model_admin, request, _asked(model_admin, request, ask, chosen), did)
    return _back(model_admin, request, chosen)


def _chosen(model_admin: ReadOnlyAdmin, request: HttpRequest, rows: QuerySet[Any]) -> list[Any]:
    """Return the rows, or none where they are too many, which is said."""
    chosen = list(rows.order_by("pk")[: MOST_AT_ONCE + 1])
    if len(chosen) <= MOST_AT_ONCE:
        return chosen
    _tell(model_admin, request, too_many(), messages.ERROR)
    return []


def _client(model_admin: ReadOnlyAdmin, request: HttpRequest) -> ChatKit | None:
    """Return a client, or None where the settings don't make one, which is said before anything is begun."""
    try:
        return wiring.connect_for_request()
    except wiring.NoKey:
        reason = _(
            "ChatKit has no API key: set CHATKIT['API_KEY'] or the environment variable OPENAI_API_KEY."
        )
    except ImproperlyConfigured as error:  # for who wrote the settings: they speak English
        reason = str(error)
    _tell(model_admin, request, _("Nothing was done. %(reason)s") % {"reason": reason}, messages.ERROR)
    return None


def _finish(model_admin: ReadOnlyAdmin, request: HttpRequest, done: list[Any], did: Word) -> None:
    record(request, model_admin.model, [row.pk for row in done], did)
    if done:
        _tell(model_admin, request, _count(model_admin, done, did), messages.SUCCESS)


def _back(model_admin: ReadOnlyAdmin, request: HttpRequest, chosen: list[Any]) -> HttpResponse | None:
    if FROM_PAGE in request.POST and len(chosen) == 1:
        return HttpResponseRedirect(address(model_admin.admin_site, chosen[0]))
    return None


def too_many() -> str:
    """Say why a big selection isn't worked on."""
    return ngettext(
        "Nothing was done: at most %(count)d at once here. The commands chatkit_sync and chatkit_cleanup have no limit.",
        "Nothing was done: at most %(count)d at once here. The commands chatkit_sync and chatkit_cleanup have no limit.",
        MOST_AT_ONCE,
    ) % {"count": MOST_AT_ONCE}


def say(error: ChatKitError) -> str:
    """Put an error of upstream's into words, with its request id, and without the words of its body."""
    match error:
        case APIStatusError():
            text = _("upstream answered %(status)s (%(error)s)") % {
                "status": error.status_code,
                "error": type(error).__name__,
            }
        case APIResponseValidationError():
            text = _("upstream's answer can't be read")
        case APITimeoutError():
            text = _("upstream did not answer in time")
        case APIConnectionError():
            text = _("upstream can't be reached")
        case _:
            text = type(error).__name__
    request_id = getattr(error, "request_id", None)
    if not request_id:
        return text
    return _("%(reason)s, request id %(id)s") % {"reason": text, "id": request_id}


def _work(
    model_admin: ReadOnlyAdmin, request: HttpRequest, client: ChatKit, act: Act, chosen: list[Any]
) -> list[Any]:
    done = []
    for place, row in enumerate(chosen, start=1):
        try:
            if _succeeds(model_admin, request, client, act, row):
                done.append(row)
        except AuthenticationError as error:  # it would meet every other row too
            _fail(model_admin, request, row, say(error))
            if place < len(chosen):
                left = _("%(count)d more not tried: upstream refuses the API key.")
                _tell(model_admin, request, left % {"count": len(chosen) - place}, messages.ERROR)
            break
    return done


def _asked(model_admin: ReadOnlyAdmin, request: HttpRequest, ask: Ask, chosen: list[Any]) -> list[Any]:
    done = []
    for place, row in enumerate(chosen):
        try:
            ask(row)
        except queue.Unavailable:
            reason = _(
                "Not queued: %(count)d. The broker of Celery can't be reached; ask again when it runs."
            )
            _tell(model_admin, request, reason % {"count": len(chosen) - place}, messages.ERROR)
            break
        except ChatKitError as error:  # a site whose tasks run at once, within the request
            _fail(model_admin, request, row, say(error))
        except Held:
            _fail(model_admin, request, row, _held())
        else:
            done.append(row)
    return done


def _succeeds(model_admin: ReadOnlyAdmin, request: HttpRequest, client: ChatKit, act: Act, row: Any) -> bool:
    try:
        act(client, row)
    except AuthenticationError:
        raise
    except ChatKitError as error:
        _fail(model_admin, request, row, say(error))
        return False
    except Held:
        _fail(model_admin, request, row, _held())
        return False
    except NotDeleted:
        _fail(model_admin, request, row, _("upstream says that it did not delete it"))
        return False
    except ValueError as error:  # the client's, of an id that can't stand in an address
        _fail(model_admin, request, row, f"{type(error).__name__}: {error}")
        return False
    return True


def _held() -> str:
    return _("the end user is on hold: nothing of theirs is deleted until the hold is lifted")


def _fail(model_admin: ReadOnlyAdmin, request: HttpRequest, row: Any, reason: str) -> None:
    # The noun first: Django raises the first letter of a message, and an id must stay as it is.
    text = _("%(noun)s %(id)s: failed. %(reason)s") % {
        "noun": model_admin.opts.verbose_name,
        "id": one_line(row.pk),
        "reason": one_line(reason, limit=600),
    }
    _tell(model_admin, request, text, messages.ERROR)


def _count(model_admin: ReadOnlyAdmin, done: list[Any], did: Word) -> str:
    opts = model_admin.opts
    noun = opts.verbose_name if len(done) == 1 else opts.verbose_name_plural
    return _("%(did)s: %(count)d %(noun)s.") % {"did": did, "count": len(done), "noun": noun}


def _tell(model_admin: ReadOnlyAdmin, request: HttpRequest, text: str, level: int) -> None:
    model_admin.message_user(request, text, level)
