"""What all views have in common: who may come in, and how every answer leaves."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, unquote_to_bytes
from uuid import uuid4

from django.contrib.auth.decorators import login_not_required
from django.core.signals import got_request_exception
from django.db import connections, transaction
from django.utils.log import log_response
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle
from rest_framework.views import set_rollback
from rest_framework.viewsets import ViewSet

from ..models.fields import is_storable
from . import verdicts
from .authentication import authenticators
from .errors import echo, invalid, not_found
from .reuse import make_reusable
from .scope import Scope
from .wire import EmptyFormParser, WireNegotiation, WireParser, WireRenderer


class Surface(ViewSet):
    """Answer in upstream's wire format, whatever the host's REST settings say.

    Of these settings only the authenticators and the throttles hold here: dropping what protects a host would be
    no service to it. Their refusals too are told in upstream's words.
    """

    renderer_classes = (WireRenderer,)
    parser_classes = (WireParser, EmptyFormParser)
    content_negotiation_class = WireNegotiation
    permission_classes = ()  # the scope is the permission
    versioning_class = None
    metadata_class = None

    noun = ""  # what upstream calls the objects of this view
    is_reusable = False  # whether what it shows may be kept by who asked
    scope: Scope

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.request_id = f"req_{uuid4().hex}"

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Return the view, free of the host's login wall and outside its transactions.

        A call to upstream within a transaction would hold the database for as long as upstream takes.
        """
        view: Callable[..., Any] = super().as_view(actions, **initkwargs)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return login_not_required(view)

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return who may tell an asker's account."""
        return authenticators()

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the host's throttles as they are set now."""
        classes: Any = api_settings.DEFAULT_THROTTLE_CLASSES
        return [each() for each in classes]

    def check_permissions(self, request: Request) -> None:
        """Find out what the request may see and touch, before any view runs."""
        self.scope = Scope.of(request)
        id = self.kwargs.get("id", "")
        if not is_storable(id):  # no column holds it, and some databases can't even be asked for it
            raise not_found(self.noun, id)
        _refuse_unreadable(request.META.get("QUERY_STRING", ""))

    def handle_exception(self, exc: Exception) -> Response:
        """Answer any exception with upstream's error envelope."""
        set_rollback()
        refusal = verdicts.verdict(exc)
        response = Response(refusal.document, status=refusal.status, headers=refusal.headers)
        response.exception = True
        verdicts.note(exc, refusal, request_id=self.request_id)
        if refusal.status == 500:
            self._report(exc, response)
        return response

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Give every answer its request id, and keep it out of every cache but for what may be reused."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final["x-request-id"] = self.request_id
        if self.is_reusable and final.status_code == 200 and request.method in ("GET", "HEAD"):
            make_reusable(final, request._request)
        final.setdefault("Cache-Control", "private, no-store")
        return final

    def _report(self, error: Exception, response: Response) -> None:
        # As Django does for a view that raises: the host's error reporting must hear of it.
        request = self.request._request
        got_request_exception.send(sender=type(self), request=request)
        log_response(
            "Internal Server Error: %s", request.path, response=response, request=request, exception=error
        )


def _refuse_unreadable(query: str) -> None:
    """Refuse what is no UTF-8: Django puts U+FFFD for it, which may stand in somebody else's id."""
    for parameter in query.split("&"):
        try:
            unquote_to_bytes(parameter).decode()
        except UnicodeDecodeError:
            name = echo(unquote(parameter.partition("=")[0]))
            raise invalid(f"'{name}' is not in UTF-8.", param=name) from None
